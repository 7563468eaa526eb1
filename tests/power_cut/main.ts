/**
 * `deno task power-cut [--cycles N] [--seed N]`: the power-cut rig, with its report as JSON.
 */

import { parseArgs } from "node:util";
import { random } from "../fuzz/mutate.ts";
import { powerCut } from "./rig.ts";

const { values } = parseArgs({
  options: {
    cycles: { type: "string", default: "300" },
    seed: { type: "string", default: "1" },
  },
});

const next = random(Number(values.seed));
const report = await powerCut(Number(values.cycles), () => next(1 << 20) / (1 << 20));
console.log(JSON.stringify(report, null, 2));
if (report.violations.length > 0) Deno.exit(1);
