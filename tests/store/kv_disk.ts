/**
 * A Deno KV database in memory that stands for a disk, for tests of the store on it: it outlives the
 * store, fails when it is told to, and dies after so many commits as a power cut would have it.
 */

import assert from "node:assert/strict";
import { ByteReader } from "../../src/store/bytes.ts";
import type { Change, Key, Kv } from "../../src/store/kv.ts";
import { kvOf } from "../../src/store/kv.ts";
import { HeadReader, Kind } from "../../src/store/segment.ts";
import { isGone } from "../../src/store/store_index.ts";
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
  /** Commits until it says that it is full; undefined: never. */
  fullAfter: number | undefined;
  /** The kinds of records that were read. */
  readonly kindsRead = new Set<unknown>();

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
        for (const [kind] of keys) this.kindsRead.add(kind);
        return this.#whileOn(power, () => this.#kv.get(keys));
      },
      list: (prefix) => {
        this.kindsRead.add(prefix[0]);
        return this.#kv.list(prefix);
      },
      commit: (changes) =>
        this.#whileOn(power, async () => {
          if (this.says !== undefined) throw classified(new Error(this.says), "on a test's disk");
          if (this.commitsLeft === 0) {
            power.on = false;
            throw new Error("the power is gone");
          }
          if (this.commitsLeft !== undefined) this.commitsLeft -= 1;
          if (this.fullAfter === 0) throw classified(new Error("disk is full"), "in a test");
          if (this.fullAfter !== undefined) this.fullAfter -= 1;
          await this.#kv.commit(changes);
        }),
      close: () => {},
    });
  };

  async #whileOn<T>(power: { on: boolean }, call: () => Promise<T>): Promise<T> {
    if (!power.on) throw new Error("the power is gone");
    return await call();
  }

  /** The power has not gone since the last cut. */
  get powerOn(): boolean {
    return this.#power.on;
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

  /** The numbers of the long values whose parts must be there. */
  async *restNumbers(): AsyncGenerator<number> {
    for await (const { value } of this.#kv.list(["n"])) yield new ByteReader(value, "n").varint();
  }

  /** The orders of the large messages that an entry refers to which is not gone. */
  async blobOrders(): Promise<Set<number>> {
    const orders = new Set<number>();
    const gone = new Map<unknown, Uint8Array>();
    for await (const { key, value } of this.#kv.list(["e"])) gone.set(key[1], value);
    for await (const { key, value } of this.#kv.list(["h"])) {
      const head = new HeadReader(value);
      while (head.next()) {
        const carries = head.kind === Kind.queued || head.kind === Kind.inflight;
        if (!carries || head.messageLength > 0 || isGone(gone.get(key[1]), head.at)) continue;
        orders.add(head.order);
      }
    }
    return orders;
  }

  /** The head of every segment, and which of its entries are gone. */
  async *heads(): AsyncGenerator<{ readonly head: Uint8Array; readonly gone?: Uint8Array }> {
    const all = new Map<unknown, Uint8Array>();
    for await (const { key, value } of this.#kv.list(["e"])) all.set(key[1], value);
    for await (const { key, value } of this.#kv.list(["h"])) {
      const gone = all.get(key[1]);
      yield gone === undefined ? { head: value } : { head: value, gone };
    }
  }

  /** Puts a change past the store. */
  async put(change: Pick<Change, "key" | "value">): Promise<void> {
    await this.#kv.commit([{ ...change, ahead: false }]);
  }

  close(): void {
    this.#disk.close();
  }
}

/** Every record belongs to something. */
export async function assertNothingLeft(disk: KvDisk): Promise<void> {
  const keys = await disk.keys();
  const all = new Set(keys.map((key) => JSON.stringify(key)));
  const rests = new Set<unknown>();
  for await (const number of disk.restNumbers()) rests.add(number);
  const orders = await disk.blobOrders();
  for (const key of keys) {
    const [kind, number, ...more] = key;
    const name = JSON.stringify(key);
    if (kind === "u" || kind === "i") assert.fail(`${name} is left over`);
    if (kind === "b" || kind === "e") assert.ok(all.has(JSON.stringify(["h", number])), name);
    if (kind === "t") assert.ok(all.has(JSON.stringify(["s", number])), name);
    if (kind === "n") assert.ok(all.has(JSON.stringify([number, ...more])), name);
    if (kind === "p") assert.ok(rests.has(number), name);
    if (kind === "m") assert.ok(orders.has(number as number), name);
  }
}
