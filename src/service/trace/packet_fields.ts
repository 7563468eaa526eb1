/**
 * A control packet as the fields of a line of a trace: what it says, never a password and of a payload only what
 * was asked for.
 */

import { encode } from "../../packet/encode.ts";
import { bodyAt, variableByteIntegerSize } from "../../packet/fixed_header.ts";
import type { Packet, ProtocolVersion, Publish, WillPacket } from "../../packet/packet.ts";
import { reasonName } from "../../packet/reason_code.ts";
import { isControl } from "../../policy/control_topic.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** Filters, codes and the like of one packet that are listed. */
const LISTED = 10;

/**
 * The fields of a packet.
 *
 * @param topic of a PUBLISH the whole name, where an alias or a mount point stands for a part of it
 * @param payload bytes of the payload to show
 */
export function packetFields(
  packet: Packet,
  version: ProtocolVersion,
  topic: string,
  payload: number,
): Fields {
  const bytes = packetBytes(packet, version);
  switch (packet.type) {
    case "publish":
      return { packet: "publish", ...publishFields(packet, topic, payload), bytes };
    case "connect":
      return {
        packet: "connect",
        clientId: packet.clientId,
        version: VERSIONS[packet.protocolVersion],
        cleanStart: packet.cleanStart,
        keepAlive: packet.keepAlive,
        user: packet.username,
        password: packet.password !== undefined,
        expiryInterval: packet.properties?.sessionExpiryInterval,
        receiveMaximum: packet.properties?.receiveMaximum,
        maximumPacketSize: packet.properties?.maximumPacketSize,
        method: packet.properties?.authenticationMethod,
        will: packet.will === undefined ? undefined : willFields(packet.will),
        bytes,
      };
    case "connack":
      return {
        packet: "connack",
        sessionPresent: packet.sessionPresent,
        ...reason(packet),
        assigned: packet.properties?.assignedClientIdentifier,
        bytes,
      };
    case "subscribe":
      return {
        packet: "subscribe",
        packetId: packet.packetId,
        filters: packet.subscriptions.slice(0, LISTED).map(({ filter, options }) => ({
          filter,
          qos: options.qos,
          noLocal: options.noLocal || undefined,
        })),
        more: more(packet.subscriptions),
        bytes,
      };
    case "unsubscribe":
      return {
        packet: "unsubscribe",
        packetId: packet.packetId,
        filters: packet.filters.slice(0, LISTED),
        more: more(packet.filters),
        bytes,
      };
    case "suback":
    case "unsuback":
      return {
        packet: packet.type,
        packetId: packet.packetId,
        reasonCodes: packet.reasonCodes.slice(0, LISTED),
        more: more(packet.reasonCodes),
        bytes,
      };
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      return { packet: packet.type, packetId: packet.packetId, ...reason(packet), bytes };
    case "disconnect":
      return {
        packet: "disconnect",
        ...reason(packet),
        serverReference: packet.properties?.serverReference,
        bytes,
      };
    case "auth":
      return {
        packet: "auth",
        ...reason(packet),
        method: packet.properties?.authenticationMethod,
        bytes,
      };
    default:
      return { packet: packet.type, bytes };
  }
}

function publishFields(publish: Publish, topic: string, payload: number): Fields {
  const { qos, retain, dup, packetId, properties } = publish;
  return {
    topic,
    qos,
    retain: retain || undefined,
    dup: dup || undefined,
    packetId: packetId === 0 ? undefined : packetId,
    topicAlias: properties?.topicAlias,
    responseTopic: properties?.responseTopic,
    messageExpiryInterval: properties?.messageExpiryInterval,
    payloadBytes: publish.payload.length,
    ...shown(publish, topic, payload),
  };
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** The beginning of the payload; nothing of what is said to services of the broker: it may hold passwords. */
function shown({ payload }: Publish, topic: string, most: number): Fields {
  if (most === 0 || isControl(topic)) return {};
  const part = payload.subarray(0, most);
  try {
    return { payload: UTF8.decode(part) };
  } catch {
    return { payloadBase64: btoa(String.fromCharCode(...part)) };
  }
}

function willFields({ topic, qos, retain, willDelayInterval, payload }: WillPacket): Fields {
  return { topic, qos, retain, willDelayInterval, payloadBytes: payload.length };
}

function reason(
  { reasonCode, properties }: {
    readonly reasonCode: number;
    readonly properties: { readonly reasonString?: string } | undefined;
  },
): Fields {
  return {
    reasonCode,
    reason: reasonCode === 0 ? undefined : reasonName(reasonCode),
    reasonString: properties?.reasonString,
  };
}

function more(list: readonly unknown[]): number | undefined {
  return list.length > LISTED ? list.length - LISTED : undefined;
}

/** Bytes of the whole packet; undefined where it cannot be written. Copies no payload. */
function packetBytes(packet: Packet, version: ProtocolVersion): number | undefined {
  try {
    if (packet.type !== "publish") return encode(packet, version).length;
    const bytes = encode({ ...packet, payload: NOTHING }, version);
    const remaining = bytes.length - bodyAt(bytes) + packet.payload.length;
    return 1 + variableByteIntegerSize(remaining) + remaining;
  } catch {
    return undefined;
  }
}

const NOTHING = new Uint8Array();
const VERSIONS = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;
