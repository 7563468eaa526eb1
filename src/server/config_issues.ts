/**
 * The findings of npm:zod in the words of this program: path, found, allowed, suggestion.
 *
 * The words come from config_expected.ts, not from zod. It must not decide what is allowed.
 */

import type { z } from "zod";
import { choicesAt, expectedAt, keysAt, knownPaths } from "./config_expected.ts";
import { foundText, type Path, pathText } from "./config_problem.ts";
import { isSecret } from "./config_secret.ts";
import { spelledValue } from "./config_substitute.ts";
import { nearest } from "./nearest.ts";

/** A problem that has no position yet. */
export interface Finding {
  readonly path: Path;
  readonly found: string;
  readonly expected: string;
  readonly suggestion?: string;
  /** The key is what is wrong, not its value. */
  readonly atKey: boolean;
}

/** One finding for each thing that zod found wrong in the value. */
export function findingsOf(issues: readonly z.core.$ZodIssue[], value: unknown): Finding[] {
  const seen = new Set<string>();
  return issuesWithin(issues, value).flatMap((issue) => {
    const path = issue.path as Path;
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => unknownKey(path, key, value));
    }
    // A value that breaks two rules of one key, as 0.5 does where 1 to 9 is allowed, is told once.
    const name = pathText(path);
    if (seen.has(name)) return [];
    seen.add(name);
    return [wrongValue(path, value)];
  });
}

/** Where a text or an object may stand and an object does, what is wrong with that object is told. */
export function issuesWithin(
  issues: readonly z.core.$ZodIssue[],
  value: unknown,
): readonly z.core.$ZodIssue[] {
  return issues.flatMap((issue) => {
    if (issue.code !== "invalid_union") return [issue];
    const found = valueAt(value, issue.path as Path);
    if (typeof found !== "object" || found === null || Array.isArray(found)) return [issue];
    const inner = issue.errors.find((branch) =>
      branch.every(({ code, path }) => path.length > 0 || code === "unrecognized_keys")
    );
    if (inner === undefined) return [issue];
    const whole = inner.map((each) => ({ ...each, path: [...issue.path, ...each.path] }));
    return issuesWithin(whole, value);
  });
}

/** The value at a path; undefined where there is none. */
export function valueAt(value: unknown, path: Path): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Record<string | number, unknown>)[part];
  }
  return here;
}

/** The same value with one place replaced; where the path leads nowhere, the value itself. */
export function withValueAt(value: unknown, path: Path, replacement: unknown): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return replacement;
  if (typeof value !== "object" || value === null) return value;
  const inner = withValueAt((value as Record<string | number, unknown>)[part], rest, replacement);
  return Array.isArray(value) ? value.with(Number(part), inner) : { ...value, [part]: inner };
}

function wrongValue(path: Path, value: unknown): Finding {
  const found = valueAt(value, path);
  const suggestion = meantValue(path, value, found);
  return {
    path,
    found: typeof found === "string" && isSecret(pathText(path))
      ? `text of ${found.length} characters`
      : foundText(found),
    expected: expectedAt(path, value),
    ...(suggestion === undefined ? {} : { suggestion }),
    atKey: false,
  };
}

function meantValue(path: Path, value: unknown, found: unknown): string | undefined {
  if (typeof found !== "string") return undefined;
  const choice = nearest(found, choicesAt(path, value));
  if (choice !== undefined) return JSON.stringify(choice);
  const spelled = spelledValue(found);
  const wanted = expectedAt(path, value);
  const isWanted = typeof spelled === "boolean"
    ? wanted === "true or false"
    : spelled !== undefined && wanted.startsWith("a whole number");
  return isWanted ? `${spelled} (without quotes)` : undefined;
}

/** Longer lists of keys are left to `dunlin schema`. */
const mostKeysListed = 12;

function unknownKey(parent: Path, key: string, value: unknown): Finding {
  const path = [...parent, key];
  const known = keysAt(parent, value);
  const suggestion = meantKey(parent, key, known);
  const expected = known.length <= mostKeysListed
    ? `one of the keys ${known.join(", ")}`
    : `one of the ${known.length} keys${parent.length === 0 ? "" : ` of ${pathText(parent)}`} ` +
      "that `dunlin schema` lists";
  return {
    path,
    found: `the unknown key ${foundText(key)}`,
    expected,
    ...(suggestion === undefined ? {} : { suggestion }),
    atKey: true,
  };
}

function meantKey(parent: Path, key: string, siblings: readonly string[]): string | undefined {
  const elsewhere = knownPaths();
  const lastNames = elsewhere.map((path) => path.slice(path.lastIndexOf(".") + 1));
  const inParent = nearest(key, siblings);
  if (inParent?.toLowerCase() === key.toLowerCase()) return pathText([...parent, inParent]);
  const exact = lastNames.indexOf(key);
  if (exact >= 0) return elsewhere[exact];
  if (inParent !== undefined) return pathText([...parent, inParent]);
  const anywhere = nearest(key, lastNames);
  return anywhere === undefined ? undefined : elsewhere[lastNames.indexOf(anywhere)];
}
