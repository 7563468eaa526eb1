/**
 * All rows, and all statements of the standard that they are to hold. A table is any exported list of rows
 * of a file in v311/ or v5/ (files without one are what others share); the statements are in spec/, one a line.
 */

import assert from "node:assert/strict";
import type { Row, Standard } from "./harness.ts";

/** A normative statement, as the tables in spec/ have it. */
export interface Statement {
  readonly standard: Standard;
  readonly id: string;
  /** Whom it binds. */
  readonly who: "client" | "server" | "both";
  /** What it asks for, in other words than the standard's. */
  readonly words: string;
  /** Whether a test of a server can show it. */
  readonly testable: "yes" | "indirect" | "no";
}

const HERE = new URL("./", import.meta.url);
const FILES: readonly (readonly [Standard, statements: string, rows: string])[] = [
  ["3.1.1", "spec/mqtt311.tsv", "v311/"],
  ["5.0", "spec/mqtt5.tsv", "v5/"],
];

/** All statements of both versions, in the order of the standard. */
export function statements(): readonly Statement[] {
  return FILES.flatMap(([standard, file]) => {
    const lines = Deno.readTextFileSync(new URL(file, HERE)).trim().split("\n").slice(1);
    return lines.map((line): Statement => {
      const [id, who, words, testable] = line.split("\t");
      assert.ok(who === "client" || who === "server" || who === "both", `${file}: ${line}`);
      assert.ok(testable === "yes" || testable === "indirect" || testable === "no", line);
      return { standard, id: id!, who, words: words!, testable };
    });
  });
}

/** All rows of both versions or of one, file by file in the order of their names. */
export async function rows(only?: Standard): Promise<readonly Row[]> {
  const all: Row[] = [];
  for (const [standard, , folder] of FILES) {
    if (only !== undefined && only !== standard) continue;
    const names = [...Deno.readDirSync(new URL(folder, HERE))].map(({ name }) => name);
    for (const name of names.filter((each) => each.endsWith(".ts")).sort()) {
      const module: Record<string, unknown> = await import(new URL(folder + name, HERE).href);
      const found = Object.values(module).filter(isTable).flat();
      for (const row of found) assert.equal(row.standard, standard, `${folder}${name}: ${row.ids}`);
      all.push(...found);
    }
  }
  return all;
}

function isTable(value: unknown): value is readonly Row[] {
  return Array.isArray(value) && value.every((each) => each?.type === "held" || isExcuse(each));
}

function isExcuse(value: unknown): boolean {
  return (value as Partial<Row> | undefined)?.type === "excused";
}
