/**
 * An AUTH of the client: whether it is in turn, and what it makes of the connection. What the proof in it
 * is worth is not decided here. MQTT 5.0 sections 3.15 and 4.12.
 */

import type { Auth, AuthProperties } from "../packet/packet.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import { Reason } from "../packet/reason_code.ts";
import type { Limits } from "../policy/limits.ts";
import type { Connection } from "./connection.ts";
import type { Refusal } from "./guard.ts";

/**
 * The connection with the broker to speak next, in the stage `authenticating` or `reauthenticating`; or
 * why the AUTH ends it: 0x82 for what breaks the protocol, 0x97 for what is above a limit.
 */
export function onAuth(connection: Connection, auth: Auth, limits: Limits): Connection | Refusal {
  const problem = turnProblem(connection, auth);
  if (problem !== undefined) return refused(connection, Reason.protocolError, problem);
  const steps = (connection.exchange?.steps ?? 0) + 1;
  if (steps > limits.authenticationSteps) {
    const detail = `more than authenticationSteps (${limits.authenticationSteps}) packets`;
    return refused(connection, Reason.quotaExceeded, detail);
  }
  const tooMuch = dataProblem(auth.properties?.authenticationData, limits);
  if (tooMuch !== undefined) return refused(connection, Reason.quotaExceeded, tooMuch);
  return {
    ...connection,
    stage: connection.stage === "authenticating" ? "authenticating" : "reauthenticating",
    exchange: { steps, turn: "broker", data: undefined },
  };
}

/** What breaks the protocol, in words. */
function turnProblem(connection: Connection, auth: Auth): string | undefined {
  const { stage, authenticationMethod, exchange } = connection;
  const named = auth.properties?.authenticationMethod;
  if (authenticationMethod === undefined) { // [MQTT-4.12.0-7]
    return "an AUTH on a connection whose CONNECT named no Authentication Method";
  }
  if (named === undefined) return "an AUTH without Authentication Method (section 3.15.2.2.2)";
  if (named !== authenticationMethod) { // [MQTT-4.12.0-5] [MQTT-4.12.1-1]
    return "an AUTH with another Authentication Method than CONNECT";
  }
  // [MQTT-4.12.0-3] [MQTT-4.12.1-1]; AUTH 0x00 is for the server to send (section 3.15.2.1).
  const wanted = stage === "connected" ? Reason.reauthenticate : Reason.continueAuthentication;
  if (auth.reasonCode !== wanted) {
    return `an AUTH with Reason Code ${auth.reasonCode} where ${wanted} is expected`;
  }
  if (exchange?.turn === "broker") return "an AUTH before the last one was answered";
  return undefined;
}

/** What is wrong with the size of Authentication Data, in words. */
export function dataProblem(data: Uint8Array | undefined, limits: Limits): string | undefined {
  if (data === undefined || data.length <= limits.authenticationData) return undefined;
  return `Authentication Data of ${data.length} bytes, above authenticationData ` +
    `(${limits.authenticationData})`;
}

function refused(connection: Connection, reason: ReasonCode, detail: string): Refusal {
  return { reason, answer: "disconnect", detail, connection };
}

/** An AUTH for the client, which names the method of CONNECT [MQTT-4.12.0-5]. */
export function authFor(
  { authenticationMethod }: Connection,
  reasonCode: ReasonCode,
  authenticationData: Uint8Array | undefined,
): Auth {
  const properties: AuthProperties = {
    ...(authenticationMethod === undefined ? {} : { authenticationMethod }),
    ...(authenticationData === undefined ? {} : { authenticationData }),
  };
  return { type: "auth", reasonCode, properties };
}

/** What DISCONNECT says of a refusal that CONNACK would put so; DISCONNECT has fewer Reason Codes. */
export function farewellCode(reason: ReasonCode): ReasonCode {
  switch (reason) {
    case Reason.clientIdentifierNotValid:
    case Reason.badUserNameOrPassword:
    case Reason.banned:
    case Reason.badAuthenticationMethod:
      return Reason.notAuthorized;
    case Reason.serverUnavailable:
      return Reason.serverBusy;
    default:
      return reason;
  }
}
