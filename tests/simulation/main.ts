/**
 * `deno task simulate --seeds N [--seed S] [--path P]`: runs N seeds from S on and tells what it found;
 * ends with exit code 1 where a seed failed.
 */

import { describeFailure, trySeed } from "./try_seed.ts";

function option(name: string, fallback: number): number {
  const at = Deno.args.indexOf(`--${name}`);
  return at === -1 ? fallback : Number(Deno.args[at + 1]);
}

const from = option("seed", 1);
const most = option("failures", 5);
const pathAt = Deno.args.indexOf("--path");
const path = pathAt === -1 ? undefined : Deno.args[pathAt + 1];
const seeds = option("seeds", path === undefined ? 1_000 : 1); // a path is that of one seed
const began = performance.now();
const sum = { actions: 0, messages: 0, received: 0, crashes: 0, faults: 0, drops: 0 };
let runs = 0;
let failures = 0;
for (let seed = from; seed < from + seeds && failures < most; seed++) {
  const tried = await trySeed(seed, path);
  runs += 1;
  for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += tried.first[key];
  if (tried.failure === undefined) continue;
  failures += 1;
  console.log(describeFailure(tried));
}
const seconds = (performance.now() - began) / 1000;
console.log(
  `${runs} runs, ${sum.actions} actions, ${sum.messages} messages published, ${sum.received} ` +
    `received, ${sum.drops} dropped with a reason, ${sum.faults} faults, ${sum.crashes} crashes, ` +
    `${failures} failures; ${seconds.toFixed(1)} s, ${(runs / seconds).toFixed(1)} runs a second`,
);
if (failures > 0) Deno.exit(1);
