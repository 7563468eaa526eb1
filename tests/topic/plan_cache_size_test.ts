/** What kept plans cost in memory, whatever the names that clients choose. */

import assert from "node:assert/strict";
import { hashOf } from "../../src/topic/hash_pages.ts";
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

Deno.test("PlanCache.put() keeps no name of more than 16,383 characters, whose hash costs more than a plan", () => {
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

Deno.test("PlanCache.put() keeps nearly all plans that there is room for, and each for its topic", () => {
  const cache = new PlanCache<string>(40_000);
  const names = Array.from({ length: 40_000 }, (_, n) => `plant/${n}/temperature`);
  for (const name of names) cache.put(name, name, 1);
  let found = 0;
  for (const name of names) {
    const plan = cache.get(name);
    if (plan === undefined) continue;
    assert.equal(plan, name);
    found += 1;
  }
  assert.equal(found, cache.size);
  assert.ok(found >= 39_600, `${found} plans are kept`);
});

Deno.test("PlanCache.put() keeps some of the topics that meet in one place, and each for itself", () => {
  const cache = new PlanCache<string>(100_000);
  const meeting: string[] = []; // in a table of any size: the lower bits of their hashes are the same
  for (let n = 0; meeting.length < 40; n++) {
    const name = `made/${n}`;
    if ((hashOf(0, name, 0, name.length) & 0x3ff0) === 0) meeting.push(name);
  }
  for (let round = 0; round < 3; round++) {
    for (const name of meeting) {
      cache.put(name, name, 1);
      assert.equal(cache.get(name), name);
    }
    const kept = meeting.filter((name) => cache.get(name) !== undefined);
    assert.ok(kept.length >= 16, `${kept.length} are kept`);
    assert.deepEqual(kept.map((name) => cache.get(name)), kept);
  }
  for (const name of meeting) cache.drop(name);
  assert.equal(cache.size, 0);
});
