import assert from "node:assert/strict";
import fc from "fast-check";
import type { NameMap } from "../../../src/service/dynamic_security/name_map.ts";
import {
  emptyNames,
  namesOf,
  valueOf,
  withName,
  withNames,
  withoutName,
} from "../../../src/service/dynamic_security/name_map.ts";
import { deepFreeze } from "../../deep_freeze.ts";

const name = fc.oneof(fc.string({ maxLength: 3 }), fc.nat(2_000).map((n) => `client-${n}`));

Deno.test("withName() and withoutName() come to what a Map comes to, and change nothing in place", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.option(fc.nat()))), (changes) => {
      const expected = new Map<string, number>();
      let map: NameMap<number> = emptyNames();
      for (const [name, value] of changes) {
        deepFreeze(map.shelves);
        if (value === null) {
          expected.delete(name);
          map = withoutName(map, name);
        } else {
          expected.set(name, value);
          map = withName(map, name, value);
        }
        assert.equal(map.size, expected.size);
        assert.equal(valueOf(map, name), expected.get(name));
      }
      assert.deepEqual(namesOf(map), [...expected.keys()].sort());
      for (const [name, value] of expected) assert.equal(valueOf(map, name), value);
    }),
    { numRuns: 300 },
  );
});

Deno.test("withNames() comes to what one withName() after another comes to", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, fc.nat())),
      fc.array(fc.tuple(name, fc.nat())),
      (before, values) => {
        const one = before.reduce((map, [name, n]) => withName(map, name, n), emptyNames<number>());
        deepFreeze(one.shelves);
        const expected = values.reduce((map, [name, n]) => withName(map, name, n), one);
        const found = withNames(one, values);
        assert.equal(found.size, expected.size);
        assert.deepEqual(found.shelves, expected.shelves);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("withoutName() gives the same map when the name is not in it", () => {
  const map = withName(emptyNames<number>(), "a", 1);
  assert.equal(withoutName(map, "b"), map);
});

Deno.test("withName() spreads ten thousand names so that no bucket has more than twenty", () => {
  let map: NameMap<true> = emptyNames();
  for (let i = 0; i < 10_000; i++) map = withName(map, `device-${i}`, true);
  assert.equal(map.size, 10_000);
  const most = Math.max(...map.shelves.flat().map((bucket) => bucket?.size ?? 0));
  assert.ok(most <= 20, `${most} in one bucket`);
});
