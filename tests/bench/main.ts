/**
 * `deno task bench`: the table of issue 5, dunlin against another broker in the same run, with the broker on
 * one core and the load generator on the other. Medians, ratios, and how they do by floor and aim; "by CPU" is
 * the ratio of messages for a second of the broker's processor, which a busy machine changes less. Exits with 1
 * where dunlin lost, doubled or mixed up a message, or a run failed; not for a slow one.
 *
 * Options: `--against "COMMAND"` a broker's command with `{port}` in it (Debian's mosquitto), `--only WORD` of
 * the scenario's name, `--runs N` (3) of each scenario, `--seconds N` (4) of each run, `--quick` for a tenth of
 * the sizes, one run of 2 s; `--own` load generator even where mqload is there.
 *
 * Instead of the table: `--check` compares bytes allocated a message with the baseline (`--check --write` writes
 * it), `--growth` prints how costs grow with sizes, `--fairness` what a flood, a subscriber that never reads and a
 * storm do to others, here and through mosquitto; `--only` and `--runs` hold for it too.
 */

import { parseArgs } from "node:util";
import { buildLoad } from "./load.ts";
import { ours, peer } from "./measure.ts";
import { scenarios } from "./scenarios.ts";
import { printTable } from "./table.ts";

const { values } = parseArgs({
  options: {
    against: { type: "string" },
    only: { type: "string", default: "" },
    runs: { type: "string" },
    seconds: { type: "string" },
    quick: { type: "boolean", default: false },
    own: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    growth: { type: "boolean", default: false },
    fairness: { type: "boolean", default: false },
  },
});

const own = { check: "allocations.ts", growth: "growth.ts", fairness: "fairness.ts" } as const;
const instead = (["check", "growth", "fairness"] as const).find((name) => values[name]);
if (instead === undefined) {
  const wanted = scenarios.filter(({ name }) => name.includes(values.only));
  const run = {
    generator: await buildLoad(values.own),
    quick: values.quick,
    seconds: values.seconds ?? (values.quick ? "2" : "4"),
  };
  if (values.quick) console.log("a first look: a tenth of the sizes");
  const times = Number(values.runs ?? (values.quick ? 1 : 3));
  const failed = await printTable(wanted, ours(), peer(values.against), times, run);
  Deno.exit(failed === 0 ? 0 : 1);
} else {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      new URL(own[instead], import.meta.url).pathname,
      ...(values.only === "" ? [] : ["--only", values.only]),
      ...(values.write ? ["--write"] : []),
      ...(values.fairness && values.runs !== undefined ? ["--runs", values.runs] : []),
    ],
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  Deno.exit(code);
}
