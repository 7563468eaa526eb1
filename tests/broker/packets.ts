/**
 * Control packets for the tests of the broker: makers with defaults, and one line of text for each
 * packet that comes back, so that a test reads as the conversation that it is about.
 */

import type {
  Connect,
  Packet,
  Publish,
  PublishProperties,
  QoS,
  Subscribe,
  SubscriptionOptions,
  WillPacket,
} from "../../src/packet/packet.ts";
import { connectOf, plainPublish } from "../packets.ts";

const TO_BYTES = new TextEncoder();
const TO_TEXT = new TextDecoder();

/** A CONNECT of 5.0 with Clean Start 1 and no Keep Alive, unless told otherwise. */
export function connectPacket(clientId: string, rest: Partial<Connect> = {}): Connect {
  return connectOf(5, clientId, rest);
}

/** A Will with QoS 0 and without delay, unless told otherwise. */
export function willOf(topic: string, payload: string, rest: Partial<WillPacket> = {}): WillPacket {
  return {
    topic,
    payload: TO_BYTES.encode(payload),
    qos: 0,
    retain: false,
    willDelayInterval: 0,
    properties: undefined,
    ...rest,
  };
}

/** A PUBLISH; its QoS is 1 when a Packet Identifier is given and no QoS. */
export function publishPacket(
  topic: string,
  payload: string | Uint8Array,
  rest: Partial<Publish> & { readonly properties?: PublishProperties } = {},
): Publish {
  const packetId = rest.packetId ?? 0;
  const bytes = typeof payload === "string" ? TO_BYTES.encode(payload) : payload;
  return plainPublish(topic, bytes, { qos: packetId === 0 ? 0 : 1, packetId, ...rest });
}

/** A filter with its QoS, or with all its options. */
export type Wanted = readonly [
  filter: string,
  options: QoS | Partial<SubscriptionOptions>,
];

/** A SUBSCRIBE for several filters. */
export function subscribePacket(packetId: number, ...wanted: readonly Wanted[]): Subscribe {
  return {
    type: "subscribe",
    packetId,
    subscriptions: wanted.map(([filter, options]) => ({
      filter,
      options: {
        qos: 0,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
        subscriptionIdentifier: undefined,
        ...(typeof options === "number" ? { qos: options } : options),
      },
    })),
    userProperties: undefined,
  };
}

/** An UNSUBSCRIBE. */
export function unsubscribePacket(packetId: number, ...filters: readonly string[]): Packet {
  return { type: "unsubscribe", packetId, filters, userProperties: undefined };
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP. */
export function acknowledgement(
  type: "puback" | "pubrec" | "pubrel" | "pubcomp",
  packetId: number,
  reasonCode = 0,
): Packet {
  return { type, packetId, reasonCode, properties: undefined };
}

/** DISCONNECT; the Session Expiry Interval in seconds where one is given. */
export function disconnectPacket(reasonCode = 0, sessionExpiryInterval?: number): Packet {
  return {
    type: "disconnect",
    reasonCode,
    properties: sessionExpiryInterval === undefined ? undefined : { sessionExpiryInterval },
  };
}

/** The packet in a line: `publish a/b q1 #3 dup retain text`, `suback #1 0 0x87`, `connack 0 present`. */
export function lineOf(packet: Packet): string {
  switch (packet.type) {
    case "connack":
      return `connack ${hex(packet.reasonCode)}${packet.sessionPresent ? " present" : ""}`;
    case "publish":
      return `publish ${packet.topic} q${packet.qos}` +
        `${packet.packetId === 0 ? "" : ` #${packet.packetId}`}` +
        `${packet.dup ? " dup" : ""}${packet.retain ? " retain" : ""}` +
        `${packet.payload.length === 0 ? "" : ` ${TO_TEXT.decode(packet.payload.slice(0, 40))}`}`;
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      return `${packet.type} #${packet.packetId}` +
        `${packet.reasonCode === 0 ? "" : ` ${hex(packet.reasonCode)}`}`;
    case "suback":
    case "unsuback":
      return [`${packet.type} #${packet.packetId}`, ...packet.reasonCodes.map(hex)].join(" ");
    case "disconnect":
      return `disconnect ${hex(packet.reasonCode)}`;
    default:
      return packet.type;
  }
}

function hex(code: number): string {
  return code < 3 ? String(code) : `0x${code.toString(16).padStart(2, "0")}`;
}
