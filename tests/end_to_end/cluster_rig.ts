/**
 * A cluster as a user would start it: a Redis that keeps what it acknowledges, and brokers that are processes, each
 * with a configuration of its own. Any of them may be killed, stopped and started again.
 */

import assert from "node:assert/strict";
import { freePort } from "../free_port.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import { PATIENCE } from "./within.ts";

/** A Redis that is a process of its own, with its data in a directory of its own. */
export interface RedisProcess {
  readonly port: number;
  readonly url: string;
  readonly pid: () => number;
  /** kill -9, and waits until it is no more. */
  readonly kill: () => Promise<void>;
  /** Starts it again on what it has kept, and waits until it answers. */
  readonly start: () => Promise<void>;
  /** Ends it and takes its directory away. */
  readonly end: () => Promise<void>;
}

/** Starts one; `more` are settings as on its command line: `--appendfsync`, `everysec`. */
export async function startRedis(more: readonly string[] = []): Promise<RedisProcess> {
  const port = freePort();
  const directory = await Deno.makeTempDir({ prefix: "dunlin-redis-" });
  let child: Deno.ChildProcess | undefined;
  const slay = () => {
    try {
      child?.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
  };
  globalThis.addEventListener("unload", slay);
  const kill = async () => {
    slay();
    await child?.status;
  };
  const start = async () => {
    child = new Deno.Command("redis-server", {
      args: [
        ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", directory, "--save", ""],
        ...["--appendonly", "yes", "--appendfsync", "always", ...more],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await answers(port);
  };
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    pid: () => child!.pid,
    kill,
    start,
    async end() {
      globalThis.removeEventListener("unload", slay);
      await kill();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Waits until a Redis has loaded what it kept. */
async function answers(port: number): Promise<void> {
  const until = performance.now() + PATIENCE;
  for (;;) {
    try {
      using link = await Deno.connect({ hostname: "127.0.0.1", port });
      await link.write(new TextEncoder().encode("PING\r\n"));
      const answer = new Uint8Array(64);
      const count = await link.read(answer);
      if (new TextDecoder().decode(answer.subarray(0, count ?? 0)).startsWith("+PONG")) return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
    assert.ok(performance.now() < until, `waited in vain for the Redis on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

type Json = { readonly [key: string]: unknown };

export interface ClusterRig {
  readonly redis: RedisProcess;
  /** The brokers that run, by their names. */
  readonly nodes: ReadonlyMap<string, BrokerProcess>;
  readonly node: (name: string) => BrokerProcess;
  /** Starts one more, or one again; waits until all that run know it. */
  readonly start: (name: string, more?: Json) => Promise<BrokerProcess>;
  /** SIGTERM, and waits for the end, which must be a good one. */
  readonly stop: (name: string) => Promise<void>;
  /** SIGKILL, and waits for the end. */
  readonly kill: (name: string) => Promise<void>;
  /** Waits until it has ended by itself; how, in words. */
  readonly ended: (name: string) => Promise<string>;
  /** Ends all that still run. */
  readonly end: () => Promise<void>;
}

export interface RigOptions {
  /** In the section `cluster` of each. */
  readonly cluster?: Json;
  /** In the section `store.redis` of each. */
  readonly redis?: Json;
  /** Beside those. */
  readonly config?: Json;
  /** Of redis-server. */
  readonly server?: readonly string[];
}

/** Starts a Redis and brokers of these names. */
export async function startCluster(
  names: readonly string[],
  { cluster, redis: settings, config, server }: RigOptions = {},
): Promise<ClusterRig> {
  const redis = await startRedis(server);
  const nodes = new Map<string, BrokerProcess>();
  const nodeOf = (name: string): BrokerProcess => {
    const node = nodes.get(name);
    assert.ok(node !== undefined, `the node ${name} does not run`);
    return node;
  };
  const start = async (name: string, more: Json = {}) => {
    const node = await startBroker({
      store: { redis: { url: redis.url, ...settings } },
      cluster: { name, lease: 2, ...cluster },
      sysInterval: 1,
      ...config,
      ...more,
    });
    nodes.set(name, node);
    const id = idOf(node);
    const heard = [...nodes.values()].map((other) =>
      other.logged(
        ({ message, nodes }) =>
          message === "nodes of the cluster" && `${nodes}`.split(" ").includes(id),
        `all nodes to know ${id}`,
      )
    );
    await Promise.all(heard);
    return node;
  };
  const gone = async (name: string) => {
    const node = nodeOf(name);
    nodes.delete(name);
    return await node.ended();
  };
  const kill = async (name: string) => {
    Deno.kill(nodeOf(name).pid, "SIGKILL");
    await gone(name);
  };
  const end = async () => {
    for (const name of [...nodes.keys()]) await kill(name);
    await redis.end();
  };
  try {
    for (const name of names) await start(name);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    redis,
    nodes,
    node: nodeOf,
    start,
    async stop(name) {
      const node = nodeOf(name);
      nodes.delete(name);
      await node.stop();
    },
    kill,
    ended: gone,
    end,
  };
}

/** What a node that has started calls itself towards the others. */
export function idOf({ log }: BrokerProcess): string {
  const started = log().find(({ message }) => message === "started");
  assert.ok(typeof started?.["node"] === "string", "the broker does not say which node it is");
  return started["node"];
}

/** A cluster for one test, which ends with it; those that still run at its end have to end well. */
export async function withCluster(
  names: readonly string[],
  options: RigOptions,
  test: (rig: ClusterRig) => Promise<void>,
): Promise<void> {
  const rig = await startCluster(names, options);
  try {
    await test(rig);
    for (const name of [...rig.nodes.keys()]) await rig.stop(name);
  } finally {
    await rig.end();
  }
}
