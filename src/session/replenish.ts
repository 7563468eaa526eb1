/**
 * Fills the window towards a client: first what has to be sent again, then the queue.
 * MQTT 5.0 sections 4.4, 4.6 and 4.9.
 */

import type { PacketId } from "../packet/packet.ts";
import type { Instant } from "../policy/identity.ts";
import { inflightOf } from "./deliver.ts";
import type { DropReason } from "./fact.ts";
import * as fifo from "./fifo.ts";
import type { Delivery } from "./message.ts";
import { messageSize } from "./message.ts";
import * as ids from "./packet_id_map.ts";
import { opened } from "./queue.ts";
import type { Inflight, Session } from "./session.ts";
import { inflightUnder, isStored } from "./session.ts";
import type { Write } from "./write.ts";

/** A packet to send, in this order: a PUBLISH, or a PUBREL where `delivery` is undefined. */
export interface Outbound {
  readonly delivery: Delivery | undefined;
  /** 0 for a queued QoS 0 message. */
  readonly packetId: PacketId;
  readonly dup: boolean;
}

export interface Replenished {
  readonly session: Session;
  readonly writes: readonly Write[];
  readonly outbound: readonly Outbound[];
  readonly dropped: readonly (readonly [Delivery, DropReason])[];
  /** Bytes of the QoS 0 messages in `outbound`. */
  readonly qos0Bytes: number;
}

/**
 * Takes as much as the quota allows.
 *
 * @param fits whether the client takes a packet of that size [MQTT-3.1.2-24]
 * @param windowBytes of messages that may be inflight; the last one may go over it
 * @param qos0Room bytes of QoS 0 messages, which no acknowledgement paces; the last may go over it
 * @param permitted whether the client may have the message, as the rules are now
 */
export function replenish(
  session: Session,
  now: Instant,
  fits: (delivery: Delivery) => boolean,
  windowBytes = Infinity,
  qos0Room = Infinity,
  permitted: (delivery: Delivery) => boolean = everything,
): Replenished {
  const collected: Collected = { writes: [], outbound: [], dropped: [], qos0Bytes: 0 };
  const window: Window = { now, fits, windowBytes, qos0Room, permitted };
  let before = session;
  let next = sendAgain(session, window, collected);
  do next = sendQueued(before = next, window, collected); while (next !== before);
  return { session: next, ...collected };
}

function everything(): boolean {
  return true;
}

/** What `replenish` was given. */
interface Window {
  readonly now: Instant;
  readonly fits: (delivery: Delivery) => boolean;
  readonly windowBytes: number;
  readonly qos0Room: number;
  readonly permitted: (delivery: Delivery) => boolean;
}

/** Where `replenish` collects. */
interface Collected {
  readonly writes: Write[];
  readonly outbound: Outbound[];
  readonly dropped: [Delivery, DropReason][];
  qos0Bytes: number;
}

/**
 * Takes as much of the queue's head as there is quota for, all into flight at once: to change the session for
 * each message had cost more than all the rest. What is dropped leaves quota for another call.
 *
 * @returns the same session where nothing could be taken
 */
function sendQueued(session: Session, window: Window, collected: Collected): Session {
  if (session.sendQuota === 0 || session.sentBytes >= window.windowBytes) return session;
  const { clientId, inflight, nextSequence } = session;
  const queue = opened(session.queue);
  const { writes, outbound, dropped } = collected;
  const waiting = fifo.first(queue.head, session.sendQuota);
  const stored = isStored(session);
  const packetIds: PacketId[] = [];
  const flown: Inflight[] = [];
  const freeIds = ids.LARGEST - ids.size(inflight);
  let { nextPacketId, sentBytes, queue: { bytes } } = session;
  let count = 0;
  while (
    count < waiting.length && sentBytes < window.windowBytes &&
    collected.qos0Bytes < window.qos0Room
  ) {
    const delivery = waiting[count++]!;
    const { message } = delivery;
    const size = messageSize(message);
    bytes -= size;
    if (stored) writes.push({ type: "deleteQueued", clientId, order: message.order });
    const reason = dropReason(delivery, window);
    if (reason !== undefined) {
      dropped.push([delivery, reason]);
    } else if (delivery.qos === 0) {
      collected.qos0Bytes += size;
      outbound.push({ delivery, packetId: 0, dup: false });
    } else {
      if (packetIds.length >= freeIds) {
        throw new Error("a send quota above the number of Packet Identifiers");
      }
      const packetId = ids.firstFree(inflight, nextPacketId);
      nextPacketId = ids.following(packetId);
      const entry = inflightOf(delivery, nextSequence + flown.length, window.now);
      packetIds.push(packetId);
      flown.push(entry);
      sentBytes += size;
      if (stored) writes.push({ type: "putInflight", clientId, packetId, inflight: entry });
      outbound.push({ delivery, packetId, dup: false });
    }
  }
  if (count === 0) return session;
  return {
    ...session,
    inflight: ids.setAll(inflight, packetIds, flown),
    queue: { ...queue, head: fifo.drop(queue.head, count), bytes },
    nextPacketId,
    nextSequence: nextSequence + flown.length,
    sendQuota: session.sendQuota - flown.length,
    sentBytes,
  };
}

/** Why a queued message is not sent any more. */
function dropReason(delivery: Delivery, { now, fits, permitted }: Window): DropReason | undefined {
  if (delivery.message.expiresAt <= now) return "expired";
  if (!permitted(delivery)) return "notPermitted";
  return fits(delivery) ? undefined : "tooLargeForClient";
}

/**
 * Takes what waits for its resend; a whole window at once, so no copy of the list for each. What is not
 * permitted any more is settled as if it had been acknowledged.
 */
function sendAgain(
  session: Session,
  { now, windowBytes, permitted }: Window,
  { writes, outbound, dropped }: Collected,
): Session {
  const { resending, sendQuota } = session;
  let { inflight, sentBytes } = session;
  let count = 0;
  let sent = 0;
  while (count < resending.length && sent < sendQuota && sentBytes < windowBytes) {
    const packetId = resending[count]!;
    const entry = inflightUnder(packetId, ids.get(inflight, packetId)!);
    const { delivery } = entry;
    count += 1;
    if (delivery !== undefined && !permitted(delivery)) {
      inflight = ids.remove(inflight, packetId);
      dropped.push([delivery, "notPermitted"]);
      if (isStored(session)) {
        writes.push({ type: "deleteInflight", clientId: session.clientId, packetId });
      }
      continue;
    }
    inflight = ids.set(inflight, packetId, { ...entry, sentAt: now });
    if (delivery !== undefined) sentBytes += messageSize(delivery.message);
    outbound.push({ delivery, packetId, dup: delivery !== undefined });
    sent += 1;
  }
  if (count === 0) return session;
  return {
    ...session,
    inflight,
    sentBytes,
    resending: resending.slice(count),
    sendQuota: sendQuota - sent,
  };
}
