import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import { hex } from "./bytes_of.ts";

function splitterOf(limit: number, ...chunks: string[]): FrameSplitter {
  const splitter = new FrameSplitter(limit);
  for (const chunk of chunks) splitter.push(hex(chunk));
  return splitter;
}

Deno.test("next() gives views on the chunk when it holds whole frames", () => {
  const chunk = hex("c000 30 03 000161 c000");
  const splitter = new FrameSplitter(100);
  splitter.push(chunk);
  for (const [from, to] of [[0, 2], [2, 7], [7, 9]] as const) {
    const frame = splitter.next()!;
    strictEqual(frame.buffer, chunk.buffer);
    deepStrictEqual(frame, chunk.slice(from, to));
  }
  strictEqual(splitter.next(), undefined);
  strictEqual(splitter.buffered, 0);
});

Deno.test("next() completes a cut frame and takes the rest from the chunk when more bytes come", () => {
  const splitter = splitterOf(100, "30 03 00");
  strictEqual(splitter.next(), undefined);
  strictEqual(splitter.buffered, 3);
  const chunk = hex("0161 c000");
  splitter.push(chunk);
  deepStrictEqual(splitter.next(), hex("30 03 000161"));
  strictEqual(splitter.next()!.buffer, chunk.buffer);
  strictEqual(splitter.next(), undefined);
});

Deno.test("next() gives a frame of exactly the Maximum Packet Size when the limit is that", () => {
  deepStrictEqual(splitterOf(5, "30 03 000161").next(), hex("30 03 000161"));
});

const refused: readonly [name: string, limit: number, chunks: string[], code: number][] = [
  ["one byte too many is claimed", 4, ["30 03 000161"], 0x95],
  ["the fixed header alone claims too much", 1000, ["30 ff7f"], 0x95],
  ["the fixed header that claims too much comes in pieces", 1000, ["30", "ff", "7f"], 0x95],
  ["the largest packet is claimed", 1 << 20, ["30 ffffff7f"], 0x95],
  ["Remaining Length has five bytes (1.5.5)", 1 << 28, ["30 8080808001"], 0x81],
  ["the fourth byte of Remaining Length promises a fifth", 1 << 28, ["30 ffffffff"], 0x81],
  ["Remaining Length 0 has two bytes [MQTT-1.5.5-1]", 100, ["c0 8000"], 0x81],
  ["Remaining Length 5 has four bytes [MQTT-1.5.5-1]", 100, ["30", "85", "80", "80", "00"], 0x81],
];
for (const [name, limit, chunks, code] of refused) {
  Deno.test(`next() throws ${code} and goes on throwing when ${name}`, () => {
    const splitter = new FrameSplitter(limit);
    for (const chunk of chunks.slice(0, -1)) {
      splitter.push(hex(chunk));
      strictEqual(splitter.next(), undefined);
    }
    splitter.push(hex(chunks.at(-1)!));
    throws(() => splitter.next(), { name: "MalformedPacket", reasonCode: code });
    throws(() => splitter.next(), { name: "MalformedPacket", reasonCode: code });
  });
}

Deno.test("next() gives the frames before the one that it refuses when both are in a chunk", () => {
  const splitter = splitterOf(100, "c000 30 ffffff7f");
  deepStrictEqual(splitter.next(), hex("c000"));
  throws(() => splitter.next(), { reasonCode: 0x95 });
});

Deno.test("FrameSplitter takes no memory for bytes that only a header claims", () => {
  const before = Deno.memoryUsage().external;
  const splitters = Array.from({ length: 200 }, () => {
    const splitter = new FrameSplitter(1 << 29);
    splitter.push(hex("30 ffffff7f 00"));
    strictEqual(splitter.next(), undefined);
    return splitter;
  });
  const grown = Deno.memoryUsage().external - before;
  strictEqual(splitters.length, 200);
  ok(grown < 10_000_000, `${grown} bytes for 200 cut frames of 6 bytes each`);
});

Deno.test("FrameSplitter needs linear time when 1 MiB comes byte by byte", () => {
  const size = 1 << 20;
  const splitter = new FrameSplitter(2 * size);
  const packet = new Uint8Array(size + 4);
  packet.set([0x30, 0x80, 0x80, 0x40]);
  const started = performance.now();
  for (let at = 0; at < packet.length - 1; at++) {
    splitter.push(packet.subarray(at, at + 1));
    strictEqual(splitter.next(), undefined);
  }
  splitter.push(packet.subarray(-1));
  strictEqual(splitter.next()?.length, packet.length);
  const elapsed = performance.now() - started;
  // Copying all that came for each byte would move 512 GiB: minutes.
  ok(elapsed < 10_000, `${elapsed} ms`);
});

Deno.test("advance() says where the frame lies without a view, also when it was cut", () => {
  const chunk = hex("c000 30 03 00");
  const splitter = new FrameSplitter(100);
  splitter.push(chunk);
  strictEqual(splitter.advance(), true);
  strictEqual(splitter.bytes, chunk);
  deepStrictEqual([splitter.from, splitter.to], [0, 2]);
  strictEqual(splitter.advance(), false);
  strictEqual(splitter.bytes.length, 0, "nothing is kept alive");
  splitter.push(hex("0161"));
  strictEqual(splitter.advance(), true);
  deepStrictEqual(splitter.bytes.subarray(splitter.from, splitter.to), hex("30 03 000161"));
});
