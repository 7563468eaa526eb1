import { deepStrictEqual, throws } from "node:assert/strict";
import { encode } from "../../src/packet/encode.ts";
import { frame, hex, p, type Row, s, table } from "./bytes_of.ts";

const rows: readonly Row[] = [
  ["DISCONNECT reads its short form (3.14.2.1)", [3, 4, 5], frame(0xe0), {
    type: "disconnect",
    reasonCode: 0,
    properties: undefined,
  }],
  ["DISCONNECT reads a code without Property Length (3.14.2.2.1)", [5], frame(0xe0, "04"), {
    type: "disconnect",
    reasonCode: 4,
    properties: undefined,
  }],
  [
    "DISCONNECT reads properties",
    [5],
    frame(
      0xe0,
      "9d",
      p("1c", s("other"), "11 0000003c", "26", s("b"), s("1"), "26", s("a"), s("2")),
    ),
    {
      type: "disconnect",
      reasonCode: 0x9d,
      properties: {
        serverReference: "other",
        sessionExpiryInterval: 60,
        userProperties: [["b", "1"], ["a", "2"]],
      },
    },
  ],
  ["DISCONNECT refuses flags [MQTT-3.14.1-1]", [3, 4, 5], frame(0xe1), 0x81],
  ["DISCONNECT refuses a body in 3.x", [3, 4], frame(0xe0, "00"), 0x81],
  ["DISCONNECT refuses a code that is not its own [MQTT-3.14.2-1]", [5], frame(0xe0, "01"), 0x82],
  ["DISCONNECT refuses a misplaced property", [5], frame(0xe0, "00", p("21 0001")), 0x81],
  ["DISCONNECT refuses bytes behind the end", [5], frame(0xe0, "00 00 00"), 0x81],
  ["AUTH reads its short form (3.15.2.1)", [5], frame(0xf0), {
    type: "auth",
    reasonCode: 0,
    properties: undefined,
  }],
  ["AUTH reads properties", [5], frame(0xf0, "18", p("15", s("SCRAM"), "16", s("x"))), {
    type: "auth",
    reasonCode: 0x18,
    properties: { authenticationMethod: "SCRAM", authenticationData: hex("78") },
  }],
  ["AUTH refuses flags [MQTT-3.15.1-1]", [5], frame(0xf2), 0x81],
  ["AUTH refuses a code that is not its own [MQTT-3.15.2-1]", [5], frame(0xf0, "04 00"), 0x82],
  ["AUTH refuses a code without Property Length", [5], frame(0xf0, "18"), 0x81],
  ["AUTH is reserved in 3.x [3.1.1: MQTT-2.2.2-1]", [3, 4], frame(0xf0), 0x81],
  ["packet type 0 is reserved (2.1.2)", [3, 4, 5], frame(0x00), 0x81],
  ["a frame of no bytes is refused", [3, 4, 5], hex(""), 0x81],
  ["a frame of one byte is refused", [3, 4, 5], hex("e0"), 0x81],
  ["a frame shorter than its Remaining Length is refused", [5], hex("e0 02 00"), 0x81],
  ["a frame longer than its Remaining Length is refused", [5], hex("e0 00 00"), 0x81],
];
table("decode():", rows);

Deno.test("encode() writes an empty DISCONNECT when the version is 3.x", () => {
  const packet = {
    type: "disconnect",
    reasonCode: 0x8b,
    properties: { reasonString: "x" },
  } as const;
  for (const version of [3, 4] as const) deepStrictEqual(encode(packet, version), frame(0xe0));
  deepStrictEqual(encode(packet, 5), frame(0xe0, "8b", p("1f", s("x"))));
});

Deno.test("encode() throws when an AUTH is for 3.x", () => {
  throws(() => encode({ type: "auth", reasonCode: 0, properties: undefined }, 4));
});
