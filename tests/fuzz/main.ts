/**
 * `deno task fuzz [--inputs N] [--seconds N] [--seed N]`: mutated packets through splitter, decoder and
 * broker. Each input is one connection's bytes. Fails on any exception, on an input that takes longer
 * than 50 ms, and prints the input in hexadecimal with the seed.
 */

import { parseArgs } from "node:util";
import { fuzz } from "./fuzz.ts";

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "200000" },
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
  },
});

const report = fuzz({
  inputs: Number(values.inputs),
  milliseconds: Number(values.seconds) * 1000,
  seed: Number(values.seed),
});
console.log(JSON.stringify(report, null, 2));
if (report.found.length > 0) Deno.exit(1);
