/**
 * Fills the window towards a client: first what has to be sent again, then the queue.
 * MQTT 5.0 sections 4.4, 4.6 and 4.9.
 */

import type { PacketId } from "../packet/packet.ts";
import type { Instant } from "../policy/identity.ts";
import { intoFlight } from "./deliver.ts";
import type { DropReason } from "./fact.ts";
import * as fifo from "./fifo.ts";
import type { Delivery } from "./message.ts";
import { messageSize } from "./message.ts";
import * as ids from "./packet_id_map.ts";
import { shiftHead } from "./queue.ts";
import type { Session } from "./session.ts";
import { isStored } from "./session.ts";
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
  const writes: Write[] = [];
  const outbound: Outbound[] = [];
  const dropped: [Delivery, DropReason][] = [];
  let qos0Bytes = 0;
  let next = sendAgain(session, now, windowBytes, permitted, { writes, outbound, dropped });
  while (next.sendQuota > 0 && next.sentBytes < windowBytes && qos0Bytes < qos0Room) {
    const delivery = fifo.peek(next.queue.head);
    if (delivery === undefined) break;
    const { clientId } = session;
    next = { ...next, queue: shiftHead(next.queue) };
    if (isStored(next)) {
      writes.push({ type: "deleteQueued", clientId, order: delivery.message.order });
    }
    const reason = delivery.message.expiresAt <= now
      ? "expired"
      : !permitted(delivery)
      ? "notPermitted"
      : fits(delivery)
      ? undefined
      : "tooLargeForClient";
    if (reason !== undefined) {
      dropped.push([delivery, reason]);
    } else if (delivery.qos === 0) {
      qos0Bytes += messageSize(delivery.message);
      outbound.push({ delivery, packetId: 0, dup: false });
    } else {
      const packetId = ids.firstFree(next.inflight, next.nextPacketId);
      if (packetId === 0) throw new Error("a send quota above the number of Packet Identifiers");
      const flown = intoFlight(next, delivery, packetId, now);
      next = flown.session;
      writes.push(...flown.writes);
      outbound.push({ delivery, packetId, dup: false });
    }
  }
  return { session: next, writes, outbound, dropped, qos0Bytes };
}

function everything(): boolean {
  return true;
}

/** Where `replenish` collects. */
interface Collected {
  readonly writes: Write[];
  readonly outbound: Outbound[];
  readonly dropped: [Delivery, DropReason][];
}

/**
 * Takes what waits for its resend; a whole window at once, so no copy of the list for each. What is not
 * permitted any more is settled as if it had been acknowledged.
 */
function sendAgain(
  session: Session,
  now: Instant,
  windowBytes: number,
  permitted: (delivery: Delivery) => boolean,
  { writes, outbound, dropped }: Collected,
): Session {
  const { resending, sendQuota } = session;
  let { inflight, sentBytes } = session;
  let count = 0;
  let sent = 0;
  while (count < resending.length && sent < sendQuota && sentBytes < windowBytes) {
    const packetId = resending[count]!;
    const entry = ids.get(inflight, packetId)!;
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
