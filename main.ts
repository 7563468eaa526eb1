/**
 * Where dunlin starts: a broker at once, and any other command through src/command/program.ts, which is loaded
 * only then. To serve clients takes neither a command line's reader nor what other commands need.
 */

import deno from "./deno.json" with { type: "json" };
import { plainRun } from "./src/command/plain_run.ts";
import { run } from "./src/command/run.ts";

/**
 * Runs the command that the arguments name.
 *
 * @param args what stands after the name of the program
 * @returns the exit status; 2 for arguments that cannot be understood
 */
export async function main(args: readonly string[]): Promise<number> {
  const options = plainRun(args);
  if (options !== undefined) return await run(options, deno.version);
  if (args[0] === "ctl") return await (await import("./src/command/ctl.ts")).ctl(args.slice(1));
  return await (await import("./src/command/program.ts")).program(args, deno.version);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
