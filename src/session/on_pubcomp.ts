/**
 * A PUBCOMP from the client: an outbound QoS 2 message is done. MQTT 5.0 sections 3.7 and 4.3.3.
 */

import type { Pubcomp } from "../packet/packet.ts";
import type { Demand } from "./effect.ts";
import { outOfTurn } from "./out_of_turn.ts";
import * as ids from "./packet_id_map.ts";
import type { Session } from "./session.ts";
import { settle } from "./settle.ts";
import type { Given, Step } from "./step.ts";
import { stay, written } from "./step.ts";

/** Frees the Packet Identifier; an unknown one is ignored, as PUBCOMP has no answer. */
export function onPubcomp(
  session: Session,
  pubcomp: Pubcomp,
  _given: Given,
): Step<Session, Demand> {
  const inflight = ids.get(session.inflight, pubcomp.packetId);
  if (inflight === undefined) return stay(session);
  if (inflight.awaiting !== "pubcomp") return outOfTurn(session, pubcomp, inflight.awaiting);
  const settled = settle(session, pubcomp.packetId);
  return written(settled.session, session.clientId, settled.writes);
}
