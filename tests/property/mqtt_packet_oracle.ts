/** Our packets as npm:mqtt-packet has them, written for comparison and apart from the codec's own code. */

import { Buffer } from "node:buffer";
import mqtt from "mqtt-packet";
import type { Packet, ProtocolVersion, UserProperty } from "../../src/packet/packet.ts";

const FLAGS: ReadonlySet<string> = new Set([
  "payloadFormatIndicator",
  "requestResponseInformation",
  "requestProblemInformation",
  "retainAvailable",
  "wildcardSubscriptionAvailable",
  "subscriptionIdentifiersAvailable",
  "sharedSubscriptionAvailable",
]);

type Loose = Record<string, unknown>;

function properties(ours: object | undefined): Loose | undefined {
  if (ours === undefined) return undefined;
  const theirs: Loose = {};
  for (const [name, value] of Object.entries(ours)) {
    if (value === undefined) continue;
    if (name === "userProperties") {
      theirs[name] = Object.fromEntries(value as UserProperty[]);
    } else if (name === "subscriptionIdentifiers") {
      const numbers = value as number[];
      theirs["subscriptionIdentifier"] = numbers.length === 1 ? numbers[0] : numbers;
    } else if (value instanceof Uint8Array) {
      theirs[name] = Buffer.from(value);
    } else {
      theirs[name] = FLAGS.has(name) ? value === 1 : value;
    }
  }
  return Object.keys(theirs).length === 0 ? undefined : theirs;
}

/**
 * The packet without what mqtt-packet cannot say: User Properties of one name, "" as their value, a CONNECT
 * without client id, a Password without User Name.
 */
export function tame<P extends Packet>(packet: P): P {
  const copy = structuredClone(packet) as Loose;
  tameUserProperties(copy);
  tameUserProperties(copy["properties"] as Loose | undefined);
  if (copy["type"] === "connect") {
    if (copy["clientId"] === "") copy["clientId"] = "client";
    if (copy["username"] === undefined) copy["password"] = undefined;
    tameUserProperties((copy["will"] as Loose | undefined)?.["properties"] as Loose | undefined);
  }
  return copy as unknown as P;
}

function tameUserProperties(within: Loose | undefined): void {
  const pairs = within?.["userProperties"] as UserProperty[] | undefined;
  if (within === undefined || pairs === undefined) return;
  within["userProperties"] = pairs.map(([, value], index) => [`name ${index}`, value + "."]);
}

/** The packet as `mqtt.generate` takes it and the parser gives it. */
export function theirs(packet: Packet, version: ProtocolVersion): Loose {
  const five = version === 5;
  switch (packet.type) {
    case "connect": {
      const will = packet.will && {
        topic: packet.will.topic,
        payload: Buffer.from(packet.will.payload),
        qos: packet.will.qos,
        retain: packet.will.retain,
        properties: five
          ? properties({
            ...packet.will.properties,
            ...(packet.will.willDelayInterval &&
              { willDelayInterval: packet.will.willDelayInterval }),
          })
          : undefined,
      };
      return {
        cmd: "connect",
        protocolId: packet.protocolVersion === 3 ? "MQIsdp" : "MQTT",
        protocolVersion: packet.protocolVersion,
        clientId: packet.clientId,
        clean: packet.cleanStart,
        keepalive: packet.keepAlive,
        username: packet.username,
        password: packet.password && Buffer.from(packet.password),
        will,
        properties: properties(packet.properties),
      };
    }
    case "connack": {
      const code = packet.reasonCode;
      const returnCodes: Record<number, number> = {
        0: 0,
        0x84: 1,
        0x85: 2,
        0x88: 3,
        0x86: 4,
        0x87: 5,
      };
      return {
        cmd: "connack",
        sessionPresent: packet.sessionPresent,
        ...(five ? { reasonCode: code } : { returnCode: returnCodes[code] }),
        properties: properties(packet.properties),
      };
    }
    case "publish":
      return {
        cmd: "publish",
        topic: packet.topic,
        payload: Buffer.from(packet.payload),
        qos: packet.qos,
        retain: packet.retain,
        dup: packet.dup,
        ...(packet.qos > 0 && { messageId: packet.packetId }),
        properties: properties(packet.properties),
      };
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      return {
        cmd: packet.type,
        messageId: packet.packetId,
        ...(five && { reasonCode: packet.reasonCode }),
        properties: properties(packet.properties),
      };
    case "subscribe": {
      const identifier = packet.subscriptions[0]!.options.subscriptionIdentifier;
      return {
        cmd: "subscribe",
        messageId: packet.packetId,
        subscriptions: packet.subscriptions.map(({ filter, options }) => ({
          topic: filter,
          qos: options.qos,
          ...(five && {
            nl: options.noLocal,
            rap: options.retainAsPublished,
            rh: options.retainHandling,
          }),
        })),
        properties: properties({
          userProperties: packet.userProperties,
          subscriptionIdentifiers: identifier === undefined ? undefined : [identifier],
        }),
      };
    }
    case "unsubscribe":
      return {
        cmd: "unsubscribe",
        messageId: packet.packetId,
        unsubscriptions: [...packet.filters],
        properties: properties({ userProperties: packet.userProperties }),
      };
    case "suback":
    case "unsuback":
      return {
        cmd: packet.type,
        messageId: packet.packetId,
        ...((five || packet.type === "suback") && { granted: [...packet.reasonCodes] }),
        properties: properties(packet.properties),
      };
    case "disconnect":
    case "auth":
      return {
        cmd: packet.type,
        ...(five && { reasonCode: packet.reasonCode }),
        properties: properties(packet.properties),
      };
    default:
      return { cmd: packet.type };
  }
}

/** The bytes that mqtt-packet writes for our packet. */
export function generatedByThem(packet: Packet, version: ProtocolVersion): Uint8Array {
  const generated = mqtt.generate(theirs(packet, version) as unknown as mqtt.Packet, {
    protocolVersion: version,
  });
  return new Uint8Array(generated);
}

/** What mqtt-packet reads in one frame, reduced to the fields that `like` has. */
export function parsedByThem(frame: Uint8Array, version: ProtocolVersion, like: Loose): Loose {
  const parser = mqtt.parser({ protocolVersion: version });
  const found: Loose[] = [];
  parser.on("packet", (packet) => found.push(packet as unknown as Loose));
  parser.on("error", (error) => {
    throw error;
  });
  parser.parse(Buffer.from(frame));
  if (found.length !== 1) throw new Error(`mqtt-packet found ${found.length} packets in one frame`);
  return Object.fromEntries(Object.keys(like).map((key) => [key, found[0]![key]]));
}

/** Buffers as hexadecimal and what is undefined left out, so that values from both sides compare. */
export function comparable(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, any) => {
    if (any instanceof Uint8Array) return `hex ${Buffer.from(any).toString("hex")}`;
    if (any?.type === "Buffer") return `hex ${Buffer.from(any.data).toString("hex")}`;
    return any;
  }));
}
