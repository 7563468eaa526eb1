/**
 * The first run of a queue, or as much of it as the window takes, into flight at once. MQTT 5.0 sections 4.6 and 4.9.
 *
 * It is `replenish` for the case that all of it may go as it is: there is nothing before it, it keeps to the same
 * window, and it gets the same Packet Identifiers.
 */

import type { Instant } from "../policy/identity.ts";
import type { DeliveryRun } from "./delivery_run.ts";
import { partOfRun, runLength, runSize, sizeAt } from "./delivery_run.ts";
import * as fifo from "./fifo.ts";
import * as ids from "./packet_id_map.ts";
import { withoutFirst } from "./queue.ts";
import type { Flight, InflightRun, Session } from "./session.ts";
import { isStored } from "./session.ts";

export interface SentRun {
  readonly session: Session;
  /** What is to be written and sent. */
  readonly inflight: InflightRun;
}

/**
 * The session with it inflight; undefined where there is none, no window, or something that `replenish` has to see.
 *
 * @param windowBytes of messages that may be inflight; the last one may go over it
 */
export function sendFirstRun(
  session: Session,
  now: Instant,
  windowBytes: number,
): SentRun | undefined {
  const { queue, inflight, resending, nextPacketId, nextSequence, sendQuota } = session;
  const [first] = queue.runs;
  if (first === undefined || fifo.size(queue.head) > 0 || resending.length > 0) return undefined;
  if (!isStored(session)) return undefined;
  const most = Math.min(runLength(first), sendQuota, ids.LARGEST + 1 - nextPacketId);
  const count = countWithin(first, most, windowBytes - session.sentBytes);
  if (count === 0 || ids.hasAny(inflight, nextPacketId, count)) return undefined;
  const run = partOfRun(first, 0, count);
  const size = runSize(run);
  const flight: InflightRun = {
    awaiting: first.like.qos === 1 ? "puback" : "pubrec",
    run,
    firstPacketId: nextPacketId,
    sequence: nextSequence,
    sentAt: now,
  };
  return {
    session: {
      ...session,
      inflight: ids.setRange<Flight>(inflight, nextPacketId, count, flight),
      queue: withoutFirst(queue, count, size),
      nextPacketId: ids.following(nextPacketId + count - 1),
      nextSequence: nextSequence + count,
      sendQuota: sendQuota - count,
      sentBytes: session.sentBytes + size,
    },
    inflight: flight,
  };
}

/** How many of its first `most` go before `room` bytes are taken: the last may go over it. */
function countWithin(run: DeliveryRun, most: number, room: number): number {
  if (runSize(run) < room) return most;
  let count = 0;
  for (let taken = 0; count < most && taken < room; count++) taken += sizeAt(run, count);
  return count;
}
