/**
 * A message for one session: into flight, into the queue, or dropped with a reason.
 * MQTT 5.0 sections 4.3, 4.6 and 4.9.
 */

import type { PacketId } from "../packet/packet.ts";
import type { Instant } from "../policy/identity.ts";
import type { Limits } from "../policy/limits.ts";
import type { Rules } from "../policy/rules.ts";
import type { DropReason } from "./fact.ts";
import type { Delivery } from "./message.ts";
import { messageSize } from "./message.ts";
import * as ids from "./packet_id_map.ts";
import { dropOldest, EMPTY_QUEUE, enqueue, headLength, queueLength } from "./queue.ts";
import type { QueueBound } from "./queue_bound.ts";
import { fullReason } from "./queue_bound.ts";
import type { Inflight, Session } from "./session.ts";
import { hasWindow, isStored } from "./session.ts";
import { NOTHING } from "./step.ts";
import type { Write } from "./write.ts";

/** What became of a delivery. */
export interface Delivered {
  readonly session: Session;
  readonly writes: readonly Write[];
  /** To be sent now with this Packet Identifier; 0: not now. */
  readonly packetId: PacketId;
  readonly dropped: DropReason | undefined;
  /** How many messages were dropped: this one, or older ones in its favour. */
  readonly droppedCount: number;
}

export interface DeliverGiven {
  readonly now: Instant;
  readonly rules: Rules;
  /** Connected, greeted and not congested: a packet may be sent. */
  readonly ready: boolean;
  /** Nobody to send to: what is queued is left to the store. */
  readonly absent: boolean;
  /** What the queues of others leave to this one. */
  readonly bound: QueueBound;
}

/** Nothing overtakes: what finds a queue goes behind it, whatever the quota. */
export function deliver(session: Session, delivery: Delivery, given: DeliverGiven): Delivered {
  const sent = given.ready ? sendNow(session, delivery, given.rules.limits, given.now) : undefined;
  return sent ?? intoQueue(session, delivery, given);
}

/** The delivery to a client that is here, inflight at once; undefined where it has to wait. */
export function sendNow(
  session: Session,
  delivery: Delivery,
  limits: Limits,
  now: Instant,
): Delivered | undefined {
  const { resending, queue, inflight, nextPacketId } = session;
  if (!hasWindow(session, limits) || delivery.qos === 0) return undefined;
  if (resending.length > 0 || queueLength(queue) > 0) return undefined;
  const packetId = ids.firstFree(inflight, nextPacketId);
  return packetId === 0 ? undefined : intoFlight(session, delivery, packetId, now);
}

/** The delivery inflight under a free Packet Identifier [MQTT-2.2.1-4]. */
export function intoFlight(
  session: Session,
  delivery: Delivery,
  packetId: PacketId,
  now: Instant,
): Delivered {
  const inflight = inflightOf(delivery, session.nextSequence, now);
  return {
    session: {
      ...session,
      inflight: ids.set(session.inflight, packetId, inflight),
      nextPacketId: ids.following(packetId),
      nextSequence: session.nextSequence + 1,
      sendQuota: session.sendQuota - 1,
      sentBytes: session.sentBytes + messageSize(delivery.message),
    },
    writes: isStored(session)
      ? [{ type: "putInflight", clientId: session.clientId, packetId, inflight }]
      : NOTHING,
    packetId,
    dropped: undefined,
    droppedCount: 0,
  };
}

/** A delivery with QoS 1 or 2 that is sent for the first time. */
export function inflightOf(delivery: Delivery, sequence: number, now: Instant): Inflight {
  return { awaiting: delivery.qos === 1 ? "puback" : "pubrec", delivery, sequence, sentAt: now };
}

function intoQueue(session: Session, delivery: Delivery, given: DeliverGiven): Delivered {
  const { limits, queuePolicy } = given.rules;
  const size = messageSize(delivery.message);
  const stored = isStored(session);
  const writes: Write[] = [];
  let queue = session.queue;
  let droppedCount = 0;
  const reason = fullReason(queue, size, limits, given.bound);
  if (reason !== undefined) {
    // Only its own messages are dropped in its favour, and none if all of them are not enough.
    const hopeless = fullReason(EMPTY_QUEUE, size, limits, given.bound) !== undefined;
    if (queuePolicy !== "dropOldest" || hopeless) return refuse(session, reason);
    do {
      const shorter = dropOldest(queue)!;
      queue = shorter.queue;
      droppedCount += 1;
      if (stored) {
        writes.push({
          type: "deleteQueued",
          clientId: session.clientId,
          order: shorter.order,
        });
      }
    } while (fullReason(queue, size, limits, given.bound) !== undefined);
  }
  const toTail = stored && (given.absent || headLength(queue) >= limits.queueHead);
  if (stored) writes.push({ type: "putQueued", clientId: session.clientId, delivery });
  return {
    session: { ...session, queue: enqueue(queue, delivery, toTail) },
    writes,
    packetId: 0,
    dropped: reason,
    droppedCount,
  };
}

function refuse(session: Session, dropped: DropReason): Delivered {
  return { session, writes: NOTHING, packetId: 0, dropped, droppedCount: 1 };
}
