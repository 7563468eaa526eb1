/**
 * CONNACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, DISCONNECT and AUTH: npm:mqtt-packet's packets
 * to ours and back. The one file that knows mqtt-packet and its Buffers. MQTT 5.0 section 3.
 *
 * Properties do not go through mqtt-packet, which loses the order of User Properties: `strict.ts` reads them
 * and `property.ts` writes them. Nothing gets to mqtt-packet that `strict.ts` has not walked.
 */

import { Buffer } from "node:buffer";
import mqtt from "mqtt-packet";
import { bodyAt, PacketType } from "./fixed_header.ts";
import { withBody } from "./frame_body.ts";
import type {
  Auth,
  Connack,
  Disconnect,
  ProtocolVersion,
  Suback,
  Subscribe,
  SubscriptionRequest,
  Unsuback,
  Unsubscribe,
} from "./packet.ts";
import type { Properties, PropertyOwner } from "./property.ts";
import { encodeProperties } from "./property_writer.ts";
import type { ReasonCode } from "./reason_code.ts";
import { connackReturnCode, Reason } from "./reason_code.ts";
import { malformed } from "./refuse.ts";
import type { Walked } from "./strict.ts";
import { walk } from "./strict.ts";

/** The packets that this file reads and writes. */
export type ControlPacket =
  | Connack
  | Subscribe
  | Suback
  | Unsubscribe
  | Unsuback
  | Disconnect
  | Auth;

// It would keep a Buffer for each of 65,536 numbers: 17 MB for what is written once a connection.
mqtt.writeToStream.cacheNumbers = false;

/** What the CONNACK return codes 0 to 5 of 3.x say, as Reason Codes. MQTT 3.1.1 section 3.2.2.3. */
const REASON_OF_RETURN_CODE: readonly ReasonCode[] = [
  Reason.success,
  Reason.unsupportedProtocolVersion,
  Reason.clientIdentifierNotValid,
  Reason.serverUnavailable,
  Reason.badUserNameOrPassword,
  Reason.notAuthorized,
];

/** A DISCONNECT without a body, sections 3.14.2.1 and 3.14.2.2.1. */
const DISCONNECT: Disconnect = {
  type: "disconnect",
  reasonCode: Reason.normalDisconnection,
  properties: undefined,
};

/** Reads a whole frame of one of these packets. Throws MalformedPacket as `strict.ts` says. */
export function decodeControlPacket(frame: Uint8Array, version: ProtocolVersion): ControlPacket {
  // What nearly every connection ends with says nothing but its type: mqtt-packet takes 3 us and 1 KB for it.
  if (frame[0] === PacketType.disconnect << 4 && frame.length === 2) return DISCONNECT;
  const walked = walk(frame, version);
  // Short forms that mqtt-packet does not know (section 3.15.2.1).
  if (frame[0] === PacketType.auth << 4 && frame.length === 2) {
    return { type: "auth", reasonCode: Reason.success, properties: undefined };
  }
  const packet = parse(legible(frame, version), version);
  switch (packet.cmd) {
    case "connack":
      return {
        type: "connack",
        // In 3.1 that byte is reserved.
        sessionPresent: version !== 3 && packet.sessionPresent,
        reasonCode: version === 5
          ? packet.reasonCode ?? Reason.success
          : REASON_OF_RETURN_CODE[packet.returnCode ?? 0] ?? Reason.unspecifiedError,
        properties: walked.properties,
      };
    case "subscribe":
      return readSubscribe(packet, walked);
    case "suback":
      return {
        type: "suback",
        packetId: packet.messageId ?? 0,
        reasonCodes: packet.granted as number[],
        properties: walked.properties,
      };
    case "unsubscribe":
      return {
        type: "unsubscribe",
        packetId: packet.messageId ?? 0,
        filters: packet.unsubscriptions,
        userProperties: walked.properties?.userProperties,
      };
    case "unsuback":
      return {
        type: "unsuback",
        packetId: packet.messageId ?? 0,
        reasonCodes: packet.granted ?? [],
        properties: walked.properties,
      };
    case "disconnect":
    case "auth":
      return {
        type: packet.cmd,
        reasonCode: packet.reasonCode ?? Reason.success,
        properties: walked.properties,
      };
    default:
      malformed(`mqtt-packet read a ${packet.cmd} where none was expected`);
  }
}

function readSubscribe(packet: mqtt.ISubscribePacket, walked: Walked): Subscribe {
  const subscriptionIdentifier = walked.properties?.subscriptionIdentifiers?.[0];
  return {
    type: "subscribe",
    packetId: packet.messageId ?? 0,
    subscriptions: packet.subscriptions.map((subscription): SubscriptionRequest => ({
      filter: subscription.topic,
      options: {
        qos: subscription.qos,
        noLocal: subscription.nl === true,
        retainAsPublished: subscription.rap === true,
        retainHandling: (subscription.rh ?? 0) as 0 | 1 | 2,
        subscriptionIdentifier,
      },
    })),
    userProperties: walked.properties?.userProperties,
  };
}

/** The frame as mqtt-packet can read it: without the DUP bit that 3.1 allows in requests. */
function legible(frame: Uint8Array, version: ProtocolVersion): Uint8Array {
  if (version !== 3 || (frame[0]! & 0x08) === 0) return frame;
  const copy = frame.slice();
  copy[0] = frame[0]! & ~0x08;
  return copy;
}

/** A parser of mqtt-packet with the place where it leaves what it read; it calls back before `parse` returns. */
interface Parsing {
  readonly parser: mqtt.Parser;
  packet: mqtt.Packet | undefined;
  error: Error | undefined;
}

const parsings = new Map<ProtocolVersion, Parsing>();

function newParsing(version: ProtocolVersion): Parsing {
  const parsing: Parsing = {
    parser: mqtt.parser({ protocolVersion: version }),
    packet: undefined,
    error: undefined,
  };
  parsing.parser.on("packet", (packet) => parsing.packet = packet);
  parsing.parser.on("error", (error) => parsing.error = error);
  return parsing;
}

/** What mqtt-packet reads in a frame. A parser serves all packets of its version, until there is trouble. */
function parse(frame: Uint8Array, version: ProtocolVersion): mqtt.Packet {
  const parsing = parsings.get(version) ?? newParsing(version);
  parsings.delete(version);
  let left = 0;
  try {
    left = parsing.parser.parse(Buffer.from(frame.buffer, frame.byteOffset, frame.length));
  } catch (error) {
    malformed(`mqtt-packet cannot read the packet: ${String(error)}`);
  }
  const { packet, error } = parsing;
  if (error !== undefined) malformed(`mqtt-packet refuses the packet: ${error.message}`);
  if (packet === undefined || left !== 0) malformed("mqtt-packet found no whole packet");
  parsing.packet = undefined;
  parsings.set(version, parsing);
  return packet;
}

/**
 * Writes one of these packets. Throws a RangeError, or the error of
 * mqtt-packet, for what no packet can carry, and for an AUTH in 3.x.
 */
export function encodeControlPacket(packet: ControlPacket, version: ProtocolVersion): Uint8Array {
  switch (packet.type) {
    case "connack":
      return encodeConnack(packet, version);
    case "subscribe":
      return encodeSubscribe(packet, version);
    case "suback": {
      const granted = version === 5
        ? packet.reasonCodes
        : packet.reasonCodes.map((code) => code < 0x80 ? code : 0x80);
      const frame = generate(
        { cmd: "suback", messageId: packet.packetId, granted: granted as number[] },
        version,
      );
      return withProperties(frame, 2, packet.properties, "suback", version);
    }
    case "unsubscribe": {
      const { packetId, filters, userProperties } = packet;
      const frame = generate(
        { cmd: "unsubscribe", messageId: packetId, unsubscriptions: filters as string[] },
        version,
      );
      return withProperties(
        frame,
        2,
        { ...(userProperties && { userProperties }) },
        "unsubscribe",
        version,
      );
    }
    case "unsuback": {
      const frame = generate(
        { cmd: "unsuback", messageId: packet.packetId, granted: packet.reasonCodes as number[] },
        version,
      );
      return withProperties(frame, 2, packet.properties, "unsuback", version);
    }
    case "disconnect":
    case "auth": {
      const frame = generate({ cmd: packet.type, reasonCode: packet.reasonCode }, version);
      return withProperties(frame, 1, packet.properties, packet.type, version);
    }
  }
}

/** By hand, as a storm of connections is one of these each. */
function encodeConnack(
  { sessionPresent, reasonCode, properties }: Connack,
  version: ProtocolVersion,
): Uint8Array {
  const flags = sessionPresent && version !== 3 ? 1 : 0;
  if (version === 5) {
    const pieces = [Uint8Array.of(flags, reasonCode), encodeProperties(properties, "connack")];
    return withBody(PacketType.connack << 4, pieces);
  }
  if (reasonCode === Reason.success) return flags === 0 ? NEW_SESSION : OLD_SESSION;
  return Uint8Array.of(PacketType.connack << 4, 2, flags, connackReturnCode(reasonCode));
}

/** What nearly all connections of 3.x are answered with, the same memory every time: not to be written to. */
const NEW_SESSION = Uint8Array.of(PacketType.connack << 4, 2, 0, 0);
const OLD_SESSION = Uint8Array.of(PacketType.connack << 4, 2, 1, 0);

function encodeSubscribe(packet: Subscribe, version: ProtocolVersion): Uint8Array {
  const identifier = packet.subscriptions[0]?.options.subscriptionIdentifier;
  const subscriptions = packet.subscriptions.map(({ filter, options }): mqtt.ISubscription => {
    if (options.subscriptionIdentifier !== identifier) {
      throw new RangeError("a SUBSCRIBE has one Subscription Identifier for all its filters");
    }
    const { qos, noLocal, retainAsPublished, retainHandling } = options;
    return { topic: filter, qos, nl: noLocal, rap: retainAsPublished, rh: retainHandling };
  });
  const frame = generate(
    { cmd: "subscribe", messageId: packet.packetId, subscriptions },
    version,
  );
  const { userProperties } = packet;
  const properties: Properties = {
    ...(identifier !== undefined && { subscriptionIdentifiers: [identifier] }),
    ...(userProperties && { userProperties }),
  };
  return withProperties(frame, 2, properties, "subscribe", version);
}

/** mqtt-packet's bytes for a packet without properties. */
function generate(packet: mqtt.Packet, version: ProtocolVersion): Uint8Array {
  return mqtt.generate(packet, { protocolVersion: version });
}

/** The frame with our properties in place of the Property Length of 0 that mqtt-packet wrote. */
function withProperties(
  frame: Uint8Array,
  at: number,
  properties: Properties | undefined,
  owner: PropertyOwner,
  version: ProtocolVersion,
): Uint8Array {
  if (version !== 5 || properties === undefined) return plain(frame);
  const body = frame.subarray(bodyAt(frame));
  return withBody(frame[0]!, [
    body.subarray(0, at),
    encodeProperties(properties, owner),
    body.subarray(at + 1),
  ]);
}

/** A Uint8Array that is no Buffer, for whoever reads on must not meet Buffer's own `slice`. */
function plain(frame: Uint8Array): Uint8Array {
  return new Uint8Array(frame);
}
