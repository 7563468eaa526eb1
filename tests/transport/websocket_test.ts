/** A WebSocket connection as a link: reads, writes that wait, Pings between them, and how it ends. */

import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import fc from "fast-check";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import { encode } from "../../src/packet/encode.ts";
import { Refused } from "../../src/transport/transport.ts";
import { WebSocketLink } from "../../src/transport/websocket.ts";
import { publishPacket } from "../broker/packets.ts";
import type { Frame } from "./client_frames.ts";
import { frameBytes } from "./client_frames.ts";
import { FakeLink, settled } from "./fake_link.ts";
import { joined } from "../../src/packet/joined.ts";
import { cutAt, ScriptedLink } from "./scripted_link.ts";

const MAXIMUM = 1 << 20;

function linkOf(frames: readonly Frame[], places: readonly number[] = []) {
  const inner = new ScriptedLink(cutAt(joined(frames.map(frameBytes)), places));
  return { inner, link: new WebSocketLink(inner, "192.0.2.9:1", MAXIMUM) };
}

/** Everything that a link gives, read in portions of that size; the end or what was refused. */
async function readAll(link: WebSocketLink, size = 65_536) {
  const parts: Uint8Array[] = [];
  for (;;) {
    const into = new Uint8Array(size);
    let count: number | null;
    try {
      count = await link.read(into);
    } catch (error) {
      assert.ok(error instanceof Refused, String(error));
      return { data: joined(parts), refused: error.reason };
    }
    if (count === null) return { data: joined(parts), refused: undefined };
    assert.ok(count > 0, "a read of nothing");
    parts.push(into.slice(0, count));
  }
}

Deno.test("WebSocketLink.read() gives the same packets when frames, TCP chunks and buffers are any", async () => {
  const payload = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.nat(5_000).map((size) => "x".repeat(size)),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(payload, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      fc.integer({ min: 1, max: 300 }),
      async (payloads, frameCuts, chunkCuts, size) => {
        const packets = payloads.map((each) => encode(publishPacket("a/b", each), 4));
        const pieces = cutAt(joined(packets), frameCuts);
        // Every other split is a new message, the rest are fragments of one.
        const frames = pieces.map((piece, at): Frame => ({
          opcode: at % 2 === 0 ? 2 : 0,
          payload: piece,
          final: at % 2 === 1 || at === pieces.length - 1,
        }));
        const { data, refused } = await readAll(linkOf(frames, chunkCuts).link, size);
        assert.equal(refused, undefined);
        const splitter = new FrameSplitter(MAXIMUM);
        splitter.push(data);
        for (const packet of packets) {
          assert.ok(Buffer.from(splitter.next() ?? []).equals(packet));
        }
        assert.equal(splitter.next(), undefined);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("WebSocketLink.read() gives what came before a text frame, then rejects", async () => {
  const { inner, link } = linkOf([{ opcode: 2, payload: "abc" }, { opcode: 1, payload: "d" }]);
  const { data, refused } = await readAll(link);
  assert.equal(new TextDecoder().decode(data), "abc");
  assert.match(refused ?? "", /text frame/);
  link.close();
  await settled();
  assert.deepEqual(inner.written, [0x88, 2, 1003 >> 8, 1003 & 255]);
  assert.equal(inner.closed, 1);
});

Deno.test("WebSocketLink.read() ends with null and close() echoes the code when a Close comes", async () => {
  const { inner, link } = linkOf([
    { opcode: 2, payload: "abc" },
    { opcode: 8, payload: Uint8Array.of(1001 >> 8, 1001 & 255, 98) },
    { opcode: 2, payload: "late" },
  ]);
  assert.equal(new TextDecoder().decode((await readAll(link)).data), "abc");
  link.close();
  link.close();
  await settled();
  assert.deepEqual(inner.written, [0x88, 2, 1001 >> 8, 1001 & 255]);
  assert.equal(inner.closed, 1);
});

Deno.test("WebSocketLink answers a Ping with its payload when data is before and behind", async () => {
  const { inner, link } = linkOf([
    { opcode: 2, payload: "a", final: false },
    { opcode: 9, payload: "hi" },
    { opcode: 0, payload: "b" },
    { opcode: 10, payload: "unasked" },
  ]);
  assert.equal(new TextDecoder().decode((await readAll(link)).data), "ab");
  assert.deepEqual(inner.written, [0x8a, 2, 104, 105]);
});

for (
  const [what, frame, most] of [
    ["Pongs", { opcode: 10 }, 0],
    ["Pings", { opcode: 9 }, 0],
    ["empty frames", { opcode: 2 }, 0],
    ["a byte behind 41 Pongs", { opcode: 10 }, 1],
  ] as const
) {
  Deno.test(`WebSocketLink.read() lets others have their turn when ${what} come without end`, async () => {
    const one = joined([
      ...Array<Uint8Array>(41).fill(frameBytes(frame)),
      ...most > 0 ? [frameBytes({ opcode: 2, payload: "x" })] : [],
    ]);
    const inner = new ScriptedLink([]);
    let read = 0;
    inner.read = (into) => {
      read += 1;
      if (read > 10_000) return Promise.resolve(null); // without a turn for others it comes to that
      into.set(one);
      return Promise.resolve(one.length);
    };
    const link = new WebSocketLink(inner, "x", MAXIMUM);
    const into = new Uint8Array(256);
    const loop = (async () => {
      while (await link.read(into) !== null);
    })();
    for (let turn = 1; turn <= 5; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(read <= 10 * turn, `${read} reads in ${turn} turns`);
    }
    read = Infinity;
    await loop;
  });
}

/** A link whose reads a test feeds and whose writes it lets through. */
class TwoWayLink extends FakeLink {
  readonly #coming: Uint8Array[] = [];
  #wake: (() => void) | undefined;

  comes(bytes: Uint8Array): void {
    this.#coming.push(bytes);
    this.#wake?.();
  }

  override async read(into?: Uint8Array): Promise<number | null> {
    while (this.#coming.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const bytes = this.#coming.shift()!;
    into!.set(bytes);
    return bytes.length;
  }
}

Deno.test("WebSocketLink.write() waits for the socket, and a Pong stays behind the frame", async () => {
  const inner = new TwoWayLink();
  const link = new WebSocketLink(inner, "x", MAXIMUM);
  let written = 0;
  const write = link.write(new Uint8Array(200).fill(1)).then((count) => written = count);
  const read = link.read(new Uint8Array(100));
  for (const payload of ["1", "2", "3"]) {
    inner.comes(frameBytes({ opcode: 9, payload }));
    await settled();
  }
  await inner.let(10);
  assert.equal(written, 0);
  await inner.let(194);
  assert.equal(inner.asked, 3, "the Pong comes next");
  await inner.letAll();
  await write;
  assert.equal(written, 200);
  // The last Ping only: earlier ones need no answer.
  assert.deepEqual(inner.written.slice(204), [0x8a, 1, 0x33]);
  inner.comes(frameBytes({ opcode: 2, payload: "z" }));
  assert.equal(await read, 1);
});

Deno.test("WebSocketLink.write() waits when a Pong is under way", async () => {
  const inner = new TwoWayLink();
  const link = new WebSocketLink(inner, "x", MAXIMUM);
  const read = link.read(new Uint8Array(100));
  inner.comes(frameBytes({ opcode: 9, payload: "p" }));
  await settled();
  assert.equal(inner.asked, 3);
  const write = link.write(Uint8Array.of(7));
  await settled();
  await inner.let(1);
  await inner.letAll();
  assert.equal(await write, 1);
  assert.deepEqual(inner.written, [0x8a, 1, 112, 0x82, 1, 7]);
  inner.comes(frameBytes({ opcode: 2, payload: "z" }));
  await read;
});

Deno.test("WebSocketLink.write() writes a frame of 256 KiB at most, and tells how much it was", async () => {
  const inner = new ScriptedLink([]);
  const sizes: number[] = [];
  inner.write = (bytes) => {
    sizes.push(bytes.length);
    if (sizes.length === 1) assert.deepEqual([...bytes.subarray(0, 11)], [...HEADER, 9]);
    return Promise.resolve(bytes.length);
  };
  const link = new WebSocketLink(inner, "x", MAXIMUM);
  const bytes = new Uint8Array(300_000).fill(9);
  assert.equal(await link.write(bytes), 262_134);
  assert.equal(await link.write(bytes.subarray(262_134)), 37_866);
  assert.deepEqual(sizes, [262_144, 37_870]);
});

/** Of a frame of 262,134 bytes: the length is in eight bytes. */
const HEADER = [0x82, 127, 0, 0, 0, 0, 0, 3, 0xff, 0xf6];

Deno.test("WebSocketLink.write() rejects when the link breaks", async () => {
  const inner = new FakeLink();
  const link = new WebSocketLink(inner, "x", MAXIMUM);
  const write = assert.rejects(link.write(Uint8Array.of(1)), /broken pipe/);
  await inner.break();
  await write;
});

Deno.test("WebSocketLink.close() closes at once when a write is under way that nobody takes", async () => {
  const inner = new FakeLink();
  const link = new WebSocketLink(inner, "x", MAXIMUM);
  const write = link.write(Uint8Array.of(1)).catch(() => 0);
  link.close();
  assert.equal(inner.closed, 1);
  await inner.break();
  await write;
});

Deno.test("WebSocketLink.close() closes within a second when its Close frame does not leave", async () => {
  const inner = new FakeLink();
  const link = new WebSocketLink(inner, "x", MAXIMUM);
  const closed = new Promise<void>((resolve) => inner.onClose = resolve);
  const before = performance.now();
  link.close();
  assert.equal(inner.asked, 4);
  assert.equal(inner.closed, 0);
  await closed;
  assert.ok(performance.now() - before < 5_000);
  await inner.break();
});
