/**
 * The packets that say only "yes" or "no" to another one: PUBACK, PUBREC, PUBREL, PUBCOMP, PINGREQ, PINGRESP.
 * MQTT 5.0 sections 3.4 to 3.7, 3.12 and 3.13. Does not know which Packet Identifiers are in use.
 */

import {
  bodyAt,
  PacketType,
  variableByteIntegerSize,
  writeVariableByteInteger,
} from "./fixed_header.ts";
import { frameMemory } from "./frame_memory.ts";
import type {
  AcknowledgementProperties,
  Packet,
  Pingreq,
  Pingresp,
  ProtocolVersion,
  Puback,
  Pubcomp,
  Pubrec,
  Pubrel,
} from "./packet.ts";
import { readProperties } from "./property_reader.ts";
import { propertiesSize, writeProperties } from "./property_writer.ts";
import { Reason } from "./reason_code.ts";
import { malformed, protocolError } from "./refuse.ts";

/** The four packets that carry on a PUBLISH. */
export type Acknowledgement = Puback | Pubrec | Pubrel | Pubcomp;

const NAMES = ["puback", "pubrec", "pubrel", "pubcomp"] as const;

const FIRST_BYTE: Readonly<Record<Acknowledgement["type"], number>> = {
  puback: PacketType.puback << 4,
  pubrec: PacketType.pubrec << 4,
  pubrel: (PacketType.pubrel << 4) | 2,
  pubcomp: PacketType.pubcomp << 4,
};

const PINGREQ: Pingreq = { type: "pingreq" };
const PINGRESP: Pingresp = { type: "pingresp" };
const PINGREQ_FRAME = Uint8Array.of(PacketType.pingreq << 4, 0);
const PINGRESP_FRAME = Uint8Array.of(PacketType.pingresp << 4, 0);

/** Tables 3-4 and 3-5 [MQTT-3.4.2-1] [MQTT-3.5.2-1]. */
function isPublishReason(code: number): boolean {
  switch (code) {
    case Reason.success:
    case Reason.noMatchingSubscribers:
    case Reason.unspecifiedError:
    case Reason.implementationSpecificError:
    case Reason.notAuthorized:
    case Reason.topicNameInvalid:
    case Reason.packetIdentifierInUse:
    case Reason.quotaExceeded:
    case Reason.payloadFormatInvalid:
      return true;
    default:
      return false;
  }
}

/** Tables 3-6 and 3-7 [MQTT-3.6.2-1] [MQTT-3.7.2-1]. */
function isReleaseReason(code: number): boolean {
  return code === Reason.success || code === Reason.packetIdentifierNotFound;
}

/**
 * Reads the whole PUBACK, PUBREC, PUBREL or PUBCOMP that is `frame[from..to)`. Throws MalformedPacket: 0x81 for bytes out of form, 0x82
 * for Packet Identifier 0, a Reason Code that is not of this packet and repeated properties.
 */
export function decodeAcknowledgement(
  frame: Uint8Array,
  version: ProtocolVersion,
  from = 0,
  to = frame.length,
): Acknowledgement {
  const first = frame[from]!;
  const nibble = first >> 4;
  const type = NAMES[nibble - PacketType.puback];
  if (type === undefined) malformed(`packet type ${nibble} is no acknowledgement`);
  // A 3.1 client sets DUP on a PUBREL that it sends again (MQTT 3.1 section 2.1).
  const flags = version === 3 && nibble === PacketType.pubrel ? first & 0x07 : first & 0x0f;
  if (flags !== (FIRST_BYTE[type] & 0x0f)) {
    malformed(`${type} has the flags ${flags} [MQTT-2.1.3-1] [MQTT-3.6.1-1]`);
  }
  const at = bodyAt(frame, from, to);
  const length = to - at;
  if (length < 2 || (length > 2 && version !== 5)) {
    malformed(`${type} has a Remaining Length of ${length}`);
  }
  const packetId = (frame[at]! << 8) | frame[at + 1]!;
  if (packetId === 0) protocolError(`${type} has Packet Identifier 0 [MQTT-2.2.1-5]`);
  if (length === 2) return { type, packetId, reasonCode: Reason.success, properties: undefined };

  const reasonCode = frame[at + 2]!;
  if (!(nibble < PacketType.pubrel ? isPublishReason(reasonCode) : isReleaseReason(reasonCode))) {
    protocolError(`${type} must not have Reason Code ${reasonCode} [MQTT-3.4.2-1]`);
  }
  let properties: AcknowledgementProperties | undefined = undefined;
  if (length > 3) {
    const reader = { bytes: frame, at: at + 3, end: to };
    properties = readProperties(reader, type);
    if (reader.at !== reader.end) malformed(`${type} has bytes behind its properties`);
  }
  return { type, packetId, reasonCode, properties };
}

/** Writes an acknowledgement; for 3.x only the Packet Identifier, whatever the Reason Code. */
export function encodeAcknowledgement(
  packet: Acknowledgement,
  version: ProtocolVersion,
): Uint8Array {
  if (version !== 5 || (packet.properties === undefined && packet.reasonCode === Reason.success)) {
    return written(packet, frameMemory(4));
  }
  if (packet.properties === undefined) {
    const bytes = written(packet, frameMemory(5));
    bytes[4] = packet.reasonCode;
    return bytes;
  }
  const size = propertiesSize(packet.properties, packet.type);
  const length = 3 + variableByteIntegerSize(size) + size;
  const bytes = frameMemory(1 + variableByteIntegerSize(length) + length);
  bytes[0] = FIRST_BYTE[packet.type];
  const at = writeVariableByteInteger(bytes, 1, length);
  bytes[at] = packet.packetId >>> 8;
  bytes[at + 1] = packet.packetId & 0xff;
  bytes[at + 2] = packet.reasonCode;
  writeProperties(bytes, at + 3, packet.properties, packet.type, size);
  return bytes;
}

/**
 * The four bytes of an acknowledgement that says nothing but yes, as one big-endian number: most are, and need
 * no memory of their own. 0 for every other packet.
 */
export function acknowledgementWord(packet: Packet, version: ProtocolVersion): number {
  switch (packet.type) {
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp": {
      const plain = packet.reasonCode === Reason.success && packet.properties === undefined;
      if (version === 5 && !plain) return 0;
      return plainWord(packet.type, packet.packetId);
    }
    default:
      return 0;
  }
}

/** The same of one that is known to say nothing but yes. */
export function plainWord(type: Acknowledgement["type"], packetId: number): number {
  return (FIRST_BYTE[type] << 24 | 2 << 16 | packetId) >>> 0;
}

/** The bytes that every acknowledgement without properties begins with. */
function written(packet: Acknowledgement, bytes: Uint8Array): Uint8Array {
  bytes[0] = FIRST_BYTE[packet.type];
  bytes[1] = bytes.length - 2;
  bytes[2] = packet.packetId >>> 8;
  bytes[3] = packet.packetId & 0xff;
  return bytes;
}

/** Reads a PINGREQ or PINGRESP. Throws MalformedPacket 0x81 for flags or a body, which they have not. */
export function decodePing(frame: Uint8Array): Pingreq | Pingresp {
  const first = frame[0]!;
  if ((first & 0x0f) !== 0) malformed("PINGREQ or PINGRESP has flags set [MQTT-2.1.3-1]");
  if (frame.length !== 2 || frame[1] !== 0) {
    malformed(`PINGREQ or PINGRESP has ${frame.length} bytes, expected are 2 (section 3.12)`);
  }
  return first >> 4 === PacketType.pingreq ? PINGREQ : PINGRESP;
}

/** The two bytes of a PINGREQ or PINGRESP, the same memory every time: not to be written to. */
export function encodePing(packet: Pingreq | Pingresp): Uint8Array {
  return packet.type === "pingreq" ? PINGREQ_FRAME : PINGRESP_FRAME;
}
