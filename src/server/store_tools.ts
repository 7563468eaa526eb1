/**
 * The store of a data directory for the offline tools: held as a broker holds it, so that none runs on
 * it, and read without being changed.
 */

import type { RecordCounts } from "../store/checking.ts";
import { checkStore } from "../store/check_store.ts";
import { DenoKvStore } from "../store/deno_kv_store.ts";
import { importLines } from "../store/import_store.ts";
import { recover } from "../store/kv_commit.ts";
import { problemLine } from "../store/salvage.ts";
import { openReadOnly } from "../store/sqlite_kv.ts";
import { storeError, troubleOf } from "../store/store_error.ts";
import type { Store } from "../store/store.ts";
import { holdDataDirectory } from "./data_directory.ts";
import type { StoreFile } from "./store_file.ts";
import {
  clearMark,
  removeBuilding,
  replace,
  settleFiles,
  storeExists,
  storeFile,
} from "./store_file.ts";

/** What SQLite says of its pages is told up to so many lines. */
const MOST_PAGE_PROBLEMS = 20;

/**
 * Holds the data directory while something is done with its store.
 *
 * @param make whether the directory may be made, and the store be missing
 * @throws where there is no store, or a broker or another tool has the directory
 */
export async function holdingStore<T>(
  directory: string,
  make: boolean,
  body: (file: StoreFile) => Promise<T>,
): Promise<T> {
  const missing = () => new Error(`there is no store in the data directory ${directory}`);
  if (!make && !isDirectory(directory)) throw missing();
  const held = holdDataDirectory(directory);
  try {
    const file = storeFile(held.path);
    settleFiles(file);
    if (!make && !storeExists(file)) throw missing();
    return await body(file);
  } finally {
    held.release();
  }
}

/** Reads the store; what a crash interrupted is finished in memory only. */
export async function readingStore<T>(
  { path }: StoreFile,
  body: (store: Store, layout: number) => Promise<T>,
): Promise<T> {
  const kv = openReadOnly(path);
  const store = await DenoKvStore.open(path, { openKv: () => Promise.resolve(kv) });
  try {
    return await body(store, store.report.layout);
  } finally {
    await store.close();
  }
}

/** What a check of a whole store came to. */
export interface Verified {
  /** What is in it, without what the problems cost; undefined when not all could be read. */
  readonly counts: RecordCounts | undefined;
  readonly problems: number;
}

/**
 * Reads every record of a store, and the structure of its file.
 *
 * @param problem takes a line for each problem: the key, what is wrong, and what becomes of it
 * @param note takes a line for what is no problem and was not expected either
 */
export async function verifyStore(
  { path }: StoreFile,
  problem: (line: string) => void,
  note: (line: string) => void,
): Promise<Verified> {
  let problems = 0;
  const tell = (line: string) => {
    problems += 1;
    problem(line);
  };
  let kv;
  try {
    kv = openReadOnly(path);
  } catch (error) {
    tell(`${String(error)}; a repair carries over what can be read`);
    return { counts: undefined, problems };
  }
  try {
    for (const found of kv.quickCheck(MOST_PAGE_PROBLEMS)) {
      tell(`${path}: ${found}; a repair carries over what can be read`);
    }
    const { redone, orphans } = await recover(kv);
    if (redone) note("a commit that a crash interrupted is finished at the next start");
    if (orphans > 0) note(`${orphans} records that a crash left behind go at the next start`);
    const counts = await checkStore(kv, (found) => {
      const { lost } = found;
      const cost = lost === "nothing"
        ? "a repair puts it right and nothing is lost by it"
        : `a repair goes on without it, which costs ${COSTS[lost]}`;
      tell(`${problemLine(found)}; ${cost}`);
    });
    return { counts, problems };
  } catch (error) {
    if (troubleOf(error) === "newer") throw error;
    tell(`${String(error)}; a repair carries over what can be read`);
    return { counts: undefined, problems };
  } finally {
    kv.close();
  }
}

const COSTS = {
  sessions: "a session",
  subscriptions: "a subscription",
  received: "a Packet Identifier that was received",
  inflight: "an inflight message",
  queued: "a queued message",
  retained: "a retained message",
  wills: "a Will",
  delayed: "a delayed message",
  settings: "a setting of a service",
  segments: "all messages of this segment",
} as const;

/**
 * Makes the store what the lines of an export say: all of it, or the store stays as it was.
 *
 * @param instead whether it may take the place of a store that is not empty, which is then set aside
 * @returns how many records, and where the old store is
 * @throws an Error that names the line, or a StoreError
 */
export async function importStore(
  file: StoreFile,
  lines: AsyncIterable<string>,
  instead: boolean,
): Promise<{ readonly records: number; readonly aside: string | undefined }> {
  if (!instead && storeExists(file) && !await isEmpty(file)) {
    throw new Error(
      `the store ${file.path} is not empty; with --replace it is set aside and the import takes its place`,
    );
  }
  try {
    const store = await DenoKvStore.open(file.building);
    let records: number;
    try {
      records = await importLines(lines, store);
    } finally {
      await store.close();
    }
    await expectWhole(file.building);
    const aside = replace(file, "replaced");
    clearMark(file);
    return { records, aside };
  } finally {
    removeBuilding(file);
  }
}

/** What was imported must be a store without any problem. */
async function expectWhole(path: string): Promise<void> {
  const kv = openReadOnly(path);
  try {
    await checkStore(kv, (problem) => {
      throw storeError("damaged", `what was imported is not whole: ${problemLine(problem)}`);
    });
  } finally {
    kv.close();
  }
}

/** Whether nothing was ever kept in it; a store that cannot be read is not empty. */
async function isEmpty({ path }: StoreFile): Promise<boolean> {
  try {
    const kv = openReadOnly(path);
    try {
      for await (const { key } of kv.list([])) if (key[0] !== "v" && key[0] !== "c") return false;
      return true;
    } finally {
      kv.close();
    }
  } catch {
    return false;
  }
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
