import assert from "node:assert/strict";
import fc from "fast-check";
import regressions from "./regressions.json" with { type: "json" };
import { run } from "./run.ts";
import { scenario } from "./scenario.ts";
import { describeFailure, trySeed } from "./try_seed.ts";

/** Seeds of a test run; `deno task simulate --seeds N` runs more. */
const SEEDS = 240;

Deno.test("simulation: every checker holds for every seed", async () => {
  let received = 0;
  let crashes = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const tried = await trySeed(seed);
    assert.equal(tried.failure, undefined, describeFailure(tried));
    received += tried.first.received;
    crashes += tried.first.crashes;
  }
  // A simulation in which nothing happens would pass, too.
  assert.ok(received > SEEDS * 5, `only ${received} messages were received`);
  assert.ok(crashes > SEEDS, `only ${crashes} crashes`);
});

Deno.test("simulation: seeds that once failed pass", async () => {
  for (const { seed } of regressions) {
    const tried = await trySeed(seed);
    assert.equal(tried.failure, undefined, describeFailure(tried));
  }
});

Deno.test("simulation: the same seed gives the same bytes at the same instants", async () => {
  for (const seed of [3, 14, 15, 92]) {
    const [drawn] = fc.sample(scenario, { seed, numRuns: 1 });
    const first = await run(drawn!);
    const second = await run(drawn!);
    assert.equal(second.hash, first.hash);
    assert.equal(second.received, first.received);
  }
});
