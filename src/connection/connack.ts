/**
 * The CONNACK that answers a CONNECT. MQTT 5.0 section 3.2; MQTT 3.1.1 section 3.2.
 */

import { encode } from "../packet/encode.ts";
import type { Connack, ConnackProperties } from "../packet/packet.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import type { Rules } from "../policy/rules.ts";
import { Reason } from "../packet/reason_code.ts";
import { utf8Size } from "../packet/utf8.ts";
import type { Connection } from "./connection.ts";

/** A CONNACK that lets the client in and tells a 5.0 client what it has been granted. */
export function welcome(connection: Connection, rules: Rules, sessionPresent: boolean): Connack {
  return {
    type: "connack",
    sessionPresent: sessionPresent && connection.version !== 3, // 3.1 knows no such flag
    reasonCode: Reason.success,
    properties: connection.version === 5 ? granted(connection, rules) : undefined,
  };
}

function granted(connection: Connection, rules: Rules) {
  const { responseInformation } = rules;
  const { authenticationMethod, exchange, announced } = connection;
  const properties: ConnackProperties = {
    receiveMaximum: announced.receiveMaximum,
    maximumPacketSize: announced.maximumPacketSize,
    topicAliasMaximum: announced.topicAliasMaximum,
    ...(connection.expiryChanged
      ? { sessionExpiryInterval: connection.sessionExpiryInterval }
      : {}),
    ...(connection.assigned ? { assignedClientIdentifier: connection.clientId } : {}),
    ...(connection.keepAliveChanged ? { serverKeepAlive: connection.keepAlive } : {}),
    ...answersTo(connection, responseInformation),
    ...(announced.sharedSubscriptions ? {} : { sharedSubscriptionAvailable: 0 as const }),
    // [MQTT-4.12.0-5]; and neither where CONNECT named none [MQTT-4.12.0-6].
    ...(authenticationMethod === undefined ? {} : { authenticationMethod }),
    ...(exchange?.data === undefined ? {} : { authenticationData: exchange.data }),
  };
  return properties;
}

/** Response Information, which a broker need not give: not where the client id leaves no room for it. */
function answersTo(
  { responseInformation: asked, clientId }: Connection,
  prefix: string | undefined,
): Pick<ConnackProperties, "responseInformation"> {
  if (!asked || prefix === undefined) return {};
  const responseInformation = `${prefix}/${clientId}`;
  return utf8Size(responseInformation) > LONGEST_STRING ? {} : { responseInformation };
}

/** Bytes that a UTF-8 Encoded String has at most, section 1.5.4. */
const LONGEST_STRING = 65_535;

/**
 * A CONNACK that turns the client away [MQTT-3.2.2-6]; without the Reason String where that would make
 * it larger than the client takes [MQTT-3.2.2-19].
 */
export function refusal(
  connection: Connection,
  reasonCode: ReasonCode,
  reasonString: string,
): Connack {
  const bare = refusalWith(reasonCode, undefined);
  if (connection.version !== 5) return bare;
  // It may quote a Protocol Name or client id that fills a packet by itself.
  const worded = refusalWith(reasonCode, { reasonString: reasonString.slice(0, 200) });
  const { maximumPacketSize } = connection;
  if (maximumPacketSize === Infinity || encode(worded, 5).length <= maximumPacketSize) {
    return worded;
  }
  return bare;
}

function refusalWith(reasonCode: ReasonCode, properties: ConnackProperties | undefined): Connack {
  return { type: "connack", sessionPresent: false, reasonCode, properties };
}
