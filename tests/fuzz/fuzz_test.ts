/**
 * A short share of the fuzzing on every run; `deno task fuzz` runs longer.
 */

import assert from "node:assert/strict";
import { feedOnce, fuzz } from "./fuzz.ts";
import regressions from "./regressions.json" with { type: "json" };

Deno.test("broker throws nothing and hangs nowhere when 20,000 mutated connections come", () => {
  const report = fuzz({ inputs: 20_000, milliseconds: 60_000, seed: 7 });
  assert.deepEqual(report.found, []);
  assert.ok(report.packets > 10_000, "the mutations left too little of MQTT");
  assert.ok(report.refused > 1_000, "the mutations broke too little");
});

for (const { input, found } of regressions as { input: string; found: string }[]) {
  Deno.test(`broker takes the input that once showed: ${found}`, () => {
    feedOnce(Uint8Array.from(input.match(/../g) ?? [], (byte) => parseInt(byte, 16)));
  });
}
