/**
 * One store on trial: everything that is committed to it goes to the model too, and `check` compares
 * the two in all that a store can be asked.
 */

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type { IndexRecord, StoredSession, Write } from "../../src/session/write.ts";
import type { Store } from "../../src/store/store.ts";
import { StoreModel } from "./store_model.ts";
import { CLIENT_IDS, deepFreeze } from "./store_values.ts";

/** What a driver gives the contract: a new, empty store. */
export interface Opened {
  readonly store: Store;
  /**
   * Stops the store as a power cut would and opens again what is on the disk. It may be called again
   * for the store that it gave. Absent where nothing survives.
   */
  readonly crash?: () => Promise<Store>;
}

export class Trial {
  store: Store;
  readonly #crash: (() => Promise<Store>) | undefined;
  #model = new StoreModel();

  constructor({ store, crash }: Opened) {
    this.store = store;
    this.#crash = crash;
  }

  get survives(): boolean {
    return this.#crash !== undefined;
  }

  async commit(...writes: Write[]): Promise<void> {
    deepFreeze(writes);
    this.#model.commit(writes);
    await this.store.commit(writes);
  }

  /** A crash, where the store can survive one; otherwise nothing. */
  async reopen(): Promise<void> {
    if (this.#crash !== undefined) this.store = await this.#crash();
  }

  /** Crashes amid a commit; the store must then hold all of it or nothing. */
  async crashAmid(...writes: Write[]): Promise<void> {
    const before = this.#model;
    const after = before.copy();
    after.commit(writes);
    // Whether it is told of its failure is no matter: the process is gone.
    const done = Promise.resolve(this.store.commit(writes)).catch(() => undefined);
    await this.reopen();
    await done;
    this.#model = await this.#hasAll(after) ? after : before;
    await this.check();
  }

  /** Whether the store has what that model has, as far as tells a commit from none. */
  async #hasAll(model: StoreModel): Promise<boolean> {
    for (const clientId of CLIENT_IDS) {
      const stored = await this.store.load(clientId, Infinity);
      const expected = model.load(clientId, Infinity);
      if (!isDeepStrictEqual(comparable(stored), comparable(expected))) return false;
    }
    return isDeepStrictEqual(byName(await indexOf(this.store)), byName(model.index()));
  }

  /** Compares the sessions of these clients, and all that the index tells. */
  async check(clientIds: readonly string[] = CLIENT_IDS): Promise<void> {
    for (const clientId of clientIds) {
      for (const most of [Infinity, 2, 0]) {
        const stored = await this.store.load(clientId, most);
        assert.deepEqual(comparable(stored), comparable(this.#model.load(clientId, most)));
      }
      const orders = this.#model.read(clientId, 0, 5).map(({ message }) => message.order);
      for (const from of [0, ...orders, ...orders.map((order) => order + 1)]) {
        assert.deepEqual(
          await this.store.read(clientId, from, 3),
          this.#model.read(clientId, from, 3),
        );
      }
    }
    const records = await indexOf(this.store);
    const expected = this.#model.index();
    assert.deepEqual(byName(records), byName(expected));
    assert.equal(records.length, expected.length, "a record comes twice");
  }
}

/** Runs a body with a new store, and closes it. */
export async function withTrial(
  open: () => Promise<Opened>,
  body: (trial: Trial) => Promise<void>,
): Promise<void> {
  const trial = new Trial(await open());
  try {
    await body(trial);
  } finally {
    await trial.store.close();
  }
}

export async function indexOf(store: Pick<Store, "index">): Promise<IndexRecord[]> {
  const records: IndexRecord[] = [];
  for await (const record of store.index()) records.push(record);
  return records;
}

/** Ids and inflight messages come in any order, the queue in its own. */
export function comparable({ received, inflight, queued }: StoredSession) {
  return {
    received: [...received].sort((a, b) => a - b),
    inflight: [...inflight].sort(([a], [b]) => a - b),
    queued,
  };
}

/** Of one type the records come in any order. */
function byName(records: readonly IndexRecord[]): Map<string, IndexRecord> {
  return new Map(records.map((record) => [nameOf(record), record]));
}

function nameOf(record: IndexRecord): string {
  switch (record.type) {
    case "session":
      return JSON.stringify([record.type, record.clientId]);
    case "subscription":
      return JSON.stringify([record.type, record.clientId, record.subscription.full]);
    case "retained":
      return JSON.stringify([record.type, record.message.topic]);
    case "will":
      return JSON.stringify([record.type, record.will.clientId]);
    case "delayed":
      return JSON.stringify([record.type, record.message.order]);
    case "setting":
      return JSON.stringify([record.type, record.name]);
    case "route":
      return JSON.stringify([record.type, record.node, record.full]);
    case "order":
      return record.type;
  }
}
