/**
 * `deno task backlog`: a million queued messages for a thousand absent sessions. Fills the store of the
 * real program through its front door, starts it anew, and measures what the backlog costs: the time to
 * the first CONNACK and the resident memory over a broker with an empty store, then some sessions come
 * back and are drained. Issue 3, "Bounded memory".
 *
 * Options: `--sessions N` (1000), `--each N` (1000) messages a session, `--publishers N` (100),
 * `--drain N` (100) sessions, `--together N` (10) of them at once, `--idle SECONDS` (10),
 * `--data DIRECTORY` to fill only once and use again (each run works on a copy).
 */

import { parseArgs } from "node:util";
import { startArguments } from "../end_to_end/broker_process.ts";
import { freePort } from "../free_port.ts";
import type { Prepared } from "./bare_client.ts";
import { BareClient, prepare } from "./bare_client.ts";

const { values } = parseArgs({
  options: {
    sessions: { type: "string", default: "1000" },
    each: { type: "string", default: "1000" },
    publishers: { type: "string", default: "100" },
    drain: { type: "string", default: "100" },
    together: { type: "string", default: "10" },
    idle: { type: "string", default: "10" },
    data: { type: "string" },
  },
});
const sessions = Number(values.sessions);
const each = Number(values.each);
const publishers = Number(values.publishers);
const PAYLOAD = 64;
/** Of the published messages that may be unacknowledged, for each publisher. */
const WINDOW = 100;

interface Running {
  readonly port: number;
  /** Milliseconds from the start of the process to the first CONNACK. */
  readonly started: number;
  memory(what: "VmRSS" | "VmHWM"): number;
  /** Milliseconds of a processor that it has used: beside other load they say more than the time. */
  processor(): number;
  stop(): Promise<void>;
}

const work = await Deno.makeTempDir({ prefix: "dunlin-backlog-" });
try {
  const data = values.data ?? `${work}/filled`;
  if (!exists(data)) await fill(data);
  await Deno.mkdir(`${work}/data`);
  for (const { name } of Deno.readDirSync(data)) {
    await Deno.copyFile(`${data}/${name}`, `${work}/data/${name}`);
  }
  const idle = await broker(`${work}/empty`);
  await seconds(Number(values.idle));
  const base = idle.memory("VmRSS");
  say("idle broker, empty store", mib(base), `started in ${Math.round(idle.started)} ms`);
  await idle.stop();
  const full = await broker(`${work}/data`);
  const over = (what: string) => say(what, mib(full.memory("VmRSS") - base), "over the idle one");
  say("with the backlog", `started in ${Math.round(full.started)} ms to the first CONNACK`);
  over("  memory at once");
  await seconds(Number(values.idle));
  over(`  memory after ${values.idle} s`);
  await drain(full, Number(values.drain), Number(values.together));
  over("  memory after the drain");
  await seconds(Number(values.idle));
  over(`  memory ${values.idle} s later`);
  say("  most memory ever", mib(full.memory("VmHWM")));
  await full.stop();
} finally {
  await Deno.remove(work, { recursive: true });
}

/** Sessions that subscribe and leave, then publishers that take turns among them. */
async function fill(data: string): Promise<void> {
  const running = await broker(data);
  for (let n = 0; n < sessions; n++) {
    const client = await BareClient.connect(running.port, `panel${n}`);
    await client.subscribe(`backlog/${n}`);
    await client.disconnect();
  }
  const used = running.processor();
  const began = performance.now();
  await Promise.all(Array.from({ length: publishers }, async (_, p) => {
    const client = await BareClient.connect(running.port, `pump${p}`);
    let session = p;
    let number = 0;
    const next = (): Prepared | undefined => {
      if (number === each || p >= sessions) return undefined;
      const payload = new Uint8Array(PAYLOAD);
      new DataView(payload.buffer).setUint32(0, session);
      new DataView(payload.buffer).setUint32(4, number);
      const prepared = prepare(`backlog/${session}`, payload);
      session += publishers;
      if (session >= sessions) {
        session = p;
        number += 1;
      }
      return prepared;
    };
    await client.publishAll(next, WINDOW);
    await client.disconnect();
  }));
  const took = performance.now() - began;
  const cost = perMessage(running.processor() - used, sessions * each);
  say("filled", perSecond(sessions * each, took), cost, `${publishers} publishers`);
  await running.stop();
}

/** Sessions that come back, spread over all; each must get all of its own, once and in order. */
async function drain(running: Running, count: number, together: number): Promise<void> {
  const used = running.processor();
  const began = performance.now();
  const firsts: number[] = [];
  let next = 0;
  let again = 0;
  await Promise.all(Array.from({ length: together }, async () => {
    while (next < count) {
      const session = Math.floor(next++ * sessions / count);
      const knocked = performance.now();
      const client = await BareClient.connect(running.port, `panel${session}`);
      firsts.push(performance.now() - knocked);
      let number = 0;
      await client.drain((payload, dup) => {
        const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
        const [whose, found] = [view.getUint32(0), view.getUint32(4)];
        if (whose === session && found < number && dup) again += 1;
        else if (whose === session && found === number) number += 1;
        else throw new Error(`panel${session}: message ${whose}/${found}, expected ${number}`);
        return number === each;
      });
      await client.disconnect();
    }
  }));
  const took = performance.now() - began;
  firsts.sort((a, b) => a - b);
  say(
    `drained ${count} sessions, ${together} at once`,
    perSecond(count * each, took),
    perMessage(running.processor() - used, count * each),
    `exact, ${again} twice; CONNACK p50 ${firsts[firsts.length >> 1]!.toFixed(1)} ms,`,
    `largest ${firsts.at(-1)!.toFixed(1)} ms`,
  );
}

/** The real program, as `deno task start` runs it. */
async function broker(data: string): Promise<Running> {
  const port = freePort();
  const config = `${work}/dunlin-${port}.json`;
  const listeners = [{ type: "tcp", port }];
  await Deno.writeTextFile(
    config,
    JSON.stringify({ store: "denoKv", data, log: { level: "error" }, listeners }),
  );
  const began = performance.now();
  const flags = Deno.env.get("DUNLIN_FLAGS")?.split(" ") ?? [];
  const [run, ...rest] = startArguments();
  const child = new Deno.Command(Deno.execPath(), {
    args: [run!, ...flags, ...rest, "--config", config],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const client = await BareClient.connect(port, "first");
  const started = performance.now() - began;
  await client.disconnect();
  return {
    port,
    started,
    memory(what) {
      const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
      return Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, "m").exec(status)![1]) * 1024;
    },
    processor() {
      const [, rest] = Deno.readTextFileSync(`/proc/${child.pid}/stat`).split(") ");
      const fields = rest!.split(" ");
      return (Number(fields[11]) + Number(fields[12])) * 10;
    },
    async stop() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}

function mib(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

function perSecond(count: number, milliseconds: number): string {
  return `${Math.round(count / milliseconds * 1000).toLocaleString("en")} messages/s`;
}

function perMessage(processor: number, count: number): string {
  return `${(processor * 1000 / count).toFixed(1)} us of a processor each,`;
}

function say(what: string, ...figures: readonly string[]): void {
  console.log(what.padEnd(34), figures.join("  "));
}
