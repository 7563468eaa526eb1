import assert from "node:assert/strict";
import fc from "fast-check";
import type { NodePlace } from "../../src/topic/name_node.ts";
import { newNode } from "../../src/topic/name_node.ts";
import { NameTable } from "../../src/topic/name_table.ts";
import { PackedMemory } from "../../src/topic/packed_memory.ts";

/** A table, and nodes of it that have a level and something behind it. */
function world() {
  const memory = new PackedMemory();
  const table = new NameTable(memory);
  return {
    add(branch: NodePlace, level: string): NodePlace {
      const node = newNode(memory, branch, `a/${level}/x`, 2);
      table.add(branch, level, 0, level.length, node);
      return node;
    },
    get: (branch: NodePlace, level: string) =>
      table.get(branch, `b/${level}/y`, 2, 2 + level.length),
    delete: (branch: NodePlace, level: string) => table.delete(branch, level, 0, level.length),
  };
}

const steps = fc.array(
  fc.record({
    branch: fc.integer({ min: 1, max: 3 }),
    level: fc.integer({ min: 0, max: 400 }).map((n) => n.toString(36)),
    keep: fc.boolean(),
  }),
  { maxLength: 600, size: "max" },
);

Deno.test("NameTable does what a Map does when nodes come and go", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const table = world();
      const oracle = new Map<string, NodePlace>();
      for (const { branch, level, keep } of taken) {
        const key = `${branch}/${level}`;
        const known = oracle.get(key) ?? 0;
        assert.equal(table.get(branch, level), known);
        if (keep && known === 0) {
          oracle.set(key, table.add(branch, level));
        } else if (!keep && known !== 0) {
          table.delete(branch, level);
          oracle.delete(key);
        }
      }
      for (const branch of [1, 2, 3]) {
        for (let n = 0; n <= 400; n++) {
          const level = n.toString(36);
          assert.equal(table.get(branch, level), oracle.get(`${branch}/${level}`) ?? 0);
        }
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("NameTable finds all when pages are parted and when they are nearly empty again", () => {
  const table = world();
  const levels = Array.from({ length: 60_000 }, (_, n) => n.toString(16));
  const nodes = levels.map((level, n) => table.add(n % 7 + 1, level));
  for (const [n, level] of levels.entries()) {
    assert.equal(table.get(n % 7 + 1, level), nodes[n]);
    assert.equal(table.get(n % 7 + 2, level), 0);
  }
  for (const [n, level] of levels.entries()) if (n % 100 > 0) table.delete(n % 7 + 1, level);
  for (const [n, level] of levels.entries()) {
    assert.equal(table.get(n % 7 + 1, level), n % 100 > 0 ? 0 : nodes[n]);
  }
});

Deno.test("NameTable finds all, and none that has gone, when the hashes of all levels are the same", () => {
  const levels = oneHash(300);
  assert.equal(new Set(levels).size, 300);
  const table = world();
  const nodes = levels.map((level) => table.add(1, level));
  assert.deepEqual(levels.map((level) => table.get(1, level)), nodes);
  for (const level of levels.slice(0, 250)) table.delete(1, level);
  assert.deepEqual(
    levels.map((level) => table.get(1, level)),
    nodes.map((node, n) => n < 250 ? 0 : node),
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
