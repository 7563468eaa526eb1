/**
 * A PUBREL from the client: it lets the Packet Identifier of its QoS 2 message go.
 * MQTT 5.0 sections 3.6 and 4.3.3.
 */

import type { Pubrel } from "../packet/packet.ts";
import { Reason } from "../packet/reason_code.ts";
import type { Demand } from "./effect.ts";
import * as ids from "./packet_id_map.ts";
import type { Session } from "./session.ts";
import { isStored } from "./session.ts";
import type { Given, Step } from "./step.ts";
import { durably, NOTHING, step } from "./step.ts";

/** Answers PUBCOMP [MQTT-4.3.3-11]; with 0x92 where the Packet Identifier is not known. */
export function onPubrel(session: Session, pubrel: Pubrel, given: Given): Step<Session, Demand> {
  const { clientId } = session;
  const { packetId } = pubrel;
  const known = ids.has(session.received, packetId);
  return step(
    known ? { ...session, received: ids.remove(session.received, packetId) } : session,
    durably(
      clientId,
      known && isStored(session) ? [{ type: "deleteReceived", clientId, packetId }] : NOTHING,
      {
        type: "send",
        to: given.connection,
        packet: {
          type: "pubcomp",
          packetId,
          reasonCode: known ? Reason.success : Reason.packetIdentifierNotFound,
          properties: undefined,
        },
      },
    ),
  );
}
