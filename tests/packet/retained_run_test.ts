import assert from "node:assert/strict";
import fc from "fast-check";
import { encode } from "../../src/packet/encode.ts";
import type { ProtocolVersion, Publish } from "../../src/packet/packet.ts";
import { publishesOf } from "../../src/packet/publish_run.ts";
import { endOf, payloadAtOf, retainedRun, topicAtOf } from "../../src/packet/retained_run.ts";
import { plainPublish } from "../packets.ts";

const ANY = 1 << 28;

function framesOf(packets: readonly Publish[], version: ProtocolVersion): Uint8Array {
  return Uint8Array.from(packets.flatMap((packet) => [...encode(packet, version)]));
}

function retained(topic: string, payload: Uint8Array, rest: Partial<Publish> = {}): Publish {
  return plainPublish(topic, payload, { retain: true, ...rest });
}

/** The run at the beginning of `bytes`, as `serve_link.ts` looks for it. */
function runIn(bytes: Uint8Array, version: ProtocolVersion, most = ANY) {
  return retainedRun(bytes, 0, 0, bytes.length, version, most);
}

const versions = fc.constantFrom<ProtocolVersion>(3, 4, 5);
const good = fc.record({
  topic: fc.oneof(
    fc.constantFrom("a", "a/b", "/", "a//b/", "x".repeat(300), "\u0001"),
    fc.string({ minLength: 1, unit: "grapheme-ascii" }).map((text) =>
      text.replace(/[+#]/g, "/").replace(/^\$/, "s")
    ),
  ),
  payload: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.constantFrom(113, 127, 128, 16_000).map((size) => new Uint8Array(size).fill(size)),
  ),
});

Deno.test("retainedRun() says of each packet where its parts are, and of all how many and how large they are", () => {
  fc.assert(
    fc.property(fc.array(good, { minLength: 1, maxLength: 4 }), versions, (parts, version) => {
      const packets = parts.map(({ topic, payload }) => retained(topic, payload));
      const bytes = framesOf(packets, version);
      const run = runIn(bytes, version)!;
      const sum = (size: (packet: Publish) => number) =>
        packets.reduce((all, packet) => all + size(packet), 0);
      assert.equal(run.count, packets.length);
      assert.deepEqual(run.bytes, bytes);
      assert.equal(run.payload, sum(({ payload }) => payload.length));
      assert.equal(run.topics, sum(({ topic }) => topic.length));
      assert.equal(run.longest, Math.max(...packets.map(({ topic }) => topic.length)));
      assert.equal(run.levels, Math.max(...packets.map(({ topic }) => topic.split("/").length)));
      assert.deepEqual([...publishesOf(run, version)], packets);
      let at = 0;
      for (const { topic, payload } of packets) {
        const payloadAt = payloadAtOf(bytes, at, version);
        const topicTo = topicAtOf(bytes, at) + topic.length;
        assert.equal(
          new TextDecoder().decode(bytes.subarray(topicAtOf(bytes, at), topicTo)),
          topic,
        );
        at = endOf(bytes, at);
        assert.deepEqual(bytes.slice(payloadAt, at), payload);
      }
      assert.equal(at, bytes.length);
    }),
    { numRuns: 300 },
  );
});

const body = Uint8Array.of(1, 2, 3);
/** Packets of which none is one of a run. */
const odd: readonly (readonly [what: string, packet: Publish, version?: ProtocolVersion])[] = [
  ["no RETAIN", retained("a", body, { retain: false })],
  ["QoS 1", retained("a", body, { qos: 1, packetId: 7 })],
  ["QoS 2", retained("a", body, { qos: 2, packetId: 7 })],
  ["an empty payload", retained("a", new Uint8Array())],
  ["an empty payload", retained("a", new Uint8Array()), 5],
  ["properties", retained("a", body, { properties: { contentType: "text" } }), 5],
  ["an alias and no topic", retained("", body, { properties: { topicAlias: 1 } }), 5],
  ["no topic", retained("", body), 5],
  ["a topic beyond ASCII", retained("ä", body)],
  ["a topic below $", retained("$delayed/5/a", body)],
  ["a wildcard in its topic", retained("a/+", body)],
  ["a wildcard in its topic", retained("a/#", body)],
  ["U+0000 in its topic", retained("a\0", body)],
  ["a Remaining Length of three bytes", retained("a", new Uint8Array(20_000))],
];

for (const [what, packet, version = 4] of odd) {
  Deno.test(`retainedRun() ends before a packet with ${what} (${version})`, () => {
    const plain = retained("a/b", body);
    const one = framesOf([packet], version);
    assert.equal(runIn(one, version), undefined);
    const run = runIn(framesOf([plain, plain, packet, plain], version), version)!;
    assert.equal(run.count, 2);
    assert.deepEqual(run.bytes, framesOf([plain, plain], version));
  });
}

Deno.test("retainedRun() looks at no byte behind the end, and takes no packet that is cut or too large", () => {
  const first = framesOf([retained("a/b", body)], 4);
  const both = framesOf([retained("a/b", body), retained("c", new Uint8Array(200))], 4);
  for (let end = 0; end < both.length; end++) {
    const run = retainedRun(both, 0, 0, end, 4, ANY);
    assert.equal(run?.bytes.length, end < first.length ? undefined : first.length, `${end}`);
  }
  assert.equal(runIn(both, 4, 199)?.count, 1);
  assert.equal(runIn(both, 4)?.count, 2);
});

Deno.test("retainedRun() takes no more than 256 packets or 64 KiB at once", () => {
  const many = framesOf(Array.from({ length: 300 }, () => retained("a", body)), 4);
  assert.equal(runIn(many, 4)?.count, 256);
  const large = framesOf(Array.from({ length: 10 }, () => retained("a", new Uint8Array(9_000))), 4);
  assert.equal(runIn(large, 4)?.count, 7);
});

Deno.test("retainedRun() takes no packet whose Remaining Length is ill-formed or shorter than its topic", () => {
  const good = [...framesOf([retained("a", body)], 4)];
  for (const rest of [[0x31, 0x86, 0], [0x31, 2, 0, 1, 0x61], [0x31, 3, 0, 9, 0x61, 1]]) {
    assert.equal(runIn(Uint8Array.from([...rest, 1, 1, 1]), 4), undefined);
    assert.equal(runIn(Uint8Array.from([...good, ...rest, 1, 1]), 4)?.count, 1);
  }
});
