/**
 * A load generator whose subscribers connect to another port than its publishers, and may have sessions that are
 * kept: mqload with two lines exchanged when it is built, which look at MQLOAD_SUB_PORT and MQLOAD_KEEP.
 */

import { FIRST } from "./brokers.ts";

const SOURCE = new URL("../../../shared/bench/mqload.c", import.meta.url).pathname;
const EXCHANGED: readonly (readonly [found: string, instead: string])[] = [
  [
    "if (connect(c->fd, (struct sockaddr *)&G.addr, G.alen) < 0",
    `struct sockaddr_storage to = G.addr;
  if (c->is_sub && getenv("MQLOAD_SUB_PORT")) /* at the same place in both families */
    ((struct sockaddr_in *)&to)->sin_port = htons(atoi(getenv("MQLOAD_SUB_PORT")));
  if (connect(c->fd, (struct sockaddr *)&to, G.alen) < 0`,
  ],
  [
    "c->clean = 1;\n    c->is_sub = i < nsub;",
    `c->is_sub = i < nsub;\n    c->clean = !(c->is_sub && getenv("MQLOAD_KEEP"));`,
  ],
];

/** Builds it; its path. Fails where mqload's source is missing, or has become another. */
export async function buildTwoPorts(): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-bench-" });
  let text = await Deno.readTextFile(SOURCE);
  for (const [found, instead] of EXCHANGED) {
    if (text.split(found).length !== 2) throw new Error(`${SOURCE}: not exactly one "${found}"`);
    text = text.replace(found, () => instead);
  }
  await Deno.writeTextFile(`${directory}/mqload.c`, text);
  const { success, stderr } = await new Deno.Command("cc", {
    args: [
      "-std=c11",
      "-O2",
      "-D_GNU_SOURCE",
      "-o",
      `${directory}/mqload`,
      `${directory}/mqload.c`,
    ],
  }).output();
  if (!success) throw new Error(`cannot build mqload: ${new TextDecoder().decode(stderr)}`);
  return `${directory}/mqload`;
}

/** Runs it; its result object. With `keep` subscribers have sessions that are kept. */
export async function loadTwoPorts(
  program: string,
  publish: number,
  subscribe: number,
  pids: readonly number[],
  args: readonly string[],
  keep = false,
): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await new Deno.Command("nice", {
    args: [...FIRST, program, "--port", `${publish}`, "--broker-pid", pids.join(), ...args],
    env: { MQLOAD_SUB_PORT: `${subscribe}`, ...(keep ? { MQLOAD_KEEP: "1" } : {}) },
  }).output();
  const last = new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(last);
  } catch {
    throw new Error(`mqload ${args.join(" ")}: ${last}${new TextDecoder().decode(stderr)}`);
  }
}
