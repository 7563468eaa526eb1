/**
 * The brokers that are measured, each a process of its own: on the first core, or, where work is done for
 * the disk, on any.
 */

import { freePort } from "../free_port.ts";

export interface Broker {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The cores of `taskset` that a broker and its load share when the disk has its part too. */
export const ANY_CORE = "0-1";

const ROOT = new URL("../..", import.meta.url).pathname;

/** dunlin from source, its store in memory as mosquitto's is, with queues as long as mosquitto's defaults, logging warnings only. */
export function dunlin(): Promise<Broker> {
  return start("dunlin", (port, directory) => {
    const config = `${directory}/dunlin.json`;
    Deno.writeTextFileSync(
      config,
      JSON.stringify({
        store: "memory",
        log: { level: "warn" },
        listeners: [{ type: "tcp", port }],
      }),
    );
    const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));
    return [...tasks.start.split(" "), "--config", config];
  });
}

/** Debian's mosquitto with its defaults. */
export function mosquitto(): Promise<Broker> {
  return start("mosquitto", (port, directory) => {
    const config = `${directory}/mosquitto.conf`;
    Deno.writeTextFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\n`);
    return ["mosquitto", "-c", config];
  });
}

/** Queues for millions of messages. */
const LONG_QUEUES = { queuedMessagesPerSession: 10_000_000, queuedBytesPerSession: 4_000_000_000 };

/** dunlin with long queues, in memory or fsynced, as `deno task start` runs it. */
export function dunlinWith(store: "memory" | "denoKv"): Promise<Broker> {
  return start(store === "memory" ? "memory" : "fsynced", (port, directory) => {
    const config = `${directory}/dunlin.json`;
    Deno.writeTextFileSync(
      config,
      JSON.stringify({
        store,
        data: `${directory}/data`,
        log: { level: "warn" },
        limits: { ...LONG_QUEUES, queuedBytes: 4_000_000_000 },
        listeners: [{ type: "tcp", port }],
      }),
    );
    const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));
    return [...tasks.start.split(" "), "--config", config];
  }, ANY_CORE);
}

/**
 * Debian's mosquitto, saving its state after every change, no more than once a second: as near as it comes.
 * It acknowledges before it saves, so what it promises is less.
 */
export function mosquittoSaving(): Promise<Broker> {
  return start("mosquitto", (port, directory) => {
    const config = `${directory}/mosquitto.conf`;
    Deno.writeTextFileSync(
      config,
      [
        `listener ${port} 127.0.0.1`,
        "allow_anonymous true",
        "persistence true",
        `persistence_location ${directory}/`,
        "autosave_interval 1",
        "autosave_on_changes true",
        "max_queued_messages 0",
        "user root",
        "",
      ].join("\n"),
    );
    return ["mosquitto", "-c", config];
  }, ANY_CORE);
}

async function start(
  name: string,
  command: (port: number, directory: string) => string[],
  cores = "0",
): Promise<Broker> {
  const directory = await Deno.makeTempDir({ prefix: `dunlin-bench-${name}-` });
  const port = freePort();
  const child = new Deno.Command("taskset", {
    args: ["-c", cores, ...command(port, directory)],
    cwd: ROOT,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await reachable(port);
  return {
    name,
    port,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Waits until somebody listens there: a process says so in no other way that all brokers share. */
async function reachable(port: number): Promise<void> {
  for (let i = 0; i < 200; i++) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`nobody listens on port ${port} after 10 s`);
}
