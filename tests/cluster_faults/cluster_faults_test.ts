/**
 * A short run with faults on every run of the tests; `tests/cluster_faults/main.ts` runs longer, and with
 * Redis that fails over. And a run with a broker that forgets, which the judge must notice.
 */

import assert from "node:assert/strict";
import { toolTest } from "../end_to_end/tools.ts";
import type { Plan } from "./run.ts";
import { reportOf, run } from "./run.ts";

const SMALL = {
  nodes: 3,
  clients: 40,
  rate: 80,
  lease: 2_000,
  replicas: 1,
  quiet: 2_000,
  level: "warn",
  say: () => {},
} as const;

const TITLE =
  "three nodes lose nothing, repeat no QoS 2 and publish each Will once when nodes and " +
  "Redis are killed and stopped";

toolTest(["redis-server"], TITLE, async () => {
  const plan: Plan = {
    ...SMALL,
    seed: 1,
    redis: "single",
    faults: { order: ["killNode", "killRedis", "pauseNode", "restartNode"] },
  };
  const outcome = await run(plan);
  assert.ok(outcome.violations.length === 0, reportOf(outcome));
  const { "acknowledged QoS 2": acknowledged } = outcome.counts;
  assert.ok(acknowledged! > 100, "there was too little traffic to show anything");
});

Deno.test("the judge finds what is lost when a broker that keeps nothing is killed", async () => {
  const faults = { order: ["awayClients", "killNode"] } as const; // so that queues hold something
  const plan: Plan = { ...SMALL, seed: 1, redis: "memory", faults, lease: 100, quiet: 500 };
  const { violations } = await run(plan);
  const kinds = new Set(violations.map(({ kind }) => kind));
  assert.ok(kinds.has("session"), [...kinds].join());
  assert.ok(kinds.has("lost") || kinds.has("sharedLost"), [...kinds].join());
});
