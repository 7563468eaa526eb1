/**
 * `deno run --allow-all tests/cluster_faults/main.ts`: three nodes, a Redis that fails over, 200 clients, and
 * faults; then the judge. Exits with 1 on a violation, with the history of what it is about.
 *
 * Options (defaults): `--redis sentinel|cluster|single|none` (sentinel; none: one node with a store of its own),
 * `--faults N` (100), `--seed N` (chosen and printed), `--clients N` (200), `--nodes N` (3), `--rate N` (200)
 * messages a second, `--lease MS` (3000), `--replicas N` (1) of the master with Sentinels, `--only KIND,KIND` of
 * killNode pauseNode pauseNodeBriefly restartNode killRedis pauseRedis cutRedisLinks resetLinks
 * awayClients, `--log LEVEL` (info) of the nodes, `--quiet`.
 */

import { parseArgs } from "node:util";
import type { FaultKind, Weights } from "./faults.ts";
import { ALL } from "./faults.ts";
import type { RedisKind } from "./redis_rig.ts";
import { everything } from "./history.ts";
import { reportOf, run } from "./run.ts";

const { values } = parseArgs({
  options: {
    redis: { type: "string", default: "sentinel" },
    faults: { type: "string", default: "100" },
    seed: { type: "string" },
    clients: { type: "string", default: "200" },
    nodes: { type: "string", default: "3" },
    rate: { type: "string", default: "200" },
    lease: { type: "string", default: "3000" },
    replicas: { type: "string", default: "1" },
    only: { type: "string" },
    log: { type: "string", default: "info" },
    quiet: { type: "boolean", default: false },
  },
});

const only = values.only?.split(",") as FaultKind[] | undefined;
const weights: Weights = only === undefined
  ? values.redis === "none"
    ? { killNode: 2, restartNode: 1, pauseNodeBriefly: 1, resetLinks: 2, awayClients: 1 }
    : ALL
  : Object.fromEntries(only.map((kind) => [kind, ALL[kind]]));
const outcome = await run({
  seed: Number(values.seed ?? Math.floor(Math.random() * 1_000_000)),
  faults: { count: Number(values.faults), weights },
  redis: values.redis as RedisKind | "none",
  nodes: Number(values.nodes),
  clients: Number(values.clients),
  rate: Number(values.rate),
  lease: Number(values.lease),
  replicas: Number(values.replicas),
  quiet: 5_000,
  level: values.log,
  say: values.quiet ? () => {} : console.log,
});
console.log(JSON.stringify(outcome.counts, null, 2));
if (outcome.violations.length === 0) {
  console.log("verdict: nothing wrong");
  await Deno.remove(outcome.directory, { recursive: true });
  Deno.exit(0);
}
console.log(reportOf(outcome));
await Deno.writeTextFile(`${outcome.directory}/everything.txt`, everything(outcome.ledger));
console.log(`verdict: ${outcome.violations.length} violations; logs in ${outcome.directory}`);
Deno.exit(1);
