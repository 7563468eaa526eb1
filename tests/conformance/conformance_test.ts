import assert from "node:assert/strict";
import { audit } from "./audit.ts";
import { excuse, holds, nameOf, run } from "./harness.ts";
import type { Row } from "./harness.ts";
import { REPORT, report } from "./report.ts";
import type { Statement } from "./tables.ts";
import { rows, statements } from "./tables.ts";

const all = await rows();
const known = statements();

for (const row of all) {
  if (row.type === "held") Deno.test(nameOf(row), () => run(row));
}

for (const standard of ["3.1.1", "5.0"] as const) {
  Deno.test(`every normative statement of MQTT ${standard} has a row, and every row a statement`, () => {
    const mine = known.filter((each) => each.standard === standard);
    assert.ok(mine.length > 100, `only ${mine.length} statements found`);
    const faults = audit(all.filter((each) => each.standard === standard), mine);
    assert.deepEqual(faults, []);
  });
}

Deno.test("conformance.md is what `deno task conformance` writes when all rows hold", () => {
  const found = Deno.readTextFileSync(REPORT);
  const expected = report(all, known, new Set());
  assert.ok(found === expected, "conformance.md is out of date: run `deno task conformance`");
});

Deno.test("README.md has the counts of conformance.md", () => {
  const readme = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));
  const counts = [...report(all, known, new Set()).matchAll(/^\| (MQTT .*) \|$/gm)];
  assert.equal(counts.length, 2);
  for (const [, line] of counts) {
    const wanted = line!.split(/\s*\|\s*/).join(" ");
    const lines = readme.split("\n").map((each) => each.replaceAll("|", " ").trim());
    assert.ok(lines.some((each) => each.split(/\s+/).join(" ") === wanted), `README: ${wanted}`);
  }
});

const server: Statement = {
  standard: "5.0",
  id: "MQTT-1.1.1-1",
  who: "server",
  words: "It does.",
  testable: "yes",
};
const held = holds("5.0", "MQTT-1.1.1-1", "it does", () => {});
const long = "r".repeat(60);

/** [what is wrong, rows, words of the fault] */
const faulty: readonly (readonly [string, readonly Row[], RegExp])[] = [
  ["a statement has no row", [], /neither held nor excused/],
  ["a row has an id of the other version", [holds("3.1.1", server.id, "x", () => {})], /no such/],
  ["a row has an unknown id", [held, excuse("5.0", "MQTT-1.1.1-2", long)], /no such statement/],
  ["an id is held and excused", [held, excuse("5.0", server.id, long)], /both/],
  ["an id is excused twice", [1, 2].map(() => excuse("5.0", server.id, long)), /twice/],
  ["a reason is short", [excuse("5.0", server.id, "cannot be shown")], /shorter than 60/],
  ["two rows have one name", [held, held], /two rows/],
  ["a row has no id", [held, holds("5.0", [], "nothing", () => {})], /without an id/],
];

for (const [what, table, words] of faulty) {
  Deno.test(`audit() finds a fault when ${what}`, () => {
    const faults = audit(table, [server]);
    assert.ok(faults.some((fault) => words.test(fault)), faults.join("\n"));
  });
}

Deno.test("audit() finds nothing when each statement is held or excused at length", () => {
  assert.deepEqual(audit([held], [server]), []);
  assert.deepEqual(audit([excuse("5.0", server.id, long)], [server]), []);
});
