/**
 * `dunlin run`: serves clients until it is told to stop.
 *
 * Exit status: 0 after SIGTERM or SIGINT, 1 where the configuration or a listener keeps it from
 * starting, 3 when the store failed and nothing could be acknowledged any more.
 */

import { formatProblem } from "../server/config.ts";
import { loadSystemConfig } from "../server/config_system.ts";
import { closeLog, configureLog, getLog } from "../server/log.ts";
import type { Server } from "../server/start.ts";
import { start } from "../server/start.ts";

/** What the command line may say. */
export interface RunOptions {
  readonly config?: string;
  readonly port?: number;
  readonly data?: string;
}

/** Runs the broker; resolves with the exit status when it has ended. */
export async function run(options: RunOptions, version: string): Promise<number> {
  const { config, problems } = loadSystemConfig(options);
  for (const problem of problems) console.error(formatProblem(problem, options.config));
  if (config === undefined) return 1;
  configureLog({ ...config.log, linesPerSecond: config.limits.logLinesPerSecond });
  const log = getLog("broker");
  // Before it says that it has started: whoever waits for that may send a signal at once.
  const signal = signalled();
  let server: Server;
  try {
    server = await start(config, options.config ?? Deno.execPath(), [], version);
  } catch (error) {
    closeLog();
    console.error(`dunlin: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
  const ending = await Promise.race([signal, server.failed.then((reason) => ({ reason }))]);
  if (typeof ending === "string") {
    log.info("stopping", { signal: ending });
    await server.stop();
    log.info("stopped");
    closeLog();
    return 0;
  }
  log.error("the store failed: ending, so that nothing is acknowledged that is not kept", {
    reason: String(ending.reason),
  });
  closeLog();
  return 3;
}

/** The signal that asks for the end. */
function signalled(): Promise<Deno.Signal> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => resolve(signal));
    }
  });
}
