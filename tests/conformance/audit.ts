/** Whether the rows are all that the statements ask for: a gap, a doubt or a stray is a line of text. */

import type { Row } from "./harness.ts";
import { nameOf } from "./harness.ts";
import type { Statement } from "./tables.ts";

/** Characters of a reason that is more than a shrug. */
const REASON = 25;
/** The same where a test of a server could show the statement. */
const GOOD_REASON = 60;

/** What is wrong with the rows; empty where nothing is. */
export function audit(rows: readonly Row[], statements: readonly Statement[]): readonly string[] {
  const faults: string[] = [];
  const known = new Map(statements.map((each) => [`${each.standard} ${each.id}`, each]));
  const held = new Set<string>();
  const excused = new Set<string>();
  const names = new Set<string>();
  for (const row of rows) {
    if (row.ids.length === 0) faults.push(`${row.standard}: a row without an id`);
    if (row.type === "held") {
      const name = nameOf(row);
      if (names.has(name)) faults.push(`${name}: two rows have this name`);
      names.add(name);
    }
    for (const id of row.ids) {
      const key = `${row.standard} ${id}`;
      const statement = known.get(key);
      if (statement === undefined) faults.push(`${key}: no such statement in spec/`);
      else if (row.type === "held") held.add(key);
      else {
        if (excused.has(key)) faults.push(`${key}: excused twice`);
        excused.add(key);
        const length = bindsServers(statement) ? GOOD_REASON : REASON;
        if (row.reason.length < length) {
          faults.push(`${key}: the reason "${row.reason}" is shorter than ${length} characters`);
        }
      }
    }
  }
  for (const key of known.keys()) {
    if (held.has(key) && excused.has(key)) faults.push(`${key}: both held and excused`);
    if (!held.has(key) && !excused.has(key)) faults.push(`${key}: neither held nor excused`);
  }
  return faults;
}

function bindsServers({ who, testable }: Statement): boolean {
  return who !== "client" && testable === "yes";
}
