/**
 * `deno task bench --fairness`: what the issue bounds in time and memory, and a busy machine cannot hold in a
 * test. The p99 of a client with 1,000 messages a second may rise by no more than 5 ms while another floods; a
 * subscriber that never reads costs no more than its outbox; memory must come back to within 20 % after a storm of
 * connections and messages. Medians of five tries, each beside the same without the flood, and by turns with
 * mosquitto, which is bound to nothing here. Exits with 1 where dunlin breaks a bound.
 *
 * Options: `--only WORD` of the names that are printed, `--runs N` tries.
 */

import { parseArgs } from "node:util";
import { defaultLimits } from "../../src/policy/limits.ts";
import { BareClient } from "./bare_client.ts";
import type { Broker } from "./brokers.ts";
import { dunlin, mosquitto } from "./brokers.ts";
import { field, median } from "./figure.ts";
import { buildLoad, load } from "./load.ts";
import { residentBytes } from "./process.ts";

/** Milliseconds. */
const MOST_LATER = 5;
const MOST_MEMORY = 1.2;
/** Seconds that memory may take to come back. */
const PATIENCE = 60;

const FLOODS = {
  "QoS 0, 64 B": "--mode pairs --pubs 1 --qos 0",
  "QoS 0, 64 B, 50 publishers": "--mode pairs --pubs 50 --qos 0",
  "QoS 0, 64 KiB": "--mode pairs --pubs 1 --qos 0 --payload 65536 --window 50",
  "QoS 0, 64 KiB, 50 publishers": "--mode pairs --pubs 50 --qos 0 --payload 65536 --window 50",
  "QoS 1, 64 B": "--mode pairs --pubs 1 --qos 1 --inflight 200",
  "QoS 0 to 100": "--mode fanout --subs 100 --qos 0",
} as const;

const { values } = parseArgs({
  options: { only: { type: "string", default: "" }, runs: { type: "string", default: "5" } },
});
const tries = Number(values.runs);
const generator = await buildLoad();
/** Our own: two of mqload would have the same Client Identifiers. */
const steadily = await buildLoad(true);
let broken = 0;
for (const [what, args] of Object.entries(FLOODS)) {
  const name = `flood of ${what}`;
  if (name.includes(values.only)) await flood(name, args.split(" "));
}
if ("a subscriber that never reads".includes(values.only)) await deaf();
if ("storm".includes(values.only)) await storm();
Deno.exit(broken === 0 ? 0 : 1);

/** A steady client alone, then beside a flood, by turns. */
async function flood(name: string, args: readonly string[]): Promise<void> {
  const seen = [dunlin, mosquitto].map((make) => ({ make, alone: [0], beside: [0], flooded: [0] }));
  for (const each of seen) each.alone.length = each.beside.length = each.flooded.length = 0;
  for (let at = 0; at < tries; at++) {
    for (const { make, alone, beside, flooded } of seen) {
      const broker = await make();
      try {
        alone.push(await steady(broker));
        const flooding = load(generator, broker, [...args, "--duration", "4", "--drain", "1"]);
        beside.push(await steady(broker));
        const { verdict, msgs_s } = await flooding;
        flooded.push(Number(msgs_s));
        if (verdict !== "exact") console.log(`  the flood through ${broker.name}: ${verdict}`);
      } finally {
        await broker.stop();
      }
    }
  }
  for (const { make, alone, beside, flooded } of seen) {
    const later = median(beside) - median(alone);
    const bad = make === dunlin && later > MOST_LATER;
    if (bad) broken += 1;
    console.log(
      (make === dunlin ? name : "  through mosquitto").padEnd(38),
      `p99 alone ${median(alone).toFixed(1)} ms, beside it ${median(beside).toFixed(1)} ms:`,
      `${later.toFixed(1)} ms more${bad ? ` (at most ${MOST_LATER})` : ""},`,
      `the flood ${Math.round(median(flooded)).toLocaleString("en")}/s`,
    );
  }
}

/** The p99 in milliseconds of one message each millisecond, for 2 s; begins 1.5 s before it measures. */
async function steady(broker: Broker): Promise<number> {
  const args = "--mode pairs --pubs 1 --rate 1000 --prefix steady --duration 2 --warmup 1.5";
  const result = await load(steadily, broker, args.split(" "));
  if (result["verdict"] !== "exact") throw new Error(`the steady client: ${result["verdict"]}`);
  return field(result, "p99_us") / 1000;
}

/** Messages for one who reads and one who does not, and the same again for the one who reads alone. */
async function deaf(): Promise<void> {
  for (const make of [dunlin, mosquitto]) {
    const broker = await make();
    try {
      const args = "--mode pairs --pubs 1 --payload 65536 --window 20 --duration 2".split(" ");
      const alone = await load(generator, broker, args);
      const before = residentBytes(broker.pid);
      await (await BareClient.connect(broker.port, "deaf")).subscribe("#");
      const beside = await load(generator, broker, args);
      const cost = residentBytes(broker.pid) - before;
      // Its outbox, and as much again for what the collector has not found yet.
      const bad = make === dunlin &&
        (beside["verdict"] !== "exact" || cost > 2 * defaultLimits.outboxMaximum);
      if (bad) broken += 1;
      console.log(
        (make === dunlin ? "a subscriber that never reads" : "  of mosquitto").padEnd(38),
        `${mb(cost)} more beside it, ${beside["verdict"]},`,
        `${field(beside, "msgs_s")} messages/s, ${field(alone, "msgs_s")} without it`,
        bad ? `(at most ${mb(2 * defaultLimits.outboxMaximum)}, exact)` : "",
      );
    } finally {
      await broker.stop();
    }
  }
}

async function storm(): Promise<void> {
  const broker = await dunlin();
  try {
    await load(generator, broker, "--mode pairs --pubs 1 --duration 1".split(" "));
    await seconds(3);
    const before = residentBytes(broker.pid);
    await load(generator, broker, "--mode connect --clients 5000 --hold 1".split(" "));
    await load(generator, broker, "--mode pairs --pubs 50 --duration 4".split(" "));
    await load(generator, broker, "--mode fanout --subs 500 --duration 2".split(" "));
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
