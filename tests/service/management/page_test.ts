import assert from "node:assert/strict";
import fc from "fast-check";
import { pageOf } from "../../../src/service/management/page.ts";

Deno.test("pageOf() gives every item once and in order when pages are asked for one after another", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ maxLength: 6 }), { maxLength: 200 }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 40 }),
      (items, limit, most) => {
        const all: string[] = [];
        let after: string | undefined;
        do {
          const page = pageOf(items, (item) => item, { limit, after }, most);
          assert.ok(page.items.length <= Math.min(limit, most));
          all.push(...page.items);
          after = page.next;
        } while (after !== undefined);
        assert.deepEqual(all, items.toSorted((a, b) => a < b ? -1 : 1));
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("pageOf() moves nothing when items come and go between two pages", () => {
  const items = ["b", "d", "f", "h"];
  const first = pageOf(items, (item) => item, { limit: 2 }, 100);
  assert.deepEqual(first, { items: ["b", "d"], next: "d" });
  const later = ["a", "c", "f", "g", "h"]; // b and d are gone, a, c and g are new
  const second = pageOf(later, (item) => item, { limit: 2, after: first.next }, 100);
  assert.deepEqual(second, { items: ["f", "g"], next: "g" });
});
