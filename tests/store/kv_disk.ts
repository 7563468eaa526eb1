/**
 * A Deno KV database in memory that stands for a disk, for tests of the store on it: it outlives the
 * store, fails when it is told to, and dies after so many commits as a power cut would have it.
 */

import type { Change, Key, Kv } from "../../src/store/kv.ts";
import { kvOf } from "../../src/store/kv.ts";
import { classified } from "../../src/store/store_error.ts";

export class KvDisk {
  readonly #disk: Deno.Kv;
  readonly #kv: Kv;
  /** The current of those that were opened; a power cut ends it. */
  #power = { on: true };
  /** Commits until the power goes; undefined: never. */
  commitsLeft: number | undefined;
  /** What the disk says at a commit instead of taking it. */
  says: string | undefined;
  /** Commits that it has taken. */
  commits = 0;
  /** Keys that were read by `get`. */
  reads = 0;

  private constructor(disk: Deno.Kv) {
    this.#disk = disk;
    this.#kv = kvOf(disk);
  }

  static async make(): Promise<KvDisk> {
    return new KvDisk(await Deno.openKv(":memory:"));
  }

  /** The database as a store opens it, until the next power cut. */
  readonly openKv = (): Promise<Kv> => {
    const power = this.#power;
    return Promise.resolve({
      get: (keys) => {
        this.reads += keys.length;
        return this.#whileOn(power, () => this.#kv.get(keys));
      },
      list: (prefix) => this.#kv.list(prefix),
      commit: (changes) =>
        this.#whileOn(power, async () => {
          if (this.says !== undefined) throw classified(new Error(this.says), "on a test's disk");
          if (this.commitsLeft === 0) {
            power.on = false;
            throw new Error("the power is gone");
          }
          if (this.commitsLeft !== undefined) this.commitsLeft -= 1;
          this.commits += 1;
          await this.#kv.commit(changes);
        }),
      close: () => {},
    });
  };

  async #whileOn<T>(power: { on: boolean }, call: () => Promise<T>): Promise<T> {
    if (!power.on) throw new Error("the power is gone");
    return await call();
  }

  /** Whatever was opened can do nothing more. */
  cutPower(): void {
    this.#power.on = false;
    this.#power = { on: true };
    this.commitsLeft = undefined;
  }

  /** Every key, for a check that nothing is left over. */
  async keys(prefix: Key = []): Promise<Key[]> {
    const keys: Key[] = [];
    for await (const { key } of this.#kv.list(prefix)) keys.push(key);
    return keys;
  }

  /** Puts a change past the store. */
  async put(change: Pick<Change, "key" | "value">): Promise<void> {
    await this.#kv.commit([{ ...change, ahead: false }]);
  }

  close(): void {
    this.#disk.close();
  }
}
