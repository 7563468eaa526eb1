import assert from "node:assert/strict";
import fc from "fast-check";
import { run } from "./run.ts";
import { scenario } from "./scenario.ts";
import { describeFailure, trySeed } from "./try_seed.ts";

/** Seeds of a test run; tests/cluster/main.ts runs more. */
const SEEDS = 200;

Deno.test("simulation of the cluster: every checker holds for every seed", async () => {
  const sum = { received: 0, crashes: 0, retired: 0, deaths: 0, pauses: 0, cuts: 0, outages: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const tried = await trySeed(seed);
    assert.equal(tried.failure, undefined, describeFailure(tried));
    const { received, counts } = tried.first;
    sum.received += received;
    for (const key of ["crashes", "retired", "deaths", "pauses", "cuts", "outages"] as const) {
      sum[key] += counts[key];
    }
  }
  // A simulation in which nothing happens would pass, too.
  assert.ok(sum.received > SEEDS * 5, `only ${sum.received} messages were received`);
  assert.ok(sum.deaths > SEEDS, `only ${sum.deaths} nodes died`);
  const faults = Object.entries(sum);
  for (const [what, count] of faults) assert.ok(count > SEEDS / 5, `only ${count} ${what}`);
});

Deno.test("simulation of the cluster: the same seed gives the same bytes at the same instants", async () => {
  for (const seed of [3, 14, 15, 92]) {
    const [drawn] = fc.sample(scenario, { seed, numRuns: 1 });
    const first = await run(drawn!);
    const second = await run(drawn!);
    assert.equal(second.hash, first.hash);
    assert.equal(second.received, first.received);
  }
});
