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
 */
export function replenish(
  session: Session,
  now: Instant,
  fits: (delivery: Delivery) => boolean,
  windowBytes = Infinity,
  qos0Room = Infinity,
): Replenished {
  const writes: Write[] = [];
  const outbound: Outbound[] = [];
  const dropped: [Delivery, DropReason][] = [];
  let qos0Bytes = 0;
  let next = sendAgain(session, now, outbound, windowBytes);
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

/** Takes what waits for its resend; a whole window at once, so no copy of the list for each. */
function sendAgain(
  session: Session,
  now: Instant,
  outbound: Outbound[],
  windowBytes: number,
): Session {
  const { resending, sendQuota } = session;
  let { inflight, sentBytes } = session;
  let count = 0;
  while (count < resending.length && count < sendQuota && sentBytes < windowBytes) {
    const packetId = resending[count]!;
    const entry = ids.get(inflight, packetId)!;
    inflight = ids.set(inflight, packetId, { ...entry, sentAt: now });
    const { delivery } = entry;
    if (delivery !== undefined) sentBytes += messageSize(delivery.message);
    outbound.push({ delivery, packetId, dup: delivery !== undefined });
    count += 1;
  }
  if (count === 0) return session;
  return {
    ...session,
    inflight,
    sentBytes,
    resending: resending.slice(count),
    sendQuota: sendQuota - count,
  };
}
