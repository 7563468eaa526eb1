import assert from "node:assert/strict";
import {
  emptyPacketIdMap,
  entries,
  firstFree,
  get,
  has,
  hasAny,
  type PacketIdMap,
  remove,
  removeRange,
  set,
  setRange,
  size,
  spanOf,
} from "../../src/session/packet_id_map.ts";

function mapOf(ids: Iterable<number>): PacketIdMap<string> {
  let map = emptyPacketIdMap<string>();
  for (const id of ids) map = set(map, id, `value ${id}`);
  return map;
}

function* range(first: number, last: number): Iterable<number> {
  for (let id = first; id <= last; id++) yield id;
}

Deno.test("get() finds the value of every id when ids lie near and far", () => {
  const ids = [1, 2, 15, 16, 17, 255, 256, 4095, 4096, 32_767, 32_768, 65_534, 65_535];
  const map = mapOf(ids);
  assert.equal(size(map), ids.length);
  for (const id of ids) {
    assert.equal(get(map, id), `value ${id}`);
    assert.ok(has(map, id));
  }
  for (const id of [0, 3, 14, 18, 254, 257, 4097, 32_769, 65_533, 65_536, 65_537, -1]) {
    assert.equal(get(map, id), undefined);
    assert.ok(!has(map, id));
  }
});

Deno.test("set() gives the same object when the value is there already", () => {
  for (const map of [mapOf([7]), mapOf(range(1, 100)), mapOf([1, 70, 300, 5000, 65_535])]) {
    for (const [id, value] of entries(map)) assert.equal(set(map, id, value), map);
  }
});

Deno.test("set() leaves the given map as it was when it replaces a value", () => {
  const before = mapOf(range(1, 40));
  const after = set(before, 20, "new");
  assert.equal(get(before, 20), "value 20");
  assert.equal(get(after, 20), "new");
  assert.equal(size(after), 40);
});

Deno.test("set() refuses an id when it is none of MQTT", () => {
  for (const id of [0, -1, 65_536, NaN]) {
    assert.throws(() => set(emptyPacketIdMap<true>(), id, true), /RangeError.*1 to 65535/);
  }
});

Deno.test("setRange() is set() for each, removeRange() takes them back, hasAny() is has() for any, and spanOf() counts them when ids follow each other", () => {
  for (const held of [[], [1], [7, 40], [16], [15, 300], [4_096, 65_535]]) {
    for (const first of [1, 2, 15, 16, 17, 255, 4_090, 65_500]) {
      for (const count of [1, 2, 15, 16, 17, 36, 300]) {
        if (first + count > 65_536) continue;
        const map = mapOf(held);
        const all = [...range(first, first + count - 1)];
        assert.equal(hasAny(map, first, count), all.some((id) => has(map, id)));
        if (hasAny(map, first, count)) continue;
        const each = all.reduce((next, id) => set(next, id, "new"), map);
        const together = setRange(map, first, count, "new");
        assert.deepEqual(entries(together), entries(each));
        assert.equal(size(together), size(each));
        assert.deepEqual(entries(map), entries(mapOf(held)));
        assert.equal(removeRange(map, first, count), undefined);
        assert.deepEqual(entries(removeRange(together, first, count)!), entries(map));
        const part = removeRange(together, first, Math.ceil(count / 2))!;
        assert.deepEqual(entries(part), entries(each).filter(([id]) => has(part, id)));
        assert.equal(size(part), size(map) + Math.floor(count / 2));
        assert.equal(removeRange(part, first, count), undefined);
        for (const at of [0, 1, 14, 16, 35, 299].filter((at) => at < count)) {
          const other = set(together, first + at, "other");
          assert.equal(spanOf(other, first, count, "new"), at);
          assert.equal(spanOf(other, first + at + 1, 65_535, "new"), count - at - 1);
          assert.equal(spanOf(remove(together, first + at), first, 65_535, "new"), at);
          assert.equal(spanOf(together, first, at, "new"), at);
        }
      }
    }
  }
});

Deno.test("remove() gives the same object when the id is not there", () => {
  for (const map of [emptyPacketIdMap<string>(), mapOf([7]), mapOf([1, 70, 300, 5000])]) {
    for (const id of [0, 6, 8, 71, 1000, 65_535]) assert.equal(remove(map, id), map);
  }
});

Deno.test("remove() ends with the empty map when ids go oldest first", () => {
  let map = mapOf(range(1, 5000));
  for (let id = 1; id <= 5000; id++) {
    map = remove(map, id);
    assert.equal(size(map), 5000 - id);
    assert.ok(!has(map, id));
  }
  assert.equal(map, emptyPacketIdMap());
});

Deno.test("entries() gives ids in ascending order when they were set in another one", () => {
  const ids = [40_000, 3, 65_535, 19, 1, 4096, 2, 300, 16];
  const sorted = [...ids].sort((one, other) => one - other);
  assert.deepEqual(entries(mapOf(ids)), sorted.map((id) => [id, `value ${id}`]));
});

const rows: [used: Iterable<number>, from: number, expected: number, why: string][] = [
  [[], 1, 1, "nothing is used"],
  [[], 40_000, 40_000, "nothing is used"],
  [[5], 5, 6, "the next is free"],
  [range(5, 300), 7, 301, "a run is used"],
  [range(65_500, 65_535), 65_500, 1, "it goes on from 1, never 0"],
  [[...range(65_530, 65_535), ...range(1, 20)], 65_533, 21, "it goes on past a run at 1"],
  [range(2, 65_535), 2, 1, "only 1 is free"],
  [[...range(1, 99), ...range(101, 65_535)], 101, 100, "only the one just before is free"],
  [[...range(1, 65_534)], 65_535, 65_535, "only the last is free"],
  [range(1, 65_535), 1, 0, "all are used"],
  [[1], 0, 2, "0 stands for 1"],
  [[1], 65_536, 2, "65,536 stands for 1"],
];

for (const [used, from, expected, why] of rows) {
  Deno.test(`firstFree() is ${expected} from ${from} on when ${why}`, () => {
    assert.equal(firstFree(mapOf(used), from), expected);
  });
}
