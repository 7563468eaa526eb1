/**
 * Timed resend while connected, for 3.1 and 3.1.1 only: 5.0 forbids it [MQTT-4.4.0-1].
 * MQTT 3.1 section 4.2; MQTT 3.1.1 section 4.4.
 */

import type { PacketId } from "../packet/packet.ts";
import type { Instant } from "../policy/identity.ts";
import * as ids from "./packet_id_map.ts";
import type { Outbound } from "./replenish.ts";
import type { Session } from "./session.ts";
import { inflightUnder } from "./session.ts";

export interface Retried {
  readonly session: Session;
  /** PUBLISH with DUP and PUBREL, in sequence. */
  readonly outbound: readonly Outbound[];
  /** Packet Identifiers whose PUBREC is to be sent again. */
  readonly pubrecs: readonly PacketId[];
}

/**
 * What has waited for `interval` milliseconds since it was last sent.
 *
 * @returns the same session where nothing is due
 */
export function retry(session: Session, now: Instant, interval: number): Retried {
  const due = ids.entries(session.inflight)
    .map(([packetId, flight]) => [packetId, inflightUnder(packetId, flight)] as const)
    .filter(([packetId, entry]) =>
      entry.sentAt + interval <= now && !session.resending.includes(packetId)
    )
    .sort(([, a], [, b]) => a.sequence - b.sequence);
  const pubrecs = ids.entries(session.received)
    .filter(([, askedAt]) => askedAt + interval <= now)
    .map(([packetId]) => packetId);
  if (due.length === 0 && pubrecs.length === 0) return { session, outbound: [], pubrecs };
  let { inflight, received } = session;
  for (const [packetId, entry] of due) {
    inflight = ids.set(inflight, packetId, { ...entry, sentAt: now });
  }
  for (const packetId of pubrecs) received = ids.set(received, packetId, now);
  return {
    session: { ...session, inflight, received },
    outbound: due.map(([packetId, { delivery }]) => ({
      delivery,
      packetId,
      dup: delivery !== undefined,
    })),
    pubrecs,
  };
}
