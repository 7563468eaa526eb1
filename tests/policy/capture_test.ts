import assert from "node:assert/strict";
import fc from "fast-check";
import { capture, captureNames, parseCapture, withoutNames } from "../../src/policy/capture.ts";
import { globMatches } from "../../src/policy/glob.ts";

/** [pattern, text, what is kept; undefined: no match] */
const table: readonly (readonly [string, string, Record<string, string> | undefined])[] = [
  ["plant-{line}-*", "plant-3-pump", { line: "3" }],
  ["plant-{line}-*", "plant-3-a-b", { line: "3" }],
  ["plant-{line}-*", "plant-3-", { line: "3" }],
  ["plant-{line}-*", "plant--x", undefined],
  ["plant-{line}-*", "plant--x-y", { line: "-x" }],
  ["plant-{line}-*", "plant-3", undefined],
  ["{site}/{line}", "a/b", { site: "a", line: "b" }],
  ["{site}-{line}", "a-b-c", { site: "a", line: "b-c" }],
  ["{a}{b}", "xyz", { a: "x", b: "yz" }],
  ["{a}{b}", "x", undefined],
  ["*{a}", "xyz", { a: "xyz" }],
  ["{all}", "+/#", { all: "+/#" }],
  ["{all}", "", undefined],
  ["*", "", {}],
  ["plain", "plain", {}],
  ["plain", "plainer", undefined],
  ["{0}", "{0}", {}], // no name: the braces stand for themselves
  ["{}x{", "{}x{", {}],
  ["{n}.example", "a.example.example", { n: "a.example" }],
  ["ab{n}ba", "aba", undefined],
  ["ab{n}ba", "abxba", { n: "x" }],
  ["{constructor}", "x", { constructor: "x" }],
  ["é{n}🐧", "éx🐧", { n: "x" }],
];

for (const [pattern, text, expected] of table) {
  Deno.test(`capture() keeps ${JSON.stringify(expected)} when "${pattern}" meets "${text}"`, () => {
    assert.deepEqual(capture(parseCapture(pattern), text), expected);
  });
}

const LETTERS = fc.stringMatching(/^[ab-]{0,8}$/);
const PATTERNS = fc.array(fc.constantFrom("a", "b", "-", "*", "{x}", "{y}", "{z}"), {
  maxLength: 7,
})
  .map((parts) =>
    parts.filter((part, at) => part[0] !== "{" || parts.indexOf(part) === at).join("")
  );

Deno.test("capture() matches what a regular expression matches when any pattern meets any text", () => {
  fc.assert(
    fc.property(PATTERNS, LETTERS, (pattern, text) => {
      const lazy = new RegExp(
        `^${
          pattern.replaceAll("-", "\\-").replaceAll("*", ".*?").replace(/\{(.)\}/g, "(?<$1>.+?)")
        }$`,
        "s",
      );
      const found = lazy.exec(text);
      const kept = capture(parseCapture(pattern), text);
      assert.equal(kept === undefined, found === null);
      if (kept === undefined) return;
      assert.deepEqual(kept, { ...found!.groups });
      assert.ok(globMatches(withoutNames(pattern), text)); // the predicate lets through whatever is kept
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("captureNames() tells the names in order", () => {
  assert.deepEqual(captureNames(parseCapture("a{b}*{c_1}{2}")), ["b", "c_1"]);
});

Deno.test("capture() is done soon when a pattern of many gaps meets a long text", () => {
  const pattern = parseCapture("{a}b".repeat(1).concat("*b".repeat(400)));
  assert.equal(capture(pattern, "b".repeat(20_000) + "c"), undefined);
});
