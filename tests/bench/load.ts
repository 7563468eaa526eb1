/**
 * The load generator of ../shared/bench: built once, run on the second core unless told otherwise.
 */

import type { Broker } from "./brokers.ts";

/** Compiles it; the path of the program. */
export async function buildLoad(): Promise<string> {
  const source = new URL("../../../shared/bench/mqload.c", import.meta.url).pathname;
  const program = `${await Deno.makeTempDir({ prefix: "dunlin-bench-" })}/mqload`;
  const { success, stderr } = await new Deno.Command("cc", {
    args: ["-std=c11", "-O2", "-o", program, source],
  }).output();
  if (!success) throw new Error(`cannot build ${source}: ${new TextDecoder().decode(stderr)}`);
  return program;
}

/** Runs it against a broker; its result object. */
export async function load(
  program: string,
  broker: Broker,
  args: readonly string[],
  cores = "1",
): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await new Deno.Command("taskset", {
    args: [
      "-c",
      cores,
      program,
      "--port",
      String(broker.port),
      "--broker-pid",
      String(broker.pid),
      ...args,
    ],
  }).output();
  const last = new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(last);
  } catch {
    throw new Error(`mqload ${args.join(" ")}: ${last}${new TextDecoder().decode(stderr)}`);
  }
}
