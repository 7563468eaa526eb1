/**
 * A PUBLISH from the client, after the guards. MQTT 5.0 sections 3.3.4, 4.3 and 4.9.
 *
 * QoS 2 is routed here and not on PUBREL: one commit carries the message and the duty, and only the
 * Packet Identifier has to be kept (method B of figure 4.3 in the standard).
 */

import type { Puback, Publish, Pubrec } from "../packet/packet.ts";
import { Reason } from "../packet/reason_code.ts";
import type { Demand } from "./effect.ts";
import { messageOf } from "./message.ts";
import * as ids from "./packet_id_map.ts";
import type { Session } from "./session.ts";
import { isStored } from "./session.ts";
import type { Given, Step } from "./step.ts";
import { durably, NOTHING, step } from "./step.ts";

/** Asks for the message to be routed, its receipt to follow when that is durable. */
export function onPublish(
  session: Session,
  publish: Publish,
  given: Given,
): Step<Session, Demand> {
  const { qos, packetId } = publish;
  const message = messageOf(publish, given.order, session.clientId, given.now);
  if (qos === 0) {
    return step(session, { type: "route", message, receipt: undefined, writes: NOTHING });
  }
  const known = ids.has(session.received, packetId);
  if (known && qos === 2) { // sent again: acknowledged again, not routed again [MQTT-4.3.3-10]
    const pubrec = acknowledge("pubrec", packetId, Reason.success);
    return step(
      session,
      durably(session.clientId, NOTHING, { type: "send", to: given.connection, packet: pubrec }),
    );
  }
  // A 3.x client is told no Receive Maximum: its ids and the broker's backpressure bound it.
  if (
    given.version === 5 &&
    ids.size(session.received) + given.unacknowledged >= given.announced.receiveMaximum
  ) {
    return step(session, { // [MQTT-3.3.4-7]
      type: "disconnect",
      packet: {
        type: "disconnect",
        reasonCode: Reason.receiveMaximumExceeded,
        properties: undefined,
      },
      detail: `more than ${given.announced.receiveMaximum} unacknowledged publications`,
    });
  }
  if (qos === 1) {
    if (known && given.version === 5) {
      const refusal = acknowledge("puback", packetId, Reason.packetIdentifierInUse);
      return step(
        session,
        durably(session.clientId, NOTHING, {
          type: "send",
          to: given.connection,
          packet: refusal,
        }),
      );
    }
    const receipt = acknowledge("puback", packetId, Reason.success);
    return step(session, { type: "route", message, receipt, writes: NOTHING });
  }
  return step(
    { ...session, received: ids.set(session.received, packetId, given.now) },
    {
      type: "route",
      message,
      receipt: acknowledge("pubrec", packetId, Reason.success),
      writes: isStored(session)
        ? [{ type: "putReceived", clientId: session.clientId, packetId }]
        : NOTHING,
    },
  );
}

function acknowledge<T extends "puback" | "pubrec">(type: T, packetId: number, reasonCode: number) {
  return { type, packetId, reasonCode, properties: undefined } as T extends "puback" ? Puback
    : Pubrec;
}
