/**
 * What TLS costs, against Debian's mosquitto in the same run: QoS 0 messages a second over TLS and over TCP with
 * the same clients, and new TLS connections a second, each by `openssl s_time`. Issue 6.
 *
 * deno run -A tests/bench/tls.ts [--seconds N] (4) [--pairs N] (20)
 */

import { parseArgs } from "node:util";
import { freePort } from "../free_port.ts";
import type { Authority } from "../transport/certificates.ts";
import { withAuthority } from "../transport/certificates.ts";
import type { Broker } from "./brokers.ts";
import { dunlinTls, mosquittoTls } from "./brokers.ts";
import { LoadClient } from "./own_client.ts";
import { processorSeconds } from "./process.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "4" }, pairs: { type: "string", default: "20" } },
});
const seconds = Number(values.seconds);
const pairs = Number(values.pairs);
/** Messages of a publisher that are on their way at most; it sends the next when all have come. */
const BATCH = 250;
const PAYLOAD = 64;

/** A rate, and the same for a second of the broker's processor. */
interface Rate {
  readonly perSecond: number;
  readonly perProcessor: number;
}

await withAuthority(async (authority) => {
  const pair = await authority.issue("localhost", { names: "DNS:localhost,IP:127.0.0.1" });
  const rates: Record<string, Record<string, Rate>> = {};
  for (const start of [dunlinTls, mosquittoTls]) {
    const tlsPort = freePort();
    const broker = await start(pair, tlsPort);
    try {
      rates[broker.name] = {
        "messages over TCP": await messages(broker, () => tcp(broker.port)),
        "messages over TLS": await messages(broker, () => tls(tlsPort, authority)),
        "new TLS connections": await connections(broker, tlsPort),
      };
    } finally {
      await broker.stop();
    }
  }
  const { dunlin, mosquitto } = rates;
  for (const [what, ours] of Object.entries(dunlin!)) {
    const theirs = mosquitto![what]!;
    say(what, ours.perSecond, theirs.perSecond);
    say("  by processor", ours.perProcessor, theirs.perProcessor);
  }
});

function say(what: string, ours: number, theirs: number): void {
  const [a, b] = [ours, theirs].map((rate) => Math.round(rate).toLocaleString("en").padStart(12));
  console.log(`${what.padEnd(22)} dunlin ${a}/s  mosquitto ${b}/s  ${(ours / theirs).toFixed(2)}`);
}

async function tcp(port: number): Promise<Deno.Conn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  return conn;
}

async function tls(port: number, { certificate }: Authority): Promise<Deno.Conn> {
  const caCerts = [await Deno.readTextFile(certificate)];
  return await Deno.connectTls({ hostname: "localhost", port, caCerts });
}

/** Pairs of a publisher and a subscriber for some seconds; every message has to come. */
async function messages(broker: Broker, dial: () => Promise<Deno.Conn>): Promise<Rate> {
  let received = 0;
  let over = false;
  const work = Array.from({ length: pairs }, async (_, at) => {
    const panel = await LoadClient.over(await dial(), 4, `panel${at}`);
    const pump = await LoadClient.over(await dial(), 4, `pump${at}`);
    await panel.subscribe(`tls/${at}`, 0);
    const batch = publishes(`tls/${at}`);
    let missing = 0;
    let go: () => void = () => {};
    const listening = panel.listen({
      published() {
        received += 1;
        if (--missing === 0) go();
      },
      done() {},
    });
    while (!over) {
      missing = BATCH;
      const all = new Promise<void>((resolve) => go = resolve);
      await pump.send(batch);
      await all;
    }
    await Promise.all([pump.disconnect(), panel.disconnect(), listening]);
  });
  const [from, used] = [performance.now(), processorSeconds(broker.pid)];
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const count = received;
  const [took, worked] = [performance.now() - from, processorSeconds(broker.pid) - used];
  over = true;
  await Promise.all(work);
  return { perSecond: count / took * 1000, perProcessor: count / worked };
}

/** PUBLISH packets in one piece: QoS 0, 3.1.1. */
function publishes(topic: string): Uint8Array {
  const body = [0, topic.length, ...new TextEncoder().encode(topic), ...new Uint8Array(PAYLOAD)];
  return Uint8Array.from(Array.from({ length: BATCH }, () => [0x30, body.length, ...body]).flat());
}

/** Full handshakes, one behind the other. */
async function connections(broker: Broker, port: number): Promise<Rate> {
  const used = processorSeconds(broker.pid);
  const { stdout } = await new Deno.Command("taskset", {
    args: [
      ...["-c", "1", "openssl", "s_time", "-connect", `127.0.0.1:${port}`, "-new"],
      ...["-time", `${seconds}`],
    ],
    stdout: "piped",
    stderr: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  const found = /(\d+) connections in (\d+) real seconds/.exec(text);
  if (found === null) throw new Error(`openssl s_time said:\n${text}`);
  const count = Number(found[1]);
  const worked = processorSeconds(broker.pid) - used;
  return { perSecond: count / Number(found[2]), perProcessor: count / worked };
}
