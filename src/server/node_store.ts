/**
 * What the shell knows of a store that nodes share, and that makes this broker one of them.
 */

import type { Cluster } from "../cluster/cluster.ts";
import type { RedisCounts } from "../redis/redis_options.ts";
import type { SharedStore } from "../store/store.ts";

/** One object is both. */
export interface NodeStore extends SharedStore, Cluster {
  readonly counts: RedisCounts;
  /** Place in the log up to which this node has taken everything in. */
  readonly position: string;
  /** What this node's tables come to: told to the others with the next beat. */
  checksum: string;
  /** Rejects while the store cannot be reached. */
  standing(): Promise<Standing>;
}

/** What has to be asked for. */
export interface Standing {
  /** The store's clock, milliseconds since 1970. */
  readonly time: number;
  /** Milliseconds that this node is behind the log. */
  readonly lag: number;
  /** Entries in this node's inbox. */
  readonly inbox: number;
}

/** Milliseconds until it is asked again. */
const AGAIN = 250;

/**
 * The clock of the store less this machine's, in milliseconds.
 *
 * @param patience milliseconds for which a store that cannot be reached is asked again
 * @throws with words, where it stays away
 */
export async function clockOffsetOf(
  store: Pick<NodeStore, "standing">,
  patience: number,
): Promise<number> {
  const until = performance.now() + patience;
  for (;;) {
    const before = performance.now();
    try {
      const { time } = await store.standing();
      const took = performance.now() - before;
      return Math.round(time + took / 2 - Date.now());
    } catch (error) {
      if (performance.now() >= until) {
        throw new Error(`the store cannot be asked for the time: ${wordsOf(error)}`);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
