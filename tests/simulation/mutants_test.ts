/**
 * The checkers can fail: the broker is broken on purpose, in one place at a time, and the simulation has
 * to find that within a few seeds; each checker has a mutant of its own, which in some run it finds
 * while all others are content, so that none of them is there for nothing.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Checker } from "./ledger.ts";
import { mutants, others } from "./mutants.ts";
import type { Outcome, RunOptions } from "./run.ts";
import { run } from "./run.ts";
import { scenario } from "./scenario.ts";

/** Seeds that a mutant may survive. */
const SEEDS = 400;

/** Runs seed after seed until one is as it has to be; whether there was one. */
async function someRun(
  options: RunOptions,
  is: (outcome: Outcome) => boolean,
): Promise<boolean> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const [drawn] = fc.sample(scenario, { seed, numRuns: 1 });
    if (is(await run(drawn!, options))) return true;
  }
  return false;
}

for (const { what, by, apply } of mutants) {
  Deno.test(`simulation: the checker "${by}" alone finds out when ${what}`, async () => {
    const restore = apply();
    try {
      const found = await someRun(
        { toTheEnd: true },
        ({ found }) => found.size === 1 && found.has(by),
      );
      assert.ok(found, `none of ${SEEDS} seeds was wrong for it alone`);
    } finally {
      restore();
    }
  });
}

const WITHOUT_AUDIT: ReadonlySet<Checker> = new Set(["fold"]);

for (const [what, apply] of Object.entries(others)) {
  Deno.test(`simulation: finds out without a look at the disk when ${what}`, async () => {
    const restore = apply();
    try {
      const found = await someRun(
        { muted: WITHOUT_AUDIT },
        ({ violations }) => violations.length > 0,
      );
      assert.ok(found, `${SEEDS} seeds did not find it`);
    } finally {
      restore();
    }
  });
}

/** All that there are: a record, so that a new one has to be named here. */
const CHECKERS: Readonly<Record<Checker, true>> = {
  durable: true,
  delivered: true,
  shared: true,
  once: true,
  order: true,
  asked: true,
  refused: true,
  flow: true,
  retained: true,
  wills: true,
  packetIds: true,
  receiveMaximum: true,
  packetSize: true,
  afterClose: true,
  protocol: true,
  expiry: true,
  fold: true,
  totals: true,
  idle: true,
  left: true,
  byHand: true,
  broken: true,
};

Deno.test("mutants has one that it alone finds for every checker", () => {
  const found = new Set(mutants.map(({ by }) => by));
  assert.deepEqual(Object.keys(CHECKERS).filter((each) => !found.has(each as Checker)), []);
});
