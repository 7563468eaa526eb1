/** Keys and pages as the code reads them without Deno KV, against what Deno KV writes. */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import type { Key } from "../../src/store/kv.ts";
import { compareKeys, decodeKey, encodeKey } from "../../src/store/kv_encoding.ts";
import { openPages } from "../../src/store/sqlite_pages.ts";
import { KvRows } from "../../src/store/sqlite_rows.ts";

const part = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.constantFrom("", "\u0000", "a\u0000", "\u{1f427}"),
  fc.double({ noNaN: true }).map((number) => number === 0 ? 0 : number),
  fc.integer(),
  fc.uint8Array({ maxLength: 20 }),
  fc.constantFrom(new Uint8Array([0]), new Uint8Array([0, 255]), new Uint8Array([255, 0, 0])),
);
const key: fc.Arbitrary<Key> = fc.array(part, { minLength: 1, maxLength: 4 });

Deno.test("decodeKey() gives back what encodeKey() was given", () => {
  fc.assert(
    fc.property(key, (key) => assert.deepEqual(decodeKey(encodeKey(key)), key)),
    { numRuns: 500 },
  );
});

/** Mostly the bytes that mean something. */
const anyBytes = fc.array(
  fc.oneof(fc.constantFrom(0, 1, 2, 0x21, 0xff, 97), fc.integer({ min: 0, max: 255 })),
  { maxLength: 30 },
).map((bytes) => Uint8Array.from(bytes));

Deno.test("decodeKey() gives a key that encodes to the same, or undefined, at any bytes", () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const key = decodeKey(bytes);
      if (key !== undefined) {
        assert.ok(compareKeys(encodeKey(key), bytes) === 0 || bytes.length > 0);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("encodeKey() and KvRows read what Deno KV wrote, its log included", async () => {
  const keys = fc.sample(key, { numRuns: 300, seed: 7 });
  const path = `${await Deno.makeTempDir({ prefix: "dunlin-keys-" })}/a.kv`;
  const kv = await Deno.openKv(path);
  const values = new Map<string, number>();
  for (const [n, key] of keys.entries()) {
    const length = n * n % 65_000;
    await kv.set(key, new Uint8Array(length).fill(n));
    values.set(encodeKey(key).join(), length);
  }
  for (const open of ["with its log", "without"]) {
    if (open === "without") kv.close();
    const pages = openPages(path);
    const rows = new KvRows(pages);
    const read = new Map<string, number>();
    let last = new Uint8Array();
    for (const row of rows.rows()) {
      assert.ok(compareKeys(last, row.key) < 0, "rows are not by key");
      last = row.key.slice();
      assert.ok(row.value.every((byte) => byte === row.value[0]));
      read.set(row.key.join(), row.value.length);
    }
    assert.deepEqual(read, values, open);
    assert.equal(rows.damages, 0);
    assert.equal([...rows.keys()].length, values.size);
    pages.close();
  }
  const database = new DatabaseSync(path, { readOnly: true });
  const written = database.prepare("select k from kv order by k").all() as { k: Uint8Array }[];
  database.close();
  assert.deepEqual(written.map(({ k }) => k.join()).sort(), [...values.keys()].sort());
  const sorted = [...values.keys()].map((text) => Uint8Array.from(text.split(",").map(Number)));
  assert.deepEqual(sorted.sort(compareKeys).map(String), written.map(({ k }) => k.join()));
  await Deno.remove(path.slice(0, path.lastIndexOf("/")), { recursive: true });
});
