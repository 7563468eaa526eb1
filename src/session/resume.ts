/**
 * A client is back: everything unacknowledged is to be sent again, with its Packet Identifiers, in the
 * order of the first time [MQTT-4.4.0-1] [MQTT-4.6.0-1]. MQTT 5.0 section 4.4.
 */

import * as ids from "./packet_id_map.ts";
import type { Session } from "./session.ts";
import { inflightUnder } from "./session.ts";
import { NOTHING } from "./step.ts";

/**
 * The session with a full quota and all that is inflight waiting for its turn.
 *
 * @param window packets with a Packet Identifier that the client takes at once, at least 1
 */
export function resume(session: Session, window: number): Session {
  const waiting = ids.entries(session.inflight).map(([packetId, flight]) =>
    [packetId, inflightUnder(packetId, flight)] as const
  );
  waiting.sort(([, a], [, b]) => a.sequence - b.sequence);
  return {
    ...session,
    // Each by itself from here on: it is sent again, and at another time than its neighbours.
    inflight: ids.setAll(
      session.inflight,
      waiting.map(([packetId]) => packetId),
      waiting.map(([, inflight]) => inflight),
    ),
    sendQuota: window,
    sentBytes: 0,
    resending: waiting.length === 0 ? NOTHING : waiting.map(([packetId]) => packetId),
  };
}
