/**
 * `deno task mutants`: breaks the broker in one place after the other, in a copy of the tree, and runs the
 * rows that must notice. A mutation that a row of each of its statements does not notice is a survivor.
 * Words on the command line choose mutations by what stands in them (a file, an id, a version).
 */

import assert from "node:assert/strict";
import type { Standard } from "./harness.ts";
import type { StatementVerdict } from "./verdicts.ts";

/** One place in which the broker is broken. */
export interface Mutation {
  /** The statements, each of which must have a row that fails. */
  readonly ids: readonly string[];
  /** From the root of the tree: `src/packet/strict.ts`. */
  readonly file: string;
  /** What stands there, once in the file. */
  readonly from: string;
  readonly to: string;
}

/** A mutation with the version of the standard that its ids are of. */
export interface Mutant extends Mutation {
  readonly standard: Standard;
}

const ROOT = new URL("../../", import.meta.url).pathname;
const COPIED = ["src", "tests", "main.ts", "deno.json", "deno.lock"];
/** Milliseconds that the rows of ten statements may take: a mutant may make the broker spin. */
const PATIENCE = 60_000;

/** All mutations: the exported lists of `mutants_311.ts`, and of `mutants_v5_….ts` for 5.0. */
export async function mutants(): Promise<readonly Mutant[]> {
  const here = new URL("./", import.meta.url);
  const all: Mutant[] = [];
  const names = [...Deno.readDirSync(here)].map(({ name }) => name).sort();
  for (const name of names) {
    const match = /^mutants_(311|v5)\w*\.ts$/.exec(name);
    if (match === null) continue;
    const standard: Standard = match[1] === "v5" ? "5.0" : "3.1.1";
    const module: Record<string, unknown> = await import(new URL(name, here).href);
    for (const table of Object.values(module)) {
      assert.ok(Array.isArray(table), `${name}: an export that is no list of mutations`);
      for (const mutation of table as Mutation[]) all.push({ ...mutation, standard });
    }
  }
  return all;
}

/** The text with the mutation in it. Throws where `from` does not stand in it exactly once. */
export function mutated(text: string, { file, from, to }: Mutation): string {
  const found = text.split(from).length - 1;
  assert.equal(found, 1, `${file}: ${JSON.stringify(from)} stands there ${found} times, not once`);
  return text.replace(from, () => to);
}

/** What running rows came to: noticed, not noticed, or words for why nothing can be said. */
type Verdict = "failed" | "held" | string;
type Verdicts = readonly (readonly [Standard, string, Verdict])[];

/**
 * Runs the rows of these statements of one version in the tree at `root`, in one process as long as none hangs:
 * then the others are run in the next one.
 */
async function verdictsOf(
  root: string,
  standard: Standard,
  ids: readonly string[],
): Promise<Verdicts> {
  const verdicts: [Standard, string, Verdict][] = [];
  while (verdicts.length < ids.length) {
    const { said, complaint } = await rowsOf(root, standard, ids.slice(verdicts.length));
    for (const line of said.split("\n").filter((each) => each.startsWith("{"))) {
      const { id, tests, failed }: StatementVerdict = JSON.parse(line);
      const verdict = tests === 0 ? "there is no such row" : failed === 0 ? "held" : "failed";
      verdicts.push([standard, id, verdict]);
    }
    if (verdicts.length === ids.length) break;
    const verdict = complaint === undefined // a broker that hangs is noticed
      ? "failed"
      : `no rows were run: ${complaint.slice(-600)}`;
    verdicts.push([standard, ids[verdicts.length]!, verdict]);
  }
  return verdicts;
}

/** What the process said; its complaint is undefined where it was not waited for any longer. */
async function rowsOf(
  root: string,
  standard: Standard,
  ids: readonly string[],
): Promise<{ readonly said: string; readonly complaint: string | undefined }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--no-check",
      `${root}tests/conformance/verdicts.ts`,
      standard,
      ...ids,
    ],
    cwd: root,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const hung = setTimeout(() => child.kill("SIGKILL"), PATIENCE * Math.max(1, ids.length / 10));
  const { stdout, stderr, signal } = await child.output();
  clearTimeout(hung);
  const text = new TextDecoder();
  const complaint = signal === "SIGKILL" ? undefined : text.decode(stderr);
  return { said: text.decode(stdout), complaint };
}

/** Runs all chosen mutants; the number of those that are not killed. */
async function main(words: readonly string[]): Promise<number> {
  const chosen = (await mutants()).filter((each) =>
    words.every((word) => JSON.stringify(each).includes(word))
  );
  const root = `${await Deno.makeTempDir({ prefix: "dunlin-mutants-" })}/`;
  try {
    await copy(root);
    let faults = await baseline(root, chosen);
    for (const mutant of chosen) {
      const { standard, ids, file, from, to } = mutant;
      let verdicts: Verdicts;
      try {
        const original = await Deno.readTextFile(root + file);
        await Deno.writeTextFile(root + file, mutated(original, mutant));
        verdicts = await verdictsOf(root, standard, ids);
        await Deno.writeTextFile(root + file, original);
      } catch (error) {
        verdicts = [[standard, ids.join(), `cannot be applied: ${error}`]];
      }
      const alive = verdicts.filter(([, , verdict]) => verdict !== "failed");
      if (alive.length > 0) faults += 1;
      console.log(`${alive.length === 0 ? "killed  " : "SURVIVES"} ${standard} ${ids} ${file}`);
      for (const [, id, verdict] of alive) console.log(`  ${id} ${verdict}: ${from} -> ${to}`);
    }
    console.log(`${chosen.length} mutants, ${faults} faults`);
    return chosen.length === 0 ? 1 : faults;
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** What all rows come to without a mutation: they must hold. */
async function baseline(root: string, chosen: readonly Mutant[]): Promise<number> {
  const verdicts: (readonly [Standard, string, Verdict])[] = [];
  for (const standard of ["3.1.1", "5.0"] as const) {
    const mine = chosen.filter((each) => each.standard === standard);
    const ids = [...new Set(mine.flatMap((each) => each.ids))];
    verdicts.push(...await verdictsOf(root, standard, ids));
  }
  const broken = verdicts.filter(([, , verdict]) => verdict !== "held");
  for (const [standard, id, verdict] of broken) {
    console.log(`without a mutation ${standard} ${id}: ${verdict}`);
  }
  return broken.length;
}

async function copy(root: string): Promise<void> {
  const paths = COPIED.map((name) => ROOT + name);
  const { success } = await new Deno.Command("cp", { args: ["-r", ...paths, root] }).output();
  assert.ok(success, `the tree could not be copied to ${root}`);
}

if (import.meta.main) Deno.exit(await main(Deno.args) === 0 ? 0 : 1);
