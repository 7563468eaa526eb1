/**
 * What is wrong with a configuration, and how it is told to a person.
 *
 * Every problem names the key, what was found and what is allowed. It must not decide what a
 * problem is: config_schema.ts, config_rules.ts, config_source.ts and config_substitute.ts do.
 */

/** One problem of a configuration. */
export interface Problem {
  /** The key, like `limits.receiveMaximum` or `listeners[0].port`; "" is the file as a whole. */
  readonly path: string;
  /** From 1; absent where the value does not come from a file. */
  readonly line?: number;
  /** From 1, in UTF-16 units. */
  readonly column?: number;
  /** What stands there. */
  readonly found: string;
  /** What may stand there. */
  readonly expected: string;
  /** What was probably meant: a key or a value. */
  readonly suggestion?: string;
  /** An error keeps the broker from starting, a warning does not. */
  readonly severity: "error" | "warning";
}

/** A place inside a configuration: keys, and positions in lists. */
export type Path = readonly (string | number)[];

/** Writes a path the way that problems name it: `listeners[0].port`, `limits["odd key"]`. */
export function pathText(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (!/^[$\w-]+$/.test(part)) text += `[${JSON.stringify(part)}]`;
    else text += text === "" ? part : `.${part}`;
  }
  return text;
}

/** A value as it is shown in a problem: JSON, cut off at 60 characters; "nothing" when absent. */
export function foundText(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/**
 * One problem as a line for people.
 *
 * @param file the name of the file that the positions refer to; undefined when there is none
 */
export function formatProblem(problem: Problem, file?: string): string {
  const place = problem.line === undefined
    ? file
    : `${file ?? "configuration"}:${problem.line}:${problem.column ?? 1}`;
  const where = [place, problem.severity, problem.path].filter((part) => part).join(": ");
  const hint = problem.suggestion === undefined ? "" : `; did you mean ${problem.suggestion}?`;
  return printable(`${where}: found ${problem.found}; allowed: ${problem.expected}${hint}`);
}

/** Puts problems in the order of the file; those without a position come first. */
export function inFileOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) =>
    (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
  );
}

/** A file's keys and values must not move the cursor or colour the terminal. */
function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
}
