/**
 * `deno task simulate --seeds N [--seed S] [--path P] [--failures F]`: runs N seeds from S on, until F
 * of them have failed, and tells what it found; ends with exit code 1 where a seed failed.
 * `--save "what was wrong"` writes the smallest scenario of each failure to `regressions/`, from where
 * the tests replay it; `--replay FILE` runs such a file.
 */

import { fromText, SAVED, toText } from "./saved.ts";
import type { Tried } from "./try_seed.ts";
import { describeFailure, tryScenario, trySeed } from "./try_seed.ts";

function word(name: string): string | undefined {
  const at = Deno.args.indexOf(`--${name}`);
  return at === -1 ? undefined : Deno.args[at + 1];
}

function option(name: string, fallback: number): number {
  const given = word(name);
  return given === undefined ? fallback : Number(given);
}

/** Writes a failure down; a file of that seed is replaced. */
function save({ seed, failure }: Tried, found: string): void {
  if (failure === undefined) return;
  const file = new URL(`${seed}.json`, SAVED);
  Deno.mkdirSync(SAVED, { recursive: true });
  Deno.writeTextFileSync(file, toText({ found, seed, ...failure }));
  console.log(`saved as ${file.pathname}`);
}

const from = option("seed", 1);
const most = option("failures", 5);
const path = word("path");
const found = word("save");
const replayed = word("replay");
// A path is that of one seed, and a file is one scenario.
const seeds = option("seeds", path === undefined && replayed === undefined ? 1_000 : 1);
const began = performance.now();
const sum = {
  actions: 0,
  messages: 0,
  received: 0,
  crashes: 0,
  faults: 0,
  drops: 0,
  refusals: 0,
  storeFaults: 0,
};
let runs = 0;
let failures = 0;
for (let seed = from; seed < from + seeds && failures < most; seed++) {
  const tried = replayed === undefined
    ? await trySeed(seed, path)
    : await tryScenario(fromText(Deno.readTextFileSync(replayed)));
  runs += 1;
  for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += tried.first[key];
  if (tried.failure === undefined) continue;
  failures += 1;
  console.log(describeFailure(tried));
  if (found !== undefined) save(tried, found);
}
const seconds = (performance.now() - began) / 1000;
console.log(
  `${runs} runs, ${sum.actions} actions, ${sum.messages} messages published, ${sum.received} ` +
    `received, ${sum.drops} dropped with a reason, ${sum.refusals} refused, ${sum.faults} faults of the network, ` +
    `${sum.storeFaults} of the store, ${sum.crashes} crashes, ` +
    `${failures} failures; ${seconds.toFixed(1)} s, ${(runs / seconds).toFixed(1)} runs a second`,
);
if (failures > 0) Deno.exit(1);
