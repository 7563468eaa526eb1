/**
 * PUBLISH, the packet that nearly all bytes of a broker belong to, read and written by hand.
 * MQTT 5.0 section 3.3; MQTT 3.1.1 section 3.3.
 *
 * Checks what holds for every PUBLISH. What a client or a server only may not send now (an unknown alias, no
 * topic and no alias, a Subscription Identifier from a client) is refused by the connection's guards.
 */

import {
  bodyAt,
  LARGEST_VARIABLE_BYTE_INTEGER,
  variableByteIntegerSize,
  writeVariableByteInteger,
} from "./fixed_header.ts";
import type { Memory } from "./frame_memory.ts";
import { copied, frames } from "./frame_memory.ts";
import type { PacketId, ProtocolVersion, Publish, PublishProperties, QoS } from "./packet.ts";
import { readProperties } from "./property_reader.ts";
import { propertiesSize, writeProperties } from "./property_writer.ts";
import { malformed, protocolError } from "./refuse.ts";
import { topicNameAt } from "./topic_cache.ts";
import { stringSize, writeString } from "./utf8.ts";

/** A PUBLISH as bytes, written once for any number of receivers. */
export interface PublishFrame {
  readonly bytes: Uint8Array;
  /** Where the two bytes of the Packet Identifier stand, -1 for QoS 0. */
  readonly packetIdAt: number;
}

/** What a PUBLISH is made of; a `Publish` is one. */
export interface Outgoing {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly properties: PublishProperties | undefined;
  readonly packetId?: PacketId;
}

/**
 * Reads the whole PUBLISH that is `frame[from..size)`. The payload is a view on the frame with QoS 0, and a copy with QoS 1 and 2, as
 * such a message is kept beyond the turn that reads it; who keeps it for long makes a copy of its own. Throws MalformedPacket: 0x81 for bytes
 * out of form, 0x82 for a Packet Identifier of 0 and for properties out of range, 0x90 for a wildcard in the
 * Topic Name.
 */
export function decodePublish(
  frame: Uint8Array,
  version: ProtocolVersion,
  from = 0,
  size = frame.length,
): Publish {
  let at = bodyAt(frame, from, size);
  const flags = frame[from]!;
  const qos = (flags >> 1) & 3;
  if (qos === 3) malformed("PUBLISH has QoS 3 [MQTT-3.3.1-4]");
  const dup = (flags & 0x08) !== 0;
  if (dup && qos === 0) malformed("PUBLISH has DUP with QoS 0 [MQTT-3.3.1-2]");

  if (at + 2 > size) malformed("PUBLISH ends before its Topic Name");
  const topicAt = at + 2;
  at = topicAt + ((frame[at]! << 8) | frame[at + 1]!);
  if (at > size) malformed("the Topic Name is longer than its PUBLISH");
  if (at === topicAt && version !== 5) malformed("PUBLISH has an empty Topic Name [MQTT-4.7.3-1]");
  const topic = topicNameAt(frame, topicAt, at);

  let packetId = 0;
  if (qos !== 0) {
    if (at + 2 > size) malformed("PUBLISH ends before its Packet Identifier");
    packetId = (frame[at]! << 8) | frame[at + 1]!;
    if (packetId === 0) protocolError("PUBLISH has Packet Identifier 0 [MQTT-2.2.1-3]");
    at += 2;
  }

  let properties: PublishProperties | undefined = undefined;
  if (version === 5) {
    if (at < size && frame[at] === 0) {
      at++;
    } else {
      const reader = { bytes: frame, at, end: size };
      properties = readProperties(reader, "publish");
      at = reader.at;
    }
  }
  return {
    type: "publish",
    topic,
    payload: qos === 0 ? frame.subarray(at, size) : copied(frame, at, size),
    qos: qos as QoS,
    retain: (flags & 1) !== 0,
    dup,
    packetId,
    properties,
  };
}

/**
 * Writes a PUBLISH for any number of receivers. Without a Packet Identifier two zero bytes stand at
 * `packetIdAt`. The bytes may be a view on shared memory: they are for sending, not for keeping. Throws a
 * RangeError as `writePublish` does.
 */
export function encodePublish(message: Outgoing, version: ProtocolVersion): PublishFrame {
  const at = writePublish(frames, message, version);
  const bytes = frames.taken(at);
  if (message.qos === 0) return { bytes, packetIdAt: -1 };
  const topicAt = bodyAt(bytes);
  return { bytes, packetIdAt: topicAt + 2 + ((bytes[topicAt]! << 8) | bytes[topicAt + 1]!) };
}

/**
 * Writes a PUBLISH into memory; properties only for 5.0. Throws a RangeError for what no packet can carry: a
 * Topic Name above 65,535 bytes, 256 MiB in all; nothing is taken from the memory then.
 *
 * @returns where it begins, or -1 where the memory has no room
 */
export function writePublish(memory: Memory, message: Outgoing, version: ProtocolVersion): number {
  const { topic, payload, qos, properties } = message;
  const topicSize = stringSize(topic, "Topic Name");
  let length = 2 + topicSize + payload.length + (qos === 0 ? 0 : 2);
  let propertySize = 0;
  if (version === 5) {
    propertySize = propertiesSize(properties, "publish");
    length += variableByteIntegerSize(propertySize) + propertySize;
  }
  if (length > LARGEST_VARIABLE_BYTE_INTEGER) {
    throw new RangeError(`a PUBLISH of ${length} bytes is longer than any packet may be`);
  }

  const from = memory.take(1 + variableByteIntegerSize(length) + length);
  if (from < 0) return -1;
  const { bytes } = memory;
  bytes[from] = 0x30 | (message.dup ? 0x08 : 0) | (qos << 1) | (message.retain ? 1 : 0);
  let at = writeVariableByteInteger(bytes, from + 1, length);
  at = writeString(bytes, at, topic, topicSize);
  if (qos !== 0) {
    const packetId = message.packetId ?? 0;
    bytes[at++] = packetId >>> 8;
    bytes[at++] = packetId & 0xff;
  }
  if (version === 5) at = writeProperties(bytes, at, properties, "publish", propertySize);
  bytes.set(payload, at);
  return from;
}
