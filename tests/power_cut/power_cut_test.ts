/** A short share of the power-cut rig on every run; `deno task power-cut` runs longer. */

import assert from "node:assert/strict";
import { random } from "../fuzz/mutate.ts";
import { powerCut } from "./rig.ts";

Deno.test("dunlin loses nothing that it acknowledged and repeats no QoS 2 when it is killed 20 times", async () => {
  const next = random(20);
  const report = await powerCut(20, () => next(1 << 20) / (1 << 20));
  assert.deepEqual(report.violations, []);
  assert.ok(report.acknowledged > 300, "there was too little traffic to show anything");
});
