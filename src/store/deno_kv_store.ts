/**
 * The store on Deno KV, which is SQLite on a local disk: what a commit has resolved for survives a
 * power cut. Section 7 and 8 of the architecture.
 *
 * Inflight messages, queues and received ids are entries of segments (`segment.ts`): a commit adds one
 * segment for all its sessions, marks the entries that go, and deletes the segments that nobody needs.
 * Everything else is a record of its own (`kv_key.ts`). In memory is where the entries are, not what.
 *
 * Calls are done one after the other, in the order in which they come.
 */

import type { ClientId } from "../policy/identity.ts";
import type { Delivery, Order } from "../session/message.ts";
import type { Inflight } from "../session/session.ts";
import type { IndexRecord, StoredSession, Write } from "../session/write.ts";
import { bySession, numberIn } from "./by_session.ts";
import { whole } from "./chunk.ts";
import type { Key, Kv } from "./kv.ts";
import { openKv } from "./kv.ts";
import { KvBatch } from "./kv_batch.ts";
import { commitAll, recover } from "./kv_commit.ts";
import type { Opened, OpenReport } from "./kv_open.ts";
import { openIndex } from "./kv_open.ts";
import type { Migration } from "./kv_schema.ts";
import { MIGRATIONS } from "./kv_schema.ts";
import { areScattered, Regrouping, untidy } from "./kv_tidy.ts";
import * as record from "./record.ts";
import { SegmentMemory } from "./segment.ts";
import type { Read } from "./segment_reader.ts";
import { SegmentReader } from "./segment_reader.ts";
import type { BatchLimits, Store } from "./store.ts";
import { damaged, storeError, troubleOf } from "./store_error.ts";
import type { StoreIndex } from "./store_index.ts";

export interface DenoKvOptions {
  /** Another way to open the database, for tests. */
  readonly openKv?: (path: string) => Promise<Kv>;
  /** Other steps between layouts, for tests. */
  readonly migrations?: readonly Migration[];
}

/** Commits between two looks at the segments, and between two steps of tidying, while the store is busy. */
const LOOK_EVERY = 64;
const STEP_EVERY = 8;
/** New segments after which an idle store looks whether there is something to tidy. */
const TIDY_AFTER = 32;
/** Milliseconds without a call after which the store is idle. */
const IDLE = 20;

export class DenoKvStore implements Store {
  readonly promise = "fsynced";
  readonly limits: BatchLimits = { writes: 4_000 };
  /** What was found when it was opened. */
  readonly report: OpenReport;
  readonly #kv: Kv;
  readonly #migrations: readonly Migration[];
  #index: StoreIndex;
  #reader: SegmentReader;
  /** A commit failed after it was applied to the index, which must be read again. */
  #stale = false;
  /** What a crash left behind could not be taken away for want of room. */
  #left: boolean;
  /** Nobody can tell any more what is on the disk: every call fails with this. */
  #failed: unknown;
  readonly #memory = new SegmentMemory();
  /** The call that is under way. */
  #last: Promise<unknown> = Promise.resolve();
  #untilTidy = LOOK_EVERY;
  /** Numbers given out when there was nothing to tidy: with enough more there may be again. */
  #tidyAt = 0;
  #regrouping: Regrouping | undefined;
  /** Calls so far, and those that are not done. */
  #calls = 0;
  #waiting = 0;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  private constructor(
    kv: Kv,
    migrations: readonly Migration[],
    { index, report, left }: Opened,
  ) {
    this.#kv = kv;
    this.#migrations = migrations;
    this.#index = index;
    this.#reader = new SegmentReader(kv, index);
    this.report = report;
    this.#left = left;
  }

  /**
   * Opens the store at a path, which is created when it is not there, and finishes or takes back what a
   * crash interrupted. Throws a StoreError (`store_error.ts`), `damaged` or `newer` among them.
   */
  static async open(path: string, options: DenoKvOptions = {}): Promise<DenoKvStore> {
    const kv = await (options.openKv ?? openKv)(path);
    const migrations = options.migrations ?? MIGRATIONS;
    try {
      return new DenoKvStore(kv, migrations, await openIndex(kv, migrations));
    } catch (error) {
      kv.close();
      throw error;
    }
  }

  /**
   * Makes the writes durable. Rejects with a StoreError: after `noRoom` nothing of them is kept and the
   * store can be used on; after any other nobody can tell, and every later call rejects with the same.
   */
  commit(writes: readonly Write[]): Promise<void> {
    return this.#inTurn(() => this.#commit(writes));
  }

  load(clientId: ClientId, most: number): Promise<StoredSession> {
    return this.#inTurn(async () => {
      const session = this.#index.sessions.get(clientId);
      const inflight: (readonly [number, Inflight])[] = [];
      if (session?.inflight !== undefined) {
        const read = await this.#reader.read([...session.inflight.values()]);
        for (const entry of read) inflight.push([entry.packetId, inflightOf(entry)]);
      }
      const received = [...session?.received?.keys() ?? []];
      return { received, inflight, queued: await this.#queued(clientId, -Infinity, most) };
    });
  }

  read(clientId: ClientId, from: Order, most: number): Promise<readonly Delivery[]> {
    return this.#inTurn(() => this.#queued(clientId, from, most));
  }

  /** Not to be mixed with commits: it reads the disk while it is being consumed. */
  async *index(): AsyncGenerator<IndexRecord> {
    const index = await this.#inTurn(() => Promise.resolve(this.#index));
    for await (const bytes of this.#all(["g"])) {
      yield { type: "setting", ...record.decodeSetting(bytes) };
    }
    for await (const bytes of this.#all(["s"])) {
      const session = record.decodeSession(bytes);
      const queue = index.sessions.get(session.clientId)?.queue;
      const orders = queue?.orders() ?? [];
      yield { type: "session", ...session, orders, sizes: queue?.sizes() ?? [] };
    }
    for await (const [bytes, key] of this.#entries(["t"])) {
      const session = index.byNumber.get(key[1] as number);
      if (session === undefined) {
        throw damaged(`key ${JSON.stringify(key)}`, "its session is not there");
      }
      const subscription = record.decodeSubscription(bytes);
      yield { type: "subscription", clientId: session.clientId, subscription };
    }
    for await (const bytes of this.#all(["r"])) {
      yield { type: "retained", message: record.decodeMessage(bytes) };
    }
    for await (const bytes of this.#all(["w"])) {
      yield { type: "will", will: record.decodeWill(bytes) };
    }
    for await (const bytes of this.#all(["d"])) {
      yield { type: "delayed", ...record.decodeDelayed(bytes) };
    }
    yield { type: "order", highest: index.highest };
    this.#tidyWhenIdle(IDLE);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idleTimer);
    await this.#last;
    this.#kv.close();
  }

  async #commit(writes: readonly Write[]): Promise<void> {
    if (this.#left) await this.#takeAway();
    const batch = new KvBatch(this.#index, await this.#subscriptionsOf(writes), this.#memory);
    const sorted = bySession(writes, numberIn(this.#index));
    await this.#write(batch, () => {
      for (let i = 0; i < sorted.length; i++) batch.apply(sorted[i]!);
    });
    this.#untilTidy -= 1;
    if (this.#untilTidy <= 0) {
      this.#untilTidy = LOOK_EVERY;
      // Behind this commit, which is done; that it fails is told by the next.
      this.#inTurn(() => this.#tidy()).catch(() => undefined);
    } else if (this.#index.next >= this.#tidyAt + TIDY_AFTER) this.#tidyWhenIdle(IDLE);
  }

  /** Tidies step by step as long as nobody calls, with a pause as long as the step took. */
  #tidyWhenIdle(milliseconds: number): void {
    if (this.#idleTimer !== undefined || this.#closed) return;
    const calls = this.#calls;
    this.#idleTimer = setTimeout(async () => {
      this.#idleTimer = undefined;
      if (this.#calls !== calls || this.#waiting > 0) return this.#tidyWhenIdle(IDLE);
      const began = performance.now();
      const more = await this.#inTurn(() => this.#tidy()).catch(() => false);
      if (more) this.#tidyWhenIdle(Math.max(1, performance.now() - began));
    }, milliseconds);
  }

  async #takeAway(): Promise<void> {
    if ((await recover(this.#kv)).left) {
      throw storeError("noRoom", "the store has no room to take away what a failed commit left");
    }
    this.#left = false;
  }

  /** One step of a regrouping; whether there may be more to do. */
  async #tidy(): Promise<boolean> {
    if (this.#left) return false;
    if (this.#regrouping === undefined) {
      const found = untidy(this.#index.segments.values());
      if (found === undefined) {
        this.#tidyAt = this.#index.next;
        return false;
      }
      this.#regrouping = await Regrouping.of(found, this.#reader);
    }
    const regrouping = this.#regrouping;
    const entries = await this.#reader.copy(regrouping.step(this.#index), regrouping.heads);
    if (regrouping.done) this.#regrouping = undefined;
    const batch = new KvBatch(this.#index, new Map(), this.#memory);
    await this.#write(batch, () => batch.move(entries, regrouping.tier));
    this.#untilTidy = STEP_EVERY;
    return true;
  }

  /** Makes a batch durable; resolves as soon as it is, whatever remains to be done of it. */
  async #write(batch: KvBatch, fill: () => void): Promise<void> {
    let decided = false;
    this.#stale = true;
    try {
      fill();
      const changes = batch.changes();
      if (changes.length > 0) await commitAll(this.#kv, changes, () => decided = true);
      this.#stale = false;
    } catch (error) {
      if (troubleOf(error) !== "noRoom") this.#failed = error;
      // A decided commit holds: it is finished before the next call is done.
      if (!decided) throw error;
    }
  }

  async #queued(clientId: ClientId, from: Order, most: number): Promise<readonly Delivery[]> {
    const queue = this.#index.sessions.get(clientId)?.queue;
    if (queue === undefined || most <= 0) return [];
    const places = queue.places(from, most);
    const read = await this.#reader.read(places);
    if (areScattered(places)) {
      // Reading costs more than regrouping by now, so there is a step of it for each such read.
      this.#inTurn(() => this.#tidy()).catch(() => undefined);
    }
    return read.map(deliveryIn);
  }

  /** The keys of the subscriptions of the sessions that the writes delete. */
  async #subscriptionsOf(writes: readonly Write[]): Promise<Map<ClientId, readonly Key[]>> {
    const subscriptions = new Map<ClientId, readonly Key[]>();
    for (let i = 0; i < writes.length; i++) {
      const write = writes[i]!;
      if (write.type !== "deleteSession" || subscriptions.has(write.clientId)) continue;
      const session = this.#index.sessions.get(write.clientId);
      if (session === undefined) continue;
      const found: Key[] = [];
      for await (const { key } of this.#kv.list(["t", session.number])) found.push(key);
      subscriptions.set(write.clientId, found);
    }
    return subscriptions;
  }

  /** Does a call after those before it; the index is what is on the disk by then. */
  #inTurn<T>(call: () => Promise<T>): Promise<T> {
    this.#calls += 1;
    this.#waiting += 1;
    const done = this.#last.then(async () => {
      if (this.#failed !== undefined) throw this.#failed;
      if (this.#stale) await this.#readAgain();
      return call();
    });
    const end = () => {
      this.#waiting -= 1;
    };
    this.#last = done.then(end, end);
    return done;
  }

  async #readAgain(): Promise<void> {
    try {
      const { index, left } = await openIndex(this.#kv, this.#migrations);
      this.#left = left;
      this.#index = index;
      this.#reader = new SegmentReader(this.#kv, index);
      this.#regrouping = undefined;
      this.#stale = false;
    } catch (error) {
      if (troubleOf(error) !== "noRoom") this.#failed = error;
      throw error;
    }
  }

  async *#all(prefix: Key): AsyncGenerator<Uint8Array> {
    for await (const [bytes] of this.#entries(prefix)) yield bytes;
  }

  async *#entries(prefix: Key): AsyncGenerator<readonly [Uint8Array, Key]> {
    const { rests } = this.#index;
    for await (const { key, value } of this.#kv.list(prefix)) {
      yield [rests.size === 0 ? value : await whole(this.#kv, rests, key, value), key];
    }
  }
}

function deliveryIn({ delivery, order }: Read): Delivery {
  if (delivery === undefined) throw damaged(`message ${order}`, "it is missing");
  return delivery;
}

function inflightOf({ awaiting, delivery, sequence, sentAt }: Read): Inflight {
  return { awaiting, delivery, sequence, sentAt };
}
