/**
 * Looks at a database file before Deno KV opens it. Deno KV looks for expired keys in the background,
 * and ends the whole process with a panic when the index that it reads then is damaged (seen with Deno
 * 2.9.6); so whether that index can be read is found out here, where it is an error like any other.
 *
 * It does not read the values: SQLite's own `quick_check` takes 17 s for a gigabyte.
 */

import { DatabaseSync } from "node:sqlite";
import { classified, damaged } from "./store_error.ts";

/** Throws a `damaged` StoreError; a file that is not there, or empty, is none. */
export function probe(path: string): void {
  if (path === ":memory:") return;
  try {
    if (Deno.statSync(path).size === 0) return;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw classified(error, `when ${path} was looked at`);
  }
  try {
    const database = new DatabaseSync(path);
    try {
      const kv = database.prepare("select name from sqlite_master where name = 'kv'").get();
      if (kv === undefined) throw damaged(path, "a database, but not one of Deno KV");
      database.prepare("select count(*) from kv indexed by kv_expiration_ms_idx").get();
      database.prepare("select count(*) from queue").get();
    } finally {
      database.close();
    }
  } catch (error) {
    throw classified(error, `when ${path} was looked at`);
  }
}
