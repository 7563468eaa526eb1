/**
 * Redis as users set it up, in real processes: one server; one with replicas and three Sentinels; a Cluster of
 * three masters with a replica each. Each can be asked to lose its master, and says when it could lose another
 * without losing what it promises.
 */

import { freePort } from "../free_port.ts";
import { pause, RedisProcess, until } from "./redis_process.ts";

export type RedisKind = "single" | "sentinel" | "cluster";

export interface RedisRig {
  readonly kind: RedisKind;
  /** Of the server, or of the sentinels or of the masters. */
  readonly ports: readonly number[];
  /** The one that has the keys of the installation. */
  master(): Promise<RedisProcess>;
  /** `kill -9` of the master; resolves, with a port, when it has been started again, so many milliseconds later. */
  killMaster(down: number): Promise<number>;
  /** Stops the master for a while, as a machine that hangs does. */
  pauseMaster(milliseconds: number): Promise<number>;
  /** Ends all links that clients have to the master. */
  cutLinks(): Promise<void>;
  /** Resolves when the loss of the master would be no loss. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

const NAME = "dunlin";

/** @param prefix of the keys, whose slot decides which master of a Cluster counts */
export async function startRedis(
  kind: RedisKind,
  directory: string,
  prefix: string,
  replicas = 1,
): Promise<RedisRig> {
  await Deno.mkdir(directory, { recursive: true });
  if (kind === "single") return await single(directory);
  if (kind === "sentinel") return await sentinels(directory, replicas);
  return await cluster(directory, prefix);
}

async function server(directory: string, port: number, more: readonly string[]) {
  const own = `${directory}/redis-${port}`;
  await Deno.mkdir(own);
  const file = `${own}/redis.conf`;
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    "protected-mode no",
    `dir ${own}`,
    'save ""',
    "appendonly yes",
    "maxmemory-policy noeviction",
    "repl-diskless-sync yes",
    "repl-diskless-sync-delay 0",
    "repl-backlog-size 64mb",
    "repl-timeout 10",
    "repl-ping-replica-period 1",
    ...more,
    "",
  ];
  await Deno.writeTextFile(file, lines.join("\n"));
  const redis = new RedisProcess(port, file, own);
  await redis.start();
  return redis;
}

async function single(directory: string): Promise<RedisRig> {
  const redis = await server(directory, freePort(), ["appendfsync always"]);
  return rig("single", [redis.port], [redis], () => Promise.resolve(redis), async () => {
    await until(async () => await redis.info("loading", "persistence") === "0", "Redis to load");
  });
}

async function sentinels(directory: string, replicas: number): Promise<RedisRig> {
  const first = await server(directory, freePort(), ["appendfsync everysec"]);
  const servers = [first];
  for (let n = 0; n < replicas; n++) {
    const more = ["appendfsync everysec", `replicaof 127.0.0.1 ${first.port}`];
    servers.push(await server(directory, freePort(), more));
  }
  const watchers: RedisProcess[] = [];
  for (let n = 0; n < 3; n++) {
    const port = freePort();
    const own = `${directory}/sentinel-${port}`;
    await Deno.mkdir(own);
    const file = `${own}/sentinel.conf`;
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      "protected-mode no",
      `dir ${own}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${first.port} 2`,
      `sentinel down-after-milliseconds ${NAME} 1000`,
      `sentinel failover-timeout ${NAME} 6000`,
      `sentinel parallel-syncs ${NAME} 1`,
      "",
    ];
    await Deno.writeTextFile(file, lines.join("\n"));
    const watcher = new RedisProcess(port, file, own, true);
    await watcher.start();
    watchers.push(watcher);
  }
  const master = async () => {
    const answer = await watchers[0]!.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME);
    const port = Number(answer.split("\n")[1]);
    return servers.find((each) => each.port === port)!;
  };
  const whole = () =>
    until(
      async () => {
        const one = await master();
        if (await one.info("role") !== "master") return false;
        if (await synced(one) < replicas) return false;
        const known = await watchers[0]!.ask("SENTINEL", "MASTER", NAME);
        if (!/num-slaves\n[1-9]/.test(known) || /[so]_down|failover/.test(flagsOf(known))) {
          return false;
        }
        // Each of the others knows each of the others, so that the quorum is there.
        return /num-other-sentinels\n2/.test(known);
      },
      "a master with its replicas, and Sentinels that agree",
      90_000,
    );
  const all = [...servers, ...watchers];
  await whole();
  return rig("sentinel", watchers.map(({ port }) => port), all, master, whole);
}

function flagsOf(text: string): string {
  return /^flags\n(.*)$/m.exec(text)?.[1] ?? "s_down";
}

/** Replicas that are in step with it. */
async function synced(master: RedisProcess): Promise<number> {
  const text = await master.ask("INFO", "replication").catch(() => "");
  return [...text.matchAll(/^slave\d+:.*state=online/gm)].length;
}

async function cluster(directory: string, prefix: string): Promise<RedisRig> {
  const servers: RedisProcess[] = [];
  for (let n = 0; n < 6; n++) {
    const more = [
      "appendfsync everysec",
      "cluster-enabled yes",
      "cluster-config-file nodes.conf",
      "cluster-node-timeout 2000",
      "cluster-replica-validity-factor 0",
      "cluster-allow-replica-migration no",
    ];
    servers.push(await server(directory, freeClusterPort(), more));
  }
  const { code, stdout } = await new Deno.Command("redis-cli", {
    args: [
      ...["--cluster", "create", ...servers.map(({ port }) => `127.0.0.1:${port}`)],
      ...["--cluster-replicas", "1", "--cluster-yes"],
    ],
    stdout: "piped",
  }).output();
  if (code !== 0) {
    throw new Error(`redis-cli --cluster create: ${new TextDecoder().decode(stdout)}`);
  }
  const slot = Number(await servers[0]!.ask("CLUSTER", "KEYSLOT", `{${prefix}}:x`));
  const master = async () => {
    for (const asked of servers) {
      const text = await asked.ask("CLUSTER", "NODES").catch(() => "");
      for (const line of text.split("\n")) {
        const [, address, flags, , , , , link, ...slots] = line.split(" ");
        if (flags === undefined || !flags.includes("master") || flags.includes("fail")) continue;
        if (link !== "connected" || !slots.some((range) => within(range, slot))) continue;
        const port = Number(address!.split("@")[0]!.split(":").at(-1));
        return servers.find((each) => each.port === port)!;
      }
    }
    throw new Error("no master has the slot");
  };
  const whole = () =>
    until(
      async () => {
        for (const each of servers) {
          const text = await each.ask("CLUSTER", "INFO").catch(() => "");
          if (!/cluster_state:ok/.test(text) || !/cluster_known_nodes:6/.test(text)) return false;
          const nodes = await each.ask("CLUSTER", "NODES").catch(() => "fail");
          if (/fail|handshake|disconnected/.test(nodes)) return false;
          if (await each.info("role") === "master" && await synced(each) < 1) return false;
        }
        return true;
      },
      "a Cluster of three masters with replicas",
      90_000,
    );
  await whole();
  return rig("cluster", servers.map(({ port }) => port), servers, master, whole);
}

function within(range: string, slot: number): boolean {
  const [from, to = from] = range.split("-").map(Number) as [number, number?];
  return slot >= from && slot <= to;
}

/** Its port for the bus is 10,000 above it and has to be free, too. */
function freeClusterPort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 8_000);
    try {
      for (const each of [port, port + 10_000]) {
        Deno.listen({ hostname: "127.0.0.1", port: each }).close();
      }
      return port;
    } catch {
      // Somebody has one of them.
    }
  }
}

function rig(
  kind: RedisKind,
  ports: readonly number[],
  all: readonly RedisProcess[],
  master: () => Promise<RedisProcess>,
  whole: () => Promise<void>,
): RedisRig {
  return {
    kind,
    ports,
    master,
    whole,
    async killMaster(down) {
      const victim = await master();
      await victim.kill();
      await pause(down);
      await victim.start();
      return victim.port;
    },
    async pauseMaster(milliseconds) {
      const victim = await master();
      victim.signal("SIGSTOP");
      await pause(milliseconds);
      victim.signal("SIGCONT");
      return victim.port;
    },
    async cutLinks() {
      await (await master()).ask("CLIENT", "KILL", "TYPE", "normal");
    },
    async stop() {
      await Promise.all(all.map((each) => each.kill()));
    },
  };
}
