/** Topic Names and Topic Filters for the property tests: few levels, so that they often meet. */

import fc from "fast-check";

const level = fc.constantFrom("a", "b", "", "$a", "aa", "a b");

/** Good Topic Names of up to five levels. */
export const names = joined(fc.array(level, { minLength: 1, maxLength: 5 }));

/** Good Topic Filters of up to six levels. */
export const filters = joined(
  fc.tuple(
    fc.array(
      fc.oneof({ weight: 3, arbitrary: level }, { weight: 2, arbitrary: fc.constant("+") }),
      {
        maxLength: 5,
      },
    ),
    fc.constantFrom([], [], ["#"]),
  ).map(([levels, end]) => [...levels, ...end]),
);

function joined(levels: fc.Arbitrary<string[]>): fc.Arbitrary<string> {
  return levels.map((parts) => parts.join("/")).filter((text) => text !== "");
}
