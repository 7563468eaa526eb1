import assert from "node:assert/strict";
import fc from "fast-check";
import { PlanCache } from "../../src/topic/plan_cache.ts";
import { reaches } from "../../src/topic/rest_matches.ts";
import { filters, names } from "./topics.ts";

const steps = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ type: fc.constant("match" as const), name: names }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("drop" as const), name: names }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("changed" as const), filter: filters }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("clear" as const) }) },
  ),
  { maxLength: 200, size: "max" },
);

Deno.test("PlanCache.get() gives the last plan of a topic or none, and none after a change that touches it", () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 6 }), (taken, limit) => {
      const cache = new PlanCache<number>(limit);
      const good = new Map<string, number>();
      let made = 0;
      for (const step of taken) {
        if (step.type === "match") {
          const kept = cache.get(step.name);
          if (kept !== undefined) assert.equal(kept, good.get(step.name));
          else {
            good.set(step.name, ++made);
            cache.put(step.name, made, 1);
          }
        } else if (step.type === "drop") {
          cache.drop(step.name);
          good.delete(step.name);
        } else if (step.type === "changed") {
          cache.changed(step.filter);
          for (const name of good.keys()) if (reaches(step.filter, name)) good.delete(name);
        } else {
          cache.clear();
          good.clear();
        }
        assert.ok(cache.size <= limit, `${cache.size} plans, the limit is ${limit}`);
      }
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("PlanCache.put() keeps what comes twice also when the cache is full, and drops none that is used", () => {
  const cache = new PlanCache<string>(100);
  const used = Array.from({ length: 50 }, (_, n) => `used/${n}`);
  for (const name of used) cache.put(name, name, 1);
  for (let n = 0; n < 1_000; n++) {
    for (const name of used) assert.equal(cache.get(name), name, `in round ${n}`);
    cache.put(`once/${n}`, "", 1);
  }
  assert.equal(cache.get("once/999"), undefined);
  cache.put("once/999", "again", 1);
  assert.equal(cache.get("once/999"), "again");
});
