/**
 * A PUBACK from the client: an outbound QoS 1 message is done. MQTT 5.0 sections 3.4 and 4.3.2.
 */

import type { Puback } from "../packet/packet.ts";
import type { Demand } from "./effect.ts";
import { outOfTurn } from "./out_of_turn.ts";
import * as ids from "./packet_id_map.ts";
import type { Session } from "./session.ts";
import { settle } from "./settle.ts";
import type { Given, Step } from "./step.ts";
import { stay, written } from "./step.ts";

/** Lets the message go; an unknown Packet Identifier is ignored, as PUBACK has no answer. */
export function onPuback(session: Session, puback: Puback, _given: Given): Step<Session, Demand> {
  const inflight = ids.get(session.inflight, puback.packetId);
  if (inflight === undefined) return stay(session);
  if (inflight.awaiting !== "puback") return outOfTurn(session, puback, inflight.awaiting);
  const settled = settle(session, puback.packetId);
  return written(settled.session, session.clientId, settled.writes);
}
