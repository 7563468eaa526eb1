/**
 * `deno task durable`: what it costs that PUBACK means "on the disk". dunlin with the Deno KV store, in
 * one run with dunlin in memory and with Debian's mosquitto that saves on changes. Publishers with QoS 1
 * fill the queue of one stored, absent session, which then comes back for it.
 *
 * Options: `--runs N` (3) of each, of which the median counts, `--scale X` (1) of the numbers of messages,
 * `--only WORD` of `fill`, `latency`, `fsync`.
 */

import { parseArgs } from "node:util";
import { BareClient, prepare } from "./bare_client.ts";
import type { Broker } from "./brokers.ts";
import { ANY_CORE, dunlinWith, mosquittoSaving } from "./brokers.ts";
import { buildLoad, load } from "./load.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    scale: { type: "string", default: "1" },
    only: { type: "string", default: "" },
  },
});
const runs = Number(values.runs);
const scale = Number(values.scale);

const BROKERS = [
  { name: "fsynced", make: () => dunlinWith("denoKv") },
  { name: "memory", make: () => dunlinWith("memory") },
  { name: "mosquitto", make: mosquittoSaving },
] as const;
/** Publishers, and the messages that they publish together. */
const FILLS = [[1, 20_000], [10, 100_000], [100, 300_000]] as const;
const LATENCIES = 3_000;
/** mosquitto writes its whole state at every save: more messages would take it minutes. */
const MOST_SAVING = 3_000;

const generator = await buildLoad();
print("", ["fsynced", "memory", "mosquitto", "fsynced/memory", "fsynced/mosquitto"]);
if ("fill".includes(values.only)) { for (const [pubs, count] of FILLS) await fill(pubs, count); }
if ("latency".includes(values.only)) await latency();
if ("fsync".includes(values.only)) { for (const [pubs, count] of FILLS) await fsyncs(pubs, count); }

/** Fill and drain rates, and what a message costs of a processor. */
async function fill(pubs: number, count: number): Promise<void> {
  const stored: number[][] = [];
  const drained: number[][] = [];
  const cost: number[][] = [];
  const verdicts = new Set<string>();
  for (const { name, make } of BROKERS) {
    const results: Record<string, unknown>[] = [];
    const processor: number[] = [];
    for (let run = 0; run < runs; run++) {
      await withBroker(make, async (broker) => {
        const used = milliseconds(broker);
        const result = await offline(broker, pubs, countFor(broker, count));
        processor.push((milliseconds(broker) - used) / Number(result["count"]) * 1000);
        results.push(result);
        if (result["verdict"] !== "exact") verdicts.add(`${name} ${result["verdict"]}`);
      });
    }
    stored.push(results.map((result) => Number(result["stored_s"])));
    drained.push(results.map((result) => Number(result["msgs_s"])));
    cost.push(processor);
  }
  const publishers = `${pubs} publisher${pubs === 1 ? "" : "s"}`;
  row(`fill, ${publishers}, messages/s`, stored);
  row(`drain after it, messages/s`, drained);
  row(`processor for both, us/message`, cost);
  if (verdicts.size > 0) console.log(`  ${[...verdicts].join(", ")}`);
}

/** From PUBLISH to PUBACK, one at a time: of dunlin with its store, a commit. */
async function latency(): Promise<void> {
  const halves: number[][] = [];
  const worst: number[][] = [];
  for (const { make } of BROKERS) {
    const [p50, p99]: [number[], number[]] = [[], []];
    for (let run = 0; run < runs; run++) {
      await withBroker(make, async ({ port }) => {
        const panel = await BareClient.connect(port, "panel");
        await panel.subscribe("plant/#");
        await panel.disconnect();
        const pump = await BareClient.connect(port, "pump");
        const times: number[] = [];
        let left = LATENCIES;
        let sent = 0;
        await pump.publishAll(
          () => {
            sent = performance.now();
            return left-- > 0 ? prepare("plant/pump", new Uint8Array(64)) : undefined;
          },
          1,
          () => times.push((performance.now() - sent) * 1000),
        );
        await pump.disconnect();
        times.sort((a, b) => a - b);
        p50.push(times[times.length >> 1]!);
        p99.push(times[Math.floor(times.length * 0.99)]!);
      });
    }
    halves.push(p50);
    worst.push(p99);
  }
  row("PUBACK p50, one at a time, us", halves);
  row("PUBACK p99", worst);
}

/** System calls that wait for the disk while the queue is filled, with strace. */
async function fsyncs(pubs: number, count: number): Promise<void> {
  const figures: number[][] = [];
  for (const { make } of BROKERS) {
    await withBroker(make, async (broker) => {
      const trace = await Deno.makeTempFile();
      const strace = new Deno.Command("strace", {
        args: ["-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", trace, "-p", String(broker.pid)],
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      await attached(broker.pid);
      const subscribed = lines(trace);
      const messages = countFor(broker, count);
      await fillOnly(broker, pubs, messages);
      figures.push([(lines(trace) - subscribed) / messages * 1000]);
      strace.kill("SIGINT");
      await strace.status;
      await Deno.remove(trace);
    });
  }
  row(`fsyncs per 1,000, ${pubs} publisher${pubs === 1 ? "" : "s"}`, figures);
}

function countFor({ name }: Broker, count: number): number {
  return Math.round(Math.min(count, name === "mosquitto" ? MOST_SAVING : count) * scale);
}

/** The load generator's `offline`: the session leaves, is written to, and comes back. */
function offline(broker: Broker, pubs: number, count: number): Promise<Record<string, unknown>> {
  const args = ["--mode", "offline", "--qos", "1", "--pubs", String(pubs), "--count"];
  return load(generator, broker, [...args, String(count), "--setup", "300"], ANY_CORE);
}

/** The same without the return. */
async function fillOnly({ port }: Broker, pubs: number, count: number): Promise<void> {
  const panel = await BareClient.connect(port, "panel");
  await panel.subscribe("plant/#");
  await panel.disconnect();
  let left = count;
  const prepared = prepare("plant/pump", new Uint8Array(64));
  await Promise.all(Array.from({ length: pubs }, async (_, n) => {
    const pump = await BareClient.connect(port, `pump${n}`);
    await pump.publishAll(() => left-- > 0 ? prepared : undefined, 20);
    await pump.disconnect();
  }));
}

/** Waits until a tracer holds the process. */
async function attached(pid: number): Promise<void> {
  for (let n = 0; n < 500; n++) {
    if (!/^TracerPid:\s+0$/m.test(Deno.readTextFileSync(`/proc/${pid}/status`))) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("strace does not attach: is it installed, and allowed to?");
}

function lines(file: string): number {
  // With several threads a call may take two lines, of which one begins it.
  return Deno.readTextFileSync(file).match(/(fsync|fdatasync)\(/g)?.length ?? 0;
}

async function withBroker(make: () => Promise<Broker>, use: (broker: Broker) => Promise<void>) {
  const broker = await make();
  try {
    await use(broker);
  } finally {
    await broker.stop();
  }
}

/** Processor time that the broker has used, of all its threads. */
function milliseconds({ pid }: Broker): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function row(what: string, figures: readonly number[][]): void {
  const [ours, memory, theirs] = figures.map(median) as [number, number, number];
  const numbers = [ours, memory, theirs].map((figure) =>
    figure >= 100 ? Math.round(figure).toLocaleString("en") : figure.toFixed(2)
  );
  print(what, [...numbers, (ours / memory).toFixed(2), (ours / theirs).toFixed(2)]);
}

function print(what: string, columns: readonly string[]): void {
  console.log(what.padEnd(34), columns.map((column) => column.padStart(10)).join("  "));
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}
