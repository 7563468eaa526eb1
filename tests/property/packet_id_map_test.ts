import assert from "node:assert/strict";
import fc from "fast-check";
import {
  emptyPacketIdMap,
  entries,
  firstFree,
  get,
  has,
  hasAny,
  type PacketIdMap,
  remove,
  removeAll,
  removeRange,
  set,
  setAll,
  setRange,
  size,
} from "../../src/session/packet_id_map.ts";

const id = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 65_500, max: 65_535 }),
  fc.integer({ min: 4090, max: 4100 }),
  fc.integer({ min: 1, max: 65_535 }),
);
const steps = fc.array(
  fc.record({ id, value: fc.option(fc.nat(3), { nil: undefined, freq: 3 }), from: fc.nat(9) }),
  { maxLength: 100, size: "max" },
);

Deno.test("PacketIdMap does what a Map does when ids come and go, and old maps stay", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      let map = emptyPacketIdMap<number>();
      const oracle = new Map<number, number>();
      const versions: [PacketIdMap<number>, [number, number][]][] = [];
      // Back and forth once more, so that what came late also goes.
      for (
        const { id, value, from } of [...taken, ...taken.map((step) => ({ ...step, from: 0 }))]
      ) {
        const before = map;
        const same = oracle.get(id) === value;
        if (value === undefined) {
          map = remove(map, id);
          oracle.delete(id);
        } else {
          map = set(map, id, value);
          oracle.set(id, value);
        }
        assert.equal(map === before, same, "the same object exactly when nothing changed");
        versions.push([map, sortedEntries(oracle)]);
        assert.equal(size(map), oracle.size);
        assert.equal(get(map, id), value);
        assert.equal(has(map, id), value !== undefined);
        assert.equal(has(map, id ^ 1), oracle.has(id ^ 1));
        const start = Math.max(1, id - from);
        assert.equal(firstFree(map, start), firstFreeIn(oracle, start));
      }
      for (const [version, expected] of versions) assert.deepEqual(entries(version), expected);
    }),
    { numRuns: 300 },
  );
});

Deno.test("PacketIdMap does what a Map does when a window moves round the whole of the ids", () => {
  fc.assert(
    fc.property(id, fc.integer({ min: 1, max: 400 }), (start, window) => {
      let map = emptyPacketIdMap<true>();
      const held: number[] = [];
      let from = start;
      for (let n = 0; n < 1_000; n++) {
        const free = firstFree(map, from);
        assert.ok(!held.includes(free) && free >= 1 && free <= 65_535, `${free} is free`);
        assert.equal(free, n === 0 ? start : from > 65_535 ? 1 : from, "ids come in sequence");
        map = set(map, free, true);
        held.push(free);
        from = free + 1;
        if (held.length > window) map = remove(map, held.shift()!);
        assert.equal(size(map), held.length);
      }
      const expected = [...held].sort((one, other) => one - other);
      assert.deepEqual(entries(map).map(([id]) => id), expected);
    }),
    { numRuns: 100 },
  );
});

Deno.test("setAll() and removeAll() do what set() and remove() do one by one, and removeAll() says when it cannot", () => {
  let removed = 0;
  fc.assert(
    fc.property(
      fc.array(id, { maxLength: 60 }),
      fc.oneof(
        fc.array(id, { maxLength: 40 }),
        fc.tuple(id, fc.integer({ min: 1, max: 60 })).map(([from, count]) =>
          Array.from({ length: count }, (_, at) => (from + at - 1) % 65_535 + 1)
        ),
      ),
      fc.array(fc.nat(), { maxLength: 50 }),
      (first, more, picks) => {
        let one = emptyPacketIdMap<string>();
        for (const id of first) one = set(one, id, `first ${id}`);
        const before = entries(one);
        const start = one;
        for (const [at, id] of more.entries()) one = set(one, id, `more ${at}`);
        const all = setAll(start, more, more.map((_, at) => `more ${at}`));
        assert.deepEqual(entries(all), entries(one));
        assert.equal(size(all), size(one));
        assert.deepEqual(entries(start), before, "the old map stays");

        const there = entries(all).map(([id]) => id);
        const gone = [...more, ...picks.map((pick) => there[pick % there.length] ?? 1)];
        for (const ids of [gone, [...new Set(gone)], more, there]) {
          let rest = all;
          for (const id of ids) rest = remove(rest, id);
          const left = removeAll(all, ids);
          const possible = new Set(ids).size === ids.length && ids.every((id) => has(all, id));
          assert.equal(left !== undefined, possible);
          if (left === undefined) continue;
          removed += 1;
          assert.deepEqual(entries(left), entries(rest));
          assert.equal(size(left), size(rest));
          for (const id of ids) assert.equal(has(left, id), false);
          assert.equal(firstFree(left, 1), firstFree(rest, 1));
        }
        assert.deepEqual(entries(all), entries(one), "the old map stays");
      },
    ),
    { numRuns: 400 },
  );
  assert.ok(removed > 400, `${removed}`);
});

Deno.test("setRange(), hasAny() and removeRange() do what is done one by one when ranges lie anywhere", () => {
  const range = fc.tuple(id, fc.oneof(fc.integer({ min: 1, max: 40 }), fc.nat(700)));
  const seen = { set: 0, taken: 0, removed: 0, refused: 0 };
  fc.assert(
    fc.property(fc.array(fc.tuple(range, fc.boolean()), { maxLength: 20 }), (ranges) => {
      let map = emptyPacketIdMap<number>();
      const oracle = new Map<number, number>();
      const versions: [PacketIdMap<number>, [number, number][]][] = [];
      for (const [at, [[first, length], adds]] of ranges.entries()) {
        const count = Math.max(1, Math.min(length, 65_536 - first));
        const all = Array.from({ length: count }, (_, at) => first + at);
        const there = all.filter((id) => oracle.has(id)).length;
        assert.equal(hasAny(map, first, count), there > 0);
        if (adds && there > 0) seen.taken += 1;
        else if (adds) {
          map = setRange(map, first, count, at);
          for (const id of all) oracle.set(id, at);
          seen.set += 1;
        } else {
          const rest = removeRange(map, first, count);
          assert.equal(rest !== undefined, there === count);
          if (rest === undefined) {
            for (const id of all) map = remove(map, id);
            seen.refused += 1;
          } else {
            map = rest;
            seen.removed += 1;
          }
          for (const id of all) oracle.delete(id);
        }
        assert.equal(size(map), oracle.size);
        for (const id of [first, first + count - 1]) assert.equal(get(map, id), oracle.get(id));
        const [next] = sortedEntries(oracle);
        if (next !== undefined) assert.equal(firstFree(map, next[0]), firstFreeIn(oracle, next[0]));
        versions.push([map, sortedEntries(oracle)]);
      }
      let one = emptyPacketIdMap<number>();
      for (const [id, value] of oracle) one = set(one, id, value);
      assert.deepEqual(map, one, "of the same form, however it came about");
      for (const [version, expected] of versions) assert.deepEqual(entries(version), expected);
    }),
    { numRuns: 500 },
  );
  for (const [what, times] of Object.entries(seen)) assert.ok(times > 20, `${what}: ${times}`);
});

function sortedEntries(oracle: ReadonlyMap<number, number>): [number, number][] {
  return [...oracle].sort(([one], [other]) => one - other);
}

function firstFreeIn(oracle: ReadonlyMap<number, number>, from: number): number {
  for (let id = from; id <= 65_535; id++) if (!oracle.has(id)) return id;
  for (let id = 1; id < from; id++) if (!oracle.has(id)) return id;
  return 0;
}
