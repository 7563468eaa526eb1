/**
 * A store's database as a `Kv` that changes nothing on the disk, for the offline tools. It is read with
 * node:sqlite, since Deno KV writes as soon as it opens a database, and panics at some damage. What is
 * committed stays in memory and is read back: what a crash interrupted can be finished as at a start.
 *
 * Rows are read with `all()` and `get()`: `iterate()` of node:sqlite in Deno 2.9.6 ends without an error
 * where a page is damaged.
 */

import { DatabaseSync } from "node:sqlite";
import type { Key, Kv } from "./kv.ts";
import { BYTES_VALUE, compareKeys, decodeKey, encodeKey } from "./kv_encoding.ts";
import { keyId } from "./kv_key.ts";
import { classified, damaged, troubleOf } from "./store_error.ts";

/** How much the records of one kind take. */
export interface Space {
  records: number;
  /** In keys and values. */
  bytes: number;
}

export interface ReadOnlyKv extends Kv {
  /** What SQLite itself finds wrong with its pages, a text each, at most `most`. */
  quickCheck(most: number): readonly string[];
  /** By the first part of the keys. */
  space(): Map<string, Space>;
}

/** Bytes of values that are read at once. */
const PAGE_BYTES = 4 << 20;
const PAGE_ROWS = 500;
/** A value of Deno KV takes no more. */
const LARGEST = 65_536;

interface Row {
  readonly k: Uint8Array;
  readonly v: Uint8Array;
  readonly v_encoding: number;
}

/** Opens the database at a path, which must be there. Throws a StoreError. */
export function openReadOnly(path: string): ReadOnlyKv {
  const database = guarded(path, () => {
    const opened = new DatabaseSync(path, { readOnly: true });
    if (opened.prepare("select name from sqlite_master where name = 'kv'").get() !== undefined) {
      return opened;
    }
    opened.close();
    throw damaged(path, "a database, but not one of Deno KV");
  });
  /** Committed and not on the disk, by `keyId`. */
  const changed = new Map<string, { readonly key: Key; readonly value: Uint8Array | undefined }>();
  const one = database.prepare("select k, v, v_encoding from kv where k = ?");
  const some = database.prepare(
    "select k, v, v_encoding from kv where k > ? and k < ? order by k limit ?",
  );
  return {
    async get(keys) {
      await Promise.resolve();
      return keys.map((key) => {
        const change = changed.get(keyId(key));
        if (change !== undefined) return change.value;
        const row = guarded(path, () => one.get(encodeKey(key))) as unknown as Row | undefined;
        return row === undefined ? undefined : valueOf(row);
      });
    },
    async *list(prefix) {
      const start = encodeKey(prefix);
      const ahead = added(changed.values(), start);
      let after: Uint8Array = Uint8Array.of(...start, 0);
      const end = Uint8Array.of(...start, 0xff);
      let most = PAGE_ROWS;
      for (;;) {
        const rows = guarded(path, () => some.all(after, end, most)) as unknown as Row[];
        for (const row of rows) {
          while (ahead.length > 0 && compareKeys(ahead[0]!.at, row.k) < 0) yield ahead.shift()!;
          const key = decodeKey(row.k);
          if (key === undefined) throw damaged(`key x'${hex(row.k)}'`, "no key of the store");
          if (!changed.has(keyId(key))) yield { key, value: valueOf(row) };
        }
        if (rows.length < most) break;
        after = rows[rows.length - 1]!.k;
        const bytes = rows.reduce((sum, { v }) => sum + v.length, 0);
        most = bytes * 2 < PAGE_BYTES ? PAGE_ROWS : PAGE_BYTES / LARGEST;
      }
      yield* ahead;
    },
    async commit(changes) {
      await Promise.resolve();
      for (const { key, value } of changes) changed.set(keyId(key), { key, value });
    },
    close: () => database.close(),
    quickCheck(most) {
      const rows = guarded(path, () => database.prepare(`pragma quick_check(${most})`).all());
      return rows.flatMap((row) => String(row.quick_check).split("\n"))
        .filter((line) => line !== "ok" && !line.startsWith("***"));
    },
    space() {
      const space = new Map<string, Space>();
      const sizes = database.prepare(
        "select k, length(v) as size from kv where k > ? order by k limit 5000",
      );
      for (let after: Uint8Array = new Uint8Array();;) {
        const rows = guarded(path, () => sizes.all(after)) as unknown as {
          readonly k: Uint8Array;
          readonly size: number;
        }[];
        for (const { k, size } of rows) {
          const kind = String(decodeKey(k)?.[0] ?? "?");
          const of = space.get(kind) ?? { records: 0, bytes: 0 };
          of.records += 1;
          of.bytes += k.length + size;
          space.set(kind, of);
        }
        if (rows.length < 5000) return space;
        after = rows[rows.length - 1]!.k;
      }
    },
  };
}

/** What was put and begins with a prefix, by key. */
function added(
  changes: Iterable<{ readonly key: Key; readonly value: Uint8Array | undefined }>,
  prefix: Uint8Array,
): { readonly at: Uint8Array; readonly key: Key; readonly value: Uint8Array }[] {
  const put = [];
  for (const { key, value } of changes) {
    if (value === undefined) continue;
    const at = encodeKey(key);
    if (at.length > prefix.length && compareKeys(at.subarray(0, prefix.length), prefix) === 0) {
      put.push({ at, key, value });
    }
  }
  return put.sort((a, b) => compareKeys(a.at, b.at));
}

function valueOf({ k, v, v_encoding }: Row): Uint8Array {
  if (v_encoding === BYTES_VALUE) return v;
  throw damaged(`key ${JSON.stringify(decodeKey(k))}`, "a value that is no bytes");
}

function guarded<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (troubleOf(error) !== undefined) throw error;
    throw classified(error, `when ${path} was read`);
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
