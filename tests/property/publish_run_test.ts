import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { decode } from "../../src/packet/decode.ts";
import { encode } from "../../src/packet/encode.ts";
import { frameLength } from "../../src/packet/fixed_header.ts";
import { joined } from "../../src/packet/joined.ts";
import type { Packet, ProtocolVersion, Publish } from "../../src/packet/packet.ts";
import { partOf, publishesOf, publishRun } from "../../src/packet/publish_run.ts";
import { plainPublish } from "../packets.ts";

/** Mostly alike: two topics, of which one begins like the other, and now and then something odd. */
function publish(of: ProtocolVersion): fc.Arbitrary<Publish> {
  const often = <T>(usual: T, ...rare: readonly T[]) =>
    fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, fc.constantFrom(...rare));
  return fc.record({
    type: fc.constant("publish" as const),
    topic: often("a/b", "a/bc", "ä"),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc.constantFrom(0, 120, 124, 130, 1_100, 16_400).map((size) => new Uint8Array(size)),
    ),
    qos: often<0 | 1>(0, 1),
    retain: often(false, true),
    dup: fc.constant(false),
    packetId: fc.constant(0),
    properties: of === 5
      ? often<Publish["properties"]>(undefined, { contentType: "c" })
      : fc.constant(undefined),
  }).map((packet) => packet.qos === 0 ? packet : { ...packet, packetId: 7 });
}

const stream = fc.constantFrom<ProtocolVersion>(3, 4, 5).chain((version) =>
  fc.tuple(
    fc.constant(version),
    fc.array(publish(version), { minLength: 1, maxLength: 12 }),
    fc.nat(200), // bytes of the last packet that have not come yet
  )
);

Deno.test("publishRun() and decode() find the same packets when a stream is read with runs and without", () => {
  let runs = 0;
  fc.assert(
    fc.property(stream, ([version, packets, missing]) => {
      const whole = packets.flatMap((packet) => [...encode(packet, version)]);
      const bytes = Uint8Array.from(whole.slice(0, Math.max(0, whole.length - missing)));
      const plain: Packet[] = [];
      const found: Packet[] = [];
      for (let at = 0; at < bytes.length;) {
        const length = frameLength(bytes, at, bytes.length);
        if (length === 0 || at + length > bytes.length) break;
        plain.push(decode(bytes, version, at, at += length));
      }
      for (let at = 0; at < bytes.length;) {
        const length = frameLength(bytes, at, bytes.length);
        if (length === 0 || at + length > bytes.length) break;
        const run = publishRun(bytes, at, at + length, bytes.length, version, 1 << 20);
        if (run === undefined) found.push(decode(bytes, version, at, at += length));
        else {
          runs += 1;
          const members = [...publishesOf(run, version)];
          strictEqual(members.length, run.count);
          strictEqual(run.bytes.byteOffset, at);
          strictEqual(new Set(members.map(({ topic }) => topic)).size, 1);
          ok(members.every(({ qos, retain, properties }) => qos === 0 && !retain && !properties));
          found.push(...members);
          let from = 0;
          for (let left = run.count; left > 0;) { // all kinds of parts: 1, 2, 4 … and the rest
            const part = partOf(run, from, Math.min(left, run.count - left + 1));
            const each = [...publishesOf(part, version)];
            deepStrictEqual(each, members.slice(run.count - left, run.count - left + part.count));
            strictEqual(each.reduce((sum, { payload }) => sum + payload.length, 0), part.payload);
            from += part.bytes.length;
            left -= part.count;
          }
          strictEqual(from, run.bytes.length);
          at += run.bytes.length;
        }
      }
      deepStrictEqual(found, plain);
    }),
    { numRuns: 1_000 },
  );
  ok(runs > 200, `only ${runs} runs in all streams`);
});

Deno.test("publishRun() ends before a packet above the Maximum Packet Size", () => {
  const [small, large] = [new Uint8Array(10), new Uint8Array(300)].map((payload) =>
    encode(plainPublish("t", payload), 4).slice()
  );
  const bytes = Uint8Array.from([...small!, ...small!, ...large!]);
  const run = publishRun(bytes, 0, small!.length, bytes.length, 4, 100);
  strictEqual(run?.count, 2);
  strictEqual(publishRun(bytes, 0, small!.length, bytes.length, 4, 1_000)?.count, 3);
});

Deno.test("publishRun() takes large packets, of any size, and ends before a Remaining Length in bad form", () => {
  const packet = (size: number) => encode(plainPublish("t", new Uint8Array(size)), 4).slice();
  const first = packet(20_000);
  const run = (...rest: readonly Uint8Array[]) => {
    const bytes = joined([first, ...rest]);
    return publishRun(bytes, 0, first.length, bytes.length, 4, 1 << 20)!.count;
  };
  strictEqual(run(packet(16_380), packet(16_381), packet(70_000), packet(1)), 5);
  strictEqual(run(packet(70_000).subarray(0, -1)), 1); // cut
  strictEqual(run(Uint8Array.of(0x30, 0x83, 0x80, 0x00, 0, 1, 0x74)), 1); // in three bytes, one is enough
  strictEqual(run(Uint8Array.of(0x30, 0x83, 0x80, 0x80, 0x01, 0, 1, 0x74)), 1);
});
