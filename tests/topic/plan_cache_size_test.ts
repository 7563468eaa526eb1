/** What kept plans cost in memory, whatever the names that clients choose. */

import assert from "node:assert/strict";
import { PlanCache } from "../../src/topic/plan_cache.ts";

Deno.test("PlanCache.put() keeps fewer plans when the names are long, and one that is used in any case", () => {
  const cache = new PlanCache<object>(1_000);
  let longest = 0;
  for (let n = 0; n < 2_000; n++) {
    cache.put(`${n}/`.padEnd(16_383, "x"), {}, 0);
    longest = Math.max(longest, cache.size);
  }
  assert.ok(longest * 16_383 <= 1_000 * 512, `${longest} names of 16,383 characters are kept`);
  assert.ok(cache.size >= 1);
  for (let n = 0; n < 4_000; n++) cache.put(`plant/${n % 2_000}/temperature`, {}, 0); // twice: it is full
  assert.ok(cache.size >= 990, `${cache.size} short names are kept`);
});

Deno.test("PlanCache.put() keeps no name that V8 tells from others by its length only", () => {
  const cache = new PlanCache<object>(1_000);
  for (let n = 0; n < 10; n++) cache.put(`${n}`.padEnd(16_384, "x"), {}, 0);
  assert.equal(cache.size, 0);
  assert.equal(cache.get("0".padEnd(16_384, "x")), undefined);
  const longest = "0".padEnd(16_383, "x");
  cache.put(longest, {}, 0);
  assert.deepEqual(cache.get(longest), {});
  cache.drop(longest);
  assert.equal(cache.size, 0);
});
