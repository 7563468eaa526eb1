/**
 * The arguments with which a broker mostly starts, read without npm:commander: loading that costs 30 ms and 10 MB.
 * Whatever else is there, and every mistake, is left to `program.ts`, which says the same about these.
 */

import type { RunOptions } from "./run.ts";

/** Each option with the name of its value. */
const OPTIONS: ReadonlyMap<string, "config" | "data" | "port"> = new Map([
  ["--config", "config"],
  ["-c", "config"],
  ["--data", "data"],
  ["-d", "data"],
  ["--port", "port"],
  ["-p", "port"],
]);

/**
 * What they say, where they are nothing but `run`, which may be absent, and options with a value each.
 *
 * @returns undefined where commander is to be asked
 */
export function plainRun(args: readonly string[]): RunOptions | undefined {
  const options: { config?: string; data?: string; port?: number } = {};
  for (let at = args[0] === "run" ? 1 : 0; at < args.length; at += 2) {
    const name = OPTIONS.get(args[at]!);
    const value = args[at + 1];
    if (name === undefined || value === undefined || value === "" || value.startsWith("-")) return;
    if (name !== "port") options[name] = value;
    else if (/^\d{1,5}$/.test(value) && Number(value) <= 65_535) options.port = Number(value);
    else return undefined;
  }
  return options;
}
