import assert from "node:assert/strict";
import fc from "fast-check";
import { matches } from "../../src/topic/matches.ts";
import { RetainedTree } from "../../src/topic/retained_tree.ts";
import { filters, names } from "./topics.ts";

type Change = { readonly name: string; readonly keep: boolean };

interface Kept {
  readonly name: string;
  readonly version: number;
}

const change = fc.record({ name: names, keep: fc.boolean() });
const changes = (maxLength: number) => fc.array(change, { maxLength, size: "max" });

Deno.test("RetainedTree does what a Map does when topics come and go", () => {
  fc.assert(
    fc.property(changes(80), fc.array(filters, { maxLength: 10 }), (made, asked) => {
      const { tree, oracle } = filled(made);
      assert.equal(tree.size, oracle.size);
      for (const [name, kept] of oracle) assert.equal(tree.get(name), kept);
      for (const filter of asked) {
        assert.deepEqual(
          [...tree.matching(filter)].map(({ name }) => name).sort(),
          [...oracle.keys()].filter((name) => matches(filter, name)).sort(),
        );
      }
      for (const [name, kept] of oracle) assert.equal(tree.delete(name), kept);
      assert.equal(tree.size, 0);
      assert.deepEqual([...tree.matching("#")], []);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("RetainedTree.matching() gives what stayed exactly once when topics change on the way", () => {
  fc.assert(
    fc.property(
      changes(60),
      filters,
      fc.array(changes(8), { maxLength: 20, size: "max" }),
      (before, filter, meanwhile) => {
        const { tree, oracle } = filled(before);
        const values = tree.matching(filter);
        const seen = new Set<string>();
        let stayed: Set<string> | undefined;
        for (const made of [...meanwhile, ...new Array<Change[]>(60).fill([])]) {
          stayed ??= new Set(oracle.keys());
          const next = values.next();
          if (!next.done) {
            const { name } = next.value;
            assert.ok(matches(filter, name), `${name} matches`);
            assert.equal(next.value, oracle.get(name), `${name} is there, with its value of now`);
            assert.ok(!seen.has(name), `${name} comes once`);
            seen.add(name);
          } else {
            for (const name of stayed) {
              if (matches(filter, name)) assert.ok(seen.has(name), `${name} stayed, so it comes`);
            }
          }
          for (const step of made) {
            apply(tree, oracle, step);
            if (!step.keep) stayed.delete(step.name);
          }
        }
        assert.equal(values.next().done, true);
      },
    ),
    { numRuns: 1_500 },
  );
});

function filled(made: readonly Change[]) {
  const tree = new RetainedTree<Kept>();
  const oracle = new Map<string, Kept>();
  for (const step of made) apply(tree, oracle, step);
  return { tree, oracle };
}

let versions = 0;

function apply(tree: RetainedTree<Kept>, oracle: Map<string, Kept>, { name, keep }: Change): void {
  const previous = oracle.get(name);
  if (keep) {
    const kept = { name, version: versions++ };
    oracle.set(name, kept);
    assert.equal(tree.set(name, kept), previous);
  } else {
    oracle.delete(name);
    assert.equal(tree.delete(name), previous);
  }
}
