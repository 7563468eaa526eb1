/**
 * The store that the configuration names, opened, with the promise that it makes.
 */

import type { Fact } from "../session/fact.ts";
import { MemoryStore } from "../store/memory_store.ts";
import type { Store } from "../store/store.ts";
import { troubleOf } from "../store/store_error.ts";
import { refuseAlone } from "./alone.ts";
import type { Config } from "./config.ts";
import type { RedisConfig } from "./config_redis.ts";
import { system } from "./config_system.ts";
import { holdDataDirectory } from "./data_directory.ts";
import type { Log } from "./log.ts";
import type { NodeStore } from "./node_store.ts";
import { clockOffsetOf } from "./node_store.ts";
import { redisOf, redisOptionsOf } from "./redis_options_of.ts";
import type { StoreFile } from "./store_file.ts";
import { clearMark, damageMark, mark, markDamaged } from "./store_file.ts";
import { settleFiles, storeExists, storeFile } from "./store_file.ts";

export interface OpenStore {
  readonly store: Store;
  /** The same where it is one that nodes share, and what this node is called. */
  readonly shared?: Shared | undefined;
  /** What happened when it was opened. */
  readonly facts: readonly Fact[];
  /**
   * Notes an error of the store in use, if it says that the store is damaged: the next start carries
   * over what can be read. False when it says something else.
   */
  damaged(error: unknown): boolean;
  /** Lets go of the data directory, after the store was closed. */
  release(): void;
}

/** A store that nodes share. */
export interface Shared {
  readonly store: NodeStore;
  /** What this node is called. */
  readonly name: string;
  /** The clock of the store less this machine's, in milliseconds: all nodes go by that one. */
  readonly clockOffset: number;
}

/**
 * Opens it. What can be read of a damaged store is carried over, unless `onDamage` is `"refuse"`.
 *
 * @param version of the program, which other nodes are told
 * @throws where Redis cannot be used as the configuration says; where the data directory is in use or cannot be
 * made, where a later version wrote the store, or where it is damaged and `onDamage` is `"refuse"`
 */
export async function openStore(config: Config, log: Log, version: string): Promise<OpenStore> {
  const redis = redisOf(config);
  if (redis !== undefined) return await openRedisStore(config, redis, log, version);
  if (config.store === "memory") {
    return { store: new MemoryStore(false), facts: [], damaged: () => false, release() {} };
  }
  const directory = holdDataDirectory(config.data);
  const file = storeFile(directory.path);
  try {
    return {
      ...await openKvStore(file, config, log),
      damaged: (error) => noted(file, error, log),
      release: () => directory.release(),
    };
  } catch (error) {
    directory.release();
    throw error;
  }
}

async function openRedisStore(
  config: Config,
  redis: RedisConfig,
  log: Log,
  version: string,
): Promise<OpenStore> {
  const options = redisOptionsOf(config, redis, version, system);
  // Loaded here, as most brokers keep everything themselves.
  const { openRedis } = await import("../redis/open_redis.ts");
  const store: NodeStore = await openRedis(
    options,
    ({ level, message, fields }) => log[level](message, fields),
  );
  try {
    if (!options.alone) await refuseAlone(store, options.prefix, options.leaseMs);
    const clockOffset = await clockOffsetOf(store, options.startTimeoutMs);
    const shared = { store, name: options.nodeName, clockOffset };
    return { store, shared, facts: [], damaged: () => false, release() {} };
  } catch (error) {
    await store.leave();
    await store.close();
    throw error;
  }
}

async function openKvStore(
  file: StoreFile,
  config: Config,
  log: Log,
): Promise<Pick<OpenStore, "store" | "facts">> {
  settleFiles(file);
  const { path } = file;
  if (!storeExists(file)) clearMark(file);
  const noted = damageMark(file);
  if (noted === undefined) {
    try {
      // Loaded here, as a broker that keeps nothing has no use for it.
      const { DenoKvStore } = await import("../store/deno_kv_store.ts");
      return { store: await DenoKvStore.open(path), facts: [] };
    } catch (error) {
      if (troubleOf(error) !== "damaged") throw error;
      return await instead(file, String(error), config, log);
    }
  }
  return await instead(file, noted, config, log);
}

async function instead(
  file: StoreFile,
  reason: string,
  config: Config,
  log: Log,
): Promise<Pick<OpenStore, "store" | "facts">> {
  const { path } = file;
  if (config.onDamage === "refuse") {
    throw new Error(
      `${reason}; look at ${path} (dunlin store verify), move it away, or set onDamage to "setAside"` +
        (damageMark(file) === undefined ? "" : `; when it is well, remove ${mark(file)}`),
    );
  }
  log.error("the store is damaged: what can be read of it is being carried over", { path, reason });
  const { carryOver } = await import("./carry_over.ts");
  const { store, fact } = await carryOver(file, reason);
  return { store, facts: [fact] };
}

/** The note that is left for the next start. */
function noted(file: StoreFile, error: unknown, log: Log): boolean {
  if (troubleOf(error) !== "damaged") return false;
  try {
    markDamaged(file, String(error));
  } catch (cause) {
    log.error("it cannot be noted that the store is damaged", { reason: String(cause) });
  }
  return true;
}
