/**
 * Runs the rows of some statements and tells of each what it came to, a line of JSON each: what mutants.ts
 * starts in a copy of the tree. `verdicts.ts 5.0 MQTT-3.1.0-1 MQTT-3.1.0-2`
 */

import type { Held, Standard } from "./harness.ts";
import { run } from "./harness.ts";
import { rows } from "./tables.ts";

/** What the rows of one statement came to. */
export interface StatementVerdict {
  readonly id: string;
  readonly tests: number;
  readonly failed: number;
}

if (import.meta.main) {
  const [standard, ...ids] = Deno.args;
  const all = await rows(standard as Standard);
  /** What nobody awaits (a defect of the broker) fails the row during which it comes. */
  let strays = 0;
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    strays += 1;
  });
  for (const id of ids) {
    const mine = all.filter((row): row is Held => row.type === "held" && row.ids.includes(id));
    let failed = 0;
    for (const row of mine) {
      const before = strays;
      const held = await run(row).then(() => true, () => false);
      if (!held || strays > before) failed += 1;
    }
    const verdict: StatementVerdict = { id, tests: mine.length, failed };
    console.log(JSON.stringify(verdict));
  }
  Deno.exit(0);
}
