/**
 * Which control packet a client may send at which stage of its Network Connection: one table.
 * MQTT 5.0 sections 3.1, 4.12 and 4.13.
 */

import type { Packet } from "../packet/packet.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import { Reason } from "../packet/reason_code.ts";

export type Stage = "awaitingConnect" | "authenticating" | "loading" | "connected";

/** Packets that only a server sends: never allowed from a client. */
const SERVER_ONLY = new Set<Packet["type"]>(["connack", "suback", "unsuback", "pingresp"]);

/** Undefined where the packet is allowed, else the Reason Code that ends the connection. */
export function stageRefuses(stage: Stage, type: Packet["type"]): ReasonCode | undefined {
  if (stage === "connected") {
    if (type === "connect") return Reason.protocolError; // [MQTT-3.1.0-2]
    if (type === "auth") return Reason.protocolError; // no method was agreed on [MQTT-4.12.0-7]
    return SERVER_ONLY.has(type) ? Reason.protocolError : undefined;
  }
  if (stage === "awaitingConnect" && type === "connect") return undefined; // [MQTT-3.1.0-1]
  return Reason.protocolError;
}
