/**
 * The simulation of the cluster can fail: it is broken on purpose, in one place at a time, and that has to be
 * found out within a few seeds.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { mutants } from "./mutants.ts";
import { run } from "./run.ts";
import { scenario } from "./scenario.ts";

/** Seeds that a mutant may survive: of 500, seven find out when shared queues of the dead are lost. */
const SEEDS = 1_000;

for (const [what, apply] of Object.entries(mutants)) {
  Deno.test(`simulation of the cluster: finds out when ${what}`, async () => {
    const restore = apply();
    try {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const [drawn] = fc.sample(scenario, { seed, numRuns: 1 });
        if ((await run(drawn!)).violations.length > 0) return;
      }
      assert.fail(`${SEEDS} seeds did not find it`);
    } finally {
      restore();
    }
  });
}
