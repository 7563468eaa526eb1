/**
 * CONNECT from bytes, and what the standard forbids in it. MQTT 5.0 section 3.1; MQTT 3.1.1 section 3.1.
 * Judges no client id, user name or password: the connection does.
 *
 * By hand, though mqtt-packet knows CONNECT: a storm of connections is where a broker is slow when it has to be
 * fast, and walking the frame strictly, then once more by mqtt-packet with a parser made for it (which would
 * hold on to the Password) was 17 % of an accepted connection; this is 3 %.
 */

import { bodyAt } from "./fixed_header.ts";
import { MalformedPacket } from "./malformed_packet.ts";
import type { Connect, ProtocolVersion, QoS, WillPacket } from "./packet.ts";
import { readProperties } from "./property_reader.ts";
import type { Reader } from "./reader.ts";
import { readBinary, readByte, readString, readTwoByteInteger, remaining } from "./reader.ts";
import { Reason } from "./reason_code.ts";
import { malformed, protocolError } from "./refuse.ts";
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
function readVersion(reader: Reader): ProtocolVersion {
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

/**
 * Reads the whole CONNECT in `bytes[from..to)`, of the version that it names. Throws MalformedPacket with that
 * version, or with one that the client is likely to read: 0x81 for bytes out of form, 0x82 for a Protocol Error, 0x84 for an
 * unknown version, 0x90 for a wildcard in the Will Topic.
 */
export function decodeConnect(bytes: Uint8Array, from = 0, to = bytes.length): Connect {
  const reader = { bytes, at: bodyAt(bytes, from, to), end: to };
  const version = readVersion(reader);
  try {
    checkHeaderFlags(bytes[from]! & 0x0f);
    return readConnect(reader, version);
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error;
    throw new MalformedPacket(error.reasonCode, error.message, version);
  }
}

/** What stands behind the Protocol Version. */
function readConnect(reader: Reader, version: ProtocolVersion): Connect {
  const flags = readByte(reader, "Connect Flags");
  checkFlags(flags, version);
  const keepAlive = readTwoByteInteger(reader, "Keep Alive");
  const properties = version === 5 ? readProperties(reader, "connect") : undefined;
  if (
    properties?.authenticationData !== undefined && properties.authenticationMethod === undefined
  ) {
    protocolError("CONNECT has Authentication Data and no Authentication Method (3.1.2.11.10)");
  }
  const clientId = readString(reader, "Client Identifier");
  const will = (flags & ConnectFlag.will) === 0 ? undefined : readWill(reader, flags, version);
  const username = (flags & ConnectFlag.userName) === 0 || isMissing(reader, version)
    ? undefined
    : readString(reader, "User Name");
  const password = (flags & ConnectFlag.password) === 0 || isMissing(reader, version)
    ? undefined
    : readBinary(reader, "Password");
  if (remaining(reader) !== 0) malformed(`connect has ${remaining(reader)} bytes too many`);
  return {
    type: "connect",
    protocolVersion: version,
    clientId,
    cleanStart: (flags & ConnectFlag.cleanStart) !== 0,
    keepAlive,
    username,
    password,
    will,
    properties,
  };
}

function readWill(reader: Reader, flags: number, version: ProtocolVersion): WillPacket {
  const read = version === 5 ? readProperties(reader, "will") : undefined;
  const { willDelayInterval = 0, ...properties } = read ?? {};
  const topic = readString(reader, "Will Topic");
  if (topic === "") malformed("CONNECT has an empty Will Topic [MQTT-4.7.3-1]");
  refuseWildcards(topic);
  return {
    topic,
    payload: readBinary(reader, "Will Payload"),
    qos: ((flags & ConnectFlag.willQoS) >> 3) as QoS,
    retain: (flags & ConnectFlag.willRetain) !== 0,
    willDelayInterval,
    properties: Object.keys(properties).length === 0 ? undefined : properties,
  };
}

/** MQTT 3.1 section 3.1: where the packet has ended, the User Name and Password Flags say nothing. */
function isMissing(reader: Reader, version: ProtocolVersion): boolean {
  return version === 3 && remaining(reader) === 0;
}

function checkHeaderFlags(flags: number): void {
  if (flags !== 0) malformed(`connect has the flags ${flags} [MQTT-2.1.3-1]`);
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
