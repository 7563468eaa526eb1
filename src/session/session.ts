/**
 * The Session record: what outlives a Network Connection. Immutable; every transition returns another,
 * or the same object when nothing changed. MQTT 5.0 section 4.1; MQTT 3.1.1 section 3.1.2.4.
 */

import type { PacketId } from "../packet/packet.ts";
import type { ClientId, Identity, Instant, Seconds } from "../policy/identity.ts";
import type { Limits } from "../policy/limits.ts";
import type { DeliveryRun } from "./delivery_run.ts";
import { deliveryAt, sizeOfPart } from "./delivery_run.ts";
import type { Delivery } from "./message.ts";
import { messageSize } from "./message.ts";
import type { PacketIdMap } from "./packet_id_map.ts";
import { emptyPacketIdMap } from "./packet_id_map.ts";
import type { Queue } from "./queue.ts";
import { atRest, EMPTY_QUEUE } from "./queue.ts";
import { NOTHING } from "./step.ts";
import type { SubscriptionMap } from "./subscription_map.ts";
import { NO_SUBSCRIPTIONS } from "./subscription_map.ts";

/** An outbound message between its PUBLISH and the end of its hand-shake, section 4.3. */
export interface Inflight {
  readonly awaiting: "puback" | "pubrec" | "pubcomp";
  /** Undefined once PUBREC has come: the receiver owns the message. */
  readonly delivery: Delivery | undefined;
  /** The order in which packets are sent again [MQTT-4.6.0-1] [MQTT-4.6.0-4]. */
  readonly sequence: number;
  /** When it was last sent, for the timed resend of 3.x. */
  readonly sentAt: Instant;
}

/** A run that was sent as one: it stands under each of its Packet Identifiers until that is acknowledged. */
export interface InflightRun {
  readonly awaiting: "puback" | "pubrec";
  readonly run: DeliveryRun;
  /** Of the first; those of the others follow. */
  readonly firstPacketId: PacketId;
  /** The same. */
  readonly sequence: number;
  readonly sentAt: Instant;
}

/** What stands under a Packet Identifier. */
export type Flight = Inflight | InflightRun;

/** What is inflight under that Packet Identifier, by itself. */
export function inflightUnder(packetId: PacketId, flight: Flight): Inflight {
  if (!("run" in flight)) return flight;
  const { awaiting, run, sequence, sentAt } = flight;
  const index = packetId - flight.firstPacketId;
  return { awaiting, delivery: deliveryAt(run, index), sequence: sequence + index, sentAt };
}

/**
 * The size of the messages under so many Packet Identifiers, from that one on, as `messageSize` counts: it stands under
 * each of them. 0 of one that was let go.
 */
export function sizeUnder(packetId: PacketId, flight: Flight, count = 1): number {
  if ("run" in flight) return sizeOfPart(flight.run, packetId - flight.firstPacketId, count);
  return flight.delivery === undefined ? 0 : messageSize(flight.delivery.message);
}

export interface Session {
  readonly clientId: ClientId;
  /** Only the same identity may resume or take it over. */
  readonly owner: Identity;
  /** 0: it ends with its connection. */
  readonly expiryInterval: Seconds;
  /** The store keeps it; otherwise all its writes are none. What is stored stays so until it ends. */
  readonly stored: boolean;
  readonly subscriptions: SubscriptionMap;
  /** QoS 2 inbound: PUBREC owed or sent, PUBREL awaited. The value is when PUBREC was last asked for. */
  readonly received: PacketIdMap<Instant>;
  /** Outbound, awaiting an acknowledgement. */
  readonly inflight: PacketIdMap<Flight>;
  /** Of `inflight`, what was not sent again yet since the client came back, in sequence. */
  readonly resending: readonly PacketId[];
  readonly queue: Queue;
  /** Where the search for a free Packet Identifier starts. */
  readonly nextPacketId: PacketId;
  /** The next `Inflight.sequence`. */
  readonly nextSequence: number;
  /** Receive Maximum of the client less what is inflight, section 4.9; 0 while it is absent. */
  readonly sendQuota: number;
  /** Bytes of the messages that were sent on this connection and are inflight still. */
  readonly sentBytes: number;
}

/** A session without any state. */
export function newSession(
  clientId: ClientId,
  owner: Identity,
  expiryInterval: Seconds,
): Session {
  return {
    clientId,
    owner,
    expiryInterval,
    stored: expiryInterval > 0,
    subscriptions: NO_SUBSCRIPTIONS,
    received: emptyPacketIdMap(),
    inflight: emptyPacketIdMap(),
    resending: NOTHING,
    queue: EMPTY_QUEUE,
    nextPacketId: 1,
    nextSequence: 1,
    sendQuota: 0,
    sentBytes: 0,
  };
}

/** Whether the store keeps it. */
export function isStored(session: Session): boolean {
  return session.stored;
}

/** What stays in memory of a stored session while its client is away: the rest is in the store. */
export function resting(session: Session): Session {
  return {
    ...session,
    received: emptyPacketIdMap(),
    inflight: emptyPacketIdMap(),
    resending: NOTHING,
    queue: atRest(session.queue),
    sendQuota: 0,
    sentBytes: 0,
  };
}

/**
 * Whether another message may be sent: the quota allows it, and what is unacknowledged leaves room, so
 * that no outbox overflows. A message larger than the whole window goes when nothing else is inflight.
 */
export function hasWindow(session: Session, limits: Limits): boolean {
  return session.sendQuota > 0 && session.sentBytes < limits.sendWindowBytes;
}
