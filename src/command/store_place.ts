/**
 * Which data directory a `dunlin store` command is about, and how its errors are told.
 */

import { formatProblem } from "../server/config.ts";
import { storeName } from "../server/redis_options_of.ts";
import { loadSystemConfig } from "../server/config_system.ts";

/** What every `dunlin store` command takes. */
export interface StorePlace {
  readonly directory?: string | undefined;
  /** The configuration file, whose `data` is meant when no directory is named. */
  readonly config?: string | undefined;
}

/** The data directory; throws where that cannot be told. */
function directoryOf({ directory, config: file }: StorePlace): string {
  if (directory !== undefined) {
    if (file === undefined) return directory;
    throw new Error("name a directory or --config, not both");
  }
  const { config, problems } = loadSystemConfig({ config: file });
  if (config === undefined) {
    throw new Error(problems.map((problem) => formatProblem(problem, file)).join("\n"));
  }
  if (config.store === "denoKv") return config.data;
  throw new Error(
    `the configuration has store ${
      JSON.stringify(storeName(config))
    }, which keeps nothing on the disk`,
  );
}

/**
 * Runs a command on a data directory; what it throws goes to standard error.
 *
 * @param failed the exit status when it throws
 */
export async function onStore(
  name: string,
  place: StorePlace,
  failed: number,
  body: (directory: string) => Promise<number>,
): Promise<number> {
  try {
    return await body(directoryOf(place));
  } catch (error) {
    console.error(
      `dunlin store ${name}: ${error instanceof Error ? error.message : String(error)}`,
    );
    return failed;
  }
}
