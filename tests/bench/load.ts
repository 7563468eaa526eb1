/**
 * The load generator: ../shared/bench/mqload.c where it is there, built once, otherwise `own_load.ts`. It runs
 * on the second core unless told otherwise.
 */

import type { Broker } from "./brokers.ts";
import { FIRST } from "./brokers.ts";

/** A program with its first arguments, and the `--mode`s that it has. */
export interface Generator {
  readonly command: readonly string[];
  readonly modes: readonly string[] | "all";
}

/** mqload, compiled; our own where its source is missing or `own` is true. */
export async function buildLoad(own = false): Promise<Generator> {
  const source = new URL("../../../shared/bench/mqload.c", import.meta.url).pathname;
  if (own || !exists(source)) {
    const program = new URL("own_load.ts", import.meta.url).pathname;
    return {
      command: [Deno.execPath(), "run", "--allow-all", program],
      modes: ["pairs", "fanout", "connect"],
    };
  }
  const program = `${await Deno.makeTempDir({ prefix: "dunlin-bench-" })}/mqload`;
  const { success, stderr } = await new Deno.Command("cc", {
    args: ["-std=c11", "-O2", "-o", program, source],
  }).output();
  if (!success) throw new Error(`cannot build ${source}: ${new TextDecoder().decode(stderr)}`);
  return { command: [program], modes: "all" };
}

/** Runs it against a broker; its result object. */
export async function load(
  generator: Generator,
  broker: Broker,
  args: readonly string[],
  cores = "1",
): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await new Deno.Command("nice", {
    args: [
      ...FIRST,
      "taskset",
      "-c",
      cores,
      ...generator.command,
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
    throw new Error(`load ${args.join(" ")}: ${last}${new TextDecoder().decode(stderr)}`);
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
