/** What log and statistics make of a store without room. */

import assert from "node:assert/strict";
import { levelOf, lineOf } from "../../src/service/journal.ts";
import { count, newStatistics } from "../../src/service/statistics.ts";
import type { Fact } from "../../src/session/fact.ts";

Deno.test("count() and lineOf() tell that the store is full, and that it no longer is, when they are told", () => {
  const statistics = newStatistics();
  const told: unknown[] = [];
  for (const full of [true, false]) {
    const fact: Fact = { type: "store", full, detail: full ? "disk is full" : "" };
    count(statistics, fact);
    const { message, fields, level } = lineOf(fact);
    assert.equal(level, levelOf(fact));
    told.push([statistics.storeFull, level, message.slice(0, 21), fields]);
  }
  assert.deepEqual(told, [
    [true, "error", "the store has no room", { reason: "disk is full" }],
    [false, "info", "the store has room ag", {}],
  ]);
});
