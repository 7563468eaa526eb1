/**
 * What an error of Redis means for who asked: try elsewhere, try later, or something that no trying mends.
 */

/**
 * - `away`: the connection is gone, or the server is not the master any more; it is looked for anew.
 * - `later`: the server answers but does not take it now: it is busy, or lacks replicas.
 * - `full`: no memory is left; nothing was kept.
 * - `library`: the functions are not there yet.
 * - `closed`: this side has closed.
 * - `refused`: a name, a password or a permission is wrong.
 * - `other`: the error of a program.
 */
export type Trouble = "away" | "later" | "full" | "library" | "closed" | "refused" | "other";

export interface RedisTrouble extends Error {
  readonly redis: Trouble;
}

/** An error that says what it means. */
export function redisTrouble(redis: Trouble, message: string, cause?: unknown): RedisTrouble {
  return Object.assign(new Error(message, { cause }), { redis });
}

const BY_CODE: ReadonlyMap<string, Trouble> = new Map([
  ["READONLY", "away"],
  ["MOVED", "away"],
  ["ASK", "away"],
  ["LOADING", "away"],
  ["CLUSTERDOWN", "away"],
  ["MASTERDOWN", "away"],
  ["UNBLOCKED", "away"],
  ["TRYAGAIN", "later"],
  ["BUSY", "later"],
  ["NOREPLICAS", "later"],
  ["MISCONF", "later"],
  ["OOM", "full"],
  ["NOAUTH", "refused"],
  ["WRONGPASS", "refused"],
  ["NOPERM", "refused"],
]);

/** What any error means that a command ended with. */
export function meaningOf(error: unknown): Trouble {
  if (error instanceof Error && "redis" in error) return (error as RedisTrouble).redis;
  const words = wordsOf(error);
  const code = /^([A-Z]+)\b/u.exec(words)?.[1];
  const known = code === undefined ? undefined : BY_CODE.get(code);
  if (known !== undefined) return known;
  if (/function not found/iu.test(words)) return "library";
  if (/^ERR WAIT(AOF)? cannot be used with replica/u.test(words)) return "away"; // it was the master
  // The words of a failing redis.call inside a function.
  for (const [inner, trouble] of BY_CODE) if (words.includes(`${inner} `)) return trouble;
  return code === "ERR" || code === "WRONGTYPE" ? "other" : "away";
}

/** The words of whatever was thrown. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
