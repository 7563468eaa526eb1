import assert from "node:assert/strict";
import fc from "fast-check";
import { globMatches } from "../../src/policy/glob.ts";

/** [pattern, text, whether it matches] */
const table: readonly (readonly [string, string, boolean])[] = [
  ["pump", "pump", true],
  ["pump", "Pump", false],
  ["pump", "pump7", false],
  ["pump*", "pump", true],
  ["pump*", "pump7", true],
  ["*7", "pump7", true],
  ["p*p*7", "pump7", true],
  ["p*p*7", "pum7", false],
  ["*", "", true],
  ["**", "x", true],
  ["", "", true],
  ["", "x", false],
  [".*", "x", false],
  ["a+", "aa", false],
  ["a*b", "a\nb", true],
  ["pump*", "*", false],
  ["*x", "*yx", true],
];
for (const [pattern, text, expected] of table) {
  Deno.test(`globMatches() is ${expected} when ${JSON.stringify(text)} meets ${JSON.stringify(pattern)}`, () => {
    assert.equal(globMatches(pattern, text), expected);
  });
}

Deno.test("globMatches() says what a regular expression says, whatever the texts", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
  fc.assert(
    fc.property(text, text, (pattern, candidate) => {
      const regular = new RegExp(`^${pattern.replaceAll("*", ".*")}$`, "s");
      assert.equal(globMatches(pattern, candidate), regular.test(candidate));
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("globMatches() takes no more than pattern times text when the pattern is made to hurt", () => {
  const started = performance.now();
  assert.equal(globMatches("a*".repeat(500) + "b", "a".repeat(5_000)), false);
  assert.ok(performance.now() - started < 10_000);
});
