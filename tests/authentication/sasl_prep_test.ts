import assert from "node:assert/strict";
import fc from "fast-check";
import { saslPrep } from "../../src/authentication/sasl_prep.ts";

/** [what, text, prepared]; the first five are the examples of RFC 4013 section 3. */
const table: readonly (readonly [string, string, string | undefined])[] = [
  ["a soft hyphen", "I\u00adX", "IX"],
  ["ASCII", "user", "user"],
  ["upper case", "USER", "USER"],
  ["a feminine ordinal", "\u00aa", "a"],
  ["a Roman nine", "\u2168", "IX"],
  ["a control character", "\u0007", undefined],
  ["a control character among others", "\u00e4\u0007", undefined],
  ["DEL", "\u007f", undefined],
  ["a no-break space", "a\u00a0b", "a b"],
  ["a full-width letter", "\uff41", "a"],
  ["a zero width joiner", "a\u200db", "ab"],
  ["a byte order mark", "\ufeffa", "a"],
  ["private use", "\ue000", undefined],
  ["half a surrogate pair", "\ud800", undefined],
  ["no character", "\ufffe", undefined],
  ["the replacement character", "\ufffd", undefined],
  ["a direction mark", "a\u200eb", undefined],
  ["a tag", "\u{e0041}", undefined],
  ["a line separator", "\u2028", undefined],
  ["a face", "😀", "😀"],
  ["nothing", "", ""],
];

for (const [what, text, prepared] of table) {
  Deno.test(`saslPrep() ${prepared === undefined ? "refuses" : "prepares"} the text when it has ${what}`, () => {
    assert.equal(saslPrep(text), prepared);
  });
}

Deno.test("saslPrep() changes nothing more when it is done again", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 20 }), (text) => {
      const prepared = saslPrep(text);
      if (prepared !== undefined) assert.equal(saslPrep(prepared), prepared);
    }),
    { numRuns: 2_000 },
  );
});
