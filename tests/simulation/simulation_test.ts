import assert from "node:assert/strict";
import fc from "fast-check";
import { run } from "./run.ts";
import type { Saved } from "./saved.ts";
import { fromText, readAll, toText } from "./saved.ts";
import { scenario } from "./scenario.ts";
import { describeFailure, tryScenario, trySeed } from "./try_seed.ts";

/** Seeds of a test run; `deno task simulate --seeds N` runs more. */
const SEEDS = 300;

Deno.test("simulation: every checker holds for every seed", async () => {
  let received = 0;
  let crashes = 0;
  let storeFaults = 0;
  let refusals = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const tried = await trySeed(seed);
    assert.equal(tried.failure, undefined, describeFailure(tried));
    received += tried.first.received;
    crashes += tried.first.crashes;
    storeFaults += tried.first.storeFaults;
    refusals += tried.first.refusals;
  }
  assert.ok(storeFaults > SEEDS && refusals > SEEDS / 10, `${storeFaults}, ${refusals} refusals`);
  // A simulation in which nothing happens would pass, too.
  assert.ok(received > SEEDS * 5, `only ${received} messages were received`);
  assert.ok(crashes > SEEDS, `only ${crashes} crashes`);
});

for (const [name, saved] of readAll()) {
  Deno.test(`simulation: nothing is wrong with regressions/${name}: ${saved.found}`, async () => {
    const tried = await tryScenario(saved);
    assert.equal(tried.failure, undefined, describeFailure(tried));
    assert.ok(tried.first.messages > 0, "nothing happens in it any more");
  });
}

Deno.test("fromText() gives back what toText() wrote, and it runs the same", async () => {
  for (const seed of [1, 2, 3, 4]) {
    const [drawn] = fc.sample(scenario, { seed, numRuns: 1 });
    const saved: Saved = { found: 'a "word"', seed, path: "0:1", scenario: drawn! };
    const read = fromText(toText(saved));
    assert.equal(toText(read), toText(saved));
    assert.equal((await run(read.scenario)).hash, (await run(drawn!)).hash);
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
