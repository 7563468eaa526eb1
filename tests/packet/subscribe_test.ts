import { deepStrictEqual, throws } from "node:assert/strict";
import { encode } from "../../src/packet/encode.ts";
import type {
  Suback,
  Subscribe,
  SubscriptionOptions,
  Unsuback,
  Unsubscribe,
} from "../../src/packet/packet.ts";
import { frame, p, type Row, s, table } from "./bytes_of.ts";

function options(changes: Partial<SubscriptionOptions> = {}): SubscriptionOptions {
  return {
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    subscriptionIdentifier: undefined,
    ...changes,
  };
}

function subscribe(...subscriptions: [string, SubscriptionOptions][]): Subscribe {
  return {
    type: "subscribe",
    packetId: 7,
    subscriptions: subscriptions.map(([filter, options]) => ({ filter, options })),
    userProperties: undefined,
  };
}

const A = s("a/+");

const subscribeRows: readonly Row[] = [
  [
    "reads filters in order",
    [3, 4],
    frame(0x82, "0007", A, "01", s("#"), "02"),
    subscribe(
      ["a/+", options({ qos: 1 })],
      ["#", options({ qos: 2 })],
    ),
  ],
  [
    "reads the options",
    [5],
    frame(0x82, "0007 00", A, "2e"),
    subscribe(
      ["a/+", options({ qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 })],
    ),
  ],
  [
    "reads the Subscription Identifier",
    [5],
    frame(0x82, "0007", p("0b 8001"), A, "00", s("b"), "01"),
    subscribe(
      ["a/+", options({ subscriptionIdentifier: 128 })],
      ["b", options({ qos: 1, subscriptionIdentifier: 128 })],
    ),
  ],
  [
    "keeps the order of User Properties",
    [5],
    frame(
      0x82,
      "0007",
      p("26", s("b"), s("1"), "26", s("a"), s("2"), "26", s("b"), s("3")),
      A,
      "00",
    ),
    { ...subscribe(["a/+", options()]), userProperties: [["b", "1"], ["a", "2"], ["b", "3"]] },
  ],
  [
    "leaves an ill-formed filter to the SUBACK",
    [3, 4],
    frame(0x82, "0007", s("a/#/b"), "00"),
    subscribe(
      ["a/#/b", options()],
    ),
  ],
  [
    "accepts DUP in 3.1 (3.1 section 2.1)",
    [3],
    frame(0x8a, "0007", A, "00"),
    subscribe(["a/+", options()]),
  ],
  ["refuses DUP", [4], frame(0x8a, "0007", A, "00"), 0x81],
  ["refuses other flags [MQTT-3.8.1-1]", [3, 4, 5], frame(0x80, "0007 00", A, "00"), 0x81],
  ["refuses Packet Identifier 0 [MQTT-2.2.1-3]", [3, 4, 5], frame(0x82, "0000 00", A, "00"), 0x82],
  ["refuses no filter [MQTT-3.8.3-2]", [5], frame(0x82, "0007 00"), 0x82],
  ["refuses no filter [3.1.1: MQTT-3.8.3-3]", [3, 4], frame(0x82, "0007"), 0x81],
  ["refuses an empty filter [MQTT-4.7.3-1]", [3, 4], frame(0x82, "0007 0000 00"), 0x81],
  ["refuses an empty filter [MQTT-4.7.3-1]", [5], frame(0x82, "0007 00 0000 00"), 0x81],
  ["refuses a filter without options", [3, 4], frame(0x82, "0007", A), 0x81],
  ["refuses QoS 3 [3.1.1: MQTT-3.8.3-4]", [3, 4], frame(0x82, "0007", A, "03"), 0x81],
  ["refuses reserved bits [3.1.1: MQTT-3.8.3-4]", [3, 4], frame(0x82, "0007", A, "04"), 0x81],
  ["refuses QoS 3 (3.8.3.1)", [5], frame(0x82, "0007 00", A, "03"), 0x82],
  ["refuses reserved bits [MQTT-3.8.3-5]", [5], frame(0x82, "0007 00", A, "40"), 0x81],
  ["refuses Retain Handling 3 (3.8.3.1)", [5], frame(0x82, "0007 00", A, "30"), 0x82],
  [
    "refuses No Local on a shared filter [MQTT-3.8.3-4]",
    [5],
    frame(0x82, "0007 00", s("$share/g/a"), "04"),
    0x82,
  ],
  [
    "refuses Subscription Identifier 0 (3.8.2.1.2)",
    [5],
    frame(0x82, "0007", p("0b 00"), A, "00"),
    0x82,
  ],
  [
    "refuses two Subscription Identifiers (3.8.2.1.2)",
    [5],
    frame(0x82, "0007", p("0b 01 0b 02"), A, "00"),
    0x82,
  ],
  [
    "refuses an over-long identifier [MQTT-1.5.5-1]",
    [5],
    frame(0x82, "0007", p("0b 8100"), A, "00"),
    0x81,
  ],
  ["refuses a misplaced property", [5], frame(0x82, "0007", p("1f", s("x")), A, "00"), 0x81],
  ["refuses ill-formed UTF-8 [MQTT-3.8.3-1]", [3, 4], frame(0x82, "0007 0001 ff 00"), 0x81],
  ["refuses U+0000 [MQTT-1.5.4-2]", [3, 4], frame(0x82, "0007 0001 00 00"), 0x81],
  ["refuses a filter beyond the packet", [3, 4], frame(0x82, "0007 0009 61"), 0x81],
];
table("decode() of SUBSCRIBE", subscribeRows);

const unsubscribe: Unsubscribe = {
  type: "unsubscribe",
  packetId: 7,
  filters: ["a/+", "b"],
  userProperties: undefined,
};

table("decode() of UNSUBSCRIBE", [
  ["reads filters in order", [3, 4], frame(0xa2, "0007", A, s("b")), unsubscribe],
  ["reads filters in order", [5], frame(0xa2, "0007 00", A, s("b")), unsubscribe],
  ["reads User Properties", [5], frame(0xa2, "0007", p("26", s("a"), s("1")), A, s("b")), {
    ...unsubscribe,
    userProperties: [["a", "1"]],
  }],
  ["accepts DUP in 3.1 (3.1 section 2.1)", [3], frame(0xaa, "0007", A, s("b")), unsubscribe],
  ["refuses other flags [MQTT-3.10.1-1]", [3, 4, 5], frame(0xa0, "0007 00", A), 0x81],
  ["refuses Packet Identifier 0 [MQTT-2.2.1-3]", [3, 4], frame(0xa2, "0000", A), 0x82],
  ["refuses no filter [MQTT-3.10.3-2]", [5], frame(0xa2, "0007 00"), 0x82],
  ["refuses no filter [MQTT-3.10.3-2]", [3, 4], frame(0xa2, "0007"), 0x81],
  ["refuses an empty filter [MQTT-4.7.3-1]", [3, 4], frame(0xa2, "0007 0000"), 0x81],
  ["refuses a Subscription Identifier", [5], frame(0xa2, "0007", p("0b 01"), A), 0x81],
  ["refuses U+0000 [MQTT-1.5.4-2]", [3, 4], frame(0xa2, "0007 0001 00"), 0x81],
]);

const suback: Suback = {
  type: "suback",
  packetId: 7,
  reasonCodes: [0, 2, 0x80],
  properties: undefined,
};
const unsuback: Unsuback = {
  type: "unsuback",
  packetId: 7,
  reasonCodes: [0, 0x11],
  properties: undefined,
};

table("decode() of", [
  ["SUBACK reads codes", [3, 4], frame(0x90, "0007 00 02 80"), suback],
  ["SUBACK reads codes", [5], frame(0x90, "0007 00 00 02 80"), suback],
  [
    "SUBACK refuses a code that is not its own [MQTT-3.9.3-2]",
    [5],
    frame(0x90, "0007 00 03"),
    0x82,
  ],
  ["SUBACK refuses a code of 5.0 in 3.x", [3, 4], frame(0x90, "0007 87"), 0x81],
  ["SUBACK refuses no code", [3, 4], frame(0x90, "0007"), 0x81],
  ["SUBACK refuses flags [MQTT-2.1.3-1]", [3, 4], frame(0x92, "0007 00"), 0x81],
  ["UNSUBACK reads codes", [5], frame(0xb0, "0007 00 00 11"), unsuback],
  ["UNSUBACK has no codes in 3.x", [3, 4], frame(0xb0, "0007"), { ...unsuback, reasonCodes: [] }],
  [
    "UNSUBACK refuses a code that is not its own [MQTT-3.11.3-2]",
    [5],
    frame(0xb0, "0007 00 01"),
    0x82,
  ],
  ["UNSUBACK refuses codes in 3.x", [3, 4], frame(0xb0, "0007 00"), 0x81],
  ["UNSUBACK refuses no code", [5], frame(0xb0, "0007 00"), 0x81],
  ["UNSUBACK refuses Packet Identifier 0", [3, 4], frame(0xb0, "0000"), 0x82],
]);

Deno.test("encode() writes 0x80 for every refusal when the SUBACK is for 3.x", () => {
  const packet = {
    ...suback,
    reasonCodes: [1, 0x87, 0x8f, 0x97],
    properties: { reasonString: "x" },
  };
  for (const version of [3, 4] as const) {
    deepStrictEqual(encode(packet, version), frame(0x90, "0007 01 80 80 80"));
  }
  deepStrictEqual(encode(packet, 5), frame(0x90, "0007", p("1f", s("x")), "01 87 8f 97"));
});

Deno.test("encode() writes no codes when the UNSUBACK is for 3.x", () => {
  for (const version of [3, 4] as const) {
    deepStrictEqual(encode(unsuback, version), frame(0xb0, "0007"));
  }
});

Deno.test("encode() throws when a SUBSCRIBE has two Subscription Identifiers", () => {
  const packet = subscribe(
    ["a", options({ subscriptionIdentifier: 1 })],
    ["b", options({ subscriptionIdentifier: 2 })],
  );
  throws(() => encode(packet, 5), RangeError);
});
