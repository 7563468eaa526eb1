/**
 * The store that the configuration names, opened, with the promise that it makes.
 */

import { DenoKvStore } from "../store/deno_kv_store.ts";
import { MemoryStore } from "../store/memory_store.ts";
import type { Store } from "../store/store.ts";
import { troubleOf } from "../store/store_error.ts";
import type { Config } from "./config.ts";
import { holdDataDirectory } from "./data_directory.ts";
import type { Log } from "./log.ts";

/** The database in the data directory; SQLite keeps its log beside it. */
const FILE = "state.kv";
const SUFFIXES = ["", "-wal", "-shm"];

export interface OpenStore {
  readonly store: Store;
  /** Lets go of the data directory, after the store was closed. */
  release(): void;
}

/**
 * Opens it.
 *
 * @throws where the data directory is in use or cannot be made, where a later version wrote the store,
 * or where it is damaged and `onDamage` is `"refuse"`
 */
export async function openStore(config: Config, log: Log): Promise<OpenStore> {
  if (config.store === "memory") return { store: new MemoryStore(), release() {} };
  const directory = holdDataDirectory(config.data);
  const path = `${directory.path}/${FILE}`;
  try {
    return { store: await openKvStore(path, config, log), release: () => directory.release() };
  } catch (error) {
    directory.release();
    throw error;
  }
}

async function openKvStore(path: string, config: Config, log: Log): Promise<Store> {
  try {
    return await DenoKvStore.open(path);
  } catch (error) {
    if (troubleOf(error) !== "damaged") throw error;
    if (config.onDamage === "refuse") {
      throw new Error(
        `${String(error)}; look at ${path}, move it away, or set onDamage to "setAside"`,
        { cause: error },
      );
    }
    const aside = setAside(path);
    log.error("the store was damaged: it is set aside, and an empty one takes its place", {
      path: aside,
      reason: String(error),
    });
    return await DenoKvStore.open(path);
  }
}

/** Renames the database and its log; the new path. */
function setAside(path: string): string {
  const when = new Date().toISOString().replaceAll(":", "");
  const aside = `${path}.damaged-${when}`;
  for (const suffix of SUFFIXES) {
    try {
      Deno.renameSync(path + suffix, aside + suffix);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return aside;
}
