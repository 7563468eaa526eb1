/** conformance.md: every normative statement, its tests and what came of them. */

import type { Held, Row, Standard } from "./harness.ts";
import { nameOf } from "./harness.ts";
import type { Statement } from "./tables.ts";

/** Where the report is kept. */
export const REPORT = new URL("./conformance.md", import.meta.url);

const STANDARDS: readonly Standard[] = ["3.1.1", "5.0"];

/** The report as Markdown. `failed` has the rows that do not hold. */
export function report(
  rows: readonly Row[],
  statements: readonly Statement[],
  failed: ReadonlySet<Held>,
): string {
  return [
    "<!-- deno-fmt-ignore-file -->",
    "# Conformance",
    "",
    "Every normative statement of MQTT 3.1.1 and 5.0, in other words than the standard's, with the tests that",
    "hold dunlin to it. Written by `deno task conformance`; a test fails when it is out of date.",
    "",
    ...counts(rows, statements, failed),
    ...STANDARDS.flatMap((standard) => section(standard, rows, statements, failed)),
  ].join("\n");
}

function counts(
  rows: readonly Row[],
  statements: readonly Statement[],
  failed: ReadonlySet<Held>,
): string[] {
  const lines = STANDARDS.map((standard) => {
    const mine = statements.filter((each) => each.standard === standard);
    const held = mine.filter((each) => heldRows(each, rows).length > 0);
    const broken = held.filter((each) => heldRows(each, rows).some((row) => failed.has(row)));
    const excused = mine.filter((each) => reasonOf(each, rows) !== undefined);
    const tests = rows.filter((each) => each.standard === standard && each.type === "held");
    return `| MQTT ${standard} | ${mine.length} | ${
      held.length - broken.length
    } | ${broken.length} ` +
      `| ${excused.length} | ${tests.length} |`;
  });
  return [
    "| | statements | held | broken | excused | tests |",
    "|---|---|---|---|---|---|",
    ...lines,
    "",
  ];
}

function section(
  standard: Standard,
  rows: readonly Row[],
  statements: readonly Statement[],
  failed: ReadonlySet<Held>,
): string[] {
  const lines = statements.filter((each) => each.standard === standard).map((statement) => {
    const tests = heldRows(statement, rows);
    const reason = reasonOf(statement, rows);
    const cell = tests.length > 0
      ? tests.map((row) => nameOf(row).replace(/^\S+ (\[\S+\] )+/, "")).join("<br>")
      : reason ?? "";
    const result = reason !== undefined
      ? "excused"
      : tests.length === 0
      ? "no test"
      : tests.some((row) => failed.has(row))
      ? "**broken**"
      : "held";
    return `| ${statement.id} | ${statement.who} | ${escape(statement.words)} | ${
      escape(cell)
    } | ${result} |`;
  });
  return [
    `## MQTT ${standard}`,
    "",
    "| id | binds | statement | tests, or why there is none | result |",
    "|---|---|---|---|---|",
    ...lines,
    "",
  ];
}

function heldRows({ standard, id }: Statement, rows: readonly Row[]): Held[] {
  return rows.filter((row): row is Held =>
    row.type === "held" && row.standard === standard && row.ids.includes(id)
  );
}

function reasonOf({ standard, id }: Statement, rows: readonly Row[]): string | undefined {
  const row = rows.find((each) =>
    each.type === "excused" && each.standard === standard && each.ids.includes(id)
  );
  return row?.type === "excused" ? row.reason : undefined;
}

function escape(text: string): string {
  return text.replaceAll("|", "\\|");
}
