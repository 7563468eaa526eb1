import assert from "node:assert/strict";
import fc from "fast-check";
import { covers } from "../../src/topic/covers.ts";
import { matches } from "../../src/topic/matches.ts";

/** [wide, narrow, whether it covers] */
const table: readonly (readonly [string, string, boolean])[] = [
  ["plant/#", "plant/+/x", true],
  ["plant/+", "plant/#", false],
  ["plant/#", "plant/#", true],
  ["plant/#", "plant", true],
  ["plant/#", "plants", false],
  ["plant/+", "plant/+", true],
  ["plant/+", "plant/a", true],
  ["plant/a", "plant/+", false],
  ["plant/+/#", "plant/#", false],
  ["plant/+/#", "plant/+", true],
  ["#", "#", true],
  ["+/#", "#", true],
  ["#", "+/#", true],
  ["+", "#", false],
  ["+", "/", false],
  ["+/+", "/", true],
  ["+/+/#", "/#", true],
  ["/#", "/#", true],
  ["/+", "/#", false],
  ["#", "$SYS/#", false],
  ["+/x", "$SYS/x", false],
  ["$SYS/#", "$SYS/+/x", true],
  ["$SYS/#", "#", false],
  ["a", "a/", false],
  ["a/", "a", false],
  ["a/b", "a/b/c", false],
  ["a/b/c", "a/b", false],
  ["a/+/c", "a/+/+", false],
];
for (const [wide, narrow, expected] of table) {
  Deno.test(`covers() is ${expected} when ${narrow} is asked of ${wide}`, () => {
    assert.equal(covers(wide, narrow), expected);
  });
}

const level = fc.constantFrom("a", "b", "", "+", "$a");
const filter = fc.tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([levels, rest]) => (rest ? [...levels, "#"] : levels).join("/"))
  .filter((text) => text !== "");
const filters = fc.oneof(filter, fc.constant("#"));

function levelsOf(most: number): string[] {
  const words = ["a", "b", "", "$a", "other"];
  let last: string[][] = [[]];
  const all: string[] = [];
  for (let count = 1; count <= most; count++) {
    last = last.flatMap((levels) => words.map((word) => [...levels, word]));
    all.push(...last.map((levels) => levels.join("/")).filter((name) => name !== ""));
  }
  return all;
}

/** One level more than a filter names, and a word that none does. */
const names = levelsOf(4);

Deno.test("covers() is true exactly when every name that the one matches is matched by the other", () => {
  fc.assert(
    fc.property(filters, filters, (wide, narrow) => {
      const all = names.every((name) => !matches(narrow, name) || matches(wide, name));
      assert.equal(covers(wide, narrow), all);
    }),
    { numRuns: 1_500 },
  );
});
