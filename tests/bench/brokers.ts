/**
 * The brokers that are measured, each a process of its own: on the first core, or, where work is done for
 * the disk, on any.
 */

import { freePort } from "../free_port.ts";

export interface Broker {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** Milliseconds from the start of the process to the first connection that it took. */
  readonly started: number;
  stop(): Promise<void>;
}

/** The cores of `taskset` that a broker and its load share when the disk has its part too. */
export const ANY_CORE = "0-1";

/** Arguments of `nice` that put measured processes before others; without the right to, it goes on. */
export const FIRST = ["-n", "-15"];

const ROOT = new URL("../..", import.meta.url).pathname;

/** dunlin from source, its store in memory as mosquitto's is, with queues as long as mosquitto's defaults, logging warnings only. */
export function dunlin(): Promise<Broker> {
  return start("dunlin", (port, directory) => {
    return [...startTask(), "--config", configOf(directory, port, {})];
  });
}

/** The same with long queues. */
export function dunlinLongQueues(): Promise<Broker> {
  return start("dunlin", (port, directory) => {
    const limits = { ...LONG_QUEUES, queuedBytes: 4_000_000_000 };
    return [...startTask(), "--config", configOf(directory, port, { limits })];
  });
}

/** The same from the bundle that `bundle` made, with the flags and permissions of the task `start`. */
export function dunlinBundled(program: string): Promise<Broker> {
  return start("dunlin", (port, directory) => {
    const command = startTask().map((word) => word === "main.ts" ? program : word);
    return [...command, "--config", configOf(directory, port, {})];
  });
}

/** Bundles dunlin as the task `bundle` does; the path of the program, in a new directory. */
export async function bundle(): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-bench-bundle-" });
  for (const command of task("bundle").join(" ").replaceAll("dist", directory).split(" && ")) {
    const args = command.split(" ").slice(1);
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT })
      .output();
    if (!success) throw new Error(`cannot bundle: ${new TextDecoder().decode(stderr)}`);
  }
  return `${directory}/main.js`;
}

/** Any broker by a command of the shell in which `{port}` stands for the port to listen on. */
export function commanded(command: string): Promise<Broker> {
  if (!command.includes("{port}")) {
    throw new Error(`--against "${command}": expected {port} where the broker's port goes`);
  }
  return start("peer", (port) => ["sh", "-c", `exec ${command.replaceAll("{port}", `${port}`)}`]);
}

/** Debian's mosquitto with its defaults. */
export function mosquitto(): Promise<Broker> {
  return start("mosquitto", (port, directory) => {
    const config = `${directory}/mosquitto.conf`;
    Deno.writeTextFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\n`);
    return ["mosquitto", "-c", config];
  });
}

/** The same, but for its queues, which have no end: by default they take 1,000 messages. */
export function mosquittoLongQueues(): Promise<Broker> {
  return start("mosquitto", (port, directory) => {
    const config = `${directory}/mosquitto.conf`;
    const lines = [
      `listener ${port} 127.0.0.1`,
      "allow_anonymous true",
      "max_queued_messages 0",
      "",
    ];
    Deno.writeTextFileSync(config, lines.join("\n"));
    return ["mosquitto", "-c", config];
  });
}

/** A certificate and its key, in files. */
export interface Certified {
  readonly certificate: string;
  readonly key: string;
}

/** dunlin with a second listener, for TLS. */
export function dunlinTls({ certificate, key }: Certified, tlsPort: number): Promise<Broker> {
  return start("dunlin", (port, directory) => {
    const listeners = [{ type: "tcp", port }, {
      type: "tls",
      address: "127.0.0.1",
      port: tlsPort,
      certificate,
      key,
    }];
    return [...startTask(), "--config", configOf(directory, port, { listeners })];
  });
}

/** mosquitto with the same. */
export function mosquittoTls({ certificate, key }: Certified, tlsPort: number): Promise<Broker> {
  return start("mosquitto", (port, directory) => {
    const config = `${directory}/mosquitto.conf`;
    const lines = [
      ...["user root", "allow_anonymous true"],
      ...[`listener ${port} 127.0.0.1`, `listener ${tlsPort} 127.0.0.1`],
      ...[`certfile ${certificate}`, `keyfile ${key}`, ""],
    ];
    Deno.writeTextFileSync(config, lines.join("\n"));
    return ["mosquitto", "-c", config];
  });
}

/** Queues for millions of messages. */
const LONG_QUEUES = { queuedMessagesPerSession: 10_000_000, queuedBytesPerSession: 4_000_000_000 };

/** dunlin with long queues, in memory or fsynced, as `deno task start` runs it. */
export function dunlinWith(store: "memory" | "denoKv"): Promise<Broker> {
  return start(store === "memory" ? "memory" : "fsynced", (port, directory) => {
    const limits = { ...LONG_QUEUES, queuedBytes: 4_000_000_000 };
    const config = configOf(directory, port, { store, data: `${directory}/data`, limits });
    return [...startTask(), "--config", config];
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
  const began = performance.now();
  const child = new Deno.Command("nice", {
    args: [...FIRST, "taskset", "-c", cores, ...command(port, directory)],
    cwd: ROOT,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let ended = false;
  void child.status.then(() => ended = true);
  await reachable(port, () => ended);
  return {
    name,
    port,
    pid: child.pid,
    started: performance.now() - began,
    async stop() {
      if (!ended) child.kill("SIGTERM");
      await child.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** The words of a task of deno.json. */
function task(name: string): string[] {
  return JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`)).tasks[name].split(" ");
}

function startTask(): string[] {
  return task("start");
}

function configOf(directory: string, port: number, more: Record<string, unknown>): string {
  const config = `${directory}/dunlin.json`;
  const listeners = [{ type: "tcp", port }];
  const all = { store: "memory", log: { level: "warn" }, listeners, ...more };
  Deno.writeTextFileSync(config, JSON.stringify(all));
  return config;
}

/** Waits until somebody listens there: a process says so in no other way that all brokers share. */
async function reachable(port: number, ended: () => boolean): Promise<void> {
  for (const from = performance.now(); performance.now() - from < 10_000 && !ended();) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
  throw new Error(
    ended()
      ? "the broker ended before it listened: try its command by hand"
      : `nobody listens on port ${port} after 10 s`,
  );
}
