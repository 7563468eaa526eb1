/**
 * Retained messages for a new subscription, as a stream: taken from the tree as the socket and the send
 * quota allow, not queued, the payload bytes shared with the tree.
 * MQTT 5.0 sections 3.3.1.3 and 3.8.3.1.
 */

import type { QoS } from "../packet/packet.ts";
import { permits } from "../policy/permits.ts";
import { intoFlight } from "../session/deliver.ts";
import type { Effect } from "../session/effect.ts";
import type { Delivery, Message, Order } from "../session/message.ts";
import { messageSize } from "../session/message.ts";
import * as ids from "../session/packet_id_map.ts";
import { hasWindow } from "../session/session.ts";
import { durably } from "../session/step.ts";
import type { Subscription } from "../session/subscription_map.ts";
import type { Write } from "../session/write.ts";
import type { RetainedSearch } from "../topic/retained_search.ts";
import { fits, sendDelivery, sendNow, unfit } from "./outgoing.ts";
import { isOwnOrder } from "./route.ts";
import { mayLeavePacked, sendPacked } from "./send_packed.ts";
import type { Client, Tables } from "./tables.ts";
import { ask, observeDrop, replaceSession, sendable } from "./tables.ts";

export interface RetainedStream {
  readonly search: RetainedSearch;
  readonly subscription: Subscription;
  /** Of a later order than the SUBSCRIBE: those have come as ordinary messages. */
  readonly before: Order;
  /** Taken from the tree, but not sent for want of quota, or by `sendPacked`. */
  pending: Message | undefined;
  /** Had the odd one the last time that the quota could not be halved. */
  odd: boolean;
}

/**
 * Begins a stream; `refill` goes on with it, once SUBACK has left. None where nothing matches: a SUBSCRIBE of
 * thousands of filters would go through the list of streams for each of them.
 */
export function beginStream(tables: Tables, client: Client, subscription: Subscription): void {
  if (tables.retained.size === 0 && client.streams.length === 0) return;
  const search = tables.retained.search(subscription.filter);
  const pending = next(tables, search);
  const others = client.streams.length === 0
    ? client.streams
    : client.streams.filter((stream) => stream.subscription.full !== subscription.full);
  if (pending === undefined) {
    client.streams = others;
    return;
  }
  const before = tables.nextOrder;
  client.streams = [...others, { search, subscription, before, pending, odd: false }];
}

/** The half of the quota that is for retained messages while others are queued: the odd one in turn. */
export function streamsHalf({ streams, session }: Client): number {
  const { sendQuota } = session;
  if (sendQuota % 2 === 0) return sendQuota / 2;
  const stream = streams[0]!;
  stream.odd = !stream.odd;
  return (sendQuota + (stream.odd ? 1 : -1)) / 2;
}

/** Sends on from the client's streams: a bounded number a turn, `quota` of them with QoS 1 or 2. */
export function streamRetained(tables: Tables, client: Client, quota: number): void {
  const live = client.live!;
  if (live.subacks > 0) { // the last of them goes on with it
    tables.runnable.delete(client);
    return;
  }
  const writes: Write[] = [];
  const then: Effect[] = [];
  let left = quota;
  let turns = tables.rules.limits.retainedPerTurn;
  let waiting = false;
  while (client.streams.length > 0 && turns > 0 && !waiting && live.qos0Room > 0) {
    const stream = client.streams[0]!;
    if (stream.pending === undefined && mayLeavePacked(tables, live, stream.subscription)) {
      const taken = sendPacked(tables, live, stream, turns);
      turns -= taken;
      if (taken > 0) continue;
    }
    const message = stream.pending ?? next(tables, stream.search);
    if (message === undefined) {
      client.streams = client.streams.slice(1);
      continue;
    }
    turns -= 1;
    const delivery = deliveryOf(tables, client, stream, message);
    if (delivery === undefined) {
      stream.pending = undefined;
    } else if (delivery.qos === 0) {
      stream.pending = undefined;
      live.qos0Room -= messageSize(message);
      sendNow(tables, live, delivery);
    } else if (
      left > 0 && hasWindow(client.session, tables.rules.limits) &&
      client.session.resending.length === 0
    ) {
      stream.pending = undefined;
      left -= 1;
      intoFlightNow(tables, client, delivery, writes, then);
    } else {
      stream.pending = message;
      waiting = true; // the next acknowledgement goes on
    }
  }
  if (client.streams.length === 0 || waiting || !sendable(client)) tables.runnable.delete(client);
  else tables.runnable.add(client);
  if (writes.length + then.length > 0) ask(tables, durably(client.clientId, writes, ...then));
}

function next(tables: Tables, search: RetainedSearch): Message | undefined {
  const number = search.next();
  return number === 0 ? undefined : tables.retainedMessages.get(number);
}

/** Undefined for what is not to be sent: newer than the subscription, expired, too large, denied, its own. */
function deliveryOf(
  tables: Tables,
  client: Client,
  { subscription, before }: RetainedStream,
  message: Message,
): Delivery | undefined {
  // Of another node's message that is not known: to send it once more is better than not at all.
  if (message.order >= before && isOwnOrder(tables, message.order)) return undefined;
  if (message.expiresAt <= tables.now) return undefined; // expire.ts takes it away
  const { options } = subscription;
  if (options.noLocal && message.publisher === client.clientId) return undefined; // [MQTT-3.8.3-3]
  const qos: QoS = options.qos < message.qos ? options.qos : message.qos;
  const { identity } = client.live!.connection;
  if (!permits(tables.rules, identity, "receive", message.topic, qos, true).permitted) {
    return undefined;
  }
  const identifier = options.subscriptionIdentifier;
  const delivery: Delivery = {
    message,
    qos,
    retain: true, // [MQTT-3.3.1-8]
    subscriptionIdentifiers: identifier === undefined ? undefined : [identifier],
    group: undefined,
  };
  if (fits(tables, client.live!, delivery)) return delivery;
  observeDrop(tables, client.clientId, message.topic, unfit(client.live!, delivery));
  return undefined;
}

function intoFlightNow(
  tables: Tables,
  client: Client,
  delivery: Delivery,
  writes: Write[],
  then: Effect[],
): void {
  // Past its queue on purpose: a retained message is older than what is queued by this subscription.
  const packetId = ids.firstFree(client.session.inflight, client.session.nextPacketId);
  const flown = intoFlight(client.session, delivery, packetId, tables.now);
  replaceSession(tables, client, flown.session);
  writes.push(...flown.writes);
  then.push(sendDelivery(tables, client.live!, delivery, packetId, false));
}
