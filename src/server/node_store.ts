/**
 * What the shell knows of a store that nodes share, and that makes this broker one of them.
 */

import type { Cluster } from "../cluster/cluster.ts";
import { isFenced } from "../cluster/fenced.ts";
import type { RedisCounts } from "../redis/redis_options.ts";
import type { Standing } from "../redis/standing.ts";
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

/** Milliseconds until a store that cannot be reached is asked again. */
const AGAIN = 250;
/** Milliseconds within which an answer says what time it is. */
export const PROMPT = 20;
/** Answers of which the fastest counts, where none is prompt: the clock is put right later. */
const ENOUGH = 5;

/**
 * The clock of the store less this machine's, in milliseconds. An answer says when it was given only as far as
 * it came at once: one that waited for a store that was away may be off by half of that, and a Will, an expiry
 * or a lease with it. So the store is asked again until an answer is prompt; of slow ones the fastest counts.
 *
 * @param patience milliseconds for which a store that cannot be reached is asked again
 * @throws with words, where it stays away; at once where the node is dead already
 */
export async function clockOffsetOf(
  store: Pick<NodeStore, "standing">,
  patience: number,
): Promise<number> {
  const until = performance.now() + patience;
  let best: { readonly took: number; readonly offset: number } | undefined;
  for (let answers = 0;;) {
    const before = performance.now();
    try {
      const { time } = await store.standing();
      answers += 1;
      const took = performance.now() - before;
      const offset = Math.round(time + took / 2 - Date.now());
      if (best === undefined || took < best.took) best = { took, offset };
      if (best.took <= PROMPT || answers >= ENOUGH || performance.now() >= until) {
        return best.offset;
      }
    } catch (error) {
      if (isFenced(error)) throw error;
      if (performance.now() >= until) {
        if (best !== undefined) return best.offset;
        throw new Error(`the store cannot be asked for the time: ${wordsOf(error)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
