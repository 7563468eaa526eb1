/**
 * What the standard forbids and mqtt-packet lets through, in every packet but CONNECT, PUBLISH, the
 * acknowledgements and the pings: found by walking the raw frame before mqtt-packet sees it. MQTT 5.0 section 3.
 *
 * The walk reads the properties on its way and returns them, for mqtt-packet loses the order of the User
 * Properties. Whether a Topic Filter is well-formed is not asked here: a SUBACK answers that per filter.
 */

import { bodyAt, PacketType } from "./fixed_header.ts";
import type { ProtocolVersion } from "./packet.ts";
import type { Properties, PropertyOwner } from "./property.ts";
import { readProperties } from "./property_reader.ts";
import type { Reader } from "./reader.ts";
import { readByte, readString, readTwoByteInteger, remaining } from "./reader.ts";
import { malformed, protocolError } from "./refuse.ts";

/** The properties that the walk came by. */
export interface Walked {
  readonly properties: Properties | undefined;
}

/** The packets that are walked; the number is the packet type in the fixed header. */
const OWNERS: Readonly<Record<number, PropertyOwner>> = {
  [PacketType.connack]: "connack",
  [PacketType.subscribe]: "subscribe",
  [PacketType.suback]: "suback",
  [PacketType.unsubscribe]: "unsubscribe",
  [PacketType.unsuback]: "unsuback",
  [PacketType.disconnect]: "disconnect",
  [PacketType.auth]: "auth",
};

/** Which Reason Codes a packet may have: the tables 3-1, 3-8, 3-9, 3-10 and 3-11. */
const REASON_CODES: Readonly<Partial<Record<PropertyOwner, ReadonlySet<number>>>> = {
  connack: new Set(
    [0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95]
      .concat([0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f]),
  ),
  suback: new Set(
    [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  ),
  unsuback: new Set([0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]),
  disconnect: new Set(
    [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94]
      .concat([0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2]),
  ),
  auth: new Set([0x00, 0x18, 0x19]),
};

/**
 * Walks a whole frame and returns its properties. Throws MalformedPacket: 0x81 for bytes out of form, 0x82
 * for what the standard calls a Protocol Error.
 */
export function walk(frame: Uint8Array, version: ProtocolVersion): Walked {
  const first = frame[0]!;
  const nibble = first >> 4;
  const owner = OWNERS[nibble];
  if (owner === undefined) malformed(`packet type ${nibble} is not known here (section 2.1.2)`);
  const requests = owner === "subscribe" || owner === "unsubscribe";
  // A 3.1 client sets DUP on a request that it sends again (MQTT 3.1 section 2.1).
  const flags = requests && version === 3 ? first & 0x07 : first & 0x0f;
  if (flags !== (requests ? 2 : 0)) {
    malformed(`${owner} has the flags ${flags} [MQTT-2.1.3-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1]`);
  }
  const reader = { bytes: frame, at: bodyAt(frame), end: frame.length };
  const walked = walkBody(reader, owner, version);
  if (remaining(reader) !== 0) malformed(`${owner} has ${remaining(reader)} bytes too many`);
  return walked;
}

function walkBody(reader: Reader, owner: PropertyOwner, version: ProtocolVersion): Walked {
  switch (owner) {
    case "connack":
      return walkConnack(reader, version);
    case "subscribe":
    case "unsubscribe":
      return walkRequest(reader, owner, version);
    case "suback":
    case "unsuback":
      return walkAnswer(reader, owner, version);
    default:
      return walkFarewell(reader, owner, version);
  }
}

/** Section 3.2. */
function walkConnack(reader: Reader, version: ProtocolVersion): Walked {
  const flags = readByte(reader, "Connect Acknowledge Flags");
  if (flags > 1) malformed(`Connect Acknowledge Flags are ${flags} [MQTT-3.2.2-1]`);
  const code = readByte(reader, "Connect Reason Code");
  if (version === 5) {
    checkReason("connack", code);
  } else if (code > 5) {
    malformed(`connack has the return code ${code}, known are 0 to 5`);
  }
  if (flags === 1 && code !== 0) {
    protocolError(`connack refuses with ${code} and has Session Present [MQTT-3.2.2-6]`);
  }
  return walkedProperties(reader, "connack", version);
}

/** SUBSCRIBE and UNSUBSCRIBE, sections 3.8 and 3.10. */
function walkRequest(
  reader: Reader,
  owner: "subscribe" | "unsubscribe",
  version: ProtocolVersion,
): Walked {
  walkPacketId(reader, owner);
  const walked = walkedProperties(reader, owner, version);
  if (remaining(reader) === 0) {
    const message = `${owner} has no Topic Filter [MQTT-3.8.3-2] [MQTT-3.10.3-2]`;
    if (version === 5) protocolError(message);
    malformed(message);
  }
  while (remaining(reader) > 0) {
    const filter = readString(reader, "Topic Filter");
    if (filter === "") malformed(`${owner} has an empty Topic Filter [MQTT-4.7.3-1]`);
    if (owner === "subscribe") walkSubscriptionOptions(reader, filter, version);
  }
  return walked;
}

/** Section 3.8.3.1. */
function walkSubscriptionOptions(reader: Reader, filter: string, version: ProtocolVersion): void {
  const options = readByte(reader, "Subscription Options");
  if (version !== 5) {
    if (options > 2) malformed(`Requested QoS is ${options}, expected is 0 to 2 (section 3.8.3)`);
    return;
  }
  if ((options & 0xc0) !== 0) malformed("Subscription Options use reserved bits [MQTT-3.8.3-5]");
  if ((options & 0x03) === 3) protocolError("Subscription Options have QoS 3 (section 3.8.3.1)");
  if ((options & 0x30) === 0x30) {
    protocolError("Subscription Options have Retain Handling 3 (section 3.8.3.1)");
  }
  if ((options & 0x04) !== 0 && filter.startsWith("$share/")) {
    protocolError("No Local is set on a Shared Subscription [MQTT-3.8.3-4]");
  }
}

/** SUBACK and UNSUBACK, sections 3.9 and 3.11. */
function walkAnswer(
  reader: Reader,
  owner: "suback" | "unsuback",
  version: ProtocolVersion,
): Walked {
  walkPacketId(reader, owner);
  const walked = walkedProperties(reader, owner, version);
  if (owner === "unsuback" && version !== 5) return walked;
  if (remaining(reader) === 0) malformed(`${owner} has no Reason Code (section 3.9.3)`);
  while (remaining(reader) > 0) {
    const code = readByte(reader, "Reason Code");
    if (version === 5) {
      checkReason(owner, code);
    } else if (code > 2 && code !== 0x80) {
      malformed(`suback has the return code ${code}, known are 0, 1, 2 and 128`);
    }
  }
  return walked;
}

/** DISCONNECT and AUTH, sections 3.14 and 3.15, with the short forms that leave out what is 0. */
function walkFarewell(
  reader: Reader,
  owner: PropertyOwner,
  version: ProtocolVersion,
): Walked {
  if (version !== 5 || remaining(reader) === 0) return NOTHING_WALKED;
  checkReason(owner, readByte(reader, "Reason Code"));
  if (owner === "disconnect" && remaining(reader) === 0) return NOTHING_WALKED;
  return walkedProperties(reader, owner, version);
}

const NOTHING_WALKED: Walked = { properties: undefined };

function walkedProperties(
  reader: Reader,
  owner: PropertyOwner,
  version: ProtocolVersion,
): Walked {
  if (version !== 5) return NOTHING_WALKED;
  return { properties: readProperties(reader, owner) };
}

function walkPacketId(reader: Reader, owner: PropertyOwner): void {
  if (readTwoByteInteger(reader, "Packet Identifier") === 0) {
    protocolError(`${owner} has Packet Identifier 0 [MQTT-2.2.1-3]`);
  }
}

function checkReason(owner: PropertyOwner, code: number): void {
  if (REASON_CODES[owner]?.has(code) !== true) {
    protocolError(
      `${owner} must not have Reason Code ${code} [MQTT-3.2.2-8] [MQTT-3.9.3-2] [MQTT-3.11.3-2] ` +
        "[MQTT-3.14.2-1] [MQTT-3.15.2-1]",
    );
  }
}
