/**
 * Redis that goes away and comes back, by itself, behind a Sentinel, as a Redis Cluster: what was acknowledged
 * is there, once, and the nodes go on.
 */

import assert from "node:assert/strict";
import { openRedis } from "../../src/redis/open_redis.ts";
import type { RedisNode } from "../../src/redis/redis_node.ts";
import type { RedisOptions, RedisPlace, RedisTls } from "../../src/redis/redis_options.ts";
import { slotOf } from "../../src/redis/whereabouts.ts";
import { delivery, message, putSession } from "../contract/store_values.ts";
import { toolTest } from "../end_to_end/tools.ts";
import { freePort } from "../free_port.ts";
import { withAuthority } from "../transport/certificates.ts";
import { Listening, until } from "./listening.ts";
import { redisOptions, RedisServer } from "./redis_server.ts";

const ROOMY = { messages: 100_000, bytes: 1e9, dropOldest: false };

/** Two nodes: `b` has the session `pump`, `a` posts to it. */
class Pair {
  readonly a: RedisNode;
  readonly b: RedisNode;
  readonly heardA = new Listening();
  readonly heardB = new Listening();
  /** Orders whose commits were acknowledged. */
  readonly acknowledged: number[] = [];
  #order = 0;
  #stop = false;
  #posting: Promise<void> | undefined;

  private constructor(a: RedisNode, b: RedisNode) {
    this.a = a;
    this.b = b;
  }

  static async open(options: RedisOptions): Promise<Pair> {
    const a = await openRedis(options);
    const b = await openRedis({ ...options, nodeName: "b" });
    const pair = new Pair(a, b);
    await a.begin(pair.heardA);
    await b.begin(pair.heardB);
    await a.commit([putSession("pump")]);
    b.claim(1, "pump", 10, false);
    await until("b has the session", () => pair.heardB.all("claimed").length === 1);
    return pair;
  }

  /** Posts one message after the other until `stop`. */
  post(): void {
    this.#stop = false;
    this.#posting = (async () => {
      while (!this.#stop) {
        const order = ++this.#order;
        await this.a.commit([{
          type: "post",
          clientId: "pump",
          delivery: delivery(message(order)),
          bound: ROOMY,
        }]);
        this.acknowledged.push(order);
      }
    })();
    this.#posting.catch(() => {}); // `stop` tells
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await this.#posting;
  }

  /** More is acknowledged. */
  async goesOn(): Promise<void> {
    const before = this.acknowledged.length;
    await until("it goes on", () => this.acknowledged.length > before + 5);
  }

  /** Everything acknowledged is in the queue and was told to its owner, each once and in order. */
  async check(): Promise<void> {
    assert.deepEqual([this.heardA.fencedBy, this.heardB.fencedBy], [undefined, undefined]);
    const queue = (await this.b.read("pump", 0, Infinity)).map(({ message }) => message.order);
    assert.deepEqual(queue, this.acknowledged);
    const mail = () => this.heardB.all("mail").map(({ delivery }) => delivery.message.order);
    await until("all mail is there", () => mail().length >= this.acknowledged.length);
    assert.deepEqual(mail(), this.acknowledged);
    await until("a knows that Redis is back", () => this.heardA.reached.at(-1) !== false);
  }

  async close(): Promise<void> {
    await this.a.close(); // what waits for a Redis that does not come back ends with it
    await this.b.close();
    await this.stop().catch(() => {});
  }
}

async function withPair(
  options: RedisOptions,
  body: (pair: Pair) => Promise<void>,
): Promise<void> {
  const pair = await Pair.open(options);
  try {
    await body(pair);
  } finally {
    await pair.close();
  }
}

const needed = ["redis-server"] as const;

toolTest(needed, "a node goes on when Redis is killed, frozen and started again", async () => {
  const server = await RedisServer.start({ appendonly: "yes", appendfsync: "always" });
  const options = redisOptions(server.port, {
    commandTimeoutMs: 700,
    wantedPromise: "fsynced",
    leaseMs: 4_000,
  });
  await withPair(options, async (pair) => {
    pair.post();
    const back = async () => {
      await pair.goesOn();
      await until("a is back", () => pair.heardA.reached.at(-1) !== false);
    };
    await back();
    for (let round = 0; round < 3; round++) {
      await server.kill();
      await until("a notices", () => pair.heardA.reached.at(-1) === false);
      await server.run();
      await back();
      server.freeze();
      await until("a notices", () => pair.heardA.reached.at(-1) === false);
      server.resume();
      await back();
    }
    await pair.stop();
    await pair.check();
    assert.ok(pair.a.counts.timesAway >= 6);
    // What needs all nodes goes on, too.
    const spreading = await pair.a.commit([{ type: "announce", full: "x", interest: 1 }]);
    await spreading!.everywhere;
    assert.equal(pair.heardB.all("replicated").at(-1)!.writes.at(-1)!.type, "announce");
  });
  await server.close();
});

toolTest(needed, "a node is fenced when Redis has lost what it had acknowledged", async () => {
  const server = await RedisServer.start();
  await withPair(redisOptions(server.port, { wantedPromise: "memory" }), async (pair) => {
    assert.equal(pair.a.promise, "memory");
    pair.post();
    await pair.goesOn();
    await server.kill();
    await server.run();
    await until(
      "both are fenced",
      () => [pair.heardA, pair.heardB].every(({ fencedBy }) => fencedBy !== undefined),
    );
    await assert.rejects(pair.stop(), /no longer part of the cluster/);
    await assert.rejects(pair.b.commit([putSession("lamp")]), /no longer part of the cluster/);
  });
  await server.close();
});

toolTest(needed, "a Sentinel's failover loses nothing when it is to be replicated", async () => {
  const settings = { "repl-diskless-sync-delay": "0", appendonly: "yes", appendfsync: "always" };
  const first = await RedisServer.start(settings);
  const second = await RedisServer.start({
    ...settings,
    replicaof: `127.0.0.1 ${first.port}`,
  });
  const sentinel = await RedisServer.start({
    "sentinel monitor plant": `127.0.0.1 ${first.port} 1`,
    "sentinel down-after-milliseconds plant": "800",
    "sentinel failover-timeout plant": "3000",
  }, { args: ["--sentinel"] });
  const place: RedisPlace = {
    type: "sentinel",
    name: "plant",
    nodes: [{ host: "127.0.0.1", port: 1 }, { host: "127.0.0.1", port: sentinel.port }],
    database: 3,
    username: undefined,
    password: undefined,
  };
  const options = redisOptions(0, {
    place,
    wantedPromise: "replicatedAndFsynced",
    commandTimeoutMs: 1_000,
    connectTimeoutMs: 1_000,
    leaseMs: 6_000,
  });
  await withPair(options, async (pair) => {
    assert.equal(pair.a.promise, "replicatedAndFsynced");
    pair.post();
    for (const [master, other] of [[first, second], [second, first]] as const) {
      await pair.goesOn();
      const from = pair.acknowledged.length;
      await master.kill();
      await until(
        "the other is the master",
        async () => (await other.ask("ROLE").catch(() => "")).includes("master"),
      );
      // With nobody to replicate to nothing more is acknowledged than what was under way.
      assert.ok(pair.acknowledged.length <= from + 200);
      await master.run();
      // As the Sentinel does by itself, after eight seconds and up to a minute.
      await master.ask("REPLICAOF", "127.0.0.1", `${other.port}`);
      await pair.goesOn();
    }
    await pair.stop();
    await pair.check();
  });
  for (const server of [sentinel, second, first]) await server.close();
});

/** Three masters with a replica each; whoever has the slot first. */
async function startCluster(prefix: string): Promise<RedisServer[]> {
  const servers: RedisServer[] = [];
  for (let n = 0; n < 6; n++) {
    servers.push(
      await RedisServer.start({
        "cluster-enabled": "yes",
        "cluster-node-timeout": "1500",
        "repl-diskless-sync-delay": "0",
        appendonly: "yes",
      }),
    );
  }
  const ids: string[] = [];
  for (const server of servers) {
    ids.push(/\r\n(\w{40})\r\n/u.exec(await server.ask("CLUSTER", "MYID"))![1]!);
  }
  const [one] = servers as [RedisServer];
  for (const server of servers.slice(1)) {
    await server.ask("CLUSTER", "MEET", "127.0.0.1", `${one.port}`);
  }
  const bounds = [0, 5_461, 10_923, 16_384];
  for (let n = 0; n < 3; n++) {
    await servers[n]!.ask("CLUSTER", "ADDSLOTSRANGE", `${bounds[n]}`, `${bounds[n + 1]! - 1}`);
  }
  for (let n = 3; n < 6; n++) {
    await until(
      `${n} replicates`,
      async () => (await servers[n]!.ask("CLUSTER", "REPLICATE", ids[n - 3]!)).startsWith("+OK"),
    );
  }
  for (const server of servers) {
    await until("the cluster is well", async () => {
      const info = await server.ask("CLUSTER", "INFO");
      return info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:6");
    });
  }
  const slot = slotOf(prefix);
  const owner = bounds.findIndex((bound) => slot < bound) - 1;
  await until(
    "it is replicated",
    async () => (await servers[owner]!.ask("INFO", "replication")).includes("state=online"),
  );
  return [servers[owner]!, servers[owner + 3]!, ...servers.filter((_, n) => n % 3 !== owner)];
}

toolTest(
  needed,
  "the failover of a Redis Cluster loses nothing when it is to be replicated",
  async () => {
    const prefix = "plant é";
    const servers = await startCluster(prefix);
    const [master, replica, other] = servers as [RedisServer, RedisServer, RedisServer];
    for (const tag of ["dunlin", prefix, "a".repeat(100)]) {
      assert.equal(await other.ask("CLUSTER", "KEYSLOT", `{${tag}}:log`), `:${slotOf(tag)}\r\n`);
    }
    const options = redisOptions(0, {
      place: { type: "cluster", nodes: [{ host: "127.0.0.1", port: other.port }] },
      prefix,
      wantedPromise: "replicated",
      commandTimeoutMs: 1_000,
      connectTimeoutMs: 1_000,
      leaseMs: 8_000,
    });
    await withPair(options, async (pair) => {
      pair.post();
      await pair.goesOn();
      await master.kill();
      await until(
        "the replica is the master",
        async () => (await replica.ask("ROLE").catch(() => "")).includes("master"),
      );
      await master.run();
      await pair.goesOn();
      // Casts go by way of the new master, too.
      const cast = message(9_999, { qos: 0 });
      await until("a cast comes", () => {
        pair.a.cast([pair.b.node], cast, undefined);
        return pair.heardB.all("forwarded").length > 0;
      });
      await pair.stop();
      await pair.check();
    });
    for (const server of servers) await server.close();
  },
);

toolTest(needed, "openRedis() refuses with words when Redis cannot be used", async () => {
  const server = await RedisServer.start({
    requirepass: "right",
    maxmemory: "100mb",
    "maxmemory-policy": "allkeys-lru",
  });
  const options = redisOptions(server.port, { startTimeoutMs: 1_500, password: "right" });
  const refused = (changes: Partial<RedisOptions>, words: RegExp) =>
    assert.rejects(openRedis({ ...options, ...changes }), words);
  await refused({ password: "wrong" }, /refuses the connection.*WRONGPASS/);
  await refused({ password: undefined }, /NOAUTH/);
  await refused({}, /allkeys-lru.*noeviction is expected/);
  const config = async (...setting: string[]) => {
    const answers = await askTwice(server.port, ["AUTH", "right"], ["CONFIG", "SET", ...setting]);
    assert.equal(answers, "+OK\r\n+OK\r\n");
  };
  await config("maxmemory-policy", "noeviction");
  await refused({ wantedPromise: "fsynced" }, /appendonly no.*set appendonly yes/);
  await refused({ wantedPromise: "replicated" }, /0 connected replicas/);
  await refused({
    place: { type: "single", address: { host: "127.0.0.1", port: 1 }, database: 0 },
  }, /cannot be reached.*127\.0\.0\.1:1/);
  const node = await openRedis(options);
  assert.equal(node.promise, "memory");
  await refused({ alone: true, nodeName: "c" }, /a\.\d+-\w+, uses the keyPrefix dunlin/);
  await node.leave();
  await (await openRedis({ ...options, alone: true, nodeName: "c" })).close();
  await server.close();
});

toolTest(needed, "openRedis() takes the configuration's word when it may not ask", async () => {
  const server = await RedisServer.start();
  const granted = ["~*", "&*", "+@all", "-config", "-role"];
  await server.ask("ACL", "SETUSER", "dunlin", "on", ">secret", ...granted);
  const notes: string[] = [];
  const options = redisOptions(server.port, {
    username: "dunlin",
    password: "secret",
    wantedPromise: "fsynced",
  });
  const node = await openRedis(options, ({ message }) => void notes.push(message));
  assert.equal(node.promise, "fsynced");
  assert.match(notes.join("\n"), /does not tell maxmemory-policy[^]*the configuration's word/);
  await node.commit([putSession("pump")]);
  await node.close();
  await server.close();
});

toolTest(
  needed,
  "commit() says that there is no room when Redis is full, and goes on",
  async () => {
    const server = await RedisServer.start({ maxmemory: "6mb" });
    const node = await openRedis(redisOptions(server.port));
    await node.commit([putSession("pump")]);
    const put = (order: number) =>
      node.commit([{
        type: "putQueued",
        clientId: "pump",
        delivery: delivery(message(order, { payload: new Uint8Array(400_000) })),
      }]);
    let stored = 0;
    await assert.rejects(async () => {
      for (; stored < 100; stored++) await put(stored);
    }, (error: Error & { trouble?: string }) => error.trouble === "noRoom");
    assert.ok(stored > 0);
    await assert.rejects(put(stored), /no memory left/);
    await server.ask("CONFIG", "SET", "maxmemory", "60mb");
    await put(stored);
    const queue = await node.read("pump", 0, Infinity);
    assert.deepEqual(queue.map(({ message }) => message.order), [...Array(stored + 1).keys()]);
    await node.close();
    await server.close();
  },
);

toolTest(
  ["redis-server", "openssl"],
  "openRedis() shows its certificate when TLS asks for one",
  () =>
    withAuthority(async (authority) => {
      const own = await authority.issue("redis", { names: "DNS:redis.example" });
      const ours = await authority.issue("dunlin");
      const plain = freePort();
      const server = await RedisServer.start({
        "tls-port": `${plain}`,
        "tls-cert-file": own.certificate,
        "tls-key-file": own.key,
        "tls-ca-cert-file": authority.certificate,
      });
      const text = (path: string) => Deno.readTextFileSync(path);
      const tls = {
        ca: text(authority.certificate),
        cert: text(ours.certificate),
        key: text(ours.key),
        serverName: "redis.example",
      };
      const options = redisOptions(plain, { startTimeoutMs: 1_000, connectTimeoutMs: 1_000 });
      const node = await openRedis({ ...options, tls });
      await node.commit([putSession("pump")]);
      await node.close();
      const refused = (changes: Partial<RedisTls>) =>
        assert.rejects(
          openRedis({ ...options, tls: { ...tls, ...changes } }),
          /Redis cannot be reached/,
        );
      await refused({ ca: undefined });
      await refused({ serverName: "other.example" });
      await refused({ cert: undefined, key: undefined });
      await server.close();
    }),
);

/** Two commands on one connection; both answers. */
async function askTwice(port: number, ...commands: string[][]): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    let answers = "";
    for (const parts of commands) {
      const text = parts.map((part) => `$${part.length}\r\n${part}\r\n`).join("");
      await connection.write(new TextEncoder().encode(`*${parts.length}\r\n${text}`));
      const into = new Uint8Array(256);
      const count = await connection.read(into);
      answers += new TextDecoder().decode(into.subarray(0, count ?? 0));
    }
    return answers;
  } finally {
    connection.close();
  }
}
