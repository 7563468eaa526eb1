/**
 * The text of a configuration file as a value, with the place of every key in the text.
 *
 * JSON with comments and trailing commas (npm:jsonc-parser). A key that stands twice is an error,
 * as one of the two would silently win. It must not know which keys there are.
 */

import {
  createScanner,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { type Path, pathText, type Problem } from "./config_problem.ts";

/** Longest text taken, in UTF-16 units, and deepest nesting: the parser calls itself. */
const maximumLength = 1_048_576;
const maximumDepth = 32;
const maximumSyntaxProblems = 20;

/** Where something stands in the text; both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A file that was read. */
export interface ConfigSource {
  /** The value of the whole file; an empty object where there is none. */
  readonly value: unknown;
  /** By path text: where the key stands, or the value for elements of lists. */
  readonly keys: ReadonlyMap<string, Position>;
  /** By path text: where the value stands. */
  readonly values: ReadonlyMap<string, Position>;
  readonly problems: readonly Problem[];
}

/** What stands when there is no file. */
export const emptySource: ConfigSource = {
  value: {},
  keys: new Map(),
  values: new Map(),
  problems: [],
};

/** Reads a text; what is not JSON with comments becomes problems, never an exception. */
export function parseConfigText(text: string): ConfigSource {
  const lineStarts = startsOfLines(text);
  const unusable = tooLarge(text);
  if (unusable !== undefined) return { ...emptySource, problems: [unusable] };
  const errors: ParseError[] = [];
  // A byte order mark is a blank to the parser, so that offsets stay those of the file.
  const root = parseTree(text.replace(/^\uFEFF/, " "), errors, {
    allowTrailingComma: true,
    disallowComments: false,
    allowEmptyContent: true,
  });
  const keys = new Map<string, Position>();
  const values = new Map<string, Position>();
  const problems = errors.slice(0, maximumSyntaxProblems).map((error) =>
    syntaxProblem(error, text, lineStarts)
  );
  const value = root === undefined ? {} : read(root, []);
  return { value, keys, values, problems };

  function read(node: Node, path: Path): unknown {
    const name = pathText(path);
    const position = positionAt(lineStarts, node.offset);
    values.set(name, position);
    if (!keys.has(name)) keys.set(name, position);
    const children = node.children ?? [];
    if (node.type === "array") return children.map((child, index) => read(child, [...path, index]));
    if (node.type === "object") return readObject(children, path);
    return node.value;
  }

  function readObject(properties: readonly Node[], path: Path): unknown {
    const entries = new Map<string, unknown>();
    for (const property of properties) {
      const [keyNode, valueNode] = property.children ?? [];
      if (keyNode === undefined || valueNode === undefined) continue;
      const key = String(keyNode.value);
      const keyPath = [...path, key];
      const position = positionAt(lineStarts, keyNode.offset);
      if (entries.has(key)) {
        problems.push(duplicate(pathText(keyPath), position, keys.get(pathText(keyPath))));
        continue;
      }
      keys.set(pathText(keyPath), position);
      entries.set(key, read(valueNode, keyPath));
    }
    // fromEntries defines own properties, so that a key "__proto__" is a key like any other.
    return Object.fromEntries(entries);
  }
}

function duplicate(path: string, position: Position, first: Position | undefined): Problem {
  const where = first === undefined ? "" : `; it already stands on line ${first.line}`;
  return {
    path,
    ...position,
    found: "the same key a second time",
    expected: `each key once${where}`,
    severity: "error",
  };
}

const expectedBySyntaxError: Readonly<Record<string, string>> = {
  InvalidSymbol: "a value in JSON: text in double quotes, a number, true, false, null, [ or {",
  InvalidNumberFormat: "a number in JSON",
  PropertyNameExpected: "a key in double quotes",
  ValueExpected: "a value",
  ColonExpected: "a colon after the key",
  CommaExpected: "a comma before it",
  CloseBraceExpected: "a closing }",
  CloseBracketExpected: "a closing ]",
  EndOfFileExpected: "nothing after the closing }",
  UnexpectedEndOfComment: "a comment that ends with */",
  UnexpectedEndOfString: "text that ends with a double quote on the same line",
  UnexpectedEndOfNumber: "digits",
  InvalidUnicode: "four hexadecimal digits after \\u",
  InvalidEscapeCharacter: 'one of " \\ / b f n r t u after a backslash',
  InvalidCharacter: "no control characters in text, except as \\n, \\t or \\u escapes",
};

function syntaxProblem(error: ParseError, text: string, lineStarts: readonly number[]): Problem {
  const found = text.slice(error.offset, error.offset + Math.min(Math.max(error.length, 1), 40));
  return {
    path: "",
    ...positionAt(lineStarts, error.offset),
    found: found === "" ? "the end of the file" : JSON.stringify(found),
    expected: expectedBySyntaxError[printParseErrorCode(error.error)] ?? "JSON",
    severity: "error",
  };
}

/** Counts brackets without recursion, before the parser, which recurses, sees the text. */
function tooLarge(text: string): Problem | undefined {
  const problem = { path: "", severity: "error" } as const;
  if (text.length > maximumLength) {
    const found = `${text.length} characters`;
    return { ...problem, found, expected: `at most ${maximumLength} characters` };
  }
  const scanner = createScanner(text, true);
  let depth = 0;
  while (scanner.getPosition() < text.length) {
    scanner.scan();
    const first = text[scanner.getTokenOffset()];
    if (first === "{" || first === "[") depth++;
    if (first === "}" || first === "]") depth--;
    if (depth > maximumDepth) {
      const found = `brackets nested ${depth} deep`;
      return { ...problem, found, expected: `brackets nested at most ${maximumDepth} deep` };
    }
  }
  return undefined;
}

function startsOfLines(text: string): number[] {
  const starts = [0];
  for (const { index, 0: end } of text.matchAll(/\r\n|\n|\r/g)) starts.push(index + end.length);
  return starts;
}

function positionAt(lineStarts: readonly number[], offset: number): Position {
  let low = 0;
  let high = lineStarts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (lineStarts[middle]! <= offset) low = middle;
    else high = middle;
  }
  return { line: low + 1, column: offset - lineStarts[low]! + 1 };
}
