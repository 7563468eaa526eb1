/**
 * The memory store behind a slow disk that fails: it is full for a time, it fails once and not again,
 * or it fails and nobody knows what it has kept. What is on its way when the process dies is either on
 * the disk or not, whole in both cases; what was not handed over yet is lost.
 */

import { storeError } from "../../src/store/store_error.ts";
import type { RunWrite } from "../../src/session/run_write.ts";
import type { Write } from "../../src/session/write.ts";
import type { MemoryStore } from "../../src/store/memory_store.ts";
import type { Soon, Store } from "../../src/store/store.ts";
import type { VirtualTime } from "./clock.ts";
import type { Random } from "./random.ts";

/** What is wrong with the disk: it outlives the process. */
export interface DiskFaults {
  /** No commit finds room before this instant. */
  fullUntil: number;
  /** Share of the calls that find no room once. */
  hiccups: number;
  /** The next call fails for good, its writes kept or lost. */
  breaks: "kept" | "lost" | undefined;
  /** Calls that failed. */
  readonly failed: { noRoom: number; unknown: number };
}

export function soundDisk(): DiskFaults {
  return { fullUntil: 0, hiccups: 0, breaks: undefined, failed: { noRoom: 0, unknown: 0 } };
}

export interface FaultyStore extends Store {
  /** The process has died: nothing is answered any more, and nothing it still asks for is done. */
  die(): void;
}

/** What surrounds the store. */
export interface DiskSurroundings {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly faults: DiskFaults;
  /** Milliseconds that an answer takes at most; 0: at once. */
  readonly latency: () => number;
  readonly violation: (text: string) => void;
}

/** @param disk outlives crashes */
export function faultyStore(disk: MemoryStore, around: DiskSurroundings): FaultyStore {
  const { time, random, faults, latency, violation } = around;
  let dead = false;
  let broken = false;
  let calls = 0;
  let underWay: readonly (Write | RunWrite)[] | undefined;

  /** What is wrong now with a call; `writes` is undefined where it only reads. */
  function trouble(writes: readonly (Write | RunWrite)[] | undefined): Error | undefined {
    if (faults.breaks !== undefined) {
      if (faults.breaks === "kept" && writes !== undefined) disk.runs.commit(writes);
      faults.breaks = undefined;
      faults.failed.unknown += 1;
      broken = true;
      return storeError("unknown", "simulated: nobody knows what the disk has");
    }
    const full = writes !== undefined && time.now < faults.fullUntil;
    if (!full && !(faults.hiccups > 0 && random.chance(faults.hiccups))) return undefined;
    faults.failed.noRoom += 1;
    return storeError("noRoom", "simulated: the disk is full");
  }

  function answer<T>(
    writes: readonly (Write | RunWrite)[] | undefined,
    make: () => Soon<T>,
  ): Soon<T> {
    if (dead) return new Promise(() => {});
    if (broken) violation("the store was asked again after it broke");
    if (++calls > 1) violation("the store was asked before it had answered");
    const finish = (): Soon<T> => {
      calls -= 1;
      underWay = undefined;
      const error = trouble(writes);
      if (error !== undefined) throw error;
      return make();
    };
    underWay = writes;
    const most = latency();
    // An answer at once may be an error at once: a store may throw as well as reject.
    if (most === 0 || random.chance(0.2)) return finish();
    return new Promise((resolve, reject) => {
      time.after(random.between(0, most), () => {
        if (dead) return;
        try {
          resolve(finish());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  return {
    promise: disk.promise,
    limits: { writes: random.between(1, 40) },
    commit: (writes) => answer(writes, () => disk.commit(writes)),
    runs: {
      commit: (writes: readonly (Write | RunWrite)[]) =>
        answer(writes, () => disk.runs.commit(writes)),
      load: (clientId, most) => answer(undefined, () => disk.runs.load(clientId, most)),
      read: (clientId, from, most) => answer(undefined, () => disk.runs.read(clientId, from, most)),
    },
    load: (clientId, most) => answer(undefined, () => disk.load(clientId, most)),
    read: (clientId, from, most) => answer(undefined, () => disk.read(clientId, from, most)),
    index: () => disk.index(),
    close: () => Promise.resolve(),
    die() {
      if (dead) return;
      dead = true;
      // A full disk has kept nothing of it.
      const mayBeKept = underWay !== undefined && time.now >= faults.fullUntil;
      if (mayBeKept && random.chance(0.5)) disk.runs.commit(underWay!);
    },
  };
}
