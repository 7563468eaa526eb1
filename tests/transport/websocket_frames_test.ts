/** The reader of WebSocket frames: any split gives the same bytes, and what a client may not send ends it. */

import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import fc from "fast-check";
import { FrameReader, headerSize, writeHeader } from "../../src/transport/websocket_frames.ts";
import type { Frame } from "./client_frames.ts";
import { frameBytes } from "./client_frames.ts";
import { joined } from "../../src/packet/joined.ts";
import { cutAt } from "./scripted_link.ts";

interface Seen {
  readonly data: Uint8Array;
  readonly controls: readonly string[];
  readonly reader: FrameReader;
}

/** What a reader makes of the portions. */
function readAll(portions: readonly Uint8Array[], maximum = 1 << 20): Seen {
  const controls: string[] = [];
  const reader = new FrameReader(
    maximum,
    (opcode, payload) => controls.push(`${opcode}:${payload}`),
  );
  const data: Uint8Array[] = [];
  for (const portion of portions) {
    const buffer = portion.slice();
    const found = reader.push(buffer, buffer.length);
    data.push(buffer.slice(0, found));
  }
  return { data: joined(data), controls, reader };
}

const mask = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
const control = fc.record({
  opcode: fc.constantFrom(9, 10),
  payload: fc.uint8Array({ maxLength: 125 }),
  mask,
});
const piece = fc.record({
  payload: fc.oneof(
    { weight: 8, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    { weight: 1, arbitrary: fc.nat(70_000).map((size) => new Uint8Array(size).fill(size)) },
  ),
  final: fc.boolean(),
  mask,
  before: fc.array(control, { maxLength: 2 }),
});

Deno.test("FrameReader.push() gives the same bytes when frames, fragments and portions are any", () => {
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (pieces, places) => {
        let fragmented = false;
        const frames: Frame[] = [];
        for (const { payload, final, mask, before } of pieces) {
          frames.push(...before);
          frames.push({ opcode: fragmented ? 0 : 2, payload, final, mask });
          fragmented = !final;
        }
        const portions = cutAt(joined(frames.map(frameBytes)), places);
        const { data, controls, reader } = readAll(portions);
        assert.equal(reader.violation, undefined);
        assert.ok(Buffer.from(data).equals(joined(pieces.map(({ payload }) => payload))));
        const sent = pieces.flatMap(({ before }) => before);
        assert.deepEqual(controls, sent.map(({ opcode, payload }) => `${opcode}:${payload}`));
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("FrameReader.push() gives the same bytes when they come one at a time", () => {
  const frames = [
    { opcode: 2, payload: "one ", final: false },
    { opcode: 9, payload: "ping" },
    { opcode: 0, payload: "two " },
    { opcode: 2, payload: "x".repeat(200) },
  ];
  const bytes = joined(frames.map(frameBytes));
  const { data, controls } = readAll(Array.from(bytes, (byte) => Uint8Array.of(byte)));
  assert.equal(new TextDecoder().decode(data), `one two ${"x".repeat(200)}`);
  assert.deepEqual(controls, ["9:112,105,110,103"]);
});

const close = (code: number, reason = "") =>
  Uint8Array.of(code >> 8, code & 255, ...new TextEncoder().encode(reason));

const WRONG: readonly (readonly [what: string, code: number, frames: readonly Frame[]])[] = [
  ["a text frame", 1003, [{ opcode: 1, payload: "hello" }]],
  ["an empty text frame", 1003, [{ opcode: 1 }]],
  ["a text frame after a binary one", 1003, [{ opcode: 2, payload: "a" }, { opcode: 1 }]],
  ["a text frame within a message", 1003, [{ opcode: 2, final: false }, { opcode: 1 }]],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) =>
    [`the opcode ${opcode}`, 1002, [{ opcode }]] as const
  ),
  ...[1, 2, 4, 7].map((reserved) =>
    [`the reserved bits ${reserved}`, 1002, [{ opcode: 2, payload: "a", reserved }]] as const
  ),
  ["a reserved bit of a control frame", 1002, [{ opcode: 9, reserved: 4 }]],
  ["no mask", 1002, [{ opcode: 2, payload: "a", mask: "none" }]],
  ["a Ping without a mask", 1002, [{ opcode: 9, mask: "none" }]],
  ["a continuation of nothing", 1002, [{ opcode: 0, payload: "a" }]],
  ["a continuation of a whole message", 1002, [{ opcode: 2 }, { opcode: 0 }]],
  ["a message within a message", 1002, [{ opcode: 2, final: false }, { opcode: 2 }]],
  ["a fragmented Ping", 1002, [{ opcode: 9, final: false }]],
  ["a Ping of 126 bytes", 1002, [{ opcode: 9, payload: "x".repeat(126) }]],
  ["a Ping with a length of 8 bytes", 1002, [{ opcode: 9, payload: "x", form: "eight" }]],
  ["a length of 125 in two bytes", 1002, [{ opcode: 2, payload: "x".repeat(125), form: "two" }]],
  ["a length of 0 in eight bytes", 1002, [{ opcode: 2, form: "eight" }]],
  ["a length of 65,535 in eight bytes", 1002, [{ opcode: 2, length: 65_535n, form: "eight" }]],
  ["a frame above the limit", 1009, [{ opcode: 2, length: 1_048_577n }]],
  ["a frame of 2^53 bytes", 1009, [{ opcode: 2, length: 1n << 53n }]],
  ["a frame of 2^63 bytes", 1009, [{ opcode: 2, length: 1n << 63n }]],
  ["a frame of 2^64 - 1 bytes", 1009, [{ opcode: 2, length: (1n << 64n) - 1n }]],
  ["a Close of one byte", 1002, [{ opcode: 8, payload: "a" }]],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map((code) =>
    [`a Close with ${code}`, 1002, [{ opcode: 8, payload: close(code) }]] as const
  ),
  ["a Close whose reason is no UTF-8", 1007, [
    { opcode: 8, payload: Uint8Array.of(3, 232, 0xc3, 0x28) },
  ]],
];

for (const [what, code, frames] of WRONG) {
  Deno.test(`FrameReader ends with ${code} when there is ${what}, however it is split`, () => {
    const good = frameBytes({ opcode: 2, payload: "good" });
    const after = frameBytes({ opcode: 2, payload: "bad" });
    // A message that is under way ends before the good one begins: so it comes first.
    const bytes = joined([good, ...frames.map(frameBytes), after]);
    for (const portions of [[bytes], Array.from(bytes, (byte) => Uint8Array.of(byte))]) {
      const { data, reader } = readAll(portions);
      assert.equal(reader.violation?.code, code);
      const text = new TextDecoder().decode(data);
      assert.ok(text.startsWith("good") && !text.includes("bad"), text);
    }
  });
}

Deno.test("FrameReader takes a frame of its limit, and of 126, 65,535 and 65,536 bytes", () => {
  for (const size of [0, 125, 126, 65_535, 65_536, 1 << 20]) {
    const bytes = frameBytes({ opcode: 2, payload: new Uint8Array(size).fill(7) });
    const { data, reader } = readAll([bytes]);
    assert.equal(reader.violation, undefined, String(size));
    assert.ok(Buffer.from(data).equals(new Uint8Array(size).fill(7)));
  }
});

for (const code of [1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 4999]) {
  Deno.test(`FrameReader is closed and reads no more when a Close with ${code} comes`, () => {
    const frames = [{ opcode: 8, payload: close(code, "bye") }, { opcode: 2, payload: "late" }];
    const { data, controls, reader } = readAll([joined(frames.map(frameBytes))]);
    assert.equal(reader.closed, true);
    assert.equal(reader.violation, undefined);
    assert.equal(controls.length, 1);
    assert.equal(data.length, 0);
  });
}

Deno.test("FrameReader keeps within the buffer and never throws when the bytes are any", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (portions) => {
      const total = portions.reduce((sum, portion) => sum + portion.length, 0);
      assert.ok(readAll(portions).data.length <= total);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("writeHeader() writes what a client reads as that length", () => {
  for (const size of [0, 1, 125, 126, 127, 255, 256, 65_535, 65_536, 262_134]) {
    const header = new Uint8Array(headerSize(size));
    writeHeader(header, 2, size);
    const unmasked = frameBytes({ opcode: 2, payload: new Uint8Array(size), mask: "none" });
    assert.deepEqual([...header], [...unmasked.subarray(0, header.length)]);
    assert.equal(unmasked.length, header.length + size);
  }
});
