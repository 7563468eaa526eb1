/**
 * The end of an outbound hand-shake: the Packet Identifier is free and the send quota is restored.
 * MQTT 5.0 section 4.9.
 */

import type { PacketId } from "../packet/packet.ts";
import * as ids from "./packet_id_map.ts";
import type { Session } from "./session.ts";
import { isStored, sizeUnder } from "./session.ts";
import { NOTHING } from "./step.ts";
import type { Write } from "./write.ts";

/** The session without that message, which is inflight, and the writes that say so. */
export function settle(
  session: Session,
  packetId: PacketId,
): { session: Session; writes: readonly Write[] } {
  // Acknowledged before it was sent again: it has not taken from the quota yet.
  const waiting = session.resending.length > 0 && session.resending.includes(packetId);
  const size = waiting ? 0 : sizeUnder(packetId, ids.get(session.inflight, packetId)!);
  return {
    session: {
      ...session,
      inflight: ids.remove(session.inflight, packetId),
      resending: waiting
        ? session.resending.filter((other) => other !== packetId)
        : session.resending,
      sendQuota: waiting ? session.sendQuota : session.sendQuota + 1,
      sentBytes: session.sentBytes - size,
    },
    writes: isStored(session)
      ? [{ type: "deleteInflight", clientId: session.clientId, packetId }]
      : NOTHING,
  };
}
