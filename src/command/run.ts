/**
 * `dunlin run`: serves clients until it is told to stop; reloads its configuration on SIGHUP.
 *
 * Exit status: 0 after SIGTERM, SIGINT or `drain`, 1 where the configuration or a listener keeps it from
 * starting, 3 when the store failed and nothing could be acknowledged any more, 4 when the other nodes of the
 * cluster have taken over what this one had, as they had not heard of it for a whole lease: started again, it
 * joins them as a new one.
 */

import type { Config } from "../server/config.ts";
import { formatProblem } from "../server/config.ts";
import { loadNoting, readConfig } from "../server/config_reading.ts";
import { system } from "../server/config_system.ts";
import { isFenced } from "../cluster/fenced.ts";
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
  const { config, problems, files } = loadNoting(options, system);
  for (const problem of problems) console.error(formatProblem(problem, options.config));
  if (config === undefined) return 1;
  logAs(config);
  const log = getLog("broker");
  // Before it says that it has started: whoever waits for that may send a signal at once.
  const signal = signalled();
  let server: Server | undefined;
  let hungUp = false;
  Deno.addSignalListener("SIGHUP", () => {
    hungUp = true;
    server?.reload();
  });
  try {
    server = await start(config, options.config ?? Deno.execPath(), [], version, {
      read: () => readConfig(options, system),
      files,
      applied: logAs,
    });
  } catch (error) {
    closeLog();
    console.error(`dunlin: ${error instanceof Error ? error.message : String(error)}`);
    return isFenced(error) ? 4 : 1;
  }
  if (hungUp) server.reload(); // before there was anybody to do it
  const ending = await Promise.race([
    signal,
    server.ended.then(() => "drained" as const),
    server.failed.then((reason) => ({ reason })),
  ]);
  if (typeof ending === "string") {
    log.info("stopping", { signal: ending });
    await server.stop();
    log.info("stopped");
    closeLog();
    return 0;
  }
  const { reason } = ending;
  if (isFenced(reason)) {
    log.error("ending, to come back as a new node: others have taken over what this one had", {
      reason: reason.message,
    });
    closeLog();
    return 4;
  }
  log.error("the store failed: ending, so that nothing is acknowledged that is not kept", {
    reason: String(reason),
  });
  closeLog();
  return 3;
}

function logAs({ log, limits }: Config): void {
  configureLog({ ...log, linesPerSecond: limits.logLinesPerSecond });
}

/** The signal that asks for the end. */
function signalled(): Promise<Deno.Signal> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => resolve(signal));
    }
  });
}
