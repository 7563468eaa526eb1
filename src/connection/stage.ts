/**
 * Which control packet a client may send at which stage of its Network Connection: one table.
 * MQTT 5.0 sections 3.1, 4.12 and 4.13. Whether an AUTH is in turn is for on_auth.ts to say.
 */

import type { Packet } from "../packet/packet.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import { Reason } from "../packet/reason_code.ts";

export type Stage =
  | "awaitingConnect"
  | "authenticating"
  | "loading"
  | "connected"
  | "reauthenticating";

/** Packets that only a server sends: never allowed from a client. */
const SERVER_ONLY = new Set<Packet["type"]>(["connack", "suback", "unsuback", "pingresp"]);

/** Undefined where the packet is allowed, else the Reason Code that ends the connection. */
export function stageRefuses(stage: Stage, type: Packet["type"]): ReasonCode | undefined {
  if (isConnected(stage)) { // other packets flow on while it re-authenticates, section 4.12.1
    if (type === "connect") return Reason.protocolError; // [MQTT-3.1.0-2]
    return SERVER_ONLY.has(type) ? Reason.protocolError : undefined;
  }
  if (stage === "authenticating") { // [MQTT-3.1.2-30]
    return type === "auth" || type === "disconnect" ? undefined : Reason.protocolError;
  }
  if (stage === "awaitingConnect" && type === "connect") return undefined; // [MQTT-3.1.0-1]
  return Reason.protocolError;
}

/** Whether the client has been let in. */
export function isConnected(stage: Stage): boolean {
  return stage === "connected" || stage === "reauthenticating";
}

/** Whether it is known who the client is. */
export function isProven(stage: Stage): boolean {
  return stage === "loading" || isConnected(stage);
}
