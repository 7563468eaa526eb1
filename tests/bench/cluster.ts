/**
 * What it costs to be several nodes (issue 8): messages a second from publishers on one node to subscribers on
 * another, against the same clients on one node; and the same of aedes with aedes-persistence-redis and
 * mqemitter-redis on a Redis that is set up the same way. All on one machine: nodes, Redis and generator share
 * its processors, so what is spent for each message counts twice. `deno run --allow-all tests/bench/cluster.ts`.
 *
 * Options: `--seconds N` (5) of each run, `--runs N` (3), of which the median counts, `--fsync everysec|always|no`
 * (everysec) of Redis, `--pubs N` (50) pairs, `--only WORD` of the scenario's name, `--growth` for what a route
 * costs as nodes grow instead.
 */

import { parseArgs } from "node:util";
import { spawn, until } from "../cluster_faults/redis_process.ts";
import { clusterConfig } from "../cluster_faults/run.ts";
import { startRedis } from "../cluster_faults/redis_rig.ts";
import { startArguments } from "../end_to_end/broker_process.ts";
import { freePort } from "../free_port.ts";
import { median } from "./figure.ts";
import { buildTwoPorts, loadTwoPorts } from "./two_ports.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    runs: { type: "string", default: "3" },
    fsync: { type: "string", default: "everysec" },
    pubs: { type: "string", default: "50" },
    only: { type: "string", default: "" },
    growth: { type: "boolean", default: false },
  },
});

interface Nodes {
  readonly ports: readonly number[];
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

const PROMISES = { always: "fsynced", everysec: "everySecond", no: "memory" } as const;
const SCENARIOS = [
  { name: "QoS 0", qos: "0", keep: false },
  { name: "QoS 1", qos: "1", keep: false },
  { name: "QoS 1, kept sessions", qos: "1", keep: true },
  { name: "QoS 2", qos: "2", keep: false },
] as const;
type Scenario = (typeof SCENARIOS)[number];

if (values.growth) {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--v8-flags=--expose-gc,--single-threaded,--max-semi-space-size=512,--min-semi-space-size=512",
      new URL("cluster_growth.ts", import.meta.url).pathname,
    ],
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  Deno.exit(code);
}

const program = await buildTwoPorts();
console.log(`${values.pubs} pairs, payload 64, appendfsync ${values.fsync}, messages a second`);
print("", ["two nodes", "one node", "two/one", "aedes two", "aedes one", "two/aedes two"]);
for (const scenario of SCENARIOS) {
  const { name } = scenario;
  if (!name.includes(values.only)) continue;
  const notes = new Set<string>();
  const cell = async (
    what: string,
    start: (redis: number, directory: string) => Promise<Nodes>,
  ) => {
    const figures: number[] = [];
    for (let run = 0; run < Number(values.runs); run++) {
      const result = await measure(start, scenario);
      figures.push(Number(result["msgs_s"] ?? 0));
      if (result["verdict"] !== "exact") {
        notes.add(`${what}: ${result["verdict"] ?? result["error"]}`);
      }
    }
    return median(figures);
  };
  const two = await cell("two nodes", (redis, directory) => dunlin(2, redis, directory));
  const one = await cell("one node", (redis, directory) => dunlin(1, redis, directory));
  const aedesTwo = await cell("aedes two", (redis, directory) => aedes(2, redis, directory));
  const aedesOne = await cell("aedes one", (redis, directory) => aedes(1, redis, directory));
  print(name, [
    ...[two, one].map(whole),
    (two / one).toFixed(2),
    ...[aedesTwo, aedesOne].map(whole),
    (two / aedesTwo).toFixed(1),
  ]);
  for (const note of notes) console.log(`  ${note}`);
}

/** One run on a new Redis: publishers on the first node, subscribers on the last. */
async function measure(
  start: (redis: number, directory: string) => Promise<Nodes>,
  { qos, keep }: Scenario,
): Promise<Record<string, unknown>> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-bench-cluster-" });
  const redis = await startRedis("single", `${directory}/redis`, "dunlin");
  const server = await redis.master();
  await server.ask("CONFIG", "SET", "appendfsync", values.fsync);
  try {
    const nodes = await start(server.port, directory);
    try {
      const [publish, subscribe] = [nodes.ports[0]!, nodes.ports.at(-1)!];
      return await loadTwoPorts(program, publish, subscribe, nodes.pids, [
        ...["--mode", "pairs", "--pubs", values.pubs, "--duration", values.seconds],
        ...["--qos", qos],
      ], keep);
    } finally {
      await nodes.stop();
    }
  } finally {
    await redis.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

function dunlin(count: number, redis: number, directory: string): Promise<Nodes> {
  return started(count, directory, (port, at) => {
    const file = `${directory}/node-${at}.json`;
    const promise = PROMISES[values.fsync as keyof typeof PROMISES];
    const { store, cluster } = clusterConfig(
      at,
      10_000,
      { kind: "single", ports: [redis] },
      promise,
    );
    const config = {
      store,
      cluster,
      data: `${directory}/data-${at}`,
      listeners: [{ type: "tcp", port }],
      log: { level: "warn" },
      limits: { connectRate: 1_000_000 },
    };
    Deno.writeTextFileSync(file, JSON.stringify(config));
    return [...startArguments(), "--config", file];
  });
}

function aedes(count: number, redis: number, directory: string): Promise<Nodes> {
  const file = new URL("aedes_redis.ts", import.meta.url).pathname;
  return started(
    count,
    directory,
    (port) => ["run", "--allow-all", "--no-lock", file, "--port", `${port}`, "--redis", `${redis}`],
  );
}

async function started(
  count: number,
  directory: string,
  command: (port: number, at: number) => readonly string[],
): Promise<Nodes> {
  const children: Deno.ChildProcess[] = [];
  const ports: number[] = [];
  for (let at = 0; at < count; at++) {
    const port = freePort();
    ports.push(port);
    const log = `${directory}/log-${at}`;
    children.push(spawn(Deno.execPath(), command(port, at), log));
    await until(() => listens(port), () => `node ${at}:\n${Deno.readTextFileSync(log)}`);
  }
  return {
    ports,
    pids: children.map(({ pid }) => pid),
    async stop() {
      for (const child of children) child.kill("SIGTERM");
      await Promise.all(children.map(({ status }) => status));
    },
  };
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

function whole(figure: number): string {
  return Math.round(figure).toLocaleString("en");
}

function print(what: string, columns: readonly string[]): void {
  console.log(what.padEnd(20), columns.map((column) => column.padStart(13)).join("  "));
}
