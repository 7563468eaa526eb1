import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import type { Publish } from "../../src/packet/packet.ts";
import { decodePublish, encodePublish, writePublish } from "../../src/packet/publish_frame.ts";
import { frame, hex, p, type Row, s, table } from "./bytes_of.ts";
import { plainPublish } from "../packets.ts";

function publish(changes: Partial<Publish> = {}): Publish {
  return plainPublish("a/b", hex("0102"), changes);
}

const A = s("a/b");

const rows: readonly Row[] = [
  ["reads QoS 0", [3, 4], frame(0x30, A, "0102"), publish()],
  ["reads QoS 0", [5], frame(0x30, A, "00 0102"), publish()],
  ["reads RETAIN", [3, 4], frame(0x31, A, "0102"), publish({ retain: true })],
  ["reads QoS 1", [3, 4], frame(0x32, A, "0007 0102"), publish({ qos: 1, packetId: 7 })],
  [
    "reads QoS 2 with DUP",
    [5],
    frame(0x3c, A, "ffff 00 0102"),
    publish({ qos: 2, dup: true, packetId: 0xffff }),
  ],
  ["reads an empty payload", [3, 4], frame(0x30, A), publish({ payload: hex("") })],
  ["reads an empty payload", [5], frame(0x30, A, "00"), publish({ payload: hex("") })],
  [
    "reads an empty topic, for an alias may supply it (3.3.2.3.4)",
    [5],
    frame(0x30, "0000", p("23 0001"), "0102"),
    publish({ topic: "", properties: { topicAlias: 1 } }),
  ],
  [
    "reads every property",
    [5],
    frame(
      0x30,
      A,
      p(
        "01 01",
        "02 0000003c",
        "03" + s("text"),
        "08" + s("r"),
        "09" + s("c"),
        "0b 8001",
        "0b 01",
        "26" + s("b") + s("1"),
        "26" + s("a") + s("2"),
        "26" + s("b") + s("3"),
      ),
      "0102",
    ),
    publish({
      properties: {
        payloadFormatIndicator: 1,
        messageExpiryInterval: 60,
        contentType: "text",
        responseTopic: "r",
        correlationData: hex("63"),
        subscriptionIdentifiers: [128, 1],
        userProperties: [["b", "1"], ["a", "2"], ["b", "3"]],
      },
    }),
  ],
  [
    "keeps U+FEFF [MQTT-1.5.4-3]",
    [3, 4],
    frame(0x30, s("\ufeffa"), "0102"),
    publish({ topic: "\ufeffa" }),
  ],
  [
    "reads a topic outside ASCII",
    [3, 4],
    frame(0x30, s("å/🐧"), "0102"),
    publish({ topic: "å/🐧" }),
  ],
  [
    "reads a long topic",
    [3, 4],
    frame(0x30, s("long/".repeat(40)), "0102"),
    publish({ topic: "long/".repeat(40) }),
  ],
  ["refuses QoS 3 [MQTT-3.3.1-4]", [3, 4, 5], frame(0x36, A, "0007 00"), 0x81],
  ["refuses DUP with QoS 0 [MQTT-3.3.1-2]", [3, 4, 5], frame(0x38, A, "00"), 0x81],
  ["refuses Packet Identifier 0 [MQTT-2.2.1-3]", [3, 4, 5], frame(0x32, A, "0000 00"), 0x82],
  ["refuses + in a topic [MQTT-3.3.2-2]", [3, 4, 5], frame(0x30, s("a/+"), "00"), 0x90],
  ["refuses # in a topic [MQTT-3.3.2-2]", [3, 4, 5], frame(0x30, s("#"), "00"), 0x90],
  ["refuses # in a long topic", [3, 4, 5], frame(0x30, s("x".repeat(100) + "#"), "00"), 0x90],
  ["refuses an empty topic [MQTT-4.7.3-1]", [3, 4], frame(0x30, "0000 00"), 0x81],
  [
    "refuses a wildcard in the Response Topic [MQTT-3.3.2-14]",
    [5],
    frame(0x30, A, p("08" + s("r/+"))),
    0x82,
  ],
  ["refuses U+0000 in a topic [MQTT-1.5.4-2]", [3, 4, 5], frame(0x30, "0003 61 00 62", "00"), 0x81],
  ["refuses U+0000 in a topic outside ASCII", [3, 4, 5], frame(0x30, "0003 c3a5 00", "00"), 0x81],
  ["refuses a surrogate [MQTT-1.5.4-1]", [3, 4, 5], frame(0x30, "0003 eda080", "00"), 0x81],
  [
    "refuses a surrogate pair [MQTT-1.5.4-1]",
    [3, 4, 5],
    frame(0x30, "0006 eda080edb080", "00"),
    0x81,
  ],
  ["refuses an overlong form [MQTT-1.5.4-1]", [3, 4, 5], frame(0x30, "0002 c0af", "00"), 0x81],
  ["refuses a code point above U+10FFFF", [3, 4, 5], frame(0x30, "0004 f4908080", "00"), 0x81],
  ["refuses a cut character", [3, 4, 5], frame(0x30, "0002 61c3", "00"), 0x81],
  ["refuses a topic longer than the packet", [3, 4, 5], frame(0x30, "0009 61"), 0x81],
  ["refuses a topic one byte longer than the packet", [3, 4, 5], frame(0x30, "0002 61"), 0x81],
  ["refuses no topic length", [3, 4, 5], frame(0x30, "00"), 0x81],
  ["refuses an empty packet", [3, 4, 5], frame(0x30), 0x81],
  ["refuses no Packet Identifier", [3, 4, 5], frame(0x32, A, "00"), 0x81],
  ["refuses no Property Length", [5], frame(0x30, A), 0x81],
  ["refuses a Property Length beyond the packet", [5], frame(0x30, A, "05 01 01"), 0x81],
];

table("decode() of PUBLISH", rows);

Deno.test("decodePublish() gives the payload as a view with QoS 0, and as a copy when it is to be kept", () => {
  const bytes = frame(0x30, A, "0102");
  strictEqual(decodePublish(bytes, 4).payload.buffer, bytes.buffer);
  for (const first of [0x32, 0x34]) {
    const kept = frame(first, A, "0007", "0102");
    strictEqual(decodePublish(kept, 4).payload.buffer === kept.buffer, false);
  }
});

Deno.test("decodePublish() answers the same when it meets the same bytes again", () => {
  for (
    const [topic, code] of [["6161", 0], ["0000", 0x81], ["2361", 0x90], ["c0af", 0x81]] as const
  ) {
    for (let turn = 0; turn < 3; turn++) {
      const bytes = frame(0x30, "0002", topic);
      if (code === 0) strictEqual(decodePublish(bytes, 4).topic, "aa");
      else throws(() => decodePublish(bytes, 4), { reasonCode: code });
    }
  }
});

Deno.test("decodePublish() tells topics apart when there are more than the cache holds", () => {
  for (let turn = 0; turn < 2; turn++) {
    for (let index = 0; index < 5000; index++) {
      const topic = `plant/${index}/${index % 7}`;
      strictEqual(decodePublish(encodePublish(publish({ topic }), 4).bytes, 4).topic, topic);
    }
  }
});

Deno.test("encodePublish() says where the Packet Identifier stands when the QoS is above 0", () => {
  const message = { topic: "a/b", payload: hex("09"), qos: 1, retain: true, dup: false } as const;
  const { bytes, packetIdAt } = encodePublish({ ...message, properties: undefined }, 5);
  deepStrictEqual(bytes, frame(0x33, A, "0000 00 09"));
  strictEqual(packetIdAt, 7);
  bytes[packetIdAt + 1] = 9;
  strictEqual(decodePublish(bytes, 5).packetId, 9);
});

Deno.test("encodePublish() writes the Packet Identifier when the message has one", () => {
  const { bytes } = encodePublish(publish({ qos: 2, packetId: 0x1234, dup: true }), 4);
  deepStrictEqual(bytes, frame(0x3c, A, "1234 0102"));
});

Deno.test("encodePublish() gives -1 for packetIdAt when the QoS is 0", () => {
  strictEqual(encodePublish(publish(), 5).packetIdAt, -1);
});

Deno.test("encodePublish() leaves out properties when the version lacks them", () => {
  const message = publish({ properties: { contentType: "x" } });
  deepStrictEqual(encodePublish(message, 4).bytes, frame(0x30, A, "0102"));
  deepStrictEqual(encodePublish(message, 5).bytes, frame(0x30, A, p("03" + s("x")), "0102"));
});

Deno.test("encodePublish() throws a RangeError when the topic is above 65,535 bytes", () => {
  throws(() => encodePublish(publish({ topic: "å".repeat(32_768) }), 4), RangeError);
  strictEqual(encodePublish(publish({ topic: "x".repeat(65_535) }), 4).bytes.length, 65_543);
});

Deno.test("encodePublish() gives every frame its own bytes when many are written", () => {
  const frames = Array.from(
    { length: 2000 },
    (_, index) => encodePublish(publish({ topic: `t/${index}` }), 4).bytes,
  );
  frames.forEach((bytes, index) => strictEqual(decodePublish(bytes, 4).topic, `t/${index}`));
});

Deno.test("writePublish() writes behind what is there, and nothing when the memory has no room", () => {
  const bytes = new Uint8Array(64);
  let room = 20;
  const memory = { bytes, take: (size: number) => size > room ? -1 : (room -= size, 3) };
  const message = publish({ qos: 1, packetId: 7 });
  const frame = encodePublish(message, 4).bytes;
  strictEqual(writePublish(memory, message, 4), 3);
  deepStrictEqual(bytes.subarray(3, 3 + frame.length), frame);
  bytes.fill(0);
  strictEqual(writePublish(memory, publish({ payload: new Uint8Array(20) }), 4), -1);
  ok(bytes.every((byte) => byte === 0));
});

Deno.test("decodePublish() gives payloads that do not overlap when they are copies of any size", () => {
  const payloads = Array.from({ length: 300 }, (_, at) => new Uint8Array((at * 37) % 400).fill(at));
  const read = payloads.map((payload) => {
    const { bytes } = encodePublish(publish({ qos: 1, packetId: 1, payload }), 4);
    const { payload: kept } = decodePublish(bytes, 4);
    bytes.fill(0);
    return kept;
  });
  deepStrictEqual(read, payloads);
});
