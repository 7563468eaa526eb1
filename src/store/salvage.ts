/**
 * Carries over what can be read of a damaged store: the rows of its database go into a new one, whatever
 * a crash interrupted is finished there, and every record that does not hold is taken away
 * (`check_store.ts`). What is left is a store that opens.
 *
 * The damaged file is only read. Memory is bounded as that of the check is.
 */

import type { LostKind, Problem, RecordCounts } from "./checking.ts";
import { deletion, noCounts, put } from "./checking.ts";
import { checkStore } from "./check_store.ts";
import type { Change, Key, Kv } from "./kv.ts";
import { openKv } from "./kv.ts";
import { recover } from "./kv_commit.ts";
import { BYTES_VALUE, decodeKey } from "./kv_encoding.ts";
import { keyId, keySize, VERSION } from "./kv_key.ts";
import { migrate, MIGRATIONS } from "./kv_schema.ts";
import { openPages } from "./sqlite_pages.ts";
import { KvRows } from "./sqlite_rows.ts";
import { troubleOf } from "./store_error.ts";

/** What was lost, `segments` being groups of messages of which nobody knows how many. */
export interface LostCounts extends RecordCounts {
  segments: number;
}

export interface Salvaged {
  readonly carried: RecordCounts;
  readonly lost: LostCounts;
  /** Why: the first of the problems, a line each. */
  readonly reasons: readonly string[];
  /** How many there were. */
  readonly problems: number;
}

/** Problems that are told one by one. */
const MOST_REASONS = 20;
/** What one commit takes, well below the limits of Deno KV. */
const MOST_CHANGES = 500;
const MOST_KEY_BYTES = 60_000;
const MOST_BYTES = 600_000;
/** Rows, of at most 64 KiB, that wait to be compared with what is there. */
const MOST_STRAYS = 100;

/** What a lost record of that kind of key costs. */
const LOST: Readonly<Record<string, LostKind>> = {
  s: "sessions",
  t: "subscriptions",
  r: "retained",
  w: "wills",
  d: "delayed",
  g: "settings",
  h: "segments",
};
const KINDS = new Set([..."vcstrwdghbemnpui"]);

/** One line for a problem: the key, and what is wrong. */
export function problemLine({ key, found }: Pick<Problem, "key" | "found">): string {
  return `${keyText(key)}: ${found}`;
}

/** A key as people read it, of bounded length. */
function keyText(key: Key): string {
  const text = JSON.stringify(key.map((part) => typeof part === "object" ? hashText(part) : part));
  return text.length <= 300 ? text : `${text.slice(0, 300)}…`;
}

/** The start of a hash that stands for a long text. */
function hashText(hash: Uint8Array): string {
  return `#${
    Array.from(hash.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("")
  }`;
}

/**
 * Makes a store at `to`, where no file is, of what can be read at `from`.
 *
 * @throws a StoreError, among them `newer`; what is at `to` is then of no use
 */
export async function salvage(from: string, to: string): Promise<Salvaged> {
  const lost: LostCounts = { ...noCounts(), segments: 0 };
  const reasons: string[] = [];
  let problems = 0;
  const tell = (problem: Pick<Problem, "key" | "found" | "lost">) => {
    if (problem.lost !== "nothing") lost[problem.lost] += 1;
    problems += 1;
    if (reasons.length < MOST_REASONS) reasons.push(problemLine(problem));
  };
  const kv = await openKv(to);
  try {
    const writer = new Writer(kv);
    const damages = await copyRows(from, kv, writer, tell);
    await bringUp(kv, tell);
    const carried = await checkStore(kv, async (problem) => {
      tell(problem);
      for (const change of problem.repair) await writer.add(change);
    }, damages > 0);
    await writer.flush();
    return { carried, lost, reasons, problems };
  } finally {
    kv.close();
  }
}

type Tell = (problem: Pick<Problem, "key" | "found" | "lost">) => void;

/** Copies the rows that can be read; how often something could not be. */
async function copyRows(from: string, kv: Kv, writer: Writer, tell: Tell): Promise<number> {
  const pages = openPages(from);
  try {
    const rows = new KvRows(pages);
    const strays = new Strays(kv, writer);
    for (const row of rows.rows()) {
      const key = decodeKey(row.key)!;
      const kind = String(key[0]);
      if (!KINDS.has(kind) || row.encoding !== BYTES_VALUE) {
        const found = "no record of the store";
        tell({ key, found, lost: LOST[kind] ?? "nothing" });
        continue;
      }
      if (row.stray) await strays.add(put(key, row.value.slice()), row.version);
      else await writer.add(put(key, row.value.slice()));
    }
    await strays.flush();
    await writer.flush();
    if (rows.damages > 0) await tellMissing(kv, rows, tell);
    return rows.damages;
  } finally {
    pages.close();
  }
}

/**
 * Rows that the tree did not lead to: one is taken when the tree has no other with its key, and of
 * several the newest.
 */
class Strays {
  readonly #kv: Kv;
  readonly #writer: Writer;
  /** The versions of those that were taken, by `keyId`. */
  readonly #taken = new Map<string, number>();
  #waiting: { readonly change: Change; readonly version: number }[] = [];

  constructor(kv: Kv, writer: Writer) {
    this.#kv = kv;
    this.#writer = writer;
  }

  async add(change: Change, version: number): Promise<void> {
    this.#waiting.push({ change, version });
    if (this.#waiting.length >= MOST_STRAYS) await this.flush();
  }

  async flush(): Promise<void> {
    await this.#writer.flush();
    const there = await this.#kv.get(this.#waiting.map(({ change }) => change.key));
    for (let i = 0; i < there.length; i++) {
      const { change, version } = this.#waiting[i]!;
      const id = keyId(change.key);
      const before = this.#taken.get(id);
      if (before === undefined ? there[i] !== undefined : before >= version) continue;
      this.#taken.set(id, version);
      await this.#writer.add(change);
    }
    this.#waiting = [];
  }
}

/** Tells of the records whose keys are in the database's index and which were not found. */
async function tellMissing(kv: Kv, rows: KvRows, tell: Tell): Promise<void> {
  let keys: Key[] = [];
  const look = async () => {
    const values = await kv.get(keys);
    for (let i = 0; i < keys.length; i++) {
      if (values[i] !== undefined) continue;
      const key = keys[i]!;
      const again = key[0] === "e" ? ": what was acknowledged of it is delivered again" : "";
      tell({ key, found: `it cannot be read${again}`, lost: LOST[String(key[0])] ?? "nothing" });
    }
    keys = [];
  };
  for (const encoded of rows.keys()) {
    const key = decodeKey(encoded);
    if (key === undefined || !KINDS.has(String(key[0]))) continue;
    keys.push(key);
    if (keys.length === MOST_CHANGES) await look();
  }
  await look();
}

/** To the layout of today, with what a crash interrupted finished, or taken back where it cannot be. */
async function bringUp(kv: Kv, tell: Tell): Promise<void> {
  const [version] = await kv.get([VERSION]);
  if (version?.length !== 1 || version[0] === 0) {
    // Each record says its own format, so one of another layout is found with the check.
    tell({ key: VERSION, found: "the version of the layout is missing", lost: "nothing" });
    await kv.commit([put(VERSION, new Uint8Array([MIGRATIONS.length + 1]))]);
  }
  await migrate(kv, MIGRATIONS);
  try {
    await recover(kv);
  } catch (error) {
    if (troubleOf(error) !== "damaged") throw error;
    tell({
      key: ["i"],
      found: "a commit that a crash interrupted cannot be finished",
      lost: "nothing",
    });
    const writer = new Writer(kv);
    for (const kind of ["i", "u"]) {
      for await (const { key } of kv.list([kind])) await writer.add(deletion(key));
    }
    await writer.flush();
  }
}

/** Gathers changes into commits. */
class Writer {
  readonly #kv: Kv;
  #changes: Change[] = [];
  #keyBytes = 0;
  #bytes = 0;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  async add(change: Change): Promise<void> {
    const key = keySize(change.key);
    const bytes = key + (change.value?.length ?? 0) + 16;
    if (
      this.#changes.length >= MOST_CHANGES || this.#keyBytes + key > MOST_KEY_BYTES ||
      this.#bytes + bytes > MOST_BYTES
    ) await this.flush();
    this.#changes.push(change);
    this.#keyBytes += key;
    this.#bytes += bytes;
  }

  async flush(): Promise<void> {
    if (this.#changes.length === 0) return;
    const changes = this.#changes;
    this.#changes = [];
    this.#keyBytes = this.#bytes = 0;
    await this.#kv.commit(changes);
  }
}
