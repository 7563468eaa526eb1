import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { encode } from "../../src/packet/encode.ts";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import { bytes, versionAndPacket } from "./arbitraries.ts";

const frames: fc.Arbitrary<Uint8Array[]> = fc.array(
  fc.oneof(
    versionAndPacket.map(([version, packet]) => encode(packet, version).slice()),
    bytes.map((payload) =>
      encode(
        {
          type: "publish",
          topic: "t",
          payload,
          qos: 0,
          retain: false,
          dup: false,
          packetId: 0,
          properties: undefined,
        },
        4,
      ).slice()
    ),
  ),
  { minLength: 1, maxLength: 12 },
);

function concatenated(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Sizes of chunks; used in turn, over and over. */
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 500 })), {
  minLength: 1,
  maxLength: 20,
});

Deno.test("FrameSplitter gives the frames when their bytes come in any chunks of reused memory", () => {
  fc.assert(
    fc.property(frames, sizes, (expected, sizes) => {
      const stream = concatenated(expected);
      const limit = Math.max(...expected.map((frame) => frame.length));
      const splitter = new FrameSplitter(limit);
      const memory = new Uint8Array(500);
      const found: Uint8Array[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const chunk = stream.subarray(at, at + sizes[turn % sizes.length]!);
        memory.set(chunk);
        at += chunk.length;
        splitter.push(memory.subarray(0, chunk.length));
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
      const stream = concatenated(expected);
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
