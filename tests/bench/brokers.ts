/**
 * The brokers that are measured, each a process of its own on the first core.
 */

import { freePort } from "../free_port.ts";

export interface Broker {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

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

async function start(
  name: string,
  command: (port: number, directory: string) => string[],
): Promise<Broker> {
  const directory = await Deno.makeTempDir({ prefix: `dunlin-bench-${name}-` });
  const port = freePort();
  const child = new Deno.Command("taskset", {
    args: ["-c", "0", ...command(port, directory)],
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
