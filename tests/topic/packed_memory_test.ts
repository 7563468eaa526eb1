import assert from "node:assert/strict";
import fc from "fast-check";
import type { Place } from "../../src/topic/packed_memory.ts";
import { offsetOf, PackedMemory } from "../../src/topic/packed_memory.ts";

Deno.test("PackedMemory keeps what is written into a piece when others come and go", () => {
  const step = fc.record({
    size: fc.oneof(fc.integer({ min: 1, max: 1_100 }), fc.constantFrom(16, 17, 65_536, 70_000)),
    give: fc.nat(200),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: "max" }), (steps) => {
      const memory = new PackedMemory();
      const taken: { place: Place; size: number; mark: number }[] = [];
      for (const [mark, { size, give }] of steps.entries()) {
        if (give < taken.length) memory.give(taken.splice(give, 1)[0]!.place);
        const place = memory.take(size);
        assert.ok(memory.sizeOf(place) >= size);
        fill(memory, place, size, mark);
        taken.push({ place, size, mark });
      }
      for (const { place, size, mark } of taken) {
        const { bytes } = memory.pageOf(place);
        const at = offsetOf(place);
        assert.ok(bytes.subarray(at, at + size).every((byte) => byte === (mark & 0xff)));
      }
      assert.equal(memory.pieces, taken.length);
    }),
    { numRuns: 100 },
  );
});

Deno.test("PackedMemory.give() lets pages go when they are empty, and keeps one of each size", () => {
  const memory = new PackedMemory();
  const places = Array.from({ length: 20_000 }, (_, at) => memory.take(at % 2 === 0 ? 30 : 100));
  assert.equal(memory.pages, Math.ceil(10_000 / 2_048) + Math.ceil(10_000 / 585));
  for (const place of places) memory.give(place);
  assert.equal(memory.pages, 2);
  assert.equal(memory.pieces, 0);
  const large = memory.take(1_025);
  assert.equal(memory.pages, 3);
  memory.give(large);
  assert.equal(memory.pages, 2);
});

Deno.test("PackedMemory.take() uses what was given back before it makes pages", () => {
  const memory = new PackedMemory();
  const places = Array.from({ length: 10_000 }, () => memory.take(64));
  const { pages } = memory;
  for (let turn = 0; turn < 5; turn++) {
    for (let at = turn; at < places.length; at += 3) memory.give(places[at]!);
    for (let at = turn; at < places.length; at += 3) places[at] = memory.take(64);
    assert.equal(new Set(places).size, places.length, "no piece twice");
    assert.equal(memory.pages, pages);
  }
});

function fill(memory: PackedMemory, place: Place, size: number, mark: number): void {
  const at = offsetOf(place);
  memory.pageOf(place).bytes.fill(mark, at, at + size);
}
