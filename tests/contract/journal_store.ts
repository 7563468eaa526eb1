/**
 * A store that answers later and survives a crash, in the plainest way: a list of commits, which stands
 * for the disk, replayed into a memory store. The contract's crash cases run on it.
 */

import type { Write } from "../../src/session/write.ts";
import { MemoryStore } from "../../src/store/memory_store.ts";
import type { BatchLimits, Store } from "../../src/store/store.ts";
import type { Opened } from "./store_trial.ts";

/** A new one; `at` decides of a commit that a crash cuts off whether it got to the disk. */
export function openJournal(at: () => boolean): Opened {
  const disk: (readonly Write[])[] = [];
  let running = new JournalStore(disk);
  return {
    store: running,
    crash: () => {
      running.crash(at());
      running = new JournalStore(disk);
      return Promise.resolve(running);
    },
  };
}

export class JournalStore implements Store {
  readonly promise = "fsynced";
  readonly limits: BatchLimits = { writes: 1_000 };
  readonly #disk: (readonly Write[])[];
  readonly #memory = new MemoryStore();
  /** Commits that are not on the disk yet. */
  readonly #underWay: (readonly Write[])[] = [];
  #crashed = false;

  constructor(disk: (readonly Write[])[]) {
    this.#disk = disk;
    for (const writes of disk) this.#memory.commit(writes);
  }

  async commit(writes: readonly Write[]): Promise<void> {
    const copy = structuredClone(writes);
    this.#underWay.push(copy);
    await Promise.resolve();
    if (this.#crashed) throw new Error("the store has crashed");
    this.#underWay.shift();
    this.#disk.push(copy);
    this.#memory.commit(copy);
  }

  crash(written: boolean): void {
    this.#crashed = true;
    if (written) this.#disk.push(...this.#underWay);
  }

  async load(...given: Parameters<Store["load"]>) {
    return await this.#memory.load(...given);
  }

  async read(...given: Parameters<Store["read"]>) {
    return await this.#memory.read(...given);
  }

  index() {
    return this.#memory.index();
  }

  async close(): Promise<void> {}
}
