/** Runs the scenarios against dunlin and its peer by turns, and prints a row for each figure. */

import type { Figure, Measured } from "./figure.ts";
import { mark, median } from "./figure.ts";
import type { Make, Run } from "./measure.ts";
import { measure } from "./measure.ts";
import type { Scenario } from "./scenarios.ts";

/** Prints the rows as they come; how many scenarios lost, doubled or mixed up messages of dunlin's or failed. */
export async function printTable(
  scenarios: readonly Scenario[],
  ours: Make,
  theirs: Make,
  times: number,
  run: Run,
): Promise<number> {
  print(["", "dunlin", "peer", "ratio", "by CPU", "floor", "aim"], "");
  let failed = 0;
  for (const scenario of scenarios) {
    const mode = scenario.loads(run.quick)[0]?.[1];
    if (
      mode !== undefined && run.generator.modes !== "all" && !run.generator.modes.includes(mode)
    ) {
      console.log(`${scenario.name}: needs ../shared/bench/mqload.c`);
      continue;
    }
    try {
      if (!await rows(scenario, ours, theirs, times, run)) failed += 1;
    } catch (error) {
      failed += 1;
      console.log(`${scenario.name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return failed;
}

/** False where a run of dunlin's was not exact. */
async function rows(
  scenario: Scenario,
  ours: Make,
  theirs: Make,
  times: number,
  run: Run,
): Promise<boolean> {
  const a: Measured[] = [];
  const b: Measured[] = [];
  const verdicts = new Set<string>();
  let exact = true;
  for (let at = 0; at < (scenario.long ? Math.ceil(times / 3) : times); at++) {
    const first = await measure(scenario, ours, run);
    const second = await measure(scenario, theirs, run);
    a.push(first.measured);
    b.push(second.measured);
    exact = exact && first.verdicts.length === 0;
    for (const verdict of [...first.verdicts, ...second.verdicts]) verdicts.add(verdict);
  }
  scenario.figures.forEach((figure, at) => {
    row(scenario.name, figure, a, b, at === 0 ? [...verdicts].join(", ") : "");
  });
  return exact;
}

function row(
  scenario: string,
  figure: Figure,
  ours: readonly Measured[],
  theirs: readonly Measured[],
  remark: string,
): void {
  const own = median(ours.map(figure.of));
  const other = median(theirs.map(figure.of));
  const { perProcessor } = figure;
  const held = figure.held === "ratio";
  const sign = figure.better === "more" ? "" : "<= ";
  const unit = held ? "" : ` ${figure.unit}`;
  print([
    figure.name === "" ? scenario : `${scenario}: ${figure.name}`,
    show(own),
    show(other),
    (own / other).toFixed(2),
    perProcessor === undefined
      ? ""
      : (median(ours.map(perProcessor)) / median(theirs.map(perProcessor))).toFixed(2),
    `${sign}${figure.floor}`,
    `${sign}${figure.aim}`,
  ], `${mark(figure, held ? own / other : own)}${unit}${remark === "" ? "" : `; ${remark}`}`);
}

function print([name, ...cells]: readonly string[], end: string): void {
  console.log(name!.padEnd(34), ...cells.map((cell) => cell.padStart(10)), "", end);
}

/** With as many digits as matter. */
function show(figure: number): string {
  return figure >= 100 ? Math.round(figure).toLocaleString("en") : figure.toFixed(2);
}
