import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { encode } from "../../src/packet/encode.ts";
import { MalformedPacket } from "../../src/packet/malformed_packet.ts";
import type { Connect } from "../../src/packet/packet.ts";
import { decoded, frame, hex, p, type Row, s, table } from "./bytes_of.ts";
import { connectOf } from "../packets.ts";

const MQTT5 = s("MQTT") + "05";
const MQTT4 = s("MQTT") + "04";
const MQTT3 = s("MQIsdp") + "03";

function connect(changes: Partial<Connect>): Connect {
  return connectOf(5, "c", { keepAlive: 60, ...changes });
}

const will = {
  topic: "w",
  payload: hex("01 02"),
  qos: 1,
  retain: true,
  willDelayInterval: 0,
  properties: undefined,
} as const;

const WILL = `${s("w")} 0002 0102`;

const rows: readonly Row[] = [
  ["reads 5.0", [3, 4, 5], frame(0x10, MQTT5, "02 003c 00", s("c")), connect({})],
  [
    "reads 3.1.1",
    [3, 4, 5],
    frame(0x10, MQTT4, "02 003c", s("c")),
    connect({ protocolVersion: 4 }),
  ],
  ["reads 3.1", [3, 4, 5], frame(0x10, MQTT3, "02 003c", s("c")), connect({ protocolVersion: 3 })],
  [
    "accepts a client id of 3.1 above 23 characters",
    [3],
    frame(0x10, MQTT3, "00 0000", s("x".repeat(40))),
    connect({ protocolVersion: 3, clientId: "x".repeat(40), cleanStart: false, keepAlive: 0 }),
  ],
  [
    "accepts an empty client id, which the connection judges",
    [4],
    frame(0x10, MQTT4, "00 0000 0000"),
    connect({ protocolVersion: 4, clientId: "", cleanStart: false, keepAlive: 0 }),
  ],
  [
    "reads will, user name and password in their order [MQTT-3.1.3-1]",
    [5],
    frame(0x10, MQTT5, "ee 003c 00", s("c"), p("18 00000005", "01 01"), WILL, s("u"), s("p")),
    connect({
      will: { ...will, willDelayInterval: 5, properties: { payloadFormatIndicator: 1 } },
      username: "u",
      password: hex("70"),
    }),
  ],
  [
    "keeps the order of a will's User Properties [MQTT-3.1.3-10]",
    [5],
    frame(
      0x10,
      MQTT5,
      "2e 003c 00",
      s("c"),
      p("26", s("b"), s("1"), "26", s("a"), s("2"), "26", s("b"), s("3")),
      WILL,
    ),
    connect({
      will: { ...will, properties: { userProperties: [["b", "1"], ["a", "2"], ["b", "3"]] } },
    }),
  ],
  [
    "reads a will of 3.1.1",
    [4],
    frame(0x10, MQTT4, "2e 003c", s("c"), WILL),
    connect({ protocolVersion: 4, will }),
  ],
  [
    "reads the properties",
    [5],
    frame(
      0x10,
      MQTT5,
      "02 003c",
      p("11 ffffffff", "21 000a", "27 00000400", "22 0005", "19 01", "17 00"),
      s("c"),
    ),
    connect({
      properties: {
        sessionExpiryInterval: 0xffff_ffff,
        receiveMaximum: 10,
        maximumPacketSize: 1024,
        topicAliasMaximum: 5,
        requestResponseInformation: 1,
        requestProblemInformation: 0,
      },
    }),
  ],
  [
    "accepts a password without user name in 5.0 (3.1.2.9)",
    [5],
    frame(0x10, MQTT5, "42 003c 00", s("c"), s("p")),
    connect({ password: hex("70") }),
  ],
  [
    "keeps a leading U+FEFF [MQTT-1.5.4-3]",
    [5],
    frame(0x10, MQTT5, "82 003c 00", s("\ufeffc"), s("\ufeff")),
    connect({ clientId: "\ufeffc", username: "\ufeff" }),
  ],
  [
    "passes over flags for what the packet of 3.1 ends before (3.1 section 3.1)",
    [3],
    frame(0x10, MQTT3, "c2 003c", s("c")),
    connect({ protocolVersion: 3 }),
  ],
  [
    "reads a user name of 3.1 whose password is not there",
    [3],
    frame(0x10, MQTT3, "c2 003c", s("c"), s("u")),
    connect({ protocolVersion: 3, username: "u" }),
  ],
  ["refuses a missing user name in 3.1.1", [4], frame(0x10, MQTT4, "82 003c", s("c")), 0x81],
  [
    "refuses flags in the fixed header [MQTT-2.1.3-1]",
    [5],
    frame(0x11, MQTT5, "02 003c 00", s("c")),
    0x81,
  ],
  [
    "refuses another Protocol Name [MQTT-3.1.2-1]",
    [5],
    frame(0x10, s("MQTS"), "05 02 003c 00", s("c")),
    0x84,
  ],
  ["refuses MQTT with version 3", [5], frame(0x10, s("MQTT"), "03 02 003c", s("c")), 0x84],
  ["refuses version 6 [MQTT-3.1.2-2]", [5], frame(0x10, s("MQTT"), "06 02 003c 00", s("c")), 0x84],
  ["refuses the bridge bit", [4], frame(0x10, s("MQTT"), "84 02 003c", s("c")), 0x84],
  ["refuses the reserved flag [MQTT-3.1.2-3]", [5], frame(0x10, MQTT5, "03 003c 00", s("c")), 0x81],
  ["refuses the reserved flag in 3.1.1", [4], frame(0x10, MQTT4, "03 003c", s("c")), 0x81],
  [
    "refuses Will QoS 3 [MQTT-3.1.2-12]",
    [5],
    frame(0x10, MQTT5, "1e 003c 00", s("c"), "00", WILL),
    0x81,
  ],
  [
    "refuses Will QoS without will [MQTT-3.1.2-11]",
    [5],
    frame(0x10, MQTT5, "0a 003c 00", s("c")),
    0x81,
  ],
  [
    "refuses Will Retain without will [MQTT-3.1.2-13]",
    [5],
    frame(0x10, MQTT5, "22 003c 00", s("c")),
    0x81,
  ],
  ["refuses Will Retain without will in 3.1.1", [4], frame(0x10, MQTT4, "22 003c", s("c")), 0x81],
  [
    "refuses a password without user name in 3.1.1 [3.1.1: MQTT-3.1.2-22]",
    [4],
    frame(0x10, MQTT4, "42 003c", s("c"), s("p")),
    0x81,
  ],
  [
    "refuses a password without user name in 3.1",
    [3],
    frame(0x10, MQTT3, "42 003c", s("c"), s("p")),
    0x81,
  ],
  [
    "refuses a wildcard in the Will Topic [MQTT-3.3.2-2]",
    [5],
    frame(0x10, MQTT5, "06 003c 00", s("c"), "00", s("a/#"), "0000"),
    0x90,
  ],
  [
    "refuses an empty Will Topic [MQTT-4.7.3-1]",
    [5],
    frame(0x10, MQTT5, "06 003c 00", s("c"), "00", "0000 0000"),
    0x81,
  ],
  ["refuses bytes behind the end", [5], frame(0x10, MQTT5, "02 003c 00", s("c"), "00"), 0x81],
  ["refuses bytes behind the end in 3.1.1", [4], frame(0x10, MQTT4, "02 003c", s("c"), "00"), 0x81],
  ["refuses a cut packet", [5], frame(0x10, MQTT5, "02 00"), 0x81],
  ["refuses no Protocol Version", [5], frame(0x10, s("MQTT")), 0x81],
  [
    "refuses a client id in ill-formed UTF-8 [MQTT-1.5.4-1]",
    [5],
    frame(0x10, MQTT5, "02 003c 00", "0002 c328"),
    0x81,
  ],
  [
    "refuses a surrogate in a user name [MQTT-1.5.4-1]",
    [5],
    frame(0x10, MQTT5, "82 003c 00", s("c"), "0003 eda080"),
    0x81,
  ],
  [
    "refuses U+0000 in a client id [MQTT-1.5.4-2]",
    [5],
    frame(0x10, MQTT5, "02 003c 00", "0001 00"),
    0x81,
  ],
  ["refuses U+0000 in a client id of 3.1.1", [4], frame(0x10, MQTT4, "02 003c", "0001 00"), 0x81],
  [
    "refuses Authentication Data without method (3.1.2.11.10)",
    [5],
    frame(0x10, MQTT5, "02 003c", p("16", s("x")), s("c")),
    0x82,
  ],
];

table("decode() of CONNECT", rows);

const answers: readonly [name: string, Uint8Array, version: number | undefined, code: number][] = [
  ["a level above 5", frame(0x10, s("MQTT"), "06 02 003c 00", s("c")), 5, 0x84],
  ["a level below 4", frame(0x10, s("MQTT"), "02 02 003c", s("c")), 4, 0x84],
  ["a 3.1.1 bridge", frame(0x10, s("MQTT"), "84 02 003c", s("c")), 4, 0x84],
  ["a 3.1 bridge", frame(0x10, s("MQIsdp"), "83 02 003c", s("c")), 4, 0x84],
  ["an error behind the version 5", frame(0x10, MQTT5, "03 003c 00", s("c")), 5, 0x81],
  ["an error behind the version 4", frame(0x10, MQTT4, "03 003c", s("c")), 4, 0x81],
  ["an error behind the version 3", frame(0x10, MQTT3, "03 003c", s("c")), 3, 0x81],
  ["an error before the version", frame(0x10, "0009 4d51"), undefined, 0x81],
];

for (const [name, bytes, version, code] of answers) {
  Deno.test(`decode() names the version to answer in when it refuses a CONNECT for ${name}`, () => {
    const found = decoded(bytes, 5);
    ok(found instanceof MalformedPacket);
    strictEqual(found.reasonCode, code);
    strictEqual(found.version, version);
  });
}

Deno.test("decode() copies will payload and password when it reads a CONNECT", () => {
  const bytes = frame(0x10, MQTT4, "c6 003c", s("c"), WILL, s("u"), s("p"));
  const found = decoded(bytes, 4) as Connect;
  bytes.fill(0);
  deepStrictEqual([found.will?.payload, found.password], [hex("0102"), hex("70")]);
});

Deno.test("encode() writes a CONNECT in its own version when asked for another", () => {
  const packet = connect({ protocolVersion: 3 });
  deepStrictEqual(encode(packet, 5), frame(0x10, MQTT3, "02 003c", s("c")));
});
