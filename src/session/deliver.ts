/**
 * A message for one session: into flight, into the queue, or dropped with a reason.
 * MQTT 5.0 sections 4.3, 4.6 and 4.9.
 */

import type { PacketId } from "../packet/packet.ts";
import type { Instant } from "../policy/identity.ts";
import type { Limits } from "../policy/limits.ts";
import type { Rules } from "../policy/rules.ts";
import type { DropReason } from "./fact.ts";
import * as fifo from "./fifo.ts";
import type { Delivery } from "./message.ts";
import { messageSize } from "./message.ts";
import * as ids from "./packet_id_map.ts";
import type { Queue } from "./queue.ts";
import { dropOldest, enqueue, queueLength } from "./queue.ts";
import type { Session } from "./session.ts";
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
  /** The queues of all sessions together have room. */
  readonly room: boolean;
}

/** Nothing overtakes: what finds a queue goes behind it, whatever the quota. */
export function deliver(session: Session, delivery: Delivery, given: DeliverGiven): Delivered {
  if (
    given.ready && hasWindow(session, given.rules.limits) && delivery.qos > 0 &&
    session.resending.length === 0 && queueLength(session.queue) === 0
  ) {
    const packetId = ids.firstFree(session.inflight, session.nextPacketId);
    if (packetId !== 0) return intoFlight(session, delivery, packetId, given.now);
  }
  return intoQueue(session, delivery, given);
}

/** The delivery inflight under a free Packet Identifier [MQTT-2.2.1-4]. */
export function intoFlight(
  session: Session,
  delivery: Delivery,
  packetId: PacketId,
  now: Instant,
): Delivered {
  const inflight = {
    awaiting: delivery.qos === 1 ? "puback" : "pubrec",
    delivery,
    sequence: session.nextSequence,
    sentAt: now,
  } as const;
  return {
    session: {
      ...session,
      inflight: ids.set(session.inflight, packetId, inflight),
      nextPacketId: packetId === 65_535 ? 1 : packetId + 1,
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

/** Whether a queue has no room for another message of that size. */
export function isFull(queue: Queue, size: number, limits: Limits): boolean {
  return queueLength(queue) >= limits.queuedMessagesPerSession ||
    queue.bytes + size > limits.queuedBytesPerSession;
}

function intoQueue(session: Session, delivery: Delivery, given: DeliverGiven): Delivered {
  const { limits, queuePolicy } = given.rules;
  const size = messageSize(delivery.message);
  const stored = isStored(session);
  const writes: Write[] = [];
  let queue = session.queue;
  let droppedCount = 0;
  const full = () => isFull(queue, size, limits);
  const reason = given.room ? "queueFull" : "brokerQueueFull";
  if (full() || !given.room) {
    if (queuePolicy !== "dropOldest" || size > limits.queuedBytesPerSession) {
      return refuse(session, reason);
    }
    do {
      const shorter = dropOldest(queue);
      // An empty queue leaves nothing to drop in this message's favour.
      if (shorter === undefined) return refuse(session, reason);
      queue = shorter.queue;
      droppedCount += 1;
      if (stored) {
        writes.push({
          type: "deleteQueued",
          clientId: session.clientId,
          order: shorter.order,
        });
      }
    } while (full());
  }
  const toTail = stored && (given.absent || fifo.size(queue.head) >= limits.queueHead);
  if (stored) writes.push({ type: "putQueued", clientId: session.clientId, delivery });
  return {
    session: { ...session, queue: enqueue(queue, delivery, toTail) },
    writes,
    packetId: 0,
    dropped: droppedCount > 0 ? reason : undefined,
    droppedCount,
  };
}

function refuse(session: Session, dropped: DropReason): Delivered {
  return { session, writes: NOTHING, packetId: 0, dropped, droppedCount: 1 };
}
