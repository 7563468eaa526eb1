/** What the heap holds over a run, each time after a collection: memory that is kept shows as a rise. */

import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";

/** Levels that are told; as the run grows, every second one is left out. */
const MOST = 40;

export class HeapLevels {
  readonly #collect: () => void;
  #megabytes: number[] = [];
  #every = 1;
  #looks = 0;

  constructor() {
    setFlagsFromString("--expose-gc");
    this.#collect = runInNewContext("gc");
  }

  /** Collects and looks, at a moment when nothing but the corpus should be held. */
  look(): void {
    if (this.#looks++ % this.#every > 0) return;
    this.#collect();
    this.#megabytes.push(Math.round(Deno.memoryUsage().heapUsed / 10_000) / 100);
    if (this.#megabytes.length < MOST) return;
    this.#megabytes = this.#megabytes.filter((_, at) => at % 2 === 0);
    this.#every *= 2;
  }

  /** The levels so far. */
  get megabytes(): readonly number[] {
    return this.#megabytes;
  }

  /** By how many megabytes the last level lies above the lowest of the first half. */
  get rise(): number {
    const levels = this.#megabytes;
    if (levels.length < 2) return 0;
    return levels.at(-1)! - Math.min(...levels.slice(0, levels.length >> 1));
  }
}
