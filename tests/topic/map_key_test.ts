import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { digestOf } from "../../src/topic/digest.ts";
import { FilterTree } from "../../src/topic/filter_tree.ts";
import { mapKey } from "../../src/topic/map_key.ts";
import { RetainedTree } from "../../src/topic/retained_tree.ts";

/** Whether V8 takes the number for the hash; 0 aside, which is a single one. */
function isArrayIndex(text: string): boolean {
  return /^[1-9][0-9]{0,9}$/.test(text) && Number(text) < 2 ** 32 - 1;
}

const numbers = [7, 10, 32_768, 9_999_999, 2 ** 24, 2 ** 31, 2 ** 32 - 2].map(String);
const others = [
  "",
  "a",
  "a1",
  "-1",
  "0",
  "007",
  "1a",
  "4294967295",
  "4294967296",
  "12345678901",
  "1.5",
];

Deno.test("mapKey() gives no array index, and never one key for two strings", () => {
  const keys = [...numbers, ...others].map(mapKey);
  assert.deepEqual(keys.filter(isArrayIndex), []);
  assert.equal(new Set(keys).size, keys.length);
  for (const other of ["", "a", "a1", "0", "007", "12345678901"]) {
    assert.equal(mapKey(other), other);
  }
});

/** Names that V8 has one hash for. */
const long = ["a", "b", "\u20ac"].map((end) => "a".repeat(16_383) + end);

Deno.test("mapKey() gives short keys for long names, and never one key for two", () => {
  const keys = [...long, ...long.map((name) => `${name}/`)].map(mapKey);
  assert.equal(new Set(keys).size, keys.length);
  assert.deepEqual(keys.filter((key) => key.length > 17), []);
  assert.equal(mapKey(long[0]!), mapKey("a".repeat(16_384)));
  const hashed = "a".repeat(16_383);
  assert.equal(mapKey(hashed), hashed);
});

Deno.test("digestOf() is SHA-256 of the units when the text has any length", () => {
  for (const length of [0, 1, 27, 28, 29, 31, 32, 33, 59, 60, 61, 16_384, 65_535]) {
    const text = Array.from({ length }, (_, at) => String.fromCharCode(at * 40_503 & 0xffff)).join(
      "",
    );
    const units = Buffer.from(text, "utf16le").swap16();
    const expected = Buffer.from(createHash("sha256").update(units).digest()).swap16();
    assert.equal(digestOf(text), expected.toString("utf16le"), `${length} units`);
  }
});

/** The keys of all Maps with strings that an object holds. */
function keysIn(value: unknown, seen = new Set<unknown>()): string[] {
  if (typeof value !== "object" || value === null || seen.has(value)) return [];
  seen.add(value);
  const below = value instanceof Map ? [...value.values()] : Object.values(value);
  const own = value instanceof Map ? [...value.keys()] : [];
  return [...own, ...below.flatMap((each) => keysIn(each, seen))];
}

Deno.test("FilterTree and RetainedTree keep no name in a Map that its client could choose the place of", () => {
  const names = [...numbers, ...others.slice(1), ...long];
  const filters = new FilterTree<string, readonly string[]>((_topic, values) => values, 100);
  const retained = new RetainedTree<string>();
  for (const level of names) {
    for (const name of [level, `${level}/b`, `b/${level}`, `b/${level}/c`, `b/${level}/d`]) {
      retained.set(name, name);
      filters.add(name, "client", name);
      filters.add(`${name}/+`, "client", `${name}/+`);
      assert.deepEqual(filters.match(name).filter((found) => found === name), [name]);
      assert.equal(filters.get(`${name}/+`, "client"), `${name}/+`);
    }
  }
  const keys = [...keysIn(filters), ...keysIn(retained)];
  assert.ok(keys.length >= names.length * 5, `${keys.length} keys`);
  assert.deepEqual(keys.filter(isArrayIndex), []);
  assert.deepEqual(keys.filter((key) => key.length > 16_383).map(({ length }) => length), []);
  for (const level of names) {
    for (const name of [level, `${level}/b`, `b/${level}`, `b/${level}/c`, `b/${level}/d`]) {
      assert.deepEqual([...retained.matching(name)], [name]);
      assert.equal(retained.delete(name), name);
      assert.equal(filters.remove(name, "client"), true);
      assert.equal(filters.remove(`${name}/+`, "client"), true);
    }
  }
  assert.equal(retained.size + filters.size, 0);
});
