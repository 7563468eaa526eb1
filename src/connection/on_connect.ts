/**
 * A CONNECT: what the client asks for, cut down to what the broker grants. Who the client is, and
 * whether it may come in, is decided after. MQTT 5.0 section 3.1; MQTT 3.1.1 section 3.1.
 */

import type { Connect } from "../packet/packet.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import { Reason } from "../packet/reason_code.ts";
import type { ClientId, Seconds } from "../policy/identity.ts";
import { NEVER_EXPIRES } from "../policy/identity.ts";
import type { Rules } from "../policy/rules.ts";
import { LONGEST_HASHED } from "../topic/map_key.ts";
import type { Connection } from "./connection.ts";
import { receiveMaximumOf } from "./connection.ts";
import type { Refusal } from "./guard.ts";
import { mountedWill } from "./mount_point.ts";
import { dataProblem } from "./on_auth.ts";

/**
 * The connection in the stage `authenticating`, or why it cannot be.
 *
 * @param assignedClientId what the client is called if it does not say
 */
export function onConnect(
  connection: Connection,
  connect: Connect,
  rules: Rules,
  assignedClientId: ClientId,
): Connection | Refusal {
  const version = connect.protocolVersion;
  const { properties } = connect;
  const maximumPacketSize = properties?.maximumPacketSize ?? Infinity;
  const refused = (reason: ReasonCode, detail: string): Refusal => ({
    reason,
    answer: "disconnect",
    detail,
    connection: { ...connection, version, maximumPacketSize },
  });
  if (!rules.versions.includes(version)) { // [MQTT-3.1.2-2]
    const detail = `MQTT ${VERSION_NAMES[version]} is not spoken on this listener`;
    return refused(Reason.unsupportedProtocolVersion, detail);
  }
  if (connect.clientId === "") {
    // 3.1 wants 1 to 23 characters; 3.1.1 lets it be empty for Clean Session only [MQTT-3.1.3-8].
    if (version === 3 || version === 4 && !connect.cleanStart) {
      const detail = version === 3
        ? "an empty client id is not allowed in MQTT 3.1"
        : "an empty client id needs Clean Session 1";
      return refused(Reason.clientIdentifierNotValid, detail);
    }
  }
  if (connect.clientId.length > LONGEST_HASHED) { // sessions are found by it, in Maps [MQTT-3.1.3-8]
    const detail =
      `a client id of ${connect.clientId.length} characters, allowed are ${LONGEST_HASHED}`;
    return refused(Reason.clientIdentifierNotValid, detail);
  }
  const { limits, mountPoint } = rules;
  const { will } = connect;
  const authenticationMethod = properties?.authenticationMethod;
  const tooMuch = dataProblem(properties?.authenticationData, limits);
  if (tooMuch !== undefined) return refused(Reason.quotaExceeded, tooMuch);
  const asked = askedExpiry(connect, rules);
  const sessionExpiryInterval = Math.min(asked, limits.maximumSessionExpiryInterval);
  const { keepAlive, keepAliveChanged, window, outgoingAliases } = grants(connect, rules);
  return {
    ...connection,
    version,
    maximumPacketSize,
    keepAlive,
    keepAliveChanged,
    window,
    outgoingAliases,
    stage: "authenticating",
    clientId: connect.clientId === "" ? assignedClientId : connect.clientId,
    assigned: connect.clientId === "",
    cleanStart: connect.cleanStart,
    sessionExpiryInterval,
    expiryChanged: sessionExpiryInterval !== asked,
    // A Reason String must not make a packet too large for the client [MQTT-3.4.2-2].
    problemInformation: properties?.requestProblemInformation !== 0 &&
      maximumPacketSize >= ROOM_FOR_REASONS,
    responseInformation: properties?.requestResponseInformation === 1,
    mountPoint,
    will: mountPoint === "" || will === undefined ? will : mountedWill(mountPoint, will),
    authenticationMethod,
    exchange: authenticationMethod === undefined
      ? undefined
      : { steps: 1, turn: "broker", data: undefined },
  };
}

/** The connection with what the limits of its client grant of what CONNECT asks for. */
export function grantedTo(connection: Connection, connect: Connect, rules: Rules): Connection {
  return { ...connection, ...grants(connect, rules) };
}

function grants(connect: Connect, { limits }: Rules) {
  const { protocolVersion, properties } = connect;
  const keepAlive = protocolVersion === 5
    ? grantedKeepAlive(connect.keepAlive, limits.maximumKeepAlive)
    : connect.keepAlive; // a 3.x client could not be told of another
  return {
    keepAlive,
    keepAliveChanged: keepAlive !== connect.keepAlive,
    window: Math.min(receiveMaximumOf(connect), limits.sendWindow),
    outgoingAliases: Math.min(properties?.topicAliasMaximum ?? 0, limits.outgoingTopicAliases),
  };
}

const VERSION_NAMES = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;

/** Bytes of the longest packet with a Reason String, by a wide margin. */
const ROOM_FOR_REASONS = 1024;

/** 0 turns Keep Alive off, which only a broker without a limit of its own grants. */
function grantedKeepAlive(asked: Seconds, maximum: Seconds): Seconds {
  if (maximum === 65_535) return asked;
  return asked === 0 ? maximum : Math.min(asked, maximum);
}

/** In 3.x Clean Session says both: start anew and keep nothing. */
function askedExpiry(connect: Connect, rules: Rules): Seconds {
  if (connect.protocolVersion === 5) return connect.properties?.sessionExpiryInterval ?? 0;
  return connect.cleanStart ? 0 : rules.persistentSessionExpiryInterval;
}

/** When a session of this expiry ends whose client leaves now; Infinity for never. */
export function expiresAt(now: number, expiryInterval: Seconds): number {
  return expiryInterval === NEVER_EXPIRES ? Infinity : now + expiryInterval * 1000;
}
