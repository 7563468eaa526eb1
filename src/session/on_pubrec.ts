/**
 * A PUBREC from the client: it owns the QoS 2 message now. MQTT 5.0 sections 3.5 and 4.3.3.
 */

import type { Pubrec } from "../packet/packet.ts";
import { Reason } from "../packet/reason_code.ts";
import type { Demand, Effect } from "./effect.ts";
import { outOfTurn } from "./out_of_turn.ts";
import * as ids from "./packet_id_map.ts";
import type { Inflight, Session } from "./session.ts";
import { isStored, sizeUnder } from "./session.ts";
import { settle } from "./settle.ts";
import type { Given, Step } from "./step.ts";
import { durably, NOTHING, step, written } from "./step.ts";

/**
 * Lets the message go and answers PUBREL, in the order in which the PUBRECs came [MQTT-4.6.0-4]; a
 * PUBREC that refuses ends the hand-shake; an unknown Packet Identifier is answered with 0x92.
 */
export function onPubrec(session: Session, pubrec: Pubrec, given: Given): Step<Session, Demand> {
  const { packetId } = pubrec;
  const inflight = ids.get(session.inflight, packetId);
  if (inflight === undefined) {
    return step(
      session,
      durably(
        session.clientId,
        NOTHING,
        pubrel(given.connection, packetId, Reason.packetIdentifierNotFound),
      ),
    );
  }
  if (inflight.awaiting === "puback") return outOfTurn(session, pubrec, inflight.awaiting);
  const answer = pubrel(given.connection, packetId, Reason.success);
  if (inflight.awaiting === "pubcomp") {
    return step(session, durably(session.clientId, NOTHING, answer));
  }
  if (pubrec.reasonCode >= 0x80) {
    const settled = settle(session, packetId);
    return written(settled.session, session.clientId, settled.writes);
  }
  const released: Inflight = {
    awaiting: "pubcomp",
    delivery: undefined,
    sequence: session.nextSequence,
    sentAt: given.now,
  };
  const wasSent = !session.resending.includes(packetId);
  const next: Session = {
    ...session,
    inflight: ids.set(session.inflight, packetId, released),
    nextSequence: session.nextSequence + 1,
    sentBytes: session.sentBytes - (wasSent ? sizeUnder(packetId, inflight) : 0),
  };
  const { clientId } = session;
  return step(
    next,
    durably(
      clientId,
      isStored(session)
        ? [{ type: "putInflight", clientId, packetId, inflight: released }]
        : NOTHING,
      answer,
    ),
  );
}

function pubrel(to: number, packetId: number, reasonCode: number): Effect {
  return {
    type: "send",
    to,
    packet: { type: "pubrel", packetId, reasonCode, properties: undefined },
  };
}
