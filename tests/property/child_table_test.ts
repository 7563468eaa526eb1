import assert from "node:assert/strict";
import fc from "fast-check";
import { ChildTable } from "../../src/topic/child_table.ts";

interface Node {
  readonly text: string;
  readonly at: number;
}

/** A node at that level, somewhere in a filter. */
function nodeAt(level: string, before: string): Node {
  return { text: `${before}${level}/x`, at: before.length };
}

const steps = fc.array(
  fc.record({
    branch: fc.integer({ min: 1, max: 3 }),
    level: fc.integer({ min: 0, max: 400 }).map((n) => n.toString(36)),
    before: fc.constantFrom("", "a/", "plant/line/"),
    keep: fc.boolean(),
  }),
  { maxLength: 600, size: "max" },
);

Deno.test("ChildTable does what a Map does when nodes come, are replaced and go", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const table = new ChildTable<Node>();
      const oracle = new Map<string, Node>();
      for (const { branch, level, before, keep } of taken) {
        const known = oracle.get(`${branch}/${level}`);
        assert.equal(table.get(branch, `a/${level}/b`, 2, 2 + level.length), known);
        if (keep) {
          const node = nodeAt(level, before);
          table.put(branch, node);
          oracle.set(`${branch}/${level}`, node);
        } else if (known !== undefined) {
          table.delete(branch, known);
          oracle.delete(`${branch}/${level}`);
        }
      }
      for (const branch of [1, 2, 3]) {
        for (let n = 0; n <= 400; n++) {
          const level = n.toString(36);
          assert.equal(
            table.get(branch, level, 0, level.length),
            oracle.get(`${branch}/${level}`),
          );
        }
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("ChildTable finds all when pages are parted and when they are nearly empty again", () => {
  const table = new ChildTable<Node>();
  const nodes = Array.from({ length: 60_000 }, (_, n) => nodeAt(n.toString(16), "a/"));
  for (const [n, node] of nodes.entries()) table.put(n % 7 + 1, node);
  for (const [n, { text }] of nodes.entries()) {
    assert.equal(table.get(n % 7 + 1, text, 2, text.length - 2), nodes[n]);
    assert.equal(table.get(n % 7 + 2, text, 2, text.length - 2), undefined);
  }
  for (const [n, node] of nodes.entries()) if (n % 100 > 0) table.delete(n % 7 + 1, node);
  for (const [n, { text }] of nodes.entries()) {
    const expected = n % 100 > 0 ? undefined : nodes[n];
    assert.equal(table.get(n % 7 + 1, text, 2, text.length - 2), expected);
  }
});

Deno.test("ChildTable finds all, and none that has gone, when the hashes of all levels are the same", () => {
  const levels = oneHash(300);
  assert.equal(new Set(levels).size, 300);
  const table = new ChildTable<Node>();
  const nodes = levels.map((level) => nodeAt(level, "a/"));
  for (const node of nodes) table.put(1, node);
  assert.deepEqual(levels.map((level) => table.get(1, level, 0, level.length)), nodes);
  const others = nodes.map((_, n) => nodeAt(levels[n]!, "b/"));
  for (const other of others) table.put(1, other);
  assert.deepEqual(levels.map((level) => table.get(1, level, 0, level.length)), others);
  for (const other of others.slice(0, 250)) table.delete(1, other);
  assert.deepEqual(
    levels.map((level) => table.get(1, level, 0, level.length)),
    others.map((other, n) => n < 250 ? undefined : other),
  );
});

/** Levels that leave the same 32 bits behind, as whoever knows the constants makes them: two parts in turn. */
function oneHash(count: number): string[] {
  const first = sameHash(Math.imul(1, 0x9e3779b1), 20);
  const second = sameHash([...first[0]!].reduce(mixed, Math.imul(1, 0x9e3779b1)), 20);
  return first.flatMap((one) => second.map((other) => one + other)).slice(0, count);
}

/**
 * Texts of three units that lead from one hash to one other: of all pairs of units those that make the same upper
 * half, and a third unit, which reaches the lower half, that makes that the same too.
 */
function sameHash(from: number, count: number): string[] {
  const found = new Map<number, string[]>();
  for (let one = 0x30; one < 0x400; one++) {
    for (let other = 0x100; other < 0x900; other++) {
      const text = String.fromCharCode(one, other);
      const hash = [...text].reduce(mixed, from);
      const last = (hash ^ 0x1234) & 0xffff;
      if (last < 0x30 || last >= 0xd800 && last < 0xe000) continue;
      const texts = found.get(hash >>> 16) ?? [];
      texts.push(text + String.fromCharCode(last));
      found.set(hash >>> 16, texts);
      if (texts.length === count) return texts;
    }
  }
  throw new Error("too few texts with one hash");
}

function mixed(hash: number, unit: string): number {
  return Math.imul(hash ^ unit.charCodeAt(0), 0x01000193);
}
