/**
 * `deno task conformance`: runs all rows and writes conformance.md. Words on the command line choose the
 * rows whose names have all of them (an id, a version); then only they are run and nothing is written.
 */

import type { Held } from "./harness.ts";
import { nameOf, run } from "./harness.ts";
import { audit } from "./audit.ts";
import { REPORT, report } from "./report.ts";
import { rows, statements } from "./tables.ts";

const all = await rows();
const whole = Deno.args.length === 0;
const chosen = all.filter((row): row is Held =>
  row.type === "held" && Deno.args.every((word) => nameOf(row).includes(word))
);
const failed = new Set<Held>();
/** What nobody awaits (a defect of the broker) fails the row during which it comes. */
let stray: unknown;
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  stray ??= event.reason;
});
for (const row of chosen) {
  try {
    stray = undefined;
    await run(row);
    if (stray !== undefined) throw new Error(`${nameOf(row)}\n${stray}`);
  } catch (error) {
    failed.add(row);
    console.error(error instanceof Error ? error.message : error);
  }
}
let faults: readonly string[] = [];
if (whole) {
  const known = statements();
  faults = audit(all, known);
  for (const fault of faults) console.error(fault);
  Deno.writeTextFileSync(REPORT, report(all, known, failed));
}
console.log(`${chosen.length} tests, ${failed.size} failed; ${faults.length} faults of the tables`);
Deno.exit(failed.size + faults.length === 0 && chosen.length > 0 ? 0 : 1);
