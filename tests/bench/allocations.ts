/**
 * `deno task bench --check` runs this: bytes that the broker allocates for a message, against the committed
 * `baseline.json`. Bytes and not time, as a shared machine cannot tell 10 % of time; exits with 1 where a
 * workload takes more than 10 % above its baseline. `--write` writes the baseline anew.
 *
 * Runs with a young generation so large that nothing is collected while it counts.
 */

import { parseArgs } from "node:util";
import process from "node:process";
import { prepare, workloads } from "./in_process.ts";

const { values } = parseArgs({
  options: {
    write: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    measure: { type: "string" },
  },
});
const BASELINE = new URL("baseline.json", import.meta.url);
const FLAGS = "--max-semi-space-size=512,--min-semi-space-size=512,--single-threaded,--expose-gc";

/** One workload, in a process of its own: bytes and nanoseconds a message. */
interface Measured {
  readonly bytes: number;
  readonly nanoseconds: number;
}

if (values.measure !== undefined) {
  const work = workloads.find(({ name }) => name === values.measure)!;
  const messages = work.pairs * work.batch * work.subscribers;
  const { round, received } = await prepare(work);
  const rounds = Math.ceil(20_000 / messages);
  for (let at = 0; at < rounds * 2; at++) await round();
  (globalThis as unknown as { gc(): void }).gc();
  const before = received();
  const heap = process.memoryUsage().heapUsed;
  const from = performance.now();
  for (let at = 0; at < rounds; at++) await round();
  const took = performance.now() - from;
  const bytes = process.memoryUsage().heapUsed - heap;
  const count = received() - before;
  if (count !== rounds * messages) throw new Error(`${count} of ${rounds * messages} came`);
  console.log(JSON.stringify({ bytes: bytes / count, nanoseconds: took * 1e6 / count }));
} else {
  Deno.exit(await compare());
}

async function compare(): Promise<number> {
  const known: Record<string, number> = JSON.parse(
    await Deno.readTextFile(BASELINE).catch(() => "{}"),
  );
  let worse = 0;
  for (const { name } of workloads) {
    if (!name.includes(values.only)) continue;
    const { bytes, nanoseconds } = await measured(name);
    const baseline = known[name] ?? bytes;
    if (bytes > baseline * 1.1) worse += 1;
    console.log(
      name.padEnd(20),
      `${bytes.toFixed(0).padStart(6)} B a message`,
      `(baseline ${baseline.toFixed(0)}, ${(bytes / baseline).toFixed(2)})`,
      `${nanoseconds.toFixed(0).padStart(6)} ns`,
      bytes > baseline * 1.1 ? "WORSE" : "",
    );
    known[name] = Math.round(bytes);
  }
  if (values.write) await Deno.writeTextFile(BASELINE, JSON.stringify(known, undefined, 2) + "\n");
  return worse === 0 || values.write ? 0 : 1;
}

async function measured(name: string): Promise<Measured> {
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `--v8-flags=${FLAGS}`, import.meta.filename!, "--measure", name],
  }).output();
  if (!success) throw new Error(`${name}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
