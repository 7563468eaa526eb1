import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { MalformedPacket } from "../../src/packet/malformed_packet.ts";
import type { PropertyOwner } from "../../src/packet/property.ts";
import { PROPERTY_TABLE } from "../../src/packet/property.ts";
import { readProperties } from "../../src/packet/property_reader.ts";
import { encodeProperties } from "../../src/packet/property_writer.ts";
import { hex, p, s } from "./bytes_of.ts";

const OWNERS: readonly PropertyOwner[] = [
  "connect",
  "will",
  "connack",
  "publish",
  "puback",
  "pubrec",
  "pubrel",
  "pubcomp",
  "subscribe",
  "suback",
  "unsubscribe",
  "unsuback",
  "disconnect",
  "auth",
];

/** Table 2-4 of section 2.2.2.2, written down once more: identifier, then who may have it. */
const TABLE_2_4: readonly [number, string][] = [
  [0x01, "publish will"],
  [0x02, "publish will"],
  [0x03, "publish will"],
  [0x08, "publish will"],
  [0x09, "publish will"],
  [0x0b, "publish subscribe"],
  [0x11, "connect connack disconnect"],
  [0x12, "connack"],
  [0x13, "connack"],
  [0x15, "connect connack auth"],
  [0x16, "connect connack auth"],
  [0x17, "connect"],
  [0x18, "will"],
  [0x19, "connect"],
  [0x1a, "connack"],
  [0x1c, "connack disconnect"],
  [0x1f, "connack puback pubrec pubrel pubcomp suback unsuback disconnect auth"],
  [0x21, "connect connack"],
  [0x22, "connect connack"],
  [0x23, "publish"],
  [0x24, "connack"],
  [0x25, "connack"],
  [0x26, OWNERS.join(" ")],
  [0x27, "connect connack"],
  [0x28, "connack"],
  [0x29, "connack"],
  [0x2a, "connack"],
];

const SAMPLE: Readonly<Record<string, string>> = {
  byte: "01",
  twoByteInteger: "0001",
  fourByteInteger: "00000001",
  variableByteInteger: "01",
  string: s("x"),
  topicName: s("x"),
  binary: s("x"),
  stringPair: s("x") + s("y"),
};

function read(bytes: string, owner: PropertyOwner): unknown {
  const all = hex(bytes);
  try {
    return readProperties({ bytes: all, at: 0, end: all.length }, owner);
  } catch (error) {
    if (error instanceof MalformedPacket) return error.reasonCode;
    throw error;
  }
}

function id(number: number): string {
  return number.toString(16).padStart(2, "0");
}

Deno.test("PROPERTY_TABLE has the rows of table 2-4 when compared with it", () => {
  deepStrictEqual(PROPERTY_TABLE.map((row) => row.id), TABLE_2_4.map(([number]) => number));
});

Deno.test("readProperties() refuses a property with 0x81 when the packet must not have it", () => {
  for (const [number, owners] of TABLE_2_4) {
    const row = PROPERTY_TABLE.find((any) => any.id === number)!;
    for (const owner of OWNERS) {
      const found = read(p(id(number), SAMPLE[row.dataType]!), owner);
      if (!owners.split(" ").includes(owner)) strictEqual(found, 0x81, `${row.name} in ${owner}`);
      else deepStrictEqual(Object.keys(found as object), [row.name], `${row.name} in ${owner}`);
    }
  }
});

Deno.test("readProperties() refuses a property with 0x82 when it is repeated", () => {
  for (const [number, owners] of TABLE_2_4) {
    const row = PROPERTY_TABLE.find((any) => any.id === number)!;
    for (const owner of owners.split(" ") as PropertyOwner[]) {
      const once = id(number) + SAMPLE[row.dataType]!;
      const mayRepeat = number === 0x26 || (number === 0x0b && owner === "publish");
      strictEqual(read(p(once, once), owner) === 0x82, !mayRepeat, `${row.name} in ${owner}`);
    }
  }
});

const refused: readonly [name: string, bytes: string, owner: PropertyOwner, code: number][] = [
  ["unknown", p("04 00"), "connect", 0x81],
  ["of identifier 0", p("00 00"), "connect", 0x81],
  ["of identifier 43", p("2b 00"), "connack", 0x81],
  ["of an over-long identifier [MQTT-1.5.5-1]", p("a1 00 0001"), "connect", 0x81],
  ["Receive Maximum 0 (3.1.2.11.3)", p("21 0000"), "connect", 0x82],
  ["Maximum Packet Size 0 (3.1.2.11.4)", p("27 00000000"), "connect", 0x82],
  ["Topic Alias 0 [MQTT-3.3.2-8]", p("23 0000"), "publish", 0x82],
  ["Subscription Identifier 0 (3.3.2.3.8)", p("0b 00"), "publish", 0x82],
  ["Subscription Identifier of five bytes", p("0b 8080808001"), "publish", 0x81],
  ["Payload Format Indicator 2 (3.3.2.3.2)", p("01 02"), "publish", 0x82],
  ["Request Problem Information 2 (3.1.2.11.7)", p("17 02"), "connect", 0x82],
  ["Request Response Information 2 (3.1.2.11.6)", p("19 02"), "connect", 0x82],
  ["Maximum QoS 2 (3.2.2.3.4)", p("24 02"), "connack", 0x82],
  ["Retain Available 2 (3.2.2.3.5)", p("25 02"), "connack", 0x82],
  ["Wildcard Subscription Available 2", p("28 02"), "connack", 0x82],
  ["Subscription Identifiers Available 2", p("29 02"), "connack", 0x82],
  ["Shared Subscription Available 2", p("2a 02"), "connack", 0x82],
  ["U+0000 in a User Property's name [MQTT-1.5.7-1]", p("26 0001 00", s("x")), "auth", 0x81],
  [
    "ill-formed UTF-8 in a User Property's value [MQTT-1.5.7-1]",
    p("26", s("x"), "0001 80"),
    "auth",
    0x81,
  ],
  ["ill-formed UTF-8 in a Reason String", p("1f 0001 80"), "puback", 0x81],
  [
    "a string that ends behind the properties",
    "04 1f 0009 61 62 63 64 65 66 67 68 69",
    "puback",
    0x81,
  ],
  ["a number that ends behind the properties", "02 21 00 05", "connect", 0x81],
  ["a Property Length behind the packet", "05 21 0001", "connect", 0x81],
  ["an over-long Property Length [MQTT-1.5.5-1]", "80 00", "connect", 0x81],
  ["no Property Length", "", "connect", 0x81],
];
for (const [name, bytes, owner, code] of refused) {
  Deno.test(`readProperties() refuses the properties when it finds: ${name}`, () => {
    strictEqual(read(bytes, owner), code);
  });
}

Deno.test("readProperties() stops behind the Property Length when more bytes follow", () => {
  const reader = { bytes: hex("03 21 0005 ff"), at: 0, end: 5 };
  deepStrictEqual(readProperties(reader, "connect"), { receiveMaximum: 5 });
  deepStrictEqual([reader.at, reader.end], [4, 5]);
});

Deno.test("encodeProperties() leaves out a property when the packet must not have it", () => {
  const properties = { contentType: "x", topicAlias: 3, willDelayInterval: 4 };
  deepStrictEqual(encodeProperties(properties, "publish"), hex(p("03", s("x"), "23 0003")));
  deepStrictEqual(encodeProperties(properties, "will"), hex(p("03", s("x"), "18 00000004")));
  deepStrictEqual(encodeProperties(undefined, "will"), hex("00"));
});
