/**
 * An acknowledgement of the wrong kind for its Packet Identifier is a Protocol Error: the two sides no
 * longer agree on the state of the message. MQTT 5.0 sections 4.3 and 4.13.
 */

import type { Puback, Pubcomp, Pubrec } from "../packet/packet.ts";
import { Reason } from "../packet/reason_code.ts";
import type { Demand } from "./effect.ts";
import type { Session } from "./session.ts";
import type { Step } from "./step.ts";
import { step } from "./step.ts";

/** Ends the connection and leaves the session as it is. */
export function outOfTurn(
  session: Session,
  packet: Puback | Pubrec | Pubcomp,
  awaited: string,
): Step<Session, Demand> {
  return step(session, {
    type: "disconnect",
    packet: { type: "disconnect", reasonCode: Reason.protocolError, properties: undefined },
    detail: `${packet.type} for packet id ${packet.packetId}, which awaits ${awaited}`,
  });
}
