/**
 * Recorded packets of clients, of all versions and kinds, to be mutated.
 */

import { encode } from "../../src/packet/encode.ts";
import type { Connect, Packet, ProtocolVersion } from "../../src/packet/packet.ts";

const VERSIONS: readonly ProtocolVersion[] = [3, 4, 5];
const BYTES = new TextEncoder().encode("21.5");

/** What a client says in the example of RFC 7677 section 3, and the server's part of the nonce in it. */
export const SCRAM = {
  first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
  nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
  final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
  salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
  password: "pencil",
} as const;

/** The properties of a CONNECT or AUTH of that exchange. */
function scramProperties(message: string) {
  return {
    authenticationMethod: "SCRAM-SHA-256",
    authenticationData: new TextEncoder().encode(message),
  };
}

function scramStep(reasonCode: number, message: string): Packet {
  return { type: "auth", reasonCode, properties: scramProperties(message) };
}

/** CONNECT packets of one version, and what may follow them. */
export interface Recorded {
  readonly connects: readonly Uint8Array[];
  readonly others: readonly Uint8Array[];
}

/** The packets of each version. */
export function corpus(): readonly Recorded[] {
  return VERSIONS.map((version) => ({
    connects: connectsOf(version).map((packet) => encode(packet, version)),
    others: othersOf(version).map((packet) => encode(packet, version)),
  }));
}

function connectsOf(version: ProtocolVersion): Connect[] {
  const plain: Connect = {
    type: "connect",
    protocolVersion: version,
    clientId: "pump",
    cleanStart: true,
    keepAlive: 60,
    username: undefined,
    password: undefined,
    will: undefined,
    properties: undefined,
  };
  const will = {
    topic: "plant/pump/gone",
    payload: BYTES,
    qos: 1 as const,
    retain: true,
    willDelayInterval: version === 5 ? 5 : 0,
    properties: version === 5 ? { contentType: "text/plain", messageExpiryInterval: 3 } : undefined,
  };
  return [
    plain,
    { ...plain, clientId: "panel", cleanStart: false, will },
    { ...plain, clientId: "", keepAlive: 0, username: "ada", password: BYTES },
    {
      ...plain,
      clientId: "gate",
      cleanStart: false,
      properties: version === 5
        ? {
          sessionExpiryInterval: 10,
          receiveMaximum: 2,
          maximumPacketSize: 60,
          topicAliasMaximum: 3,
          userProperties: [["a", "b"], ["a", "c"]],
        }
        : undefined,
    },
    ...(version !== 5 ? [] : [
      { ...plain, clientId: "scram", will, properties: scramProperties(SCRAM.first) },
      { ...plain, clientId: "scram", properties: { authenticationMethod: "SCRAM-SHA-256" } },
    ]),
  ];
}

function othersOf(version: ProtocolVersion): Packet[] {
  const properties = version === 5 ? {} : undefined;
  const base = { dup: false, retain: false, properties };
  const publish = { type: "publish", payload: BYTES, ...base } as const;
  const options = {
    qos: 2,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionIdentifier: undefined,
  } as const;
  const acknowledgement = { packetId: 1, reasonCode: 0, properties: undefined };
  const filters = ["plant/#", "plant/+/gone", "$share/g/plant/#", "#"];
  const packets: Packet[] = [
    { ...publish, topic: "plant/pump", qos: 0, packetId: 0 },
    { ...publish, topic: "plant/pump/gone", qos: 0, packetId: 0, retain: true },
    { ...publish, topic: "plant/a", qos: 1, packetId: 1 },
    { ...publish, topic: "plant/a", qos: 2, packetId: 2 },
    { ...publish, topic: "plant/a", qos: 2, packetId: 2, dup: true },
    { ...publish, topic: "$delayed/1/plant/b", qos: 1, packetId: 3 },
    { ...publish, topic: "plant/pump/gone", payload: new Uint8Array(), qos: 1, packetId: 4 },
    ...filters.map((filter, at): Packet => ({
      type: "subscribe",
      packetId: 10 + at,
      subscriptions: [{ filter, options }],
      userProperties: undefined,
    })),
    { type: "unsubscribe", packetId: 20, filters: ["plant/#"], userProperties: undefined },
    { type: "unsubscribe", packetId: 21, filters, userProperties: undefined },
    { type: "puback", ...acknowledgement },
    { type: "pubrec", ...acknowledgement },
    { type: "pubrel", ...acknowledgement, packetId: 2 },
    { type: "pubcomp", ...acknowledgement },
    { type: "pingreq" },
    { type: "disconnect", reasonCode: 0, properties: undefined },
  ];
  if (version !== 5) return packets;
  return [
    ...packets,
    {
      ...publish,
      topic: "plant/alias",
      qos: 1,
      packetId: 5,
      properties: {
        topicAlias: 1,
        messageExpiryInterval: 1,
        payloadFormatIndicator: 1,
        responseTopic: "plant/answer",
        correlationData: BYTES,
        contentType: "text/plain",
        userProperties: [["a", "b"], ["c", "d"]],
      },
    },
    { ...publish, topic: "", qos: 0, packetId: 0, properties: { topicAlias: 1 } },
    {
      type: "subscribe",
      packetId: 30,
      subscriptions: [{
        filter: "plant/#",
        options: { ...options, noLocal: true, retainHandling: 1, subscriptionIdentifier: 7 },
      }],
      userProperties: [["a", "b"]],
    },
    { type: "disconnect", reasonCode: 4, properties: { sessionExpiryInterval: 20 } },
    ...[0x00, 0x18, 0x19].map((reasonCode): Packet => {
      return { type: "auth", reasonCode, properties: { authenticationMethod: "SCRAM-SHA-256" } };
    }),
    scramStep(0x18, SCRAM.first),
    scramStep(0x18, SCRAM.final),
    scramStep(0x18, SCRAM.final),
    scramStep(0x19, SCRAM.first),
  ];
}
