/**
 * The store that keeps everything in memory and survives nothing: what `store: "memory"` runs on, and
 * the model of a store in the simulation. It answers at once, so nobody waits for a later turn.
 *
 * It keeps the values that it is given and copies none: they are immutable, and a payload is its
 * message's own.
 */

import type { AcknowledgementRun } from "../packet/acknowledgement_run.ts";
import type { PacketId } from "../packet/packet.ts";
import type { ClientId, Identity, Instant, Seconds } from "../policy/identity.ts";
import type { Queued } from "../session/delivery_run.ts";
import { eachBySelf, orderAt, runLength } from "../session/delivery_run.ts";
import type { Delivery, Message, Order } from "../session/message.ts";
import { messageSize } from "../session/message.ts";
import type { RunWrite } from "../session/run_write.ts";
import { countOf, retainedOf } from "../session/run_write.ts";
import type { PacketIdMap } from "../session/packet_id_map.ts";
import * as ids from "../session/packet_id_map.ts";
import type { Flight, Inflight } from "../session/session.ts";
import { inflightUnder } from "../session/session.ts";
import type { Subscription } from "../session/subscription_map.ts";
import type { IndexRecord, PendingWill, StoredSession, Write } from "../session/write.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import type { TopicName } from "../topic/topic_name.ts";
import { DeliveryQueue } from "./delivery_queue.ts";
import type { BatchLimits, Store } from "./store.ts";

/** A session; its collections are made when the first item comes, as most sessions need few of them. */
interface SessionRecord {
  readonly clientId: ClientId;
  owner: Identity;
  expiryInterval: Seconds;
  expiresAt: Instant;
  awaited: boolean;
  subscriptions: Map<TopicFilter, Subscription> | undefined;
  received: Set<PacketId> | undefined;
  inflight: PacketIdMap<Flight>;
  queue: DeliveryQueue | undefined;
}

/** A session with all that hangs on it, in an order that does not depend on its history. */
export interface DumpedSession {
  readonly clientId: ClientId;
  readonly owner: Identity;
  readonly expiryInterval: Seconds;
  readonly expiresAt: Instant;
  /** By full filter. */
  readonly subscriptions: readonly Subscription[];
  /** By Packet Identifier. */
  readonly received: readonly PacketId[];
  /** By Packet Identifier. */
  readonly inflight: readonly (readonly [PacketId, Inflight])[];
  readonly queued: readonly Delivery[];
}

/** All records as plain values: two dumps are deeply equal exactly when the stores hold the same. */
export interface Dump {
  /** By client id. */
  readonly sessions: readonly DumpedSession[];
  /** By topic. */
  readonly retained: readonly Message[];
  /** By client id. */
  readonly wills: readonly PendingWill[];
  /** By order. */
  readonly delayed: readonly { readonly message: Message; readonly publishAt: Instant }[];
  /** Names and values, by name. */
  readonly settings: readonly (readonly [string, string])[];
  /** Of any message that was ever written. */
  readonly highest: Order;
}

export class MemoryStore implements Store {
  readonly promise = "memory";
  readonly limits: BatchLimits = { writes: 10_000 };
  readonly #sessions = new Map<ClientId, SessionRecord>();
  readonly #retained = new Map<TopicName, Message>();
  readonly #wills = new Map<ClientId, PendingWill>();
  readonly #settings = new Map<string, string>();
  readonly #delayed = new Map<Order, { readonly message: Message; readonly publishAt: Instant }>();
  readonly #whole: boolean;
  #highest: Order = 0;
  #strays = 0;

  /**
   * @param whole false: it keeps no more than a running broker asks back, which is what waits for absent
   *   sessions; subscriptions, retained and delayed messages, Wills and settings are in tables already, and
   *   after the program nothing is left of either. `index` and `dump` need the whole.
   */
  constructor(whole = true) {
    this.#whole = whole;
  }

  /** Parts that were put for a session which is not there, and not kept. The broker puts none. */
  get strays(): number {
    return this.#strays;
  }

  /** Applies the writes in order; it cannot fail, so all of them take effect. */
  commit(writes: readonly (Write | RunWrite)[]): void {
    for (let i = 0; i < writes.length; i++) this.#apply(writes[i]!);
  }

  load(clientId: ClientId, most: number): StoredSession {
    const { received, inflight, queued } = this.#load(clientId, most);
    return { received, inflight, queued: eachBySelf(queued) };
  }

  read(clientId: ClientId, from: Order, most: number): readonly Delivery[] {
    return eachBySelf(this.#read(clientId, from, most));
  }

  readonly runs = {
    commit: (writes: readonly (Write | RunWrite)[]): void => this.commit(writes),
    load: (clientId: ClientId, most: number) => this.#load(clientId, most),
    read: (clientId: ClientId, from: Order, most: number) => this.#read(clientId, from, most),
  };

  #load(clientId: ClientId, most: number): StoredSession<Queued> {
    const session = this.#sessions.get(clientId);
    return {
      received: session?.received === undefined ? [] : [...session.received],
      inflight: session === undefined ? [] : inflightOf(session),
      queued: session?.queue?.read(-Infinity, most) ?? [],
    };
  }

  #read(clientId: ClientId, from: Order, most: number): readonly Queued[] {
    return this.#sessions.get(clientId)?.queue?.read(from, most) ?? [];
  }

  async *index(): AsyncGenerator<IndexRecord> {
    for (const [name, value] of this.#settings) yield { type: "setting", name, value };
    for (const session of this.#sessions.values()) {
      const { clientId, owner, expiryInterval, expiresAt, awaited, queue } = session;
      const queued = eachBySelf(queue?.read(-Infinity, Infinity) ?? []);
      yield {
        type: "session",
        clientId,
        owner,
        expiryInterval,
        expiresAt,
        ...(awaited ? { awaited } : {}),
        orders: queued.map(({ message }) => message.order),
        sizes: queued.map(({ message }) => messageSize(message)),
      };
    }
    for (const { clientId, subscriptions } of this.#sessions.values()) {
      for (const subscription of subscriptions?.values() ?? []) {
        yield { type: "subscription", clientId, subscription };
      }
    }
    for (const message of this.#retained.values()) yield { type: "retained", message };
    for (const will of this.#wills.values()) yield { type: "will", will };
    for (const { message, publishAt } of this.#delayed.values()) {
      yield { type: "delayed", message, publishAt };
    }
    yield { type: "order", highest: this.#highest };
  }

  async close(): Promise<void> {}

  /** Everything, for a checker to compare. */
  dump(): Dump {
    return {
      sessions: [...this.#sessions.values()].map((session) => ({
        clientId: session.clientId,
        owner: session.owner,
        expiryInterval: session.expiryInterval,
        expiresAt: session.expiresAt,
        subscriptions: sorted(session.subscriptions),
        received: [...session.received ?? []].sort((a, b) => a - b),
        inflight: inflightOf(session),
        queued: eachBySelf(session.queue?.read(-Infinity, Infinity) ?? []),
      })).sort((a, b) => a.clientId < b.clientId ? -1 : 1),
      retained: sorted(this.#retained),
      wills: sorted(this.#wills),
      delayed: sorted(this.#delayed),
      settings: [...this.#settings].sort(([a], [b]) => a < b ? -1 : 1),
      highest: this.#highest,
    };
  }

  #apply(write: Write | RunWrite): void {
    if (!this.#whole && isInTables(write)) return;
    switch (write.type) {
      case "putSession":
        return this.#putSession(write);
      case "deleteSession":
        this.#sessions.delete(write.clientId);
        return;
      case "putRetained":
        this.#seen(write.message.order);
        this.#retained.set(write.message.topic, write.message);
        return;
      case "putRetainedRun":
        for (const message of retainedOf(write)) this.#apply({ type: "putRetained", message });
        return;
      case "deleteRetained": {
        const { topic, order } = write;
        if (order !== undefined && this.#retained.get(topic)?.order !== order) return;
        this.#retained.delete(topic);
        return;
      }
      case "putWill":
        this.#wills.set(write.will.clientId, write.will);
        return;
      case "deleteWill":
        this.#wills.delete(write.clientId);
        return;
      case "putDelayed": {
        const { message, publishAt } = write;
        this.#seen(message.order);
        this.#delayed.set(message.order, { message, publishAt });
        return;
      }
      case "deleteDelayed":
        this.#delayed.delete(write.order);
        return;
      case "putSetting":
        this.#settings.set(write.name, write.value);
        return;
      case "deleteSetting":
        this.#settings.delete(write.name);
        return;
      case "putQueued":
        this.#seen(write.delivery.message.order);
        break;
      case "putQueuedRun":
        this.#seen(orderAt(write.run, runLength(write.run) - 1));
        break;
      case "sendQueuedRun":
        this.#seen(orderAt(write.inflight.run, runLength(write.inflight.run) - 1));
        break;
      case "putInflight":
        if (write.inflight.delivery !== undefined) {
          this.#seen(write.inflight.delivery.message.order);
        }
    }
    const session = this.#sessions.get(write.clientId);
    if (session !== undefined) return applyTo(session, write);
    if (write.type.startsWith("put") || write.type === "sendQueuedRun") {
      this.#strays += countOf([write]);
    }
  }

  #seen(order: Order): void {
    if (order > this.#highest) this.#highest = order;
  }

  #putSession(write: Write & { readonly type: "putSession" }): void {
    const { clientId, owner, expiryInterval, expiresAt, awaited = false } = write;
    const session = this.#sessions.get(clientId);
    if (session !== undefined) {
      session.owner = owner;
      session.expiryInterval = expiryInterval;
      session.expiresAt = expiresAt;
      session.awaited = awaited;
      return;
    }
    this.#sessions.set(clientId, {
      clientId,
      owner,
      expiryInterval,
      expiresAt,
      awaited,
      subscriptions: undefined,
      received: undefined,
      inflight: ids.emptyPacketIdMap(),
      queue: undefined,
    });
  }
}

/** What the broker has in its tables as long as it runs. */
function isInTables({ type }: Write | RunWrite): boolean {
  switch (type) {
    case "putSubscription":
    case "deleteSubscription":
    case "putRetained":
    case "putRetainedRun":
    case "deleteRetained":
    case "putWill":
    case "deleteWill":
    case "putDelayed":
    case "deleteDelayed":
    case "putSetting":
    case "deleteSetting":
      return true;
    default:
      return false;
  }
}

/** What is written of the parts of a session that is there. */
type PartWrite =
  & (Write | RunWrite)
  & {
    readonly type:
      | "putSubscription"
      | "deleteSubscription"
      | "putReceived"
      | "deleteReceived"
      | "putInflight"
      | "deleteInflight"
      | "putQueued"
      | "putQueuedRun"
      | "sendQueuedRun"
      | "deleteInflightAll"
      | "deleteQueued";
  };

function applyTo(session: SessionRecord, write: PartWrite): void {
  switch (write.type) {
    case "putInflight":
      session.inflight = ids.set(session.inflight, write.packetId, write.inflight);
      return;
    case "sendQueuedRun": {
      const { run, firstPacketId } = write.inflight;
      session.queue?.deleteRun(run);
      const others = withoutRange(session.inflight, firstPacketId, runLength(run));
      session.inflight = ids.setRange(others, firstPacketId, runLength(run), write.inflight);
      return;
    }
    case "deleteInflight":
      session.inflight = ids.remove(session.inflight, write.packetId);
      return;
    case "deleteInflightAll":
      session.inflight = withoutAll(session.inflight, write);
      return;
    case "putQueued":
      session.queue ??= new DeliveryQueue();
      session.queue.put(write.delivery);
      return;
    case "putQueuedRun":
      session.queue ??= new DeliveryQueue();
      session.queue.putRun(write.run);
      return;
    case "deleteQueued":
      session.queue?.delete(write.order);
      return;
    case "putReceived":
      session.received ??= new Set();
      session.received.add(write.packetId);
      return;
    case "deleteReceived":
      session.received?.delete(write.packetId);
      return;
    case "putSubscription":
      session.subscriptions ??= new Map();
      session.subscriptions.set(write.subscription.full, write.subscription);
      return;
    case "deleteSubscription":
      session.subscriptions?.delete(write.filter);
  }
}

/** The map without all of them, as far as it has them. */
function withoutAll(
  inflight: PacketIdMap<Flight>,
  { packetIds, inRow }: Pick<AcknowledgementRun, "packetIds" | "inRow">,
): PacketIdMap<Flight> {
  return ids.removeAll(inflight, packetIds, inRow) ??
    packetIds.reduce(ids.remove<Flight>, inflight);
}

/** The map without `count` ids from `first` on, of which it should have none. */
function withoutRange(
  inflight: PacketIdMap<Flight>,
  first: PacketId,
  count: number,
): PacketIdMap<Flight> {
  let rest = inflight;
  if (!ids.hasAny(inflight, first, count)) return rest;
  for (let id = first; id < first + count; id++) rest = ids.remove(rest, id);
  return rest;
}

/** Each message by itself, by Packet Identifier. */
function inflightOf({ inflight }: SessionRecord): (readonly [PacketId, Inflight])[] {
  return ids.entries(inflight).map(([packetId, flight]) => [
    packetId,
    inflightUnder(packetId, flight),
  ]);
}

/** The values of a map by their keys. */
function sorted<K extends string | number, V>(map: ReadonlyMap<K, V> | undefined): readonly V[] {
  return [...map ?? []].sort(([a], [b]) => a < b ? -1 : 1).map(([, value]) => value);
}
