/**
 * The properties of MQTT 5.0 as a table: what each is called, how it is written, where it may stand.
 * Section 2.2.2.2, table 2-4. `property_reader.ts` and `property_writer.ts` go by it.
 *
 * Whether a property may be used now (an alias above the maximum, a Subscription Identifier from a
 * client) is the connection's business; here stands only what holds for every packet of its kind.
 */

import type { UserProperty } from "./packet.ts";

/** What carries properties: a control packet, or the Will inside a CONNECT. */
export type PropertyOwner =
  | "connect"
  | "will"
  | "connack"
  | "publish"
  | "puback"
  | "pubrec"
  | "pubrel"
  | "pubcomp"
  | "subscribe"
  | "suback"
  | "unsubscribe"
  | "unsuback"
  | "disconnect"
  | "auth";

/** Every property by name. Which of them a packet may have, its own type in `packet.ts` says. */
export interface Properties {
  readonly payloadFormatIndicator?: 0 | 1;
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  readonly subscriptionIdentifiers?: readonly number[];
  readonly sessionExpiryInterval?: number;
  readonly assignedClientIdentifier?: string;
  readonly serverKeepAlive?: number;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Uint8Array;
  readonly requestProblemInformation?: 0 | 1;
  readonly willDelayInterval?: number;
  readonly requestResponseInformation?: 0 | 1;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly reasonString?: string;
  readonly receiveMaximum?: number;
  readonly topicAliasMaximum?: number;
  readonly topicAlias?: number;
  readonly maximumQoS?: 0 | 1;
  readonly retainAvailable?: 0 | 1;
  readonly userProperties?: readonly UserProperty[];
  readonly maximumPacketSize?: number;
  readonly wildcardSubscriptionAvailable?: 0 | 1;
  readonly subscriptionIdentifiersAvailable?: 0 | 1;
  readonly sharedSubscriptionAvailable?: 0 | 1;
}

/** The data types of section 1.5; a topicName is a string without wildcard characters. */
export type DataType =
  | "byte"
  | "twoByteInteger"
  | "fourByteInteger"
  | "variableByteInteger"
  | "string"
  | "topicName"
  | "binary"
  | "stringPair";

/** One row of the table. */
export interface PropertyRule {
  readonly id: number;
  readonly name: keyof Properties;
  readonly dataType: DataType;
  readonly owners: readonly PropertyOwner[];
  /** Where it may stand more than once; elsewhere a second one is a Protocol Error. */
  readonly repeatsIn: readonly PropertyOwner[];
  /** The smallest and the largest number that it may hold. */
  readonly least: number;
  readonly most: number;
}

const ACKNOWLEDGEMENTS = [
  "puback",
  "pubrec",
  "pubrel",
  "pubcomp",
  "suback",
  "unsuback",
] as const satisfies readonly PropertyOwner[];

const EVERYWHERE = [
  "connect",
  "will",
  "connack",
  "publish",
  ...ACKNOWLEDGEMENTS,
  "subscribe",
  "unsubscribe",
  "disconnect",
  "auth",
] as const satisfies readonly PropertyOwner[];

const LARGEST: Readonly<Record<DataType, number>> = {
  byte: 0xff,
  twoByteInteger: 0xffff,
  fourByteInteger: 0xffff_ffff,
  variableByteInteger: 0x0fff_ffff,
  string: 0,
  topicName: 0,
  binary: 0,
  stringPair: 0,
};

function rule(
  id: number,
  name: keyof Properties,
  dataType: DataType,
  owners: readonly PropertyOwner[],
  least = 0,
  most = LARGEST[dataType],
  repeatsIn: readonly PropertyOwner[] = [],
): PropertyRule {
  return { id, name, dataType, owners, repeatsIn, least, most };
}

/** Table 2-4 of section 2.2.2.2, with the ranges that the sections of the packets add. */
export const PROPERTY_TABLE: readonly PropertyRule[] = [
  rule(0x01, "payloadFormatIndicator", "byte", ["publish", "will"], 0, 1),
  rule(0x02, "messageExpiryInterval", "fourByteInteger", ["publish", "will"]),
  rule(0x03, "contentType", "string", ["publish", "will"]),
  rule(0x08, "responseTopic", "topicName", ["publish", "will"]),
  rule(0x09, "correlationData", "binary", ["publish", "will"]),
  rule(
    0x0b,
    "subscriptionIdentifiers",
    "variableByteInteger",
    ["publish", "subscribe"],
    1,
    LARGEST.variableByteInteger,
    ["publish"],
  ),
  rule(0x11, "sessionExpiryInterval", "fourByteInteger", ["connect", "connack", "disconnect"]),
  rule(0x12, "assignedClientIdentifier", "string", ["connack"]),
  rule(0x13, "serverKeepAlive", "twoByteInteger", ["connack"]),
  rule(0x15, "authenticationMethod", "string", ["connect", "connack", "auth"]),
  rule(0x16, "authenticationData", "binary", ["connect", "connack", "auth"]),
  rule(0x17, "requestProblemInformation", "byte", ["connect"], 0, 1),
  rule(0x18, "willDelayInterval", "fourByteInteger", ["will"]),
  rule(0x19, "requestResponseInformation", "byte", ["connect"], 0, 1),
  rule(0x1a, "responseInformation", "string", ["connack"]),
  rule(0x1c, "serverReference", "string", ["connack", "disconnect"]),
  rule(0x1f, "reasonString", "string", ["connack", ...ACKNOWLEDGEMENTS, "disconnect", "auth"]),
  rule(0x21, "receiveMaximum", "twoByteInteger", ["connect", "connack"], 1),
  rule(0x22, "topicAliasMaximum", "twoByteInteger", ["connect", "connack"]),
  rule(0x23, "topicAlias", "twoByteInteger", ["publish"], 1),
  rule(0x24, "maximumQoS", "byte", ["connack"], 0, 1),
  rule(0x25, "retainAvailable", "byte", ["connack"], 0, 1),
  rule(0x26, "userProperties", "stringPair", EVERYWHERE, 0, 0, EVERYWHERE),
  rule(0x27, "maximumPacketSize", "fourByteInteger", ["connect", "connack"], 1),
  rule(0x28, "wildcardSubscriptionAvailable", "byte", ["connack"], 0, 1),
  rule(0x29, "subscriptionIdentifiersAvailable", "byte", ["connack"], 0, 1),
  rule(0x2a, "sharedSubscriptionAvailable", "byte", ["connack"], 0, 1),
];
