/**
 * Short ways to write down the values that transition tables are made of. Everything is deep-frozen:
 * a transition that changes what it was given throws.
 */

import type { Publish, QoS, SubscriptionOptions } from "../../src/packet/packet.ts";
import { announcedBy } from "../../src/policy/announced.ts";
import { ANONYMOUS } from "../../src/policy/identity.ts";
import type { Limits } from "../../src/policy/limits.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import type { Demand, Persist } from "../../src/session/effect.ts";
import * as fifo from "../../src/session/fifo.ts";
import type { Delivery, Message } from "../../src/session/message.ts";
import * as ids from "../../src/session/packet_id_map.ts";
import { EMPTY_QUEUE, enqueue, tailOrders } from "../../src/session/queue.ts";
import type { Inflight, Session } from "../../src/session/session.ts";
import { newSession, sizeUnder } from "../../src/session/session.ts";
import type { Given } from "../../src/session/step.ts";
import { deepFreeze } from "../deep_freeze.ts";
import { plainPublish } from "../packets.ts";

export const VERSIONS = [3, 4, 5] as const;
export const NOW = 1_000_000;

export const version = (v: 3 | 4 | 5) => ({ 3: "3.1", 4: "3.1.1", 5: "5.0" })[v];

/** A stored session where `stored`, else one that ends with its connection. */
export function session(stored: boolean, changes: Partial<Session> = {}): Session {
  const made = newSession("c", ANONYMOUS, stored ? 60 : 0);
  const built = { ...made, sendQuota: 10, ...changes };
  return deepFreeze({ ...built, sentBytes: changes.sentBytes ?? sentBytesOf(built) });
}

/** What `sentBytes` must be: the messages inflight that do not wait to be sent again. */
export function sentBytesOf({ inflight, resending }: Session): number {
  return ids.entries(inflight).reduce(
    (sum, [packetId, flight]) =>
      resending.includes(packetId) ? sum : sum + sizeUnder(packetId, flight),
    0,
  );
}

export function rules(limits: Partial<Limits> = {}, changes: Partial<Rules> = {}): Rules {
  return deepFreeze({
    ...defaultRules,
    ...changes,
    limits: { ...defaultRules.limits, ...limits },
  });
}

export function given(changes: Partial<Given> = {}): Given {
  return deepFreeze({
    now: NOW,
    rules: rules(),
    announced: announcedBy(changes.rules ?? rules()),
    identity: ANONYMOUS,
    connection: 41,
    version: 5,
    order: 900,
    unacknowledged: 0,
    ...changes,
  });
}

export function publish(changes: Partial<Publish> = {}): Publish {
  return deepFreeze(plainPublish("a/b", Uint8Array.of(1, 2, 3), changes));
}

export function message(order: number, changes: Partial<Message> = {}): Message {
  return deepFreeze({
    order,
    topic: "t",
    payload: Uint8Array.of(order & 255),
    qos: 2,
    retain: false,
    properties: undefined,
    expiresAt: Infinity,
    publisher: "p",
    ...changes,
  });
}

export function delivery(order: number, qos: QoS = 1, changes: Partial<Message> = {}): Delivery {
  return deepFreeze({
    message: message(order, changes),
    qos,
    retain: false,
    subscriptionIdentifiers: undefined,
    group: undefined,
  });
}

export function inflight(
  awaiting: Inflight["awaiting"],
  sequence: number,
  changes: Partial<Inflight> = {},
): Inflight {
  return deepFreeze({
    awaiting,
    delivery: awaiting === "pubcomp"
      ? undefined
      : delivery(100 + sequence, awaiting === "puback" ? 1 : 2),
    sequence,
    sentAt: NOW - 5_000,
    ...changes,
  });
}

export function idMap<V>(...entries: (readonly [number, V])[]): ids.PacketIdMap<V> {
  let map = ids.emptyPacketIdMap<V>();
  for (const [id, value] of entries) map = ids.set(map, id, value);
  return map;
}

/** A queue with all of it in the head. */
export function queueOf(...deliveries: Delivery[]) {
  return deliveries.reduce((queue, each) => enqueue(queue, each, false), EMPTY_QUEUE);
}

/** A queue with all of it in the store. */
export function tailOf(...deliveries: Delivery[]) {
  return deliveries.reduce((queue, each) => enqueue(queue, each, true), EMPTY_QUEUE);
}

/** The orders of the messages in the head and in the tail. */
export function ordersOf({ queue }: Pick<Session, "queue">) {
  return {
    head: fifo.toArray(queue.head).map((each) => each.message.order),
    tail: tailOrders(queue),
  };
}

export function options(qos: QoS = 0, changes: Partial<SubscriptionOptions> = {}) {
  return deepFreeze({
    qos,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0 as const,
    subscriptionIdentifier: undefined,
    ...changes,
  });
}

/** The persist that a transition asks for: of session `c`, with what leaves after it. */
export function persist(writes: Persist["writes"], ...then: Persist["then"]): Persist {
  return { type: "persist", of: "c", writes, then };
}

/** The demand that ends the connection, whatever the words for the log. */
export function isDisconnect(demand: Demand | undefined, reasonCode: number): boolean {
  return demand?.type === "disconnect" && demand.packet.reasonCode === reasonCode &&
    demand.packet.type === "disconnect" && demand.detail.length > 0;
}
