/**
 * What went wrong with a store, as a value that a caller can tell apart: an Error with one field more.
 */

/**
 * - `noRoom`: the disk is full. Nothing of the commit is kept; it may be tried again later.
 * - `unknown`: nobody can tell what reached the disk. Nothing may be acknowledged any more.
 * - `damaged`: what is on the disk cannot be read as what was written.
 * - `newer`: a later version of this program wrote it.
 */
export type StoreTrouble = "noRoom" | "unknown" | "damaged" | "newer";

export interface StoreError extends Error {
  readonly trouble: StoreTrouble;
}

/** An Error that says what the trouble is; `cause` is what the back end said. */
export function storeError(trouble: StoreTrouble, message: string, cause?: unknown): StoreError {
  return Object.assign(new Error(message, { cause }), { trouble });
}

/** What the trouble is, if it is an error of a store. */
export function troubleOf(error: unknown): StoreTrouble | undefined {
  return error instanceof Error && "trouble" in error ? (error as StoreError).trouble : undefined;
}

/** A damaged record: where it stands, and what is wrong with it. */
export function damaged(where: string, found: string, cause?: unknown): StoreError {
  return storeError("damaged", `the store is damaged: ${where}: ${found}`, cause);
}

/** What the back end's words at a failed commit or read mean. */
export function classified(error: unknown, doing: string): StoreError {
  if (troubleOf(error) !== undefined) return error as StoreError;
  const words = error instanceof Error ? error.message : String(error);
  if (/disk is full|no space left|SQLITE_FULL/iu.test(words)) {
    return storeError("noRoom", `the store has no room left ${doing}: ${words}`, error);
  }
  if (/malformed|not a database|SQLITE_CORRUPT|SQLITE_NOTADB/iu.test(words)) {
    return storeError("damaged", `the store is damaged, seen ${doing}: ${words}`, error);
  }
  return storeError("unknown", `the store failed ${doing}: ${words}`, error);
}
