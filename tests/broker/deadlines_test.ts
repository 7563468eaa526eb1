import assert from "node:assert/strict";
import { Deadlines } from "../../src/broker/deadlines.ts";

function taken(deadlines: Deadlines<string>, now: number): string[] {
  const values: string[] = [];
  for (let each = deadlines.due(now); each !== undefined; each = deadlines.due(now)) {
    values.push(each);
  }
  return values;
}

Deno.test("Deadlines.due() takes the earliest first when several are due", () => {
  const deadlines = new Deadlines<string>();
  for (const [value, when] of [["c", 30], ["a", 10], ["d", 40], ["b", 20]] as const) {
    deadlines.add(value, when);
  }
  assert.equal(deadlines.next(), 10);
  assert.equal(deadlines.due(9), undefined);
  assert.deepEqual(taken(deadlines, 30), ["a", "b", "c"]);
  assert.equal(deadlines.next(), 40);
  assert.equal(deadlines.size, 1);
});

Deno.test("Deadlines.due() takes the one set first when they are at the same time", () => {
  const deadlines = new Deadlines<string>();
  const values = Array.from({ length: 50 }, (_, n) => `value ${n}`);
  const entries = values.map((value) => deadlines.add(value, 5));
  deadlines.move(entries[0]!, 5); // set again, so it is the last now
  assert.deepEqual(taken(deadlines, 5), [...values.slice(1), "value 0"]);
});

Deno.test("Deadlines.move() gives an entry another time, later or earlier", () => {
  const deadlines = new Deadlines<string>();
  const a = deadlines.add("a", 10);
  deadlines.add("b", 20);
  deadlines.move(a, 30);
  assert.equal(deadlines.size, 2);
  assert.deepEqual(taken(deadlines, 25), ["b"]);
  deadlines.move(a, 5);
  assert.equal(deadlines.next(), 5);
  assert.deepEqual(taken(deadlines, 5), ["a"]);
  assert.equal(deadlines.size, 0);
  assert.equal(deadlines.next(), undefined);
});

Deno.test("Deadlines.remove() takes out only its entry, and once", () => {
  const deadlines = new Deadlines<string>();
  const entries = Array.from({ length: 20 }, (_, n) => deadlines.add(`value ${n}`, n));
  assert.equal(deadlines.remove(entries[7]!), true);
  assert.equal(deadlines.remove(entries[7]!), false);
  assert.equal(deadlines.remove(entries[19]!), true);
  assert.equal(deadlines.remove(entries[0]!), true);
  assert.equal(deadlines.next(), 1);
  const left = entries.map((entry) => entry.value).filter((_, n) => n !== 0 && n !== 7 && n !== 19);
  assert.deepEqual(taken(deadlines, 99), left);
});

Deno.test("Deadlines.remove() finds nothing when the entry has come due", () => {
  const deadlines = new Deadlines<string>();
  const a = deadlines.add("a", 1);
  deadlines.add("b", 2);
  assert.equal(deadlines.due(1), "a");
  assert.equal(deadlines.remove(a), false);
  assert.equal(deadlines.size, 1);
});
