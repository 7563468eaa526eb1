import assert from "node:assert/strict";
import { Deadlines } from "../../src/broker/deadlines.ts";

function taken(deadlines: Deadlines<string>, now: number): string[] {
  const keys: string[] = [];
  for (let key = deadlines.due(now); key !== undefined; key = deadlines.due(now)) keys.push(key);
  return keys;
}

Deno.test("Deadlines.due() takes the earliest first when several are due", () => {
  const deadlines = new Deadlines<string>();
  for (const [key, when] of [["c", 30], ["a", 10], ["d", 40], ["b", 20]] as const) {
    deadlines.set(key, when);
  }
  assert.equal(deadlines.next(), 10);
  assert.equal(deadlines.due(9), undefined);
  assert.deepEqual(taken(deadlines, 30), ["a", "b", "c"]);
  assert.equal(deadlines.next(), 40);
  assert.equal(deadlines.size, 1);
});

Deno.test("Deadlines.due() takes the one set first when they are at the same time", () => {
  const deadlines = new Deadlines<string>();
  const keys = Array.from({ length: 50 }, (_, n) => `key ${n}`);
  for (const key of keys) deadlines.set(key, 5);
  deadlines.set("key 0", 5); // Set again, so it is the last now.
  assert.deepEqual(taken(deadlines, 5), [...keys.slice(1), "key 0"]);
});

Deno.test("Deadlines.set() replaces the deadline when the key has one", () => {
  const deadlines = new Deadlines<string>();
  deadlines.set("a", 10);
  deadlines.set("b", 20);
  deadlines.set("a", 30);
  assert.equal(deadlines.size, 2);
  assert.deepEqual(taken(deadlines, 25), ["b"]);
  deadlines.set("a", 5);
  assert.equal(deadlines.next(), 5);
  assert.deepEqual(taken(deadlines, 5), ["a"]);
  assert.equal(deadlines.size, 0);
  assert.equal(deadlines.next(), undefined);
});

Deno.test("Deadlines.delete() takes away only its key when there are others", () => {
  const deadlines = new Deadlines<string>();
  for (let n = 0; n < 20; n++) deadlines.set(`key ${n}`, n);
  assert.equal(deadlines.delete("key 7"), true);
  assert.equal(deadlines.delete("key 7"), false);
  assert.equal(deadlines.delete("key 19"), true);
  assert.equal(deadlines.delete("key 0"), true);
  assert.equal(deadlines.next(), 1);
  const left = Array.from({ length: 20 }, (_, n) => `key ${n}`);
  assert.deepEqual(taken(deadlines, 99), left.filter((_, n) => n !== 0 && n !== 7 && n !== 19));
});

Deno.test("Deadlines.set() holds one entry a key when it is called again and again", () => {
  const deadlines = new Deadlines<string>();
  for (let n = 0; n < 10_000; n++) deadlines.set(`key ${n % 3}`, n);
  assert.equal(deadlines.size, 3);
  assert.equal(taken(deadlines, Infinity).length, 3, "no stale entry comes out");
});
