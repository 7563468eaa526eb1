import assert from "node:assert/strict";
import fc from "fast-check";
import { FilterTree } from "../../src/topic/filter_tree.ts";
import { matches } from "../../src/topic/matches.ts";
import { reaches } from "../../src/topic/rest_matches.ts";
import { filters, names } from "./topics.ts";

type Step =
  | { type: "add"; filter: string; key: string; value: number }
  | { type: "remove"; filter: string; key: string }
  | { type: "match"; name: string }
  | { type: "forget" };

const key = fc.constantFrom("one", "two", "three");
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant("add" as const),
        filter: filters,
        key,
        value: fc.nat(9),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constant("remove" as const), filter: filters, key }),
    },
    { weight: 10, arbitrary: fc.record({ type: fc.constant("match" as const), name: names }) },
    { weight: 1, arbitrary: fc.constant({ type: "forget" as const }) },
  ),
  { maxLength: 120, size: "max" },
);

Deno.test("reaches() says what matches() says when filter and name are any", () => {
  fc.assert(
    fc.property(filters, names, (filter, name) => {
      assert.equal(reaches(filter, name), matches(filter, name));
    }),
    { numRuns: 20_000 },
  );
});

Deno.test("FilterTree.match() says what matches() says when filters come and go", () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(0, 1, 3, 1000), (taken: Step[], cacheLimit) => {
      const tree = new FilterTree<number, number[]>((_, values) => sorted(values), cacheLimit);
      const oracle = new Map<string, { filter: string; key: string; value: number }>();
      for (const step of taken) {
        if (step.type === "add") {
          tree.add(step.filter, step.key, step.value);
          oracle.set(`${step.key} ${step.filter}`, step);
        } else if (step.type === "remove") {
          const known = oracle.delete(`${step.key} ${step.filter}`);
          assert.equal(tree.remove(step.filter, step.key), known);
        } else if (step.type === "forget") {
          tree.forget();
        } else {
          const expected = sorted(
            [...oracle.values()].filter(({ filter }) => matches(filter, step.name))
              .map(({ value }) => value),
          );
          assert.deepEqual(tree.match(step.name), expected);
          assert.deepEqual(sorted(tree.collect(step.name)), expected);
        }
        assert.equal(tree.size, oracle.size);
      }
      for (const { filter, key, value } of oracle.values()) {
        assert.equal(tree.get(filter, key), value);
      }
    }),
    { numRuns: 2_000 },
  );
});

function sorted(values: readonly number[]): number[] {
  return [...values].sort((one, other) => one - other);
}
