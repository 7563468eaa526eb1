import assert from "node:assert/strict";
import fc from "fast-check";
import { PackedMessages } from "../../src/broker/packed_messages.ts";
import type { Message } from "../../src/session/message.ts";
import { PackedMemory } from "../../src/topic/packed_memory.ts";

const message: fc.Arbitrary<Message> = fc.record({
  order: fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER)),
  topic: fc.oneof(
    fc.constantFrom("a", "plant/1/temperature", "a".repeat(255), "a".repeat(256), "ä/ö", "日本"),
    fc.string({ minLength: 1, unit: "grapheme-ascii" }),
  ),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.constantFrom(0, 511, 512, 513, 70_000).map((size) => new Uint8Array(size).fill(7)),
  ),
  qos: fc.constantFrom(0, 1, 2),
  retain: fc.boolean(),
  properties: fc.constantFrom(undefined, { contentType: "text/plain" }),
  expiresAt: fc.constantFrom(Infinity, 1_800_000_000_000.5, 0),
  publisher: fc.constantFrom("", "meter", "1", "ü"),
}, { noNullPrototype: true });

Deno.test("PackedMessages gives every message back as it was put, also when others come and go", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(message, fc.nat(40)), { maxLength: 120, size: "max" }),
      (steps) => {
        const memory = new PackedMemory();
        const messages = new PackedMessages(memory);
        const kept: { number: number; message: Message }[] = [];
        for (const [message, take] of steps) {
          if (take < kept.length) {
            const [taken] = kept.splice(take, 1);
            assert.deepEqual(messages.take(taken!.number), taken!.message);
          }
          const number = messages.put(message);
          assert.notEqual(number, 0);
          kept.push({ number, message });
        }
        assert.equal(new Set(kept.map(({ number }) => number)).size, kept.length);
        for (const { number, message } of kept) {
          assert.deepEqual(messages.get(number), message);
          assert.deepEqual(messages.take(number), message);
        }
        assert.equal(memory.pieces, 0);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("PackedMessages.get() gives a payload that stays when the message has been replaced", () => {
  const messages = new PackedMessages(new PackedMemory());
  const first = { ...sample, payload: new Uint8Array([1, 2, 3]) };
  const number = messages.put(first);
  const { payload } = messages.get(number);
  messages.take(number);
  assert.equal(messages.put({ ...sample, payload: new Uint8Array([4, 5, 6]) }), number);
  assert.deepEqual(payload, first.payload);
});

Deno.test("PackedMessages.put() keeps nothing of the memory that a payload lies on", () => {
  const messages = new PackedMessages(new PackedMemory());
  const read = new Uint8Array(64).fill(1);
  const number = messages.put({ ...sample, payload: read.subarray(8, 16) });
  read.fill(2);
  assert.deepEqual(messages.get(number).payload, new Uint8Array(8).fill(1));
});

const sample: Message = {
  order: 1,
  topic: "a/b",
  payload: new Uint8Array(),
  qos: 0,
  retain: true,
  properties: undefined,
  expiresAt: Infinity,
  publisher: "p",
};
