/**
 * The broker's tables: the one place with mutable fields. Rows are replaced or set by the functions of
 * this folder only; `Session` and `Connection` values in them are immutable and replaced whole.
 */

import type { ClientId, ConnectionId, Instant, NodeId } from "../policy/identity.ts";
import type { Rules } from "../policy/rules.ts";
import type { Connection } from "../connection/connection.ts";
import type { Connect, SubscriptionOptions } from "../packet/packet.ts";
import type { Interest } from "../session/cluster_write.ts";
import type { Effect, Persist } from "../session/effect.ts";
import type { DropReason } from "../session/fact.ts";
import type { Message, Order } from "../session/message.ts";
import type { Session } from "../session/session.ts";
import type { Subscription } from "../session/subscription_map.ts";
import type { PendingWill } from "../session/write.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import type { TopicName } from "../topic/topic_name.ts";
import { SLOTS } from "../session/cluster_write.ts";
import { FilterTree } from "../topic/filter_tree.ts";
import { PackedMemory } from "../topic/packed_memory.ts";
import { RetainedTree } from "../topic/retained_tree.ts";
import type { Walk } from "./auto_subscribe.ts";
import type { ClusterTables } from "./cluster_tables.ts";
import type { Entry } from "./deadlines.ts";
import { Deadlines } from "./deadlines.ts";
import type { Bucket, Meter } from "./meter.ts";
import { PackedMessages } from "./packed_messages.ts";
import type { Plan } from "./plan.ts";
import { planOf } from "./plan.ts";
import type { Tally } from "./queued.ts";
import { countQueue } from "./queued.ts";
import type { RetainedStream } from "./retained_stream.ts";

/** A row of the table of Network Connections. */
export interface Live {
  readonly id: ConnectionId;
  connection: Connection;
  /** Those of its listener, and from the proof of its identity on with the limits that are the client's. */
  rules: Rules;
  /** What its publications are measured by; undefined where no rate is set. */
  meter: Meter | undefined;
  /** The CONNECT until it is answered: what was asked for is looked at again when the client is known. */
  connect: Connect | undefined;
  /** The user name that it counts for among the connections of one user. */
  countedAs: string | undefined;
  /** 16 random bytes until CONNECT: what its client is called if it does not say. */
  entropy: Uint8Array | undefined;
  /** Undefined until its session is known. */
  client: Client | undefined;
  /** CONNACK has left: packets may be sent. */
  ready: boolean;
  congested: boolean;
  /** Reading is stopped because too much waits for the store. */
  heldBack: boolean;
  lastHeard: Instant;
  /** PUBACKs that wait for the store. */
  unacknowledged: number;
  /** SUBACKs that wait for the store: no retained message goes before them. */
  subacks: number;
  /** Bytes of retained and queued messages with QoS 0 that may go into its outbox before the next tick. */
  qos0Room: number;
  /** Topic Aliases that the broker has set towards this client. */
  outgoingAliases: Map<TopicName, number> | undefined;
  readonly due: Due<
    "connect" | "keepAlive" | "drain" | "retry" | "reauthentication" | "identity"
  >;
}

/** The deadlines that a row has. */
export type Due<Type extends Deadline["type"]> = Record<Type, Entry<Deadline> | undefined>;

/** A row of the table of sessions, connected and absent. */
export interface Client {
  readonly kind: "client";
  readonly clientId: ClientId;
  /** This broker has the session. In a cluster another node may, or none: its queue is in the store alone. */
  here: boolean;
  /** Which node has it, as far as that is known; undefined: none. */
  at: NodeId | undefined;
  session: Session;
  /** The rules for the owner of the session, present or not. */
  rules: Rules;
  live: Live | undefined;
  will: PendingWill | undefined;
  /** Retained messages that are still to be sent. */
  streams: readonly RetainedStream[];
  /** A part of the queue is being read from the store. */
  reading: boolean;
  /** Shared subscriptions that it is a member of: changed in place, as there may be thousands. */
  groups: ReadonlySet<Group>;
  /** What the last of its subscriptions leads to: see `enter`. */
  subscriber: ClientSubscriber | undefined;
  readonly due: Due<"session" | "will">;
}

/** What most clients have of groups and streams: one object for all of them. */
export const NO_GROUPS: ReadonlySet<Group> = new Set();
export const NO_STREAMS: readonly RetainedStream[] = [];

/** A row of the table of shared subscriptions: members, and the queue that they share. */
export interface Group {
  readonly kind: "group";
  /** Never a client id: it begins with U+0000. */
  readonly key: string;
  readonly filter: TopicFilter;
  /** Of a cluster: those that are connected here, and all whose session is stored. */
  readonly members: Member[];
  /** How many members are connected to each other node. */
  elsewhere: ReadonlyMap<NodeId, number>;
  /** Where the search for the next member starts. */
  next: number;
  /** The same among members and other nodes. */
  turn: number;
  /** Holds nothing but a queue; in a cluster this node's part of it. */
  session: Session;
  reading: boolean;
}

/** What groups have where there are no other nodes. */
export const NOWHERE_ELSE: ReadonlyMap<NodeId, number> = new Map();

export interface Member {
  readonly client: Client;
  subscription: Subscription;
}

/** What a filter of the tree leads to. */
export type Subscriber = ClientSubscriber | Group | Route;

/**
 * A client with the options of its subscription: one for as many subscriptions as have the same. With one for each a
 * message among a million took two accesses more to memory that no cache holds, and a subscription 48 bytes more.
 */
export interface ClientSubscriber {
  readonly kind: "client";
  readonly client: Client;
  readonly options: SubscriptionOptions;
  /** The plan of topics that lead to it alone and that it may receive: made when first needed. */
  alone: Plan | undefined;
}

/** What clients of another node want: see `Interest`. */
export interface Route {
  readonly kind: "route";
  readonly node: NodeId;
  readonly interest: Interest;
}

/** What a deadline is about. */
export type Deadline =
  | {
    readonly type:
      | "connect"
      | "reauthentication"
      | "identity"
      | "keepAlive"
      | "drain"
      | "retry";
    readonly live: Live;
  }
  | { readonly type: "rate"; readonly bucket: Bucket }
  | { readonly type: "session" | "will"; readonly client: Client }
  | { readonly type: "delayed"; readonly message: Message }
  | { readonly type: "retained"; readonly topic: TopicName };

export interface Tables {
  readonly connections: Map<ConnectionId, Live>;
  readonly clients: Map<ClientId, Client>;
  /** By `mapKey` of their keys. */
  readonly groups: Map<string, Group>;
  readonly tree: FilterTree<Subscriber, Plan>;
  readonly retained: RetainedTree<Message>;
  /** Where the messages of that tree are kept. */
  readonly retainedMessages: PackedMessages;
  readonly delayed: Map<Order, Message>;
  readonly deadlines: Deadlines<Deadline>;
  /** By `mapKey` of the topic. */
  readonly retainedDue: Map<string, Entry<Deadline>>;
  /** Clients with a retained stream that only waits for its turn. */
  readonly runnable: Set<Client>;
  readonly heldBack: Set<Live>;
  /** Along all sessions, when rules of auto-subscribe are others. */
  walk: Walk | undefined;
  /** The connections that are still to be asked about, since rules of access are others. */
  turningOut: Iterator<Live> | undefined;
  /** Token buckets that the connections of a listener share. */
  readonly buckets: Map<string, Bucket>;
  /** Connections by user name. */
  readonly connectedBy: Map<string, number>;
  /** Undefined where this broker is the only one. */
  readonly cluster: ClusterTables | undefined;
  rules: Rules;
  now: Instant;
  nextOrder: Order;
  /** From one order to the next: in a cluster, orders of several nodes are never the same. */
  readonly orderStep: number;
  /** Grows with whatever changes to whom packets may be sent. */
  liveVersion: number;
  /** Of all queues together, and by user name where there is anything: kept by `replaceSession`. */
  queuedMessages: number;
  queuedBytes: number;
  readonly queuedBy: Map<string, Tally>;
  retainedBytes: number;
  /** By the client id of the publisher. */
  readonly retainedBy: Map<ClientId, Tally>;
  delayedBytes: number;
  /** Sessions that have ended and are in the store still, with the persist that takes them out. */
  readonly ending: Map<ClientId, Persist>;
  /** What `retryInterval` has had sent again, while it waits for the store. */
  readonly resent: Map<ClientId, Persist>;
  /** The store takes nothing for want of room: publishers are told, or wait. */
  storeFull: boolean;
  /** Persists that are not settled and sessions that are not loaded; bytes of the messages in them. */
  pending: number;
  pendingBytes: number;
  /** The effects of this step, in order. */
  readonly out: Effect[];
}

/** Empty tables; in a cluster, of that node. */
export function newTables(rules: Rules, cluster?: ClusterTables): Tables {
  const memory = new PackedMemory();
  const retainedMessages = new PackedMessages(memory);
  const tables: Tables = {
    connections: new Map(),
    clients: new Map(),
    groups: new Map(),
    tree: new FilterTree<Subscriber, Plan>(
      (topic, values) => planOf(tables.rules, topic, values),
      rules.limits.matchCache,
    ),
    retained: new RetainedTree(retainedMessages, memory),
    retainedMessages,
    delayed: new Map(),
    deadlines: new Deadlines(),
    retainedDue: new Map(),
    runnable: new Set(),
    heldBack: new Set(),
    walk: undefined,
    turningOut: undefined,
    buckets: new Map(),
    connectedBy: new Map(),
    cluster,
    rules,
    now: 0,
    nextOrder: cluster === undefined ? 1 : SLOTS + cluster.slot,
    orderStep: cluster === undefined ? 1 : SLOTS,
    liveVersion: 0,
    queuedMessages: 0,
    queuedBytes: 0,
    queuedBy: new Map(),
    retainedBytes: 0,
    retainedBy: new Map(),
    delayedBytes: 0,
    ending: new Map(),
    resent: new Map(),
    storeFull: false,
    pending: 0,
    pendingBytes: 0,
    out: [],
  };
  return tables;
}

/** Puts another session value into a row and keeps the totals right. */
export function replaceSession(tables: Tables, row: Client | Group, next: Session): void {
  countQueue(tables, row.session, next);
  row.session = next;
}

/** Whether packets may be sent to the client now. */
export function sendable(client: Client): boolean {
  return client.live !== undefined && client.live.ready && !client.live.congested;
}

/** Tells that messages were dropped. */
export function observeDrop(
  tables: Tables,
  clientId: ClientId,
  topic: TopicName,
  reason: DropReason,
  count = 1,
): void {
  tables.out.push({ type: "observe", fact: { type: "dropped", clientId, topic, reason, count } });
}

/** Asks for a persist, and counts it and the PUBACKs and SUBACKs in it until it is settled. */
export function ask(tables: Tables, persist: Persist): void {
  if (persist.writes.length + persist.then.length === 0) return;
  tables.pending += 1;
  tables.pendingBytes += weigh(persist);
  const { then } = persist;
  for (let i = 0; i < then.length; i++) {
    const effect = then[i]!;
    if (effect.type === "acknowledge" && effect.packet === "puback") {
      const live = tables.connections.get(effect.to);
      if (live !== undefined) live.unacknowledged += effect.packetIds.length;
    }
    if (effect.type !== "send") continue;
    const { type } = effect.packet;
    if (type !== "puback" && type !== "suback") continue;
    const live = tables.connections.get(effect.to);
    if (live === undefined) continue;
    if (type === "puback") live.unacknowledged += 1;
    else live.subacks += 1;
  }
  tables.out.push(persist);
}

/** Bytes of the messages in it, about. */
export function weigh({ writes }: Persist): number {
  let bytes = 0;
  for (let i = 0; i < writes.length; i++) {
    const write = writes[i]!;
    if (write.type === "putQueuedRun") bytes += write.run.payload;
    else if (write.type === "putRetainedRun") bytes += write.payload;
    else if (write.type === "sendQueuedRun") bytes += write.inflight.run.payload;
    else if (write.type === "putQueued") bytes += write.delivery.message.payload.length;
    else if (write.type === "post") bytes += write.delivery.message.payload.length;
    else if (
      write.type === "putRetained" || write.type === "putDelayed" || write.type === "forward" ||
      write.type === "share"
    ) {
      bytes += write.message.payload.length;
    } else if (write.type === "putInflight") {
      bytes += write.inflight.delivery?.message.payload.length ?? 0;
    }
  }
  return bytes;
}
