import { deepStrictEqual } from "node:assert/strict";
import { encode } from "../../src/packet/encode.ts";
import type { Connack, ProtocolVersion } from "../../src/packet/packet.ts";
import { frame, p, type Row, s, table } from "./bytes_of.ts";

function connack(reasonCode: number, changes: Partial<Connack> = {}): Connack {
  return { type: "connack", sessionPresent: false, reasonCode, properties: undefined, ...changes };
}

const rows: readonly Row[] = [
  ["reads 5.0", [5], frame(0x20, "01 00 00"), connack(0, { sessionPresent: true })],
  ["reads 3.1.1", [4], frame(0x20, "01 00"), connack(0, { sessionPresent: true })],
  ["reads no Session Present in 3.1", [3], frame(0x20, "01 00"), connack(0)],
  [
    "reads the properties",
    [5],
    frame(0x20, "00 00", p("24 01", "12", s("id"), "13 000a", "28 00")),
    connack(0, {
      properties: {
        maximumQoS: 1,
        assignedClientIdentifier: "id",
        serverKeepAlive: 10,
        wildcardSubscriptionAvailable: 0,
      },
    }),
  ],
  ["maps return code 1", [3, 4], frame(0x20, "00 01"), connack(0x84)],
  ["maps return code 2", [3, 4], frame(0x20, "00 02"), connack(0x85)],
  ["maps return code 3", [3, 4], frame(0x20, "00 03"), connack(0x88)],
  ["maps return code 4", [3, 4], frame(0x20, "00 04"), connack(0x86)],
  ["maps return code 5", [3, 4], frame(0x20, "00 05"), connack(0x87)],
  ["refuses return code 6", [3, 4], frame(0x20, "00 06"), 0x81],
  ["refuses reserved flags [MQTT-3.2.2-1]", [3, 4], frame(0x20, "02 00"), 0x81],
  ["refuses reserved flags [MQTT-3.2.2-1]", [5], frame(0x20, "02 00 00"), 0x81],
  ["refuses flags in the fixed header [MQTT-2.1.3-1]", [5], frame(0x22, "00 00 00"), 0x81],
  ["refuses Session Present with an error [MQTT-3.2.2-6]", [5], frame(0x20, "01 87 00"), 0x82],
  ["refuses a code that is not its own [MQTT-3.2.2-8]", [5], frame(0x20, "00 8e 00"), 0x82],
  ["refuses bytes behind the end", [3, 4], frame(0x20, "00 00 00"), 0x81],
  ["refuses a missing Property Length", [5], frame(0x20, "00 00"), 0x81],
  ["refuses Maximum QoS 2 (3.2.2.3.4)", [5], frame(0x20, "00 00", p("24 02")), 0x82],
];

table("decode() of CONNACK", rows);

const written: readonly [ProtocolVersion, number, Uint8Array][] = [
  [5, 0x87, frame(0x20, "00 87 00")],
  [4, 0x00, frame(0x20, "00 00")],
  [4, 0x84, frame(0x20, "00 01")],
  [4, 0x85, frame(0x20, "00 02")],
  [4, 0x86, frame(0x20, "00 04")],
  [4, 0x87, frame(0x20, "00 05")],
  [4, 0x97, frame(0x20, "00 03")],
  [3, 0x87, frame(0x20, "00 05")],
];

for (const [version, code, bytes] of written) {
  Deno.test(`encode() writes the CONNACK when its code is ${code} (version ${version})`, () => {
    deepStrictEqual(encode(connack(code), version), bytes);
  });
}

Deno.test("encode() leaves out properties and Session Present when the version lacks them", () => {
  const packet = connack(0, { sessionPresent: true, properties: { receiveMaximum: 3 } });
  deepStrictEqual(encode(packet, 3), frame(0x20, "00 00"));
  deepStrictEqual(encode(packet, 4), frame(0x20, "01 00"));
  deepStrictEqual(encode(packet, 5), frame(0x20, "01 00", p("21 0003")));
});
