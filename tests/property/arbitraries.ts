/**
 * fast-check arbitraries for every control packet of every version, as the codec reads them: what a version
 * lacks is absent, and nothing is present and empty.
 */

import fc from "fast-check";
import type { Acknowledgement } from "../../src/packet/acknowledgement.ts";
import type {
  AcknowledgementProperties,
  Auth,
  Connack,
  Connect,
  Disconnect,
  Packet,
  ProtocolVersion,
  Publish,
  PublishProperties,
  QoS,
  Suback,
  Subscribe,
  Unsuback,
  Unsubscribe,
  UserProperty,
  WillPacket,
} from "../../src/packet/packet.ts";

/** The three versions. */
export const version: fc.Arbitrary<ProtocolVersion> = fc.constantFrom(3, 4, 5);

export const qos: fc.Arbitrary<QoS> = fc.constantFrom(0, 1, 2);

export const packetId: fc.Arbitrary<number> = fc.integer({ min: 1, max: 0xffff });

/** Any string that a packet may carry: well-formed and without U+0000 [MQTT-1.5.4-1] [MQTT-1.5.4-2]. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "grapheme-ascii", maxLength: 20 }),
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.constantFrom("\ufeff", "\ufeffBOM", "\u{1f427} dunlin", "x".repeat(300), "__proto__"),
).map((any) => any.replaceAll("\0", ""));

export const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 100, maxLength: 400 }) },
).map((any) => Uint8Array.from(any));

/** A Topic Name: not empty, without wildcard characters. */
export const topicName: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom("plant/1/temperature", "a", "/", "$SYS/x"),
  text.map((any) => any.replaceAll(/[+#]/g, "_")).filter((any) => any !== ""),
);

/** A Topic Filter as the codec sees it: any string but the empty one. */
export const topicFilter: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom("plant/+/temperature", "#", "$share/group/a/#", "a/#/b"),
  text.filter((any) => any !== ""),
);

const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const flag: fc.Arbitrary<0 | 1> = fc.constantFrom(0, 1);
const subscriptionIdentifier = fc.oneof(
  fc.constantFrom(1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455),
  fc.integer({ min: 1, max: 268_435_455 }),
);

/** At least one; names repeat and their order counts. */
export const userProperties: fc.Arbitrary<readonly UserProperty[]> = fc.array(
  fc.tuple(fc.oneof(fc.constantFrom("a", "b"), text), text),
  { minLength: 1, maxLength: 5 },
);

/** A record with any of its keys, or undefined where it would have none. */
function properties<T extends object>(
  model: { readonly [K in keyof T]-?: fc.Arbitrary<NonNullable<T[K]>> },
): fc.Arbitrary<T | undefined> {
  return fc.record(model as { [K in keyof T]: fc.Arbitrary<T[K]> }, { requiredKeys: [] })
    .map((some) => Object.keys(some).length === 0 ? undefined : { ...some } as T);
}

/** `any` for 5.0, undefined for 3.x. */
function only5<T>(of: ProtocolVersion, any: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return of === 5 ? any : fc.constant(undefined);
}

const messageProperties = {
  payloadFormatIndicator: flag,
  messageExpiryInterval: uint32,
  responseTopic: topicName,
  correlationData: bytes,
  userProperties,
  contentType: text,
};

export const publishProperties: fc.Arbitrary<PublishProperties | undefined> = properties({
  ...messageProperties,
  topicAlias: fc.integer({ min: 1, max: 0xffff }),
  subscriptionIdentifiers: fc.array(subscriptionIdentifier, { minLength: 1, maxLength: 4 }),
});

const acknowledgementProperties: fc.Arbitrary<AcknowledgementProperties | undefined> = properties({
  reasonString: text,
  userProperties,
});

export function publish(of: ProtocolVersion): fc.Arbitrary<Publish> {
  return fc.tuple(
    of === 5 ? fc.oneof({ weight: 9, arbitrary: topicName }, fc.constant("")) : topicName,
    bytes,
    qos,
    fc.boolean(),
    fc.boolean(),
    packetId,
    only5(of, publishProperties),
  ).map(([topic, payload, qos, retain, dup, packetId, properties]) => ({
    type: "publish",
    topic,
    payload,
    qos,
    retain,
    dup: qos > 0 && dup,
    packetId: qos > 0 ? packetId : 0,
    properties,
  }));
}

export function acknowledgement(of: ProtocolVersion): fc.Arbitrary<Acknowledgement> {
  return fc.constantFrom("puback", "pubrec", "pubrel", "pubcomp").chain((type) =>
    fc.record({
      type: fc.constant(type),
      packetId,
      reasonCode: of !== 5
        ? fc.constant(0)
        : type === "puback" || type === "pubrec"
        ? fc.constantFrom(0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99)
        : fc.constantFrom(0x00, 0x92),
      properties: only5(of, acknowledgementProperties),
    })
  ).map((any) => ({ ...any }) as Acknowledgement);
}

function will(of: ProtocolVersion): fc.Arbitrary<WillPacket> {
  return fc.record({
    topic: topicName,
    payload: bytes,
    qos,
    retain: fc.boolean(),
    willDelayInterval: of === 5 ? fc.oneof(fc.constant(0), uint32) : fc.constant(0),
    properties: only5(
      of,
      properties<Omit<PublishProperties, "topicAlias" | "subscriptionIdentifiers">>(
        messageProperties,
      ),
    ),
  }).map((any) => ({ ...any }));
}

export function connect(of: ProtocolVersion): fc.Arbitrary<Connect> {
  const optional = <T>(any: fc.Arbitrary<T>) => fc.option(any, { nil: undefined });
  return fc.record({
    type: fc.constant("connect" as const),
    protocolVersion: fc.constant(of),
    clientId: text,
    cleanStart: fc.boolean(),
    keepAlive: uint16,
    username: optional(text),
    password: optional(bytes),
    will: optional(will(of)),
    properties: only5(
      of,
      properties<NonNullable<Connect["properties"]>>({
        sessionExpiryInterval: uint32,
        receiveMaximum: fc.integer({ min: 1, max: 0xffff }),
        maximumPacketSize: fc.integer({ min: 1, max: 0xffff_ffff }),
        topicAliasMaximum: uint16,
        requestResponseInformation: flag,
        requestProblemInformation: flag,
        userProperties,
        authenticationMethod: text,
        authenticationData: bytes,
      }),
    ),
  }).map((any): Connect => {
    const { authenticationData, ...rest } = any.properties ?? {};
    const lacksMethod = authenticationData !== undefined && rest.authenticationMethod === undefined;
    return {
      ...any,
      // 3.x knows no Password without User Name, and no version Authentication Data without a method.
      password: of === 5 || any.username !== undefined ? any.password : undefined,
      properties: !lacksMethod ? any.properties : Object.keys(rest).length === 0 ? undefined : rest,
    };
  });
}

export function connack(of: ProtocolVersion): fc.Arbitrary<Connack> {
  return fc.tuple(
    of === 5
      ? fc.constantFrom(0, 0x80, 0x81, 0x84, 0x87, 0x8a, 0x8c, 0x95, 0x9c, 0x9f)
      : fc.constantFrom(0, 0x84, 0x85, 0x86, 0x87, 0x88),
    fc.boolean(),
    only5(
      of,
      properties<NonNullable<Connack["properties"]>>({
        sessionExpiryInterval: uint32,
        receiveMaximum: fc.integer({ min: 1, max: 0xffff }),
        maximumQoS: flag,
        retainAvailable: flag,
        maximumPacketSize: fc.integer({ min: 1, max: 0xffff_ffff }),
        assignedClientIdentifier: text,
        topicAliasMaximum: uint16,
        reasonString: text,
        userProperties,
        wildcardSubscriptionAvailable: flag,
        subscriptionIdentifiersAvailable: flag,
        sharedSubscriptionAvailable: flag,
        serverKeepAlive: uint16,
        responseInformation: text,
        serverReference: text,
        authenticationMethod: text,
        authenticationData: bytes,
      }),
    ),
  ).map(([reasonCode, present, properties]) => ({
    type: "connack",
    sessionPresent: of !== 3 && reasonCode === 0 && present,
    reasonCode,
    properties,
  }));
}

export function subscribe(of: ProtocolVersion): fc.Arbitrary<Subscribe> {
  return fc.tuple(
    packetId,
    fc.array(
      fc.tuple(topicFilter, qos, fc.boolean(), fc.boolean(), fc.constantFrom(0, 1, 2)),
      { minLength: 1, maxLength: 5 },
    ),
    only5(of, fc.option(subscriptionIdentifier, { nil: undefined })),
    only5(of, fc.option(userProperties, { nil: undefined })),
  ).map(([packetId, subscriptions, subscriptionIdentifier, userProperties]) => ({
    type: "subscribe",
    packetId,
    subscriptions: subscriptions.map(([filter, qos, noLocal, asPublished, handling]) => ({
      filter,
      options: {
        qos,
        noLocal: of === 5 && noLocal && !filter.startsWith("$share/"),
        retainAsPublished: of === 5 && asPublished,
        retainHandling: (of === 5 ? handling : 0) as 0 | 1 | 2,
        subscriptionIdentifier,
      },
    })),
    userProperties,
  }));
}

export function unsubscribe(of: ProtocolVersion): fc.Arbitrary<Unsubscribe> {
  return fc.record({
    type: fc.constant("unsubscribe" as const),
    packetId,
    filters: fc.array(topicFilter, { minLength: 1, maxLength: 5 }),
    userProperties: only5(of, fc.option(userProperties, { nil: undefined })),
  }).map((any) => ({ ...any }));
}

export function suback(of: ProtocolVersion): fc.Arbitrary<Suback> {
  const code = of === 5
    ? fc.constantFrom(0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2)
    : fc.constantFrom(0, 1, 2, 0x80);
  return fc.record({
    type: fc.constant("suback" as const),
    packetId,
    reasonCodes: fc.array(code, { minLength: 1, maxLength: 8 }),
    properties: only5(of, acknowledgementProperties),
  }).map((any) => ({ ...any }));
}

export function unsuback(of: ProtocolVersion): fc.Arbitrary<Unsuback> {
  const code = fc.constantFrom(0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91);
  return fc.record({
    type: fc.constant("unsuback" as const),
    packetId,
    reasonCodes: of === 5 ? fc.array(code, { minLength: 1, maxLength: 8 }) : fc.constant([]),
    properties: only5(of, acknowledgementProperties),
  }).map((any) => ({ ...any }));
}

export function disconnect(of: ProtocolVersion): fc.Arbitrary<Disconnect> {
  return fc.record({
    type: fc.constant("disconnect" as const),
    reasonCode: of === 5 ? fc.constantFrom(0, 4, 0x81, 0x8b, 0x8e, 0x9d, 0xa2) : fc.constant(0),
    properties: only5(
      of,
      properties<NonNullable<Disconnect["properties"]>>({
        sessionExpiryInterval: uint32,
        reasonString: text,
        userProperties,
        serverReference: text,
      }),
    ),
  }).map((any) => ({ ...any }));
}

/** Only of 5.0. */
export const auth: fc.Arbitrary<Auth> = fc.record({
  type: fc.constant("auth" as const),
  reasonCode: fc.constantFrom(0, 0x18, 0x19),
  properties: properties<NonNullable<Auth["properties"]>>({
    authenticationMethod: text,
    authenticationData: bytes,
    reasonString: text,
    userProperties,
  }),
}).map((any) => ({ ...any }));

/** Any packet of a version. */
export function packet(of: ProtocolVersion): fc.Arbitrary<Packet> {
  return fc.oneof(
    publish(of),
    acknowledgement(of),
    connect(of),
    connack(of),
    subscribe(of),
    suback(of),
    unsubscribe(of),
    unsuback(of),
    disconnect(of),
    fc.constantFrom<Packet>({ type: "pingreq" }, { type: "pingresp" }),
    ...(of === 5 ? [auth] : []),
  );
}

/** Any packet of any version, with its version. */
export const versionAndPacket: fc.Arbitrary<readonly [ProtocolVersion, Packet]> = version.chain(
  (of) => packet(of).map((any) => [of, any] as const),
);
