/**
 * The real program, started and ended as a user would: `deno run` with the permissions of the `start`
 * task, a configuration file, a free port, SIGTERM.
 */

import assert from "node:assert/strict";
import deno from "../../deno.json" with { type: "json" };
import { Lines } from "./lines.ts";
import { PATIENCE, within } from "./within.ts";

const root = new URL("../../", import.meta.url).pathname;

/** One line of the log, format json. */
export interface LogLine {
  readonly level: string;
  readonly category: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface BrokerProcess {
  readonly pid: number;
  /** Its configuration. */
  readonly file: string;
  /** Where it listens, in the order of the listeners. */
  readonly addresses: readonly string[];
  /** Of the first TCP listener. */
  readonly port: number;
  /** All lines of the log so far. */
  readonly log: () => readonly LogLine[];
  /** The first line of the log that `wanted` is true of, from line `from` on; may be there already. */
  readonly logged: (
    wanted: (line: LogLine) => boolean,
    what: string,
    from?: number,
  ) => Promise<LogLine>;
  /** Resident memory in bytes. */
  readonly memory: () => number;
  /** Sends SIGTERM, or another signal, and waits for the end, which must have exit status 0. */
  readonly stop: (signal?: Deno.Signal) => Promise<void>;
  /** Waits until it has ended by itself or by a signal from elsewhere; how, in words. */
  readonly ended: () => Promise<string>;
}

/** Arguments of `deno` as the task `start` has them, with an absolute path of main.ts. */
export function startArguments(task: string = deno.tasks.start): string[] {
  const [program, ...args] = task.split(" ");
  assert.equal(program, "deno", "the task start does not begin with deno");
  const main = args.indexOf("main.ts");
  assert.ok(main > 0, "the task start does not run main.ts");
  return [...args.slice(0, main), `${root}main.ts`, ...args.slice(main + 1)];
}

/**
 * Starts the program and waits until it listens; `config` as in the file, log.format is set here.
 *
 * @param under a program with arguments that becomes the one that it is given as further arguments
 * @param patience milliseconds that the start may take
 */
export async function startBroker(
  config: { readonly [key: string]: unknown } = {},
  under: readonly string[] = [],
  patience = PATIENCE,
): Promise<BrokerProcess> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-e2e-" });
  const file = `${directory}/dunlin.json`;
  await Deno.writeTextFile(file, JSON.stringify({ log: { format: "json" }, ...config }));
  const [program, ...args] = [...under, Deno.execPath(), ...startArguments()];
  const child = new Deno.Command(program!, {
    args: [...args, "--port", "0", "--config", file],
    cwd: directory,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
  };
  globalThis.addEventListener("unload", kill);
  const lines = new Lines(child.stderr);
  const end = async () => {
    const { code, signal } = await within(child.status, "the broker to end").finally(kill);
    globalThis.removeEventListener("unload", kill);
    await lines.ended;
    await Deno.remove(directory, { recursive: true });
    return `exit status ${code}, signal ${signal}`;
  };
  try {
    const started = (line: string) => parse(line)?.message === "started";
    await lines.find(started, "the broker to start", { patience });
  } catch (error) {
    kill();
    await end();
    throw error;
  }
  const addresses = lines.all.map(parse)
    .filter((line) => line?.message === "listening").map((line) => String(line!.address));
  return {
    pid: child.pid,
    file,
    addresses,
    port: Number(addresses.find((address) => /:\d+$/.test(address))?.split(":").at(-1)),
    log: () => lines.all.map(parse).filter((line) => line !== undefined),
    async logged(wanted, what, from = 0) {
      const isWanted = (line: string) => {
        const parsed = parse(line);
        return parsed !== undefined && wanted(parsed);
      };
      return parse(await lines.find(isWanted, what, { from }))!;
    },
    memory: () => residentBytes(child.pid),
    async stop(signal = "SIGTERM") {
      try {
        child.kill(signal);
      } catch { // it has ended already, which its status tells
      }
      assert.equal(await end(), "exit status 0, signal null", lines.all.slice(-5).join("\n"));
    },
    ended: end,
  };
}

function parse(line: string): LogLine | undefined {
  return line.startsWith("{") ? JSON.parse(line) : undefined;
}

/** Linux only; elsewhere 0, so that a bound on memory holds trivially. */
function residentBytes(pid: number): number {
  if (Deno.build.os !== "linux") return 0;
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

/** A broker that the tests of one file share: started before the first, stopped after the last. */
export function sharedBroker(
  config: { readonly [key: string]: unknown } = {},
): () => BrokerProcess {
  let broker: BrokerProcess | undefined;
  Deno.test.beforeAll(async () => {
    broker = await startBroker(config);
  });
  Deno.test.afterAll(async () => {
    await broker?.stop();
  });
  return () => {
    assert.ok(broker !== undefined, "the broker has not been started");
    return broker;
  };
}
