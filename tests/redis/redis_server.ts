/**
 * Servers of Redis for tests: each of its own directory and port on 127.0.0.1, ended by its process id.
 */

import { connect, type Server as NetServer } from "node:net";
import type { RedisOptions } from "../../src/redis/redis_options.ts";
import { REDIS_DEFAULTS } from "../../src/redis/redis_options.ts";
import { tool } from "../end_to_end/tools.ts";
import { freePort } from "../free_port.ts";

export type { NetServer };

/** Milliseconds after which a server that does not answer never will. */
const PATIENCE = 15_000;

/** Settings by name, as in redis.conf. */
export type Settings = Readonly<Record<string, string>>;

export class RedisServer {
  readonly port: number;
  readonly directory: string;
  readonly #settings: Settings;
  readonly #args: readonly string[];
  #process: Deno.ChildProcess | undefined;

  private constructor(
    port: number,
    directory: string,
    settings: Settings,
    args: readonly string[],
  ) {
    this.port = port;
    this.directory = directory;
    this.#settings = settings;
    this.#args = args;
  }

  /** Starts one; it answers when this resolves. */
  static async start(
    settings: Settings = {},
    { port = freePort(), args = [] as readonly string[] } = {},
  ): Promise<RedisServer> {
    const directory = await Deno.makeTempDir({ prefix: "dunlin-redis-" });
    const server = new RedisServer(port, directory, settings, args);
    await server.run();
    return server;
  }

  /** Starts it again in its directory. */
  async run(): Promise<void> {
    const file = `${this.directory}/redis.conf`;
    try {
      await Deno.stat(file); // a Sentinel writes its own
    } catch {
      const lines = Object.entries({
        port: `${this.port}`,
        bind: "127.0.0.1",
        dir: this.directory,
        save: '""',
        ...this.#settings,
      }).map(([name, value]) => `${name} ${value}\n`);
      await Deno.writeTextFile(file, lines.join(""));
    }
    this.#process = new Deno.Command(tool("redis-server")!, {
      args: [file, ...this.#args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const from = performance.now();
    for (;;) {
      const reply = await this.ask("PING").catch(() => "");
      if (reply.startsWith("+PONG") || reply.startsWith("-NOAUTH")) return;
      if (performance.now() - from > PATIENCE) {
        throw new Error(`redis-server on port ${this.port} does not answer`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Asks on a connection of its own; the first answer as it came, without looking into it. */
  ask(...command: string[]): Promise<string> {
    return askAt(this.port, command);
  }

  /** `kill -9`: what it has not given to the system is gone. */
  async kill(): Promise<void> {
    const process = this.#process;
    if (process === undefined) return;
    this.#process = undefined;
    try {
      process.kill("SIGKILL");
    } catch { // it has ended already
    }
    await process.status;
  }

  /** It stops where it is, connections stay; `resume` lets it go on. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  /** Ends it, and takes its directory away. */
  async close(): Promise<void> {
    await this.kill();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** Asks whoever listens on that port one thing. */
export function askAt(port: number, command: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(port, "127.0.0.1");
  const timer = setTimeout(() => socket.destroy(new Error("no answer")), 5_000);
  let all = "";
  socket.on("error", reject);
  socket.on("data", (data) => {
    all += data.toString("latin1");
    if (!isWhole(all)) return;
    resolve(all);
    socket.destroy();
  });
  socket.on("close", () => {
    clearTimeout(timer);
    reject(new Error("the connection was closed"));
  });
  const parts = command.map((part) => `$${new TextEncoder().encode(part).length}\r\n${part}\r\n`);
  socket.write(`*${command.length}\r\n${parts.join("")}`);
  return promise;
}

/** Whether the text holds one whole answer of RESP 2. */
function isWhole(text: string): boolean {
  return endOf(text, 0) !== -1;
}

function endOf(text: string, at: number): number {
  const line = text.indexOf("\r\n", at);
  if (line === -1) return -1;
  const kind = text[at];
  if (kind !== "$" && kind !== "*") return line + 2;
  const count = Number(text.slice(at + 1, line));
  if (count < 0) return line + 2;
  if (kind === "$") return text.length >= line + 2 + count + 2 ? line + 2 + count + 2 : -1;
  let end = line + 2;
  for (let n = 0; n < count; n++) {
    end = endOf(text, end);
    if (end === -1) return -1;
  }
  return end;
}

/** Options for tests: short times, one server. */
export function redisOptions(port: number, changes: Partial<RedisOptions> = {}): RedisOptions {
  return {
    ...REDIS_DEFAULTS,
    place: { type: "single", address: { host: "127.0.0.1", port }, database: 0 },
    tls: undefined,
    username: undefined,
    password: undefined,
    nodeName: "a",
    alone: false,
    version: "0.1.0",
    leaseMs: 3_000,
    claimTimeoutMs: 4_000,
    commandTimeoutMs: 2_000,
    connectTimeoutMs: 2_000,
    startTimeoutMs: 15_000,
    wantedPromise: undefined,
    ...changes,
  };
}
