/**
 * `Write` is the whole vocabulary of storage: what a transition asks to be made durable, one record a
 * value. Drivers map records to keys and pack them as they like; they know no MQTT.
 */

import type { PacketId, WillPacket } from "../packet/packet.ts";
import type { ClientId, Identity, Instant, NodeId, Seconds } from "../policy/identity.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import type { TopicName } from "../topic/topic_name.ts";
import type { Queued } from "./delivery_run.ts";
import type { Delivery, Message, Order } from "./message.ts";
import type { Inflight } from "./session.ts";
import type { Subscription } from "./subscription_map.ts";

/** A Will that waits for its delay or for its session's end, section 3.1.3.2.2. */
export interface PendingWill {
  readonly clientId: ClientId;
  readonly owner: Identity;
  /** Its payload is its own. */
  readonly packet: WillPacket;
  /** Infinity while the client is connected. */
  readonly publishAt: Instant;
}

export type Write =
  | {
    readonly type: "putSession";
    readonly clientId: ClientId;
    readonly owner: Identity;
    readonly expiryInterval: Seconds;
    /** Infinity while the client is connected, or when the session does not expire. */
    readonly expiresAt: Instant;
    /** Its client has never been here. Absent: it has. */
    readonly awaited?: boolean | undefined;
  }
  /** With all that hangs on it: subscriptions, ids, inflight, queue. */
  | { readonly type: "deleteSession"; readonly clientId: ClientId }
  | {
    /** Of the origin `unsubscribed` it is none, but that there is to be none: see auto_subscribe_rule.ts. */
    readonly type: "putSubscription";
    readonly clientId: ClientId;
    readonly subscription: Subscription;
  }
  | {
    readonly type: "deleteSubscription";
    readonly clientId: ClientId;
    readonly filter: TopicFilter;
  }
  | {
    readonly type: "putReceived" | "deleteReceived";
    readonly clientId: ClientId;
    readonly packetId: PacketId;
  }
  | {
    readonly type: "putInflight";
    readonly clientId: ClientId;
    readonly packetId: PacketId;
    readonly inflight: Inflight;
  }
  | {
    readonly type: "deleteInflight";
    readonly clientId: ClientId;
    readonly packetId: PacketId;
  }
  | { readonly type: "putQueued"; readonly clientId: ClientId; readonly delivery: Delivery }
  | { readonly type: "deleteQueued"; readonly clientId: ClientId; readonly order: Order }
  | { readonly type: "putRetained"; readonly message: Message }
  /**
   * With `order`, only that message: it has expired, and another node may have retained the next one since. A
   * store of one broker need not look, as its broker writes in the order of its tables.
   */
  | { readonly type: "deleteRetained"; readonly topic: TopicName; readonly order?: Order }
  | { readonly type: "putWill"; readonly will: PendingWill }
  | { readonly type: "deleteWill"; readonly clientId: ClientId }
  | { readonly type: "putDelayed"; readonly message: Message; readonly publishAt: Instant }
  | { readonly type: "deleteDelayed"; readonly order: Order }
  /** What a service of the broker keeps: see service/service.ts. */
  | { readonly type: "putSetting"; readonly name: string; readonly value: string }
  | { readonly type: "deleteSetting"; readonly name: string };

/** What the store gives back of one session when its client returns. */
export interface StoredSession<Q extends Queued = Delivery> {
  readonly received: readonly PacketId[];
  readonly inflight: readonly (readonly [PacketId, Inflight])[];
  /** The oldest part of the queue, in order. */
  readonly queued: readonly Q[];
}

/** What is read of every session at start: enough to route, not its queue. */
export type IndexRecord =
  | { readonly type: "setting"; readonly name: string; readonly value: string }
  | {
    readonly type: "session";
    readonly clientId: ClientId;
    readonly owner: Identity;
    readonly expiryInterval: Seconds;
    readonly expiresAt: Instant;
    readonly awaited?: boolean | undefined;
    /** Of a store that nodes share: who has the session; undefined: nobody. */
    readonly at?: NodeId | undefined;
    /** Of the queue, oldest first; of a store that nodes share, both are empty: who claims it is told. */
    readonly orders: readonly Order[];
    readonly sizes: readonly number[];
  }
  | {
    readonly type: "subscription";
    readonly clientId: ClientId;
    readonly subscription: Subscription;
  }
  /** What clients of another node want: see cluster_write.ts. */
  | {
    readonly type: "route";
    readonly node: NodeId;
    readonly full: TopicFilter;
    readonly interest: number;
  }
  | { readonly type: "retained"; readonly message: Message }
  | { readonly type: "will"; readonly will: PendingWill }
  | { readonly type: "delayed"; readonly message: Message; readonly publishAt: Instant }
  /** The highest order of any message that was ever written: 0 of an empty store. */
  | { readonly type: "order"; readonly highest: Order };
