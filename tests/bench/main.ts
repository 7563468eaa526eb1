/**
 * `deno task bench`: dunlin against Debian's mosquitto in the same run, broker on one core and the load
 * generator ../shared/bench/mqload.c on the other. Prints a table of medians and ratios.
 *
 * Options: `--runs N` (3) runs of each scenario, `--seconds N` (4) of each run, `--only WORD` of the
 * scenario's name.
 */

import { parseArgs } from "node:util";
import type { Broker } from "./brokers.ts";
import { dunlin, mosquitto } from "./brokers.ts";
import { buildLoad, load } from "./load.ts";
import { scenarios } from "./scenarios.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    only: { type: "string", default: "" },
  },
});

const generator = await buildLoad();
console.log("scenario".padEnd(28), "dunlin".padStart(12), "mosquitto".padStart(12), "ratio");
for (const scenario of scenarios) {
  if (!scenario.name.includes(values.only)) continue;
  const figures: Record<string, number[]> = { dunlin: [], mosquitto: [] };
  const verdicts = new Set<string>();
  for (let run = 0; run < Number(values.runs); run++) {
    for (const make of [dunlin, mosquitto]) {
      const broker: Broker = await make();
      try {
        const args = [...scenario.args, ...(scenario.timed ? ["--duration", values.seconds] : [])];
        const result = await load(generator, broker, args);
        figures[broker.name]!.push(scenario.figure(result));
        verdicts.add(`${broker.name} ${result["verdict"]}`);
      } finally {
        await broker.stop();
      }
    }
  }
  const [ours, theirs] = [median(figures["dunlin"]!), median(figures["mosquitto"]!)];
  const exact = [...verdicts].filter((verdict) => !verdict.endsWith(" exact"));
  console.log(
    scenario.name.padEnd(28),
    format(ours).padStart(12),
    format(theirs).padStart(12),
    (ours / theirs).toFixed(2),
    scenario.unit,
    exact.join(", "),
  );
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}

function format(figure: number): string {
  return figure >= 100 ? Math.round(figure).toLocaleString("en") : figure.toFixed(2);
}
