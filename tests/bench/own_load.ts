/**
 * A small load generator for where ../shared/bench/mqload.c is not there: `--mode pairs`, `fanout` and
 * `connect`, with mqload's options and the fields of its result that the table needs, as one JSON line. Every
 * delivery is checked off. It costs more a message than mqload does: its figures are those of both together.
 *
 * Options (defaults): `--port --version (4) --qos (0) --payload (64) --pubs (10) --subs (100) --duration (5)
 * --warmup (1) --window (1000) --inflight (20) --batch (250) --rate (0: closed loop) --clients (1000)
 * --parallel (100) --hold (2) --drain (3) --prefix (own) --broker-pid`.
 */

import { parseArgs } from "node:util";
import type { QoS } from "../../src/packet/packet.ts";
import type { Version } from "./own_client.ts";
import { LoadClient } from "./own_client.ts";
import { OwnPublisher } from "./own_publisher.ts";
import { Received, verdictOf } from "./own_stream.ts";
import { processorSeconds, residentBytes } from "./process.ts";

const OPTIONS = [
  ["mode", "port", "version", "qos", "payload", "pubs", "subs", "duration", "warmup", "window"],
  ["inflight", "batch", "rate", "clients", "parallel", "hold", "drain", "broker-pid", "prefix"],
].flat();
const { values } = parseArgs({
  options: Object.fromEntries(OPTIONS.map((name) => [name, { type: "string" as const }])),
});
const option = (name: string, otherwise: number) => Number(values[name] ?? otherwise);
const mode = String(values["mode"]);
const port = option("port", 1883);
const version = option("version", 4) as Version;
const qos = option("qos", 0) as QoS;
const seconds = option("duration", 5);
/** Of Client Identifiers and Topic Names. */
const prefix = values["prefix"] ?? "own";
const pid = option("broker-pid", 0);

if (mode === "connect") await connects();
else if (mode === "pairs" || mode === "fanout") await messages();
else throw new Error(`--mode ${mode}: mqload has it, this has pairs, fanout and connect`);

/** Publishers with numbered messages, and for each of them its subscribers. */
async function messages(): Promise<void> {
  const pubs = option("pubs", mode === "pairs" ? 10 : 1);
  const subs = mode === "pairs" ? 1 : option("subs", 100);
  const began = performance.now();
  const latencies: number[] = [];
  const received: Received[] = [];
  const publishers: OwnPublisher[] = [];
  const clients: LoadClient[] = [];
  let measuring = false;
  let counted = 0;
  let last = 0;
  for (let stream = 0; stream < pubs; stream++) {
    const topic = `${prefix}/${stream}`;
    const client = await LoadClient.connect(port, version, `${prefix}-p${stream}`);
    const publisher = new OwnPublisher(client, topic, stream, {
      qos,
      version,
      payload: option("payload", 64),
      window: Math.max(1, Math.floor(option("window", 1000) / (mode === "pairs" ? 1 : pubs))),
      inflight: option("inflight", 20),
      batch: option("batch", 250),
      subscribers: subs,
    });
    publishers.push(publisher);
    clients.push(client);
    for (let at = 0; at < subs; at++) {
      const subscriber = await LoadClient.connect(port, version, `${prefix}-s${stream}-${at}`);
      await subscriber.subscribe(topic, qos);
      const had = new Received();
      received.push(had);
      clients.push(subscriber);
      void subscriber.listen({
        published(frame, payloadAt) {
          const time = had.take(frame, payloadAt, stream);
          if (time === undefined) return;
          last = performance.now();
          publisher.delivered(had.count);
          if (!measuring) return;
          counted += 1;
          latencies.push(last - time);
        },
        done() {},
      });
    }
  }
  const setup = (performance.now() - began) / 1000;
  const rate = option("rate", 0) / pubs;
  const running = publishers.map((publisher, at) => publisher.run(rate, at / pubs));
  await wait(option("warmup", 1));
  const processor = pid > 0 ? processorSeconds(pid) : 0;
  const own = processorSeconds(Deno.pid);
  const from = performance.now();
  measuring = true;
  await wait(seconds);
  measuring = false;
  const took = (performance.now() - from) / 1000;
  const ownAfter = processorSeconds(Deno.pid);
  const used = pid > 0 ? processorSeconds(pid) - processor : 0;
  for (const publisher of publishers) publisher.stop();
  const sent = () => publishers.reduce((sum, { count }) => sum + count, 0);
  const open = () => publishers.reduce((sum, publisher) => sum + publisher.unacknowledged, 0);
  const had = () => received.reduce((sum, { count }) => sum + count, 0);
  last = Math.max(last, performance.now());
  while (
    (had() < sent() * subs || open() > 0) &&
    performance.now() - last < option("drain", 3) * 1000
  ) await wait(0.02);
  const closed = clients.filter(({ ended }) => ended).length;
  for (const client of clients) client.close();
  await Promise.allSettled(running);
  latencies.sort((a, b) => a - b);
  const quantile = (part: number) => (latencies[Math.floor(latencies.length * part)] ?? 0) * 1000;
  const worst = verdictOf(received, sent() * subs);
  report({
    version,
    qos,
    pubs,
    subs,
    verdict: worst !== "exact" ? worst : closed > 0 ? "CLOSED" : open() > 0 ? "UNACKED" : "exact",
    sent: sent(),
    expected: sent() * subs,
    received: had(),
    msgs_s: counted / took,
    p50_us: quantile(0.5),
    p99_us: quantile(0.99),
    max_us: quantile(0.999999),
    setup_s: setup,
    gen_cpu: (ownAfter - own) / took,
    broker_cpu: used / took,
  });
}

/** Clients that connect, so many at a time, stay idle and leave. */
async function connects(): Promise<void> {
  const count = option("clients", 1000);
  const before = pid > 0 ? residentBytes(pid) : 0;
  const processor = pid > 0 ? processorSeconds(pid) : 0;
  const clients: LoadClient[] = [];
  const from = performance.now();
  let next = 0;
  await Promise.all(Array.from({ length: option("parallel", 100) }, async () => {
    while (next < count) {
      clients.push(await LoadClient.connect(port, version, `${prefix}-${next++}`));
    }
  }));
  const took = (performance.now() - from) / 1000;
  const used = pid > 0 ? processorSeconds(pid) - processor : 0;
  const ears = { published() {}, done() {} };
  for (const client of clients) void client.listen(ears);
  await wait(option("hold", 2));
  const held = pid > 0 ? residentBytes(pid) : 0;
  const dropped = clients.filter(({ ended }) => ended).length;
  await Promise.all(clients.map((client) => client.disconnect()));
  report({
    clients: count,
    verdict: dropped > 0 ? "DROPPED" : "exact",
    connects_s: count / took,
    secs: took,
    broker_cpu: used / took,
    bytes_per_connection: (held - before) / count,
  });
}

function report(result: Record<string, unknown>): void {
  console.log(JSON.stringify({ ok: true, mode, ...result }));
  Deno.exit(result["verdict"] === "exact" ? 0 : 3);
}

function wait(duration: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, duration * 1000));
}
