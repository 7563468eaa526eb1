import assert from "node:assert/strict";
import fc from "fast-check";
import { hashOfBytes } from "../../src/topic/hash_pages.ts";
import type { NodePlace } from "../../src/topic/name_node.ts";
import { newNode } from "../../src/topic/name_node.ts";
import { NameTable } from "../../src/topic/name_table.ts";
import { PackedMemory } from "../../src/topic/packed_memory.ts";

/** A table, and nodes of it that have a level and something behind it. */
function world() {
  const memory = new PackedMemory();
  const table = new NameTable(memory);
  /** The level with other bytes before and behind it. */
  const within = (level: string) => {
    const name = new TextEncoder().encode(`a/${level}/x`);
    return { name, to: name.length - 2 };
  };
  return {
    add(branch: NodePlace, level: string): NodePlace {
      const { name, to } = within(level);
      const node = newNode(memory, branch, name, 2, name.length);
      table.add(hashOfBytes(branch, name, 2, to), branch, name, 2, to, node);
      return node;
    },
    get(branch: NodePlace, level: string): NodePlace {
      const { name, to } = within(level);
      return table.get(hashOfBytes(branch, name, 2, to), branch, name, 2, to);
    },
    delete(branch: NodePlace, level: string): void {
      const { name, to } = within(level);
      table.delete(branch, name, 2, to);
    },
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

/**
 * Levels that leave the same 32 bits behind, as whoever knows the constants makes them: of every part there are two,
 * which lead from what the parts before it leave to the same.
 */
function oneHash(count: number): string[] {
  let levels = [""];
  let hash = Math.imul(1, 0x9e3779b1);
  while (levels.length < count) {
    const [one, other] = twoAlike(hash);
    levels = levels.flatMap((level) => [level + one, level + other]);
    hash = mixed(hash, one);
  }
  return levels.slice(0, count);
}

/** Two texts that lead from one hash to the same other one: of 150,000 there are two nearly always. */
function twoAlike(from: number): [string, string] {
  const found = new Map<number, string>();
  for (let n = 1;; n++) {
    const text = (Math.imul(n, 0x9e3779b1) >>> 0).toString(36);
    const hash = mixed(from, text);
    const other = found.get(hash);
    if (other !== undefined) return [text, other];
    found.set(hash, text);
  }
}

function mixed(hash: number, text: string): number {
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash;
}
