import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { acknowledgementRun } from "../../src/packet/acknowledgement_run.ts";
import { decode } from "../../src/packet/decode.ts";
import { encode } from "../../src/packet/encode.ts";
import { frameLength } from "../../src/packet/fixed_header.ts";
import { keptRun, numberedRun, partOfNumbered, payloadOf } from "../../src/packet/numbered_run.ts";
import type { Packet, ProtocolVersion } from "../../src/packet/packet.ts";
import { publishesOf } from "../../src/packet/publish_run.ts";

const often = <T>(usual: T, ...rare: readonly T[]) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, fc.constantFrom(...rare));

/** Mostly alike, and now and then something odd. */
const publish = (of: ProtocolVersion): fc.Arbitrary<Packet> =>
  fc.record({
    type: fc.constant("publish" as const),
    topic: often("a/b", "a/bc", "ä"),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc.constantFrom(0, 115, 118, 130, 1_100).map((size) => new Uint8Array(size)),
    ),
    qos: often<0 | 1 | 2>(1, 0, 2),
    retain: often(false, true),
    dup: often(false, true),
    packetId: fc.integer({ min: 1, max: 65_535 }),
    properties: of === 5
      ? often<{ contentType: string } | undefined>(undefined, { contentType: "c" })
      : fc.constant(undefined),
  }).map((packet) => packet.qos === 0 ? { ...packet, packetId: 0, dup: false } : packet);

const answer = (of: ProtocolVersion): fc.Arbitrary<Packet> =>
  fc.record({
    type: often<"puback" | "pubrec" | "pubrel" | "pubcomp">(
      "puback",
      "pubrec",
      "pubrel",
      "pubcomp",
    ),
    packetId: fc.integer({ min: 1, max: 65_535 }),
    reasonCode: fc.constant(0),
    properties: of === 5
      ? often<{ reasonString: string } | undefined>(undefined, { reasonString: "r" })
      : fc.constant(undefined),
  });

const stream = fc.constantFrom<ProtocolVersion>(3, 4, 5).chain((version) =>
  fc.tuple(
    fc.constant(version),
    fc.oneof(
      fc.array(publish(version), { minLength: 1, maxLength: 12 }),
      fc.array(answer(version), { minLength: 1, maxLength: 12 }),
      fc.constant(Array.from({ length: 150 }, (_, at): Packet => ({
        type: "pubcomp",
        packetId: at + 1,
        reasonCode: 0,
        properties: undefined,
      }))),
    ),
    fc.nat(40), // bytes of the last packets that have not come yet
  )
);

Deno.test("numberedRun() and acknowledgementRun() find what decode() finds when a stream is read with runs and without", () => {
  let runs = 0;
  fc.assert(
    fc.property(stream, ([version, packets, missing]) => {
      const whole = packets.flatMap((packet) => [...encode(packet, version)]);
      const bytes = Uint8Array.from(whole.slice(0, Math.max(0, whole.length - missing)));
      const plain: Packet[] = [];
      const found: Packet[] = [];
      const kept: [readonly Uint8Array[], readonly Packet[]][] = [];
      const eachFrame = (take: (at: number, to: number) => number) => {
        for (let at = 0; at < bytes.length;) {
          const length = frameLength(bytes, at, bytes.length);
          if (length === 0 || at + length > bytes.length) break;
          at = take(at, at + length);
        }
      };
      eachFrame((at, to) => {
        plain.push(decode(bytes, version, at, to));
        return to;
      });
      eachFrame((at, to) => {
        const answers = acknowledgementRun(bytes, at, bytes.length);
        if (answers !== undefined) {
          runs += 1;
          const { packetIds, inRow } = answers;
          ok(packetIds.length >= 2 && packetIds.length <= 256);
          strictEqual(inRow, packetIds.every((id, at) => id === packetIds[0]! + at));
          for (const packetId of answers.packetIds) {
            found.push({ type: answers.type, packetId, reasonCode: 0, properties: undefined });
          }
          return at + answers.packetIds.length * 4;
        }
        const run = numberedRun(bytes, at, to, bytes.length, version, 1 << 20);
        if (run === undefined) {
          found.push(decode(bytes, version, at, to));
          return to;
        }
        runs += 1;
        const members = [...publishesOf(run, version)];
        deepStrictEqual(run.packetIds, members.map(({ packetId }) => packetId));
        deepStrictEqual(
          run.packetIds,
          run.packetIdsAt.map((at) => run.bytes[at]! << 8 | run.bytes[at + 1]!),
        );
        strictEqual(run.payload, members.reduce((sum, { payload }) => sum + payload.length, 0));
        found.push(...members);
        const copy = keptRun(run);
        for (let index = 0; index < members.length; index++) {
          const count = 1 + (index * 5) % (members.length - index);
          const part = partOfNumbered(copy, index, count);
          const own = members.slice(index, index + count);
          deepStrictEqual([...publishesOf(part, version)], own);
          deepStrictEqual(part.packetIds, own.map(({ packetId }) => packetId));
          deepStrictEqual(
            part.packetIdsAt.map((at) => part.bytes[at]! << 8 | part.bytes[at + 1]!),
            part.packetIds,
          );
          strictEqual(part.payload, own.reduce((sum, { payload }) => sum + payload.length, 0));
        }
        kept.push([members.map((_, at) => payloadOf(copy, at, version)), members]);
        return at + run.bytes.length;
      });
      deepStrictEqual(found, plain);
      bytes.fill(0xff); // the next read
      for (const [payloads, members] of kept) {
        for (const [at, payload] of payloads.entries()) {
          const member = members[at]!;
          ok(member.type === "publish");
          deepStrictEqual([...payload], [...member.payload]);
        }
      }
    }),
    { numRuns: 500 },
  );
  ok(runs > 300, `${runs}`);
});
