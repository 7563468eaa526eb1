/**
 * What the standard forbids in a CONNECT, by walking the raw frame. MQTT 5.0 section 3.1; MQTT 3.1.1 section
 * 3.1. Judges no client id, user name or password: the connection does.
 */

import { bodyAt } from "./fixed_header.ts";
import { MalformedPacket } from "./malformed_packet.ts";
import type { ProtocolVersion } from "./packet.ts";
import { readProperties } from "./property_reader.ts";
import type { Reader } from "./reader.ts";
import { readByte, readString, readTwoByteInteger, remaining, skipBinary } from "./reader.ts";
import { Reason } from "./reason_code.ts";
import { malformed, protocolError } from "./refuse.ts";
import type { Walked } from "./strict.ts";
import { refuseWildcards } from "./topic_cache.ts";

/** The bits of the Connect Flags, section 3.1.2.3. */
export const ConnectFlag = {
  reserved: 0x01,
  cleanStart: 0x02,
  will: 0x04,
  willQoS: 0x18,
  willRetain: 0x20,
  password: 0x40,
  userName: 0x80,
} as const;

/**
 * The version that a CONNECT names. Throws MalformedPacket 0x84 for any that is not supported, with the
 * version whose CONNACK the client is most likely to read [MQTT-3.1.2-1] [MQTT-3.1.2-2].
 */
export function connectVersion(frame: Uint8Array): ProtocolVersion {
  const reader = { bytes: frame, at: bodyAt(frame), end: frame.length };
  const name = readString(reader, "Protocol Name");
  const level = readByte(reader, "Protocol Version");
  if (name === "MQTT" && (level === 4 || level === 5)) return level;
  if (name === "MQIsdp" && level === 3) return level;
  // A bridge of mosquitto sets the highest bit, and asks again without it when it gets return code 1.
  const answerAs = (level & 0x7f) >= 5 ? 5 : 4;
  throw new MalformedPacket(
    Reason.unsupportedProtocolVersion,
    `CONNECT names the protocol ${JSON.stringify(name)} with version ${level}; ` +
      "supported are MQIsdp 3, MQTT 4 and MQTT 5",
    answerAs,
  );
}

/** Walks the body of a CONNECT of the version that it names. */
export function walkConnect(reader: Reader, version: ProtocolVersion): Walked {
  readString(reader, "Protocol Name");
  readByte(reader, "Protocol Version");
  const flags = readByte(reader, "Connect Flags");
  checkFlags(flags, version);
  readTwoByteInteger(reader, "Keep Alive");
  const properties = version === 5 ? readProperties(reader, "connect") : undefined;
  if (
    properties?.authenticationData !== undefined && properties.authenticationMethod === undefined
  ) {
    protocolError("CONNECT has Authentication Data and no Authentication Method (3.1.2.11.10)");
  }
  readString(reader, "Client Identifier");

  let willProperties: Walked["willProperties"] = undefined;
  if ((flags & ConnectFlag.will) !== 0) {
    if (version === 5) willProperties = readProperties(reader, "will");
    const topic = readString(reader, "Will Topic");
    if (topic === "") malformed("CONNECT has an empty Will Topic [MQTT-4.7.3-1]");
    refuseWildcards(topic);
    skipBinary(reader, "Will Payload");
  }
  let flagsToClear = 0;
  if ((flags & ConnectFlag.userName) !== 0) {
    if (isMissing(reader, version)) flagsToClear |= ConnectFlag.userName;
    else readString(reader, "User Name");
  }
  if ((flags & ConnectFlag.password) !== 0) {
    if (isMissing(reader, version)) flagsToClear |= ConnectFlag.password;
    else skipBinary(reader, "Password");
  }
  return { properties, willProperties, flagsToClear };
}

/** MQTT 3.1 section 3.1: where the packet has ended, the User Name and Password Flags say nothing. */
function isMissing(reader: Reader, version: ProtocolVersion): boolean {
  return version === 3 && remaining(reader) === 0;
}

function checkFlags(flags: number, version: ProtocolVersion): void {
  if ((flags & ConnectFlag.reserved) !== 0) {
    malformed("the reserved bit of the Connect Flags is set [MQTT-3.1.2-3]");
  }
  const willQoS = (flags & ConnectFlag.willQoS) >> 3;
  if (willQoS === 3) malformed("Will QoS is 3 [MQTT-3.1.2-12]");
  if ((flags & ConnectFlag.will) === 0) {
    if (willQoS !== 0) malformed("Will QoS is set without Will Flag [MQTT-3.1.2-11]");
    if ((flags & ConnectFlag.willRetain) !== 0) {
      malformed("Will Retain is set without Will Flag [MQTT-3.1.2-13]");
    }
  }
  const onlyPassword = (flags & ConnectFlag.password) !== 0 && (flags & ConnectFlag.userName) === 0;
  if (onlyPassword && version !== 5) {
    malformed("CONNECT has a Password and no User Name [MQTT 3.1.1: MQTT-3.1.2-22]");
  }
}
