/**
 * `deno task fuzz [--inputs N] [--seconds N] [--seed N] [--world N]`: mutated packets through splitter, decoder
 * and broker. Each input is one connection's bytes. Fails on any exception, on an input that takes longer
 * than 50 ms, on state that is left when all is over and on memory that rises, and prints what finds it again.
 */

import { parseArgs } from "node:util";
import type { FuzzReport } from "./fuzz.ts";
import { fuzz } from "./fuzz.ts";

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "200000" },
    seconds: { type: "string", default: "600" },
    seed: { type: "string", default: "1" },
    world: { type: "string", default: "0" },
  },
});

const started = performance.now();
const report = await fuzz({
  inputs: Number(values.inputs),
  milliseconds: Number(values.seconds) * 1000,
  seed: Number(values.seed),
  world: Number(values.world),
  progress: (report) => console.error(line(report)),
});
console.log(JSON.stringify(report, null, 2));
console.log(line(report));
if (report.found.length > 0) Deno.exit(1);

function line(report: FuzzReport): string {
  const { seed, inputs, connected, malformed, sent, slowest, pauses, heap, found } = report;
  const seconds = ((performance.now() - started) / 1000).toFixed();
  return `${seconds} s, seed ${seed}: ${inputs} inputs, ${connected} let in, ${malformed} malformed, ` +
    `${sent} packets came back, slowest ${slowest.toFixed(1)} ms, ${pauses} pauses, ` +
    `heap ${heap.join(" ")} MB, ${found.length} found`;
}
