/**
 * `deno task bench --fairness`: what the issue bounds in time and memory, and a busy machine cannot hold in a
 * test. The p99 of a client with 1,000 messages a second may rise by no more than 5 ms while another floods;
 * memory must come back to within 20 % after a storm of connections and messages. Medians of five tries, each
 * beside the same without the flood. Exits with 1 where a bound is broken.
 */

import type { Broker } from "./brokers.ts";
import { dunlin } from "./brokers.ts";
import { field, median } from "./figure.ts";
import { buildLoad, load } from "./load.ts";
import { residentBytes } from "./process.ts";

const TRIES = 5;
/** Milliseconds. */
const MOST_LATER = 5;
const MOST_MEMORY = 1.2;
/** Seconds that memory may take to come back. */
const PATIENCE = 60;

const FLOODS = {
  "QoS 0, 64 B": "--mode pairs --pubs 1 --qos 0",
  "QoS 0, 64 B, 50 publishers": "--mode pairs --pubs 50 --qos 0",
  "QoS 0, 64 KiB": "--mode pairs --pubs 1 --qos 0 --payload 65536 --window 50",
  "QoS 1, 64 B": "--mode pairs --pubs 1 --qos 1 --inflight 200",
  "QoS 0 to 100": "--mode fanout --subs 100 --qos 0",
} as const;

const flooder = await buildLoad();
const victim = await buildLoad(true);
let broken = 0;
for (const [name, args] of Object.entries(FLOODS)) await flood(name, args.split(" "));
await storm();
Deno.exit(broken === 0 ? 0 : 1);

/** A steady client alone, then beside a flood, by turns. */
async function flood(name: string, args: readonly string[]): Promise<void> {
  const alone: number[] = [];
  const beside: number[] = [];
  for (let at = 0; at < TRIES; at++) {
    const broker = await dunlin();
    try {
      alone.push(await steady(broker));
      const flooding = load(flooder, broker, [...args, "--duration", "4", "--drain", "1"]);
      beside.push(await steady(broker));
      const { verdict, msgs_s } = await flooding;
      if (verdict !== "exact") console.log(`  the flood: ${verdict}, ${msgs_s} messages/s`);
    } finally {
      await broker.stop();
    }
  }
  const later = median(beside) - median(alone);
  const bad = later > MOST_LATER;
  if (bad) broken += 1;
  console.log(
    `flood of ${name}`.padEnd(38),
    `p99 alone ${median(alone).toFixed(1)} ms, beside it ${median(beside).toFixed(1)} ms:`,
    `${later.toFixed(1)} ms more${bad ? ` (at most ${MOST_LATER})` : ""}`,
  );
}

/** The p99 in milliseconds of one message each millisecond, for 2 s; begins a second before it measures. */
async function steady(broker: Broker): Promise<number> {
  const args = "--mode pairs --pubs 1 --rate 1000 --prefix steady --duration 2 --warmup 1.5";
  const result = await load(victim, broker, args.split(" "));
  if (result["verdict"] !== "exact") throw new Error(`the steady client: ${result["verdict"]}`);
  return field(result, "p99_us") / 1000;
}

async function storm(): Promise<void> {
  const broker = await dunlin();
  try {
    await load(victim, broker, "--mode pairs --pubs 1 --duration 1".split(" "));
    await seconds(3);
    const before = residentBytes(broker.pid);
    await load(flooder, broker, "--mode connect --clients 5000 --hold 1".split(" "));
    await load(flooder, broker, "--mode pairs --pubs 50 --duration 4".split(" "));
    await load(flooder, broker, "--mode fanout --subs 500 --duration 2".split(" "));
    const most = residentBytes(broker.pid, "VmHWM");
    let after = residentBytes(broker.pid);
    let waited = 0;
    for (; waited < PATIENCE && after > before * MOST_MEMORY; waited++) {
      await seconds(1);
      after = residentBytes(broker.pid);
    }
    const bad = after > before * MOST_MEMORY;
    if (bad) broken += 1;
    console.log(
      "storm".padEnd(38),
      `before ${mb(before)}, at most ${mb(most)}, ${waited} s after it ${mb(after)}:`,
      `${(after / before).toFixed(2)} times${bad ? ` (at most ${MOST_MEMORY})` : ""}`,
    );
  } finally {
    await broker.stop();
  }
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}
