/**
 * `${NAME}` and `${file:path}` in the texts of a configuration; `$${` stands for a plain `${`.
 *
 * What was put in is not looked through again, so that a secret may contain any character. Keys
 * are left alone, and so are the places that are filled with what is known of a client. It must not touch the environment or the disk itself: both are arguments.
 */

import { placeholders } from "../authentication/template.ts";
import { isPlaceholder, PLACEHOLDERS } from "../policy/topic_pattern.ts";
import { type Path, pathText } from "./config_problem.ts";

/** What a configuration may look at outside of its own text. */
export interface Outside {
  /** The value of an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** The text of a file; throws an Error that says why it cannot be read. */
  readonly readFile: (path: string) => string;
}

/** Where a text came from that stands in place of a `${…}`. */
export type SubstitutedFrom = "environment" | "file";

/** A value with every `${…}` replaced. */
export interface Substituted {
  readonly value: unknown;
  /** By path text, the values that are not literally those of the file. */
  readonly from: ReadonlyMap<string, SubstitutedFrom>;
  /** What could not be replaced, and so stays as it was. */
  readonly failures: readonly SubstitutionFailure[];
}

/** One `${…}` that could not be replaced. */
export interface SubstitutionFailure {
  readonly path: string;
  readonly found: string;
  readonly expected: string;
}

/** What stands for something of a client, whatever the environment has by that name. */
const later: ReadonlySet<string> = new Set(placeholders);

/** Where every `${…}` stands for something of a client, as a rule gives names to parts of it. */
const OF_THE_CLIENT = /^autoSubscribe\[\d+\]\.filters\[\d+\](?:\.filter)?$/;

/** Most characters taken from one file: a path or a secret, not data. */
const maximumFileLength = 65_536;

/**
 * Replaces in all texts of a value.
 *
 * @param configFile the file that `${file:…}` paths are relative to the directory of; undefined
 *   makes them relative to the current directory
 */
export function substitute(
  value: unknown,
  outside: Outside,
  configFile: string | undefined,
): Substituted {
  const from = new Map<string, SubstitutedFrom>();
  const failures: SubstitutionFailure[] = [];
  return { value: walk(value, []), from, failures };

  function walk(node: unknown, path: Path): unknown {
    if (typeof node === "string") return replaceAll(node, pathText(path));
    if (Array.isArray(node)) return node.map((element, index) => walk(element, [...path, index]));
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, inner]) => [key, walk(inner, [...path, key])]),
    );
  }

  function replaceAll(text: string, path: string): string {
    if (OF_THE_CLIENT.test(path)) return text;
    return text.replace(/\$\$\{|\$\{([^}]*)(\}?)/g, (whole, inner?: string, end?) => {
      if (inner === undefined) return "${";
      if (end === "}" && later.has(inner)) return whole;
      if (end === "}" && path.startsWith("access[") && isPlaceholder(inner)) return whole;
      const answer = end === "}" ? lookUp(inner) : { expected: "a closing } after ${" };
      if (typeof answer === "string") {
        if (from.get(path) !== "environment") from.set(path, originOf(inner));
        return answer;
      }
      const expected = path.startsWith("access[")
        ? `${answer.expected}, or one of ${PLACEHOLDERS}`
        : answer.expected;
      failures.push({ path, found: foundIn(whole, answer.found), expected });
      return whole;
    });
  }

  function lookUp(inner: string): string | { found?: string; expected: string } {
    if (inner.startsWith("file:")) return fileText(inner.slice("file:".length));
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(inner)) {
      return {
        expected: "${NAME} with letters, digits and _, ${file:path}, or $${ for a plain ${",
      };
    }
    const found = outside.env(inner);
    if (found !== undefined) return found;
    return { found: "not set", expected: `the environment variable ${inner} to be set` };
  }

  function fileText(name: string): string | { found?: string; expected: string } {
    // Loaded here, as hardly any configuration names such a file.
    const { dirname, isAbsolute, join } = process.getBuiltinModule("node:path");
    const directory = configFile === undefined ? "." : dirname(configFile);
    const path = isAbsolute(name) ? name : join(directory, name);
    try {
      const text = outside.readFile(path);
      if (text.length > maximumFileLength) {
        const expected = `a file of at most ${maximumFileLength} characters`;
        return { found: `${text.length} characters in ${path}`, expected };
      }
      return text.replace(/\r?\n$/, "");
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error);
      return { found, expected: `a file that can be read at ${path}` };
    }
  }
}

function originOf(inner: string): SubstitutedFrom {
  return inner.startsWith("file:") ? "file" : "environment";
}

function foundIn(whole: string, detail: string | undefined): string {
  return detail === undefined ? whole : `${whole} (${detail})`;
}

/**
 * A substituted text as the number or boolean that it spells, for a place that wants one.
 *
 * @returns undefined when it spells neither
 */
export function spelledValue(text: string): number | boolean | undefined {
  const trimmed = text.trim();
  if (trimmed === "true") return true;
  if (trimmed === "false") return false;
  return /^-?\d{1,16}(\.\d{1,16})?$/.test(trimmed) ? Number(trimmed) : undefined;
}
