/**
 * The memory store behind a slow disk. What is on its way when the process dies is either on the disk
 * or not, whole in both cases; what was not handed over yet is lost.
 */

import type { Write } from "../../src/session/write.ts";
import type { Soon, Store } from "../../src/store/store.ts";
import type { VirtualTime } from "./clock.ts";
import type { Random } from "./random.ts";

export interface FaultyStore extends Store {
  /** The process has died: nothing is answered any more. */
  die(): void;
}

/**
 * @param disk outlives crashes
 * @param latency milliseconds that an answer takes at most; 0: at once
 */
export function faultyStore(
  disk: Store,
  time: VirtualTime,
  random: Random,
  latency: () => number,
  onCommit: () => void,
): FaultyStore {
  let dead = false;
  let underWay: readonly Write[] | undefined;
  function answer<T>(make: () => Soon<T>): Soon<T> {
    const most = latency();
    if (most === 0 || random.chance(0.2)) return make();
    return new Promise((resolve) => {
      time.after(random.between(0, most), () => {
        if (!dead) resolve(make());
      });
    });
  }
  return {
    promise: disk.promise,
    limits: { writes: random.between(1, 40) },
    commit: (writes) => {
      underWay = writes;
      return answer(() => {
        underWay = undefined;
        onCommit();
        return disk.commit(writes);
      });
    },
    load: (clientId, most) => answer(() => disk.load(clientId, most)),
    read: (clientId, from, most) => answer(() => disk.read(clientId, from, most)),
    index: () => disk.index(),
    close: () => Promise.resolve(),
    die() {
      if (dead) return;
      dead = true;
      if (underWay !== undefined && random.chance(0.5)) disk.commit(underWay);
    },
  };
}
