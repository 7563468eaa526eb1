import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { joined } from "../../src/packet/joined.ts";
import fc from "fast-check";
import { encode } from "../../src/packet/encode.ts";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import { bytes, versionAndPacket } from "./arbitraries.ts";
import { plainPublish } from "../packets.ts";

const frames: fc.Arbitrary<Uint8Array[]> = fc.array(
  fc.oneof(
    versionAndPacket.map(([version, packet]) => encode(packet, version).slice()),
    bytes.map((payload) => encode(plainPublish("t", payload), 4).slice()),
  ),
  { minLength: 1, maxLength: 12 },
);

/** Sizes of chunks; used in turn, over and over. */
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 500 })), {
  minLength: 1,
  maxLength: 20,
});

Deno.test("FrameSplitter gives the frames when their bytes come in any chunks of reused memory", () => {
  fc.assert(
    fc.property(frames, sizes, (expected, sizes) => {
      const stream = joined(expected);
      const limit = Math.max(...expected.map((frame) => frame.length));
      const splitter = new FrameSplitter(limit);
      const memory = new Uint8Array(500);
      const found: Uint8Array[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const chunk = stream.subarray(at, at + sizes[turn % sizes.length]!);
        memory.set(chunk);
        at += chunk.length;
        splitter.push(memory, chunk.length);
        const views: Uint8Array[] = [];
        for (let frame = splitter.next(); frame; frame = splitter.next()) views.push(frame);
        // All views of one push stay valid until the memory is used again.
        found.push(...views.map((view) => view.slice()));
        memory.fill(0xff);
        ok(splitter.buffered < limit, `${splitter.buffered} bytes held, the limit is ${limit}`);
      }
      deepStrictEqual(found, expected);
      strictEqual(splitter.buffered, 0);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("FrameSplitter gives the frames when pulling pauses across pushes", () => {
  fc.assert(
    fc.property(frames, sizes, fc.array(fc.nat(3), { minLength: 1, maxLength: 10 }), (
      expected,
      sizes,
      pulls,
    ) => {
      const stream = joined(expected);
      const splitter = new FrameSplitter(1_000_000);
      const found: Uint8Array[] = [];
      let taken = 0;
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const chunk = stream.slice(at, at + sizes[turn % sizes.length]!);
        at += chunk.length;
        splitter.push(chunk);
        for (let left = pulls[turn % pulls.length]!; left > 0; left--) {
          const frame = splitter.next();
          if (frame === undefined) break;
          taken += frame.length;
          found.push(frame.slice());
        }
        strictEqual(splitter.buffered, at - taken);
        if (turn % 2 === 0) {
          splitter.keep();
          chunk.fill(0xff);
        }
      }
      for (let frame = splitter.next(); frame; frame = splitter.next()) found.push(frame.slice());
      deepStrictEqual(found, expected);
    }),
    { numRuns: 1000 },
  );
});

/** A PUBLISH of about that size. */
function frameOf(size: number): Uint8Array {
  const rest = { qos: 0, retain: false, dup: false, packetId: 0, properties: undefined } as const;
  return encode({ type: "publish", topic: "t", payload: new Uint8Array(size), ...rest }, 4).slice();
}

Deno.test("FrameSplitter.readSize() asks for whole frames when they are large and alike", () => {
  const most = 1 << 16;
  for (const payload of [16_384, 20_000, 32_700, 40_000, 65_500]) {
    const splitter = new FrameSplitter(1 << 20);
    const frame = frameOf(payload);
    const { length } = frame;
    let at = 0;
    const push = (count: number) => {
      const chunk = Uint8Array.from({ length: count }, (_, i) => frame[(at + i) % length]!);
      splitter.push(chunk);
      at += count;
      let found = 0;
      while (splitter.advance()) found += 1;
      return found;
    };
    strictEqual(splitter.readSize(most), most); // nothing is known
    strictEqual(push(length + 5_000), 1); // the second one is cut
    for (let reads = 0; reads < 3; reads++) {
      const count = splitter.readSize(most);
      ok(count > most / 2 - 5_000 && count <= most, `${count} bytes of ${most}`);
      ok(push(count) > 0);
      strictEqual(splitter.buffered, 0, `a frame of ${length} bytes is cut at ${at}`);
    }
    strictEqual(push(10), 0); // less has come than was asked for
    strictEqual(splitter.readSize(most) % length, length - 10);
  }
});

Deno.test("FrameSplitter.readSize() asks for all there is room for when frames are small, or above the room", () => {
  for (const payload of [10, 1_000, 16_000, 70_000]) {
    const splitter = new FrameSplitter(1 << 20);
    splitter.push(frameOf(payload));
    ok(splitter.advance());
    strictEqual(splitter.advance(), false);
    strictEqual(splitter.readSize(1 << 16), 1 << 16, `${payload}`);
  }
});
