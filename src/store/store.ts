/**
 * What keeps the broker's state: the interface that every back end implements, and the one contract
 * suite (tests/contract/store_contract.ts) that each must pass. Drivers know no MQTT.
 */

import type { ClientId } from "../policy/identity.ts";
import type { Queued } from "../session/delivery_run.ts";
import type { Delivery, Order } from "../session/message.ts";
import type { AnyWrite } from "../session/cluster_write.ts";
import type { PersistedWrite } from "../session/run_write.ts";
import type { IndexRecord, StoredSession, Write } from "../session/write.ts";

export type { IndexRecord };

/** What one commit may hold; a single persist above it is the driver's to split. */
export interface BatchLimits {
  readonly writes: number;
}

/** An answer now, where the back end has it in memory, or later. */
export type Soon<T> = T | Promise<T>;

/**
 * What an acknowledgement promises. `memory` survives nothing; `everySecond` the end of this process, and of the
 * store's all but the last one or two seconds; `fsynced` a power cut; `replicated` the loss of the store's machine;
 * `replicatedAndFsynced` both.
 */
export type StorePromise =
  | "memory"
  | "everySecond"
  | "fsynced"
  | "replicated"
  | "replicatedAndFsynced";

/** A commit is durable; not all nodes have heard of it yet. */
export interface Spreading {
  /** Every living node has it in its tables. */
  readonly everywhere: Promise<void>;
}

/** A store that keeps runs as such, and is asked for them as such. Any other is what `singly` makes of it. */
export interface RunStore {
  commit(writes: readonly PersistedWrite[]): Soon<void | Spreading>;
  load(clientId: ClientId, most: number): Soon<StoredSession<Queued>>;
  read(clientId: ClientId, from: Order, most: number): Soon<readonly Queued[]>;
}

export interface Store {
  /** The same store, where it keeps runs as such. */
  readonly runs?: RunStore;
  readonly promise: StorePromise;
  readonly limits: BatchLimits;
  /**
   * All or nothing, in order; done when it is on the disk. Rejects when it is not.
   *
   * @returns `Spreading` only where the store is shared, and a write of it is one that `waitsForAll`
   */
  commit(writes: readonly Write[]): Soon<void | Spreading>;
  /** A session's ids and inflight messages, and the first `most` of its queue. */
  load(clientId: ClientId, most: number): Soon<StoredSession>;
  /** Of a session's queue at most `most`, from order `from` on. */
  read(clientId: ClientId, from: Order, most: number): Soon<readonly Delivery[]>;
  /** Everything that the broker needs at start; settings first; sessions before their subscriptions; the order last. */
  index(): AsyncIterable<IndexRecord>;
  close(): Promise<void>;
}

/** A store that several nodes share: what they tell each other becomes durable with the rest. */
export interface SharedStore extends Store {
  /**
   * Whether this node may have been declared dead without knowing it: it was not heard of for a whole lease. By then
   * clients of others may have subscribed to what it knows nothing of, so that it may acknowledge nothing any more,
   * not even what needs no write, before a commit, be it of nothing, has told that it is alive: until that is
   * certain no commit resolves.
   */
  readonly inDoubt?: boolean;
  commit(writes: readonly AnyWrite[]): Soon<void | Spreading>;
}
