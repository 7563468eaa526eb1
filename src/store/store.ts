/**
 * What keeps the broker's state: the interface that every back end implements, and the one contract
 * suite (tests/contract/store_contract.ts) that each must pass. Drivers know no MQTT.
 */

import type { ClientId } from "../policy/identity.ts";
import type { Delivery, Order } from "../session/message.ts";
import type { IndexRecord, StoredSession, Write } from "../session/write.ts";

export type { IndexRecord };

/** What one commit may hold; a single persist above it is the driver's to split. */
export interface BatchLimits {
  readonly writes: number;
}

/** An answer now, where the back end has it in memory, or later. */
export type Soon<T> = T | Promise<T>;

export interface Store {
  /** What an acknowledgement promises: `memory` survives nothing, `fsynced` a power cut. */
  readonly promise: "memory" | "fsynced";
  readonly limits: BatchLimits;
  /** All or nothing, in order; done when it is on the disk. Rejects when it is not. */
  commit(writes: readonly Write[]): Soon<void>;
  /** A session's ids and inflight messages, and the first `most` of its queue. */
  load(clientId: ClientId, most: number): Soon<StoredSession>;
  /** Of a session's queue at most `most`, from order `from` on. */
  read(clientId: ClientId, from: Order, most: number): Soon<readonly Delivery[]>;
  /** Everything that the broker needs at start; settings first; sessions before their subscriptions; the order last. */
  index(): AsyncIterable<IndexRecord>;
  close(): Promise<void>;
}
