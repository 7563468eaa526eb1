/**
 * `deno task bench --growth`: what a message costs as the broker's tables grow. The broker without a network,
 * one process for each size; nanoseconds are those of the processor, the least of several rounds, since a
 * shared machine only ever adds to them. What costs more than its work is marked, and the program exits with 1.
 *
 * Options: `--only WORD` of the name, `--most N` to leave out larger sizes.
 */

import { parseArgs } from "node:util";
import type { Cost } from "./growth_points.ts";
import { growths } from "./growth_points.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    most: { type: "string", default: "Infinity" },
    point: { type: "string" },
    size: { type: "string" },
  },
});
/** As in allocations.ts: nothing is collected while a round is counted. */
const FLAGS = "--max-semi-space-size=512,--min-semi-space-size=512,--single-threaded,--expose-gc," +
  "--max-old-space-size=8192";
/**
 * How many times the cost at a smaller size, for the same work: larger tables miss the processor's caches more
 * often, which is no fault of the broker's.
 */
const TOLERANCE = 2;

interface Point {
  readonly size: number;
  readonly costs: readonly Cost[];
}

const { point } = values;
if (point !== undefined) {
  const costs = await growths.find(({ name }) => name === point)!.measure(Number(values.size));
  console.log(JSON.stringify(costs));
} else {
  Deno.exit(await all());
}

async function all(): Promise<number> {
  let worse = 0;
  for (const growth of growths.filter(({ name }) => name.includes(values.only))) {
    const before: Point[] = [];
    for (const size of growth.sizes.filter((size) => size <= Number(values.most))) {
      const costs = await measured(growth.name, size);
      costs.forEach((cost, at) => {
        const factor = Math.max(
          1,
          ...before.map((earlier) => {
            const work = growth.workGrows ? size / earlier.size : 1;
            return cost.nanoseconds / earlier.costs[at]!.nanoseconds / work;
          }),
        );
        if (factor > TOLERANCE) worse += 1;
        console.log(
          growth.name.padEnd(14),
          size.toLocaleString("en").padStart(10),
          cost.what.padEnd(34),
          `${cost.nanoseconds.toFixed(0).padStart(8)} ns`,
          `${cost.bytes.toFixed(0).padStart(8)} B`,
          `${factor.toFixed(2).padStart(6)} times`,
          factor > TOLERANCE ? "GROWS" : "",
        );
      });
      before.push({ size, costs });
    }
  }
  return worse === 0 ? 0 : 1;
}

async function measured(name: string, size: number): Promise<readonly Cost[]> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", `--v8-flags=${FLAGS}`, import.meta.filename!],
      ...["--point", name, "--size", String(size)],
    ],
  }).output();
  if (!success) throw new Error(`${name} ${size}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
