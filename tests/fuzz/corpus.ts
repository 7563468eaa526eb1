/**
 * Packets of all versions and kinds, to be mutated: recorded ones of clients, generated ones, and such as
 * fill what a string may hold.
 */

import fc from "fast-check";
import { encode } from "../../src/packet/encode.ts";
import type { Connect, Packet, ProtocolVersion } from "../../src/packet/packet.ts";
import * as arbitrary from "../property/arbitraries.ts";
import { connectOf } from "../packets.ts";

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

/** Packets of one kind, as bytes. */
export interface Kinds {
  readonly recorded: readonly Uint8Array[];
  readonly generated: readonly Uint8Array[];
  readonly long: readonly Uint8Array[];
}

/** CONNECT packets of one version, and what may follow them. */
export interface Recorded {
  readonly connects: Kinds;
  readonly others: Kinds;
}

/** Packets generated of each kind and version. */
const GENERATED = 400;

/** The packets of each version; the same for the same seed. */
export function corpus(seed: number): readonly Recorded[] {
  return VERSIONS.map((version): Recorded => {
    const bytes = (packets: readonly Packet[]) => packets.map((each) => encode(each, version));
    const some = <P extends Packet>(from: fc.Arbitrary<P>) =>
      bytes(fc.sample(from, { seed, numRuns: GENERATED }));
    return {
      connects: {
        recorded: bytes(connectsOf(version)),
        generated: some(arbitrary.connect(version)),
        long: bytes(longConnectsOf(version)),
      },
      others: {
        recorded: bytes(othersOf(version)),
        generated: some(fc.oneof(...oftenTaken(version), arbitrary.packet(version))),
        long: bytes(longOthersOf(version)),
      },
    };
  });
}

/** What does not end a connection by its kind, so that there is something behind it. */
function oftenTaken(version: ProtocolVersion): readonly fc.Arbitrary<Packet>[] {
  const { publish, subscribe, unsubscribe, acknowledgement } = arbitrary;
  const plain = publish(version).map(({ properties, ...rest }): Packet => {
    const { topicAlias: _, subscriptionIdentifiers: __, ...kept } = properties ?? {};
    return { ...rest, properties: properties && kept };
  });
  return [plain, plain, subscribe(version), unsubscribe(version), acknowledgement(version)];
}

/** As many bytes as a string may have, and one character less. */
const LONG = ["x".repeat(65_535), "\u20ac".repeat(21_845), "x".repeat(65_534), "a/".repeat(32_767)];

function longConnectsOf(version: ProtocolVersion): Connect[] {
  const [plain, withWill] = connectsOf(version);
  const { properties: _, ...bare } = withWill!.will!;
  return LONG.flatMap((text): Connect[] => [
    { ...plain!, clientId: text },
    { ...plain!, clientId: text, cleanStart: false },
    { ...plain!, username: text, password: new Uint8Array(65_535) },
    { ...plain!, will: { ...bare, topic: text, properties: undefined } },
    ...(version !== 5 ? [] : [
      { ...plain!, clientId: text, properties: { requestResponseInformation: 1 as const } },
      { ...plain!, properties: { authenticationMethod: text } },
      { ...plain!, properties: { userProperties: [[text, text] as const] } },
    ]),
  ]);
}

function longOthersOf(version: ProtocolVersion): Packet[] {
  const [publish] = othersOf(version).filter((each) => each.type === "publish");
  const [subscribe] = othersOf(version).filter((each) => each.type === "subscribe");
  const [unsubscribe] = othersOf(version).filter((each) => each.type === "unsubscribe");
  const many = Array.from({ length: 3_000 }, (_, at) => `plant/${at}`);
  return LONG.flatMap((text): Packet[] => {
    const options = subscribe!.subscriptions[0]!.options;
    return [
      { ...publish!, topic: text },
      { ...publish!, topic: text, qos: 1, packetId: 7 },
      { ...publish!, topic: `$delayed/${text}`.slice(0, 21_000), qos: 2, packetId: 8 },
      { ...subscribe!, subscriptions: [{ filter: text, options }] },
      { ...subscribe!, subscriptions: many.map((filter) => ({ filter, options })) },
      { ...unsubscribe!, filters: [text] },
      { ...unsubscribe!, filters: many },
      ...(version !== 5 ? [] : [
        { ...publish!, properties: { contentType: text, responseTopic: text, topicAlias: 1 } },
        { ...publish!, properties: { userProperties: [[text, text] as const] } },
      ]),
    ];
  });
}

function connectsOf(version: ProtocolVersion): Connect[] {
  const plain = connectOf(version, "pump", { keepAlive: 60 });
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
