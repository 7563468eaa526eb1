/** The outbox against a link that a test holds back: what is written, when, and what is told. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { isHeld } from "../../src/transport/buffer_pool.ts";
import { Outbox, type OutboxLimits, type OutboxState } from "../../src/transport/outbox.ts";
import { FakeLink, settled } from "./fake_link.ts";

const roomy: OutboxLimits = { congested: 1000, drained: 100, maximum: 2000, linger: 60_000 };

function setUp(limits: Partial<OutboxLimits> = {}) {
  const link = new FakeLink();
  const told: OutboxState[] = [];
  const hear = { tell: (_state: OutboxState) => {} };
  const outbox = new Outbox(link, { ...roomy, ...limits }, (state) => {
    told.push(state);
    hear.tell(state);
  });
  return { link, told, outbox, hear };
}

function bytes(count: number, value: number): Uint8Array {
  return new Uint8Array(count).fill(value);
}

Deno.test("Outbox writes frames of one turn in one call when it is flushed", async () => {
  const { link, outbox } = setUp();
  outbox.append(Uint8Array.of(1, 2));
  outbox.append(Uint8Array.of(3));
  assert.equal(link.asked, 0);
  outbox.flush();
  assert.equal(link.asked, 3);
  assert.equal(outbox.buffered, 3);
  await link.let();
  assert.deepEqual(link.written, [1, 2, 3]);
  assert.equal(outbox.buffered, 0);
  assert.equal(link.asked, 0);
});

Deno.test("Outbox copies a frame when it is appended, so that the frame may be reused", async () => {
  const { link, outbox } = setUp();
  const frame = Uint8Array.of(7, 7);
  outbox.append(frame);
  frame.fill(0);
  outbox.flush();
  await link.letAll();
  assert.deepEqual(link.written, [7, 7]);
});

Deno.test("Outbox.appendAs() writes the Packet Identifier into its copy only", async () => {
  const { link, outbox } = setUp();
  const frame = Uint8Array.of(9, 0, 0, 9);
  assert.equal(outbox.appendAs(frame, 1, 0xabcd), true);
  assert.equal(outbox.appendAs(frame, 1, 2), true);
  outbox.flush();
  await link.letAll();
  assert.deepEqual(link.written, [9, 0xab, 0xcd, 9, 9, 0, 2, 9]);
  assert.deepEqual([...frame], [9, 0, 0, 9]);
});

Deno.test("Outbox.appendWord() writes four bytes, the highest first", async () => {
  const { link, outbox } = setUp();
  assert.equal(outbox.appendWord(0x4002_abcd), true);
  outbox.flush();
  await link.letAll();
  assert.deepEqual(link.written, [0x40, 0x02, 0xab, 0xcd]);
});

Deno.test("Outbox.take() gives room behind what is there, and none above its maximum", async () => {
  const { link, outbox } = setUp();
  outbox.append(Uint8Array.of(1));
  const at = outbox.take(3);
  outbox.bytes.set([7, 8, 9], at);
  assert.equal(outbox.take(100_000), -1);
  outbox.append(Uint8Array.of(2));
  outbox.flush();
  await link.letAll();
  assert.deepEqual(link.written, [1, 7, 8, 9, 2]);
});

Deno.test("Outbox gathers for the next write when one is under way", async () => {
  const { link, outbox } = setUp();
  outbox.append(Uint8Array.of(1));
  outbox.flush();
  for (const value of [2, 3]) {
    outbox.append(Uint8Array.of(value));
    outbox.flush();
  }
  assert.equal(link.asked, 1);
  await link.let();
  assert.equal(link.asked, 2);
  await link.let();
  assert.deepEqual(link.written, [1, 2, 3]);
});

Deno.test("Outbox goes on where a write has stopped when only a part is written", async () => {
  const { link, outbox } = setUp();
  outbox.append(Uint8Array.of(1, 2, 3, 4, 5));
  outbox.flush();
  await link.let(2);
  assert.equal(link.asked, 3);
  assert.equal(outbox.buffered, 3);
  await link.let(1);
  await link.let();
  assert.deepEqual(link.written, [1, 2, 3, 4, 5]);
});

Deno.test("Outbox tells congested once above its limit and drained once below the other", async () => {
  const { link, told, outbox } = setUp();
  outbox.append(bytes(1000, 1));
  outbox.flush();
  await settled();
  assert.deepEqual(told, [], "at the limit");
  outbox.append(bytes(1, 2));
  outbox.flush();
  assert.deepEqual(told, [], "it has not been seen what the link takes");
  await settled();
  outbox.append(bytes(1, 3));
  outbox.flush();
  await settled();
  assert.deepEqual(told, ["congested"]);
  await link.let(902);
  assert.equal(outbox.buffered, 100);
  assert.deepEqual(told, ["congested"], "at the limit");
  await link.let(1);
  assert.deepEqual(told, ["congested", "drained"]);
  await link.letAll();
  assert.deepEqual(told, ["congested", "drained"]);
  outbox.append(bytes(1001, 4));
  outbox.flush();
  await settled();
  assert.deepEqual(told, ["congested", "drained", "congested"]);
});

Deno.test("Outbox tells nothing when the link takes at once what several turns bring, in as many writes as it needs", async () => {
  const { link, told, outbox } = setUp({ congested: 1 << 17, drained: 1 << 16, maximum: 1 << 21 });
  let taken = 0;
  link.write = async (bytes) => {
    await undefined; // as from the system: it has been taken, which is told soon
    await undefined;
    taken += bytes.length;
    return bytes.length;
  };
  for (let turn = 0; turn < 4; turn++) {
    outbox.append(new Uint8Array(1 << 19));
    outbox.flush();
    await undefined; // others in between
  }
  assert.equal(outbox.append(new Uint8Array(1 << 21)), false, "the maximum is as ever");
  await settled();
  assert.equal(taken, 1 << 21);
  assert.deepEqual(told, []);
});

Deno.test("Outbox tells congested when the link takes a part at once and too much is left", async () => {
  const { link, told, outbox } = setUp();
  for (const [left, state] of [[1000, []], [1001, ["congested"]]] as const) {
    outbox.append(bytes(2000, 1));
    outbox.flush();
    link.let(2000 - left);
    await settled();
    assert.deepEqual(told, state);
    await link.letAll();
  }
  assert.deepEqual(told, ["congested", "drained"]);
});

Deno.test("Outbox tells nothing of what waits when it has closed meanwhile", async () => {
  const { told, outbox } = setUp();
  outbox.append(bytes(1500, 1));
  outbox.flush();
  outbox.abort();
  await settled();
  assert.deepEqual(told, []);
});

Deno.test("Outbox tells failed and closes when whoever is told of congestion fails", async () => {
  const { link, told, outbox, hear } = setUp();
  hear.tell = (state) => {
    if (state === "congested") throw new Error("a defect");
  };
  outbox.append(bytes(1500, 1));
  outbox.flush();
  await settled();
  assert.deepEqual(told, ["congested", "failed"]);
  assert.ok(link.closed > 0);
});

Deno.test("Outbox keeps the bytes in order when drained leads to more bytes and a flush", async () => {
  const { link, told, outbox, hear } = setUp();
  hear.tell = (state) => {
    if (state !== "drained") return;
    outbox.append(bytes(700, 2));
    outbox.flush();
    outbox.append(bytes(3, 3));
    outbox.flush();
  };
  outbox.append(bytes(1500, 1));
  outbox.flush();
  await settled();
  await link.let(); // the last byte of a write is what drains it
  await link.letAll();
  assert.deepEqual(told, ["congested", "drained"]);
  assert.deepEqual(link.written, [...bytes(1500, 1), ...bytes(700, 2), ...bytes(3, 3)]);
});

Deno.test("Outbox refuses a frame whole when it would go above its maximum", async () => {
  const { link, outbox } = setUp();
  assert.equal(outbox.append(bytes(1500, 1)), true);
  outbox.flush();
  assert.equal(outbox.append(bytes(501, 2)), false);
  assert.equal(outbox.appendAs(bytes(501, 2), 0, 1), false);
  assert.equal(outbox.append(bytes(500, 3)), true);
  assert.equal(outbox.append(bytes(1, 4)), false);
  assert.equal(outbox.buffered, 2000);
  await link.letAll();
  assert.equal(link.written.length, 2000);
  assert.equal(outbox.append(bytes(1, 5)), true, "there is room again");
});

Deno.test("Outbox.end() writes everything out, takes nothing more, then closes", async () => {
  const { link, told, outbox } = setUp();
  outbox.append(Uint8Array.of(1));
  outbox.flush();
  outbox.append(Uint8Array.of(2));
  outbox.end();
  assert.equal(outbox.append(Uint8Array.of(3)), false);
  assert.equal(link.closed, 0);
  await link.let();
  assert.equal(link.closed, 0);
  assert.equal(outbox.closed, false);
  await link.let();
  assert.deepEqual(link.written, [1, 2]);
  assert.ok(link.closed > 0);
  assert.equal(outbox.closed, true);
  assert.deepEqual(told, []);
});

Deno.test("Outbox.end() closes at once when nothing is to be written", () => {
  const { link, outbox } = setUp();
  outbox.end();
  assert.equal(link.closed, 1);
  assert.equal(outbox.closed, true);
});

Deno.test("Outbox.end() closes after its linger time when the link takes nothing", async () => {
  const { link, told, outbox } = setUp({ linger: 5 });
  const closed = Promise.withResolvers<void>();
  link.close = () => closed.resolve();
  outbox.append(bytes(10, 1));
  outbox.end();
  assert.equal(outbox.closed, false);
  await closed.promise;
  assert.equal(outbox.closed, true);
  assert.equal(outbox.buffered, 0);
  await link.let(); // a write that comes back late does no harm
  assert.deepEqual(told, []);
});

Deno.test("Outbox.abort() closes at once when a write is under way, and drops the rest", async () => {
  const { link, told, outbox } = setUp();
  outbox.append(bytes(1500, 1));
  outbox.flush();
  await settled();
  outbox.append(bytes(10, 2));
  outbox.abort();
  assert.equal(link.closed, 1);
  assert.equal(outbox.append(Uint8Array.of(1)), false);
  outbox.flush();
  await link.let();
  assert.equal(link.asked, 0);
  assert.deepEqual(told, ["congested"]);
});

Deno.test("Outbox tells failed once and closes when a write fails", async () => {
  const { link, told, outbox } = setUp();
  outbox.append(bytes(10, 1));
  outbox.flush();
  outbox.append(bytes(10, 2));
  await link.break();
  assert.deepEqual(told, ["failed"]);
  assert.ok(link.closed > 0);
  assert.equal(outbox.append(Uint8Array.of(1)), false);
  outbox.flush();
  outbox.end();
  await settled();
  assert.deepEqual(told, ["failed"]);
});

Deno.test("Outbox tells nothing when a write fails after it was closed", async () => {
  const { link, told, outbox } = setUp();
  outbox.append(bytes(10, 1));
  outbox.flush();
  outbox.abort();
  await link.break();
  assert.deepEqual(told, []);
});

Deno.test("Outbox cuts a large buffer into writes of 256 KiB at most", async () => {
  const { link, outbox } = setUp({ maximum: 1 << 20, congested: 1 << 20 });
  const frame = Uint8Array.from({ length: 600_000 }, (_, at) => at % 251);
  outbox.append(frame);
  outbox.flush();
  assert.equal(link.asked, 1 << 18);
  for (let calls = 0; link.asked > 0; calls++) {
    assert.ok(calls < 3 && link.asked <= 1 << 18);
    const at = calls << 18;
    link.written.length = 0;
    const count = link.asked;
    await link.let();
    assert.deepEqual(Uint8Array.from(link.written), frame.slice(at, at + count));
  }
  assert.equal(outbox.buffered, 0);
});

Deno.test("Outbox writes what it took, in order, when appends, flushes and writes are arbitrary", async () => {
  const act = fc.oneof(
    fc.record({ do: fc.constant("append" as const), size: fc.integer({ min: 1, max: 900 }) }),
    fc.record({ do: fc.constantFrom("flush" as const, "turn" as const), size: fc.constant(0) }),
    fc.record({ do: fc.constant("let" as const), size: fc.integer({ min: 1, max: 900 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
      const { link, told, outbox, hear } = setUp();
      const taken: number[] = [];
      let next = 0;
      const append = (size: number) => {
        const frame = bytes(size, ++next % 256);
        if (outbox.append(frame)) taken.push(...frame);
      };
      hear.tell = () => { // what the runtime does: more of what was held back, and the end of a turn
        append(50);
        outbox.flush();
      };
      for (const { do: what, size } of acts) {
        if (what === "append") append(size);
        else if (what === "flush") outbox.flush();
        else if (what === "turn") {
          outbox.flush();
          const many = outbox.buffered > roomy.congested;
          await settled();
          if (many) assert.equal(told.at(-1), "congested");
        } else if (link.asked > 0) await link.let(Math.min(size, link.asked));
        assert.ok(outbox.buffered <= roomy.maximum);
        assert.equal(outbox.buffered, taken.length - link.written.length);
      }
      outbox.end();
      await link.letAll();
      assert.deepEqual(link.written, taken);
      assert.equal(outbox.closed, true);
      // Told in turn, beginning with congested.
      told.forEach((state, at) => assert.equal(state, at % 2 === 0 ? "congested" : "drained"));
    }),
    { numRuns: 300 },
  );
});

/** Bytes from which on a frame is not copied. */
const LARGE = 32_768;
const wide = { congested: 1 << 20, maximum: 1 << 20 };

Deno.test("Outbox writes a large frame from where it lies, between what came before it and after it", async () => {
  const { link, outbox } = setUp(wide);
  const large = bytes(LARGE, 2);
  outbox.append(bytes(3, 1));
  outbox.append(large);
  outbox.append(bytes(4, 3));
  assert.equal(outbox.buffered, LARGE + 7);
  outbox.flush();
  assert.equal(link.asked, 3);
  await link.let();
  assert.equal(link.asked, LARGE);
  await link.let(LARGE - 1);
  assert.ok(isHeld(large)); // a byte of it is still to be written
  assert.equal(outbox.buffered, 5);
  await link.let();
  assert.ok(!isHeld(large));
  await link.letAll();
  assert.deepEqual(link.written, [...bytes(3, 1), ...large, ...bytes(4, 3)]);
});

Deno.test("Outbox copies what is large where it is the smaller part of its memory", () => {
  const { outbox } = setUp(wide);
  const memory = bytes(3 * LARGE, 1);
  assert.ok(outbox.append(memory.subarray(0, LARGE)));
  assert.ok(!isHeld(memory));
  assert.ok(outbox.append(memory.subarray(LARGE)));
  assert.ok(isHeld(memory));
});

Deno.test("Outbox holds no large frame that it refuses", () => {
  const { outbox } = setUp({ ...wide, maximum: LARGE });
  const [first, second] = [bytes(LARGE, 1), bytes(LARGE, 2)];
  assert.ok(outbox.append(first));
  assert.ok(!outbox.append(second));
  assert.ok(isHeld(first));
  assert.ok(!isHeld(second));
});

Deno.test("Outbox.abort() releases large frames, but the one that is being written", async () => {
  const { link, outbox } = setUp(wide);
  const frames = [bytes(LARGE, 1), bytes(LARGE, 2), bytes(LARGE, 3)];
  for (const frame of frames) outbox.append(frame);
  outbox.flush();
  await link.let(5);
  outbox.abort();
  assert.deepEqual(frames.map(isHeld), [true, false, false]);
  assert.equal(outbox.buffered, 0);
});

Deno.test("Outbox writes what it took, in order, when some frames are large", async () => {
  const act = fc.oneof(
    fc.record({
      do: fc.constant("append" as const),
      size: fc.constantFrom(1, 500, LARGE - 1, LARGE, LARGE + 900, 10 * LARGE),
    }),
    fc.record({ do: fc.constant("flush" as const), size: fc.constant(0) }),
    fc.record({
      do: fc.constant("let" as const),
      size: fc.constantFrom(1, 400, LARGE, 20 * LARGE),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 30 }), async (acts) => {
      const { link, outbox } = setUp({ ...wide, maximum: 12 * LARGE });
      const frames: Uint8Array[] = [];
      for (const { do: what, size } of acts) {
        const frame = bytes(size, frames.length + 1);
        if (what === "append") { if (outbox.append(frame)) frames.push(frame); }
        else if (what === "flush") outbox.flush();
        else if (link.asked > 0) await link.let(Math.min(size, link.asked));
        const taken = frames.reduce((sum, { length }) => sum + length, 0);
        assert.equal(outbox.buffered, taken - link.written.length);
        assert.ok(link.asked <= 1 << 18);
      }
      outbox.end();
      await link.letAll();
      let at = 0;
      for (const frame of frames) {
        assert.ok(frame.every((byte) => byte === link.written[at++]));
        assert.ok(!isHeld(frame));
      }
      assert.equal(at, link.written.length);
    }),
    { numRuns: 60 },
  );
});

Deno.test("Outbox tells whoever counts how much the link has taken, write by write", async () => {
  const link = new FakeLink();
  const wrote: number[] = [];
  const outbox = new Outbox(link, roomy, () => {}, (bytes) => wrote.push(bytes));
  outbox.append(new Uint8Array(10));
  outbox.appendWord(0x40020001);
  outbox.flush();
  assert.deepEqual(wrote, []);
  await link.let(9);
  await link.letAll();
  assert.deepEqual(wrote, [9, 5]);
});
