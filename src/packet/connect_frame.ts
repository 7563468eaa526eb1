/**
 * CONNECT as bytes, for whoever is a client: tests and bridges. MQTT 5.0 section 3.1.
 *
 * By hand, as mqtt-packet refuses to write three that the standard allows: an empty Client Identifier without
 * Clean Start, one in 3.1, and a Password without User Name in 5.0. Whether a server likes what it says is not
 * asked here.
 */

import { PacketType } from "./fixed_header.ts";
import { withBody } from "./frame_body.ts";
import type { Connect, WillPacket } from "./packet.ts";
import { binarySize, encodeProperties } from "./property_writer.ts";
import { ConnectFlag } from "./connect_reader.ts";
import { stringSize, writeString } from "./utf8.ts";

/** Writes a CONNECT of its own version. Throws a RangeError for a field above 65,535 bytes. */
export function encodeConnect(packet: Connect): Uint8Array {
  const { protocolVersion: version, will, username, password, keepAlive } = packet;
  const pieces = [
    text(version === 3 ? "MQIsdp" : "MQTT", "Protocol Name"),
    Uint8Array.of(version, flagsOf(packet), keepAlive >>> 8, keepAlive & 0xff),
  ];
  if (version === 5) pieces.push(encodeProperties(packet.properties, "connect"));
  pieces.push(text(packet.clientId, "Client Identifier"));
  if (will !== undefined) {
    if (version === 5) pieces.push(willProperties(will));
    pieces.push(text(will.topic, "Will Topic"), binary(will.payload, "Will Payload"));
  }
  if (username !== undefined) pieces.push(text(username, "User Name"));
  if (password !== undefined) pieces.push(binary(password, "Password"));
  return withBody(PacketType.connect << 4, pieces);
}

function flagsOf(packet: Connect): number {
  const { will } = packet;
  let flags = 0;
  if (packet.cleanStart) flags |= ConnectFlag.cleanStart;
  if (packet.username !== undefined) flags |= ConnectFlag.userName;
  if (packet.password !== undefined) flags |= ConnectFlag.password;
  if (will === undefined) return flags;
  return flags | ConnectFlag.will | (will.qos << 3) | (will.retain ? ConnectFlag.willRetain : 0);
}

function willProperties(will: WillPacket): Uint8Array {
  const { willDelayInterval, properties } = will;
  if (willDelayInterval === 0) return encodeProperties(properties, "will");
  return encodeProperties({ ...properties, willDelayInterval }, "will");
}

function text(value: string, what: string): Uint8Array {
  const size = stringSize(value, what);
  const bytes = new Uint8Array(2 + size);
  writeString(bytes, 0, value, size);
  return bytes;
}

function binary(value: Uint8Array, what: string): Uint8Array {
  const size = binarySize(value, what);
  const bytes = new Uint8Array(2 + size);
  bytes[0] = size >>> 8;
  bytes[1] = size & 0xff;
  bytes.set(value, 2);
  return bytes;
}
