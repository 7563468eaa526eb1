import { deepStrictEqual } from "node:assert/strict";
import { encode } from "../../src/packet/encode.ts";
import type { Packet, ProtocolVersion } from "../../src/packet/packet.ts";
import { frame, p, type Row, s, table } from "./bytes_of.ts";

type Type = "puback" | "pubrec" | "pubrel" | "pubcomp";

function ack(type: Type, reasonCode = 0, properties?: { reasonString: string }): Packet {
  return { type, packetId: 7, reasonCode, properties };
}

const FIRST: readonly [Type, number, wrong: number, refusal: number][] = [
  ["puback", 0x40, 0x42, 0x87],
  ["pubrec", 0x50, 0x51, 0x87],
  ["pubrel", 0x62, 0x60, 0x92],
  ["pubcomp", 0x70, 0x72, 0x92],
];

for (const [type, first, wrong, refusal] of FIRST) {
  const rows: readonly Row[] = [
    ["reads the identifier alone", [3, 4, 5], frame(first, "0007"), ack(type)],
    ["reads a code without Property Length", [5], frame(first, "0007", "00"), ack(type)],
    ["reads a refusal", [5], frame(first, "0007", refusal.toString(16)), ack(type, refusal)],
    ["reads no properties", [5], frame(first, "0007 00 00"), ack(type)],
    [
      "reads a Reason String",
      [5],
      frame(first, "0007 00", p("1f" + s("so"))),
      ack(type, 0, { reasonString: "so" }),
    ],
    ["refuses other flags [MQTT-2.1.3-1] [MQTT-3.6.1-1]", [3, 4, 5], frame(wrong, "0007"), 0x81],
    ["refuses Packet Identifier 0 [MQTT-2.2.1-5]", [3, 4, 5], frame(first, "0000"), 0x82],
    ["refuses one byte", [3, 4, 5], frame(first, "07"), 0x81],
    ["refuses an empty body", [3, 4, 5], frame(first), 0x81],
    ["refuses a third byte in 3.x", [3, 4], frame(first, "0007 00"), 0x81],
    ["refuses a code that is not its own [MQTT-3.4.2-1]", [5], frame(first, "0007 8e"), 0x82],
    ["refuses bytes behind the properties", [5], frame(first, "0007 00 00 00"), 0x81],
    ["refuses a Property Length beyond the packet", [5], frame(first, "0007 00 05"), 0x81],
    ["refuses a misplaced property", [5], frame(first, "0007 00", p("23 0001")), 0x81],
    [
      "refuses a second Reason String",
      [5],
      frame(first, "0007 00", p("1f" + s("a"), "1f" + s("b"))),
      0x82,
    ],
  ];
  table(`decode() of ${type.toUpperCase()}`, rows);

  Deno.test(`encode() writes the shortest ${type.toUpperCase()} when it has a code or none`, () => {
    const rows: readonly [ProtocolVersion, Packet, Uint8Array][] = [
      [3, ack(type, refusal, { reasonString: "x" }), frame(first, "0007")],
      [4, ack(type, refusal), frame(first, "0007")],
      [5, ack(type), frame(first, "0007")],
      [5, ack(type, refusal), frame(first, "0007", refusal.toString(16))],
      [5, ack(type, 0, { reasonString: "x" }), frame(first, "0007 00", p("1f" + s("x")))],
    ];
    for (const [version, packet, bytes] of rows) deepStrictEqual(encode(packet, version), bytes);
  });
}

table("decode() of", [
  ["PUBREL accepts DUP in 3.1 (3.1 section 2.1)", [3], frame(0x6a, "0007"), ack("pubrel")],
  ["PUBREL refuses DUP [MQTT-3.6.1-1]", [4, 5], frame(0x6a, "0007"), 0x81],
  ["PUBREC refuses a code of PUBREL [MQTT-3.5.2-1]", [5], frame(0x50, "0007 92"), 0x82],
  ["PUBREL refuses a code of PUBREC [MQTT-3.6.2-1]", [5], frame(0x62, "0007 87"), 0x82],
  ["PUBCOMP refuses a code of PUBREC [MQTT-3.7.2-1]", [5], frame(0x70, "0007 10"), 0x82],
  ["PINGREQ reads two bytes", [3, 4, 5], frame(0xc0), { type: "pingreq" }],
  ["PINGRESP reads two bytes", [3, 4, 5], frame(0xd0), { type: "pingresp" }],
  ["PINGREQ refuses flags [MQTT-2.1.3-1]", [3, 4, 5], frame(0xc1), 0x81],
  ["PINGREQ refuses a body (3.12)", [3, 4, 5], frame(0xc0, "00"), 0x81],
  ["PINGRESP refuses a body (3.13)", [3, 4, 5], frame(0xd0, "00"), 0x81],
]);

Deno.test("encode() writes two bytes when the packet is a ping", () => {
  deepStrictEqual(encode({ type: "pingreq" }, 4), frame(0xc0));
  deepStrictEqual(encode({ type: "pingresp" }, 5), frame(0xd0));
});
