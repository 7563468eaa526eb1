/**
 * `deno run --allow-read --allow-write --allow-env tests/cluster/main.ts --seeds N [--seed S] [--path P]
 * [--failures F] [--shrinks K] [--lines L]`: runs N seeds of three nodes from S on, until F of them have failed,
 * and tells what it found; ends with exit code 1 where a seed failed.
 */

import { describeFailure, trySeed } from "./try_seed.ts";

function word(name: string): string | undefined {
  const at = Deno.args.indexOf(`--${name}`);
  return at === -1 ? undefined : Deno.args[at + 1];
}

function option(name: string, fallback: number): number {
  const given = word(name);
  return given === undefined ? fallback : Number(given);
}

const from = option("seed", 1);
const most = option("failures", 3);
const shrinks = option("shrinks", 150);
const lines = option("lines", 120);
const path = word("path");
const seeds = option("seeds", path === undefined ? 200 : 1);
const began = performance.now();
const sum: Record<string, number> = {};
let runs = 0;
let failures = 0;
for (let seed = from; seed < from + seeds && failures < most; seed++) {
  const tried = await trySeed(seed, shrinks, path);
  runs += 1;
  const { actions, messages, received, drops, wills, counts } = tried.first;
  for (
    const [key, count] of Object.entries({ actions, messages, received, drops, wills, ...counts })
  ) {
    sum[key] = (sum[key] ?? 0) + count;
  }
  if (tried.failure === undefined) continue;
  failures += 1;
  console.log(describeFailure(tried, lines));
}
const seconds = (performance.now() - began) / 1_000;
const told = Object.entries(sum).map(([key, count]) => `${count} ${key}`).join(", ");
console.log(
  `${runs} runs: ${told}; ${failures} failures; ${seconds.toFixed(1)} s, ` +
    `${(runs / seconds).toFixed(1)} runs a second`,
);
if (failures > 0) Deno.exit(1);
