/**
 * How long a node takes to join a cluster that has many stored subscriptions, and what others feel of it:
 *
 *     deno run -A tests/bench/cluster_join.ts [--sessions 100000] [--each 10]
 *
 * Fills a Redis through the store itself, starts one node on it, then a second one while a client of the first
 * publishes with QoS 1 every few milliseconds to a subscriber there; prints how long each start took and how long
 * the slowest of those messages was under way.
 */

import { connectAsync } from "mqtt";
import { openRedis } from "../../src/redis/open_redis.ts";
import type { AnyWrite } from "../../src/session/cluster_write.ts";
import { startRedis } from "../end_to_end/cluster_rig.ts";
import { redisOptions } from "../redis/redis_server.ts";
import { startBroker } from "../end_to_end/broker_process.ts";

/** Milliseconds that a start may take before the run ends. */
const PATIENCE = 300_000;

const named = (name: string, initial: number) => {
  const at = Deno.args.indexOf(name);
  return at === -1 ? initial : Number(Deno.args[at + 1]);
};

const sessions = named("--sessions", 100_000);
const each = named("--each", 10);
const redis = await startRedis(["--appendfsync", "everysec"]);
try {
  const filled = await fill();
  console.log(`${sessions * each} subscriptions of ${sessions} sessions written in ${filled} s`);
  const first = await start("a");
  console.log(`first node: ${first.seconds} s until it takes connections, ${first.memory()} MiB`);
  const watch = await publishing(first.port);
  const second = await start("b");
  const { messages, slowest, median } = await watch.stop();
  console.log(
    `second node: ${second.seconds} s; meanwhile on the first ${messages} messages with QoS 1, ` +
      `median ${median} ms, slowest ${slowest} ms`,
  );
  await first.broker.stop();
  await second.broker.stop();
} finally {
  await redis.end();
}

async function fill(): Promise<string> {
  const from = performance.now();
  const node = await openRedis({ ...redisOptions(redis.port), nodeName: "filler" });
  await node.begin(noListener());
  for (let at = 0; at < sessions;) {
    const writes: AnyWrite[] = [];
    for (; at < sessions && writes.length < 5_000; at++) {
      const clientId = `sensor-${at}`;
      const owner = { user: undefined, roles: [] };
      const never = 0xffffffff;
      writes.push({
        type: "putSession",
        clientId,
        owner,
        expiryInterval: never,
        expiresAt: Infinity,
      });
      for (let n = 0; n < each; n++) writes.push(subscription(clientId, `plant/${at}/${n}/+`));
    }
    await node.commit(writes);
  }
  await node.leave();
  await node.close();
  return ((performance.now() - from) / 1000).toFixed(1);
}

function subscription(clientId: string, filter: string): AnyWrite {
  return {
    type: "putSubscription",
    clientId,
    subscription: {
      full: filter,
      filter,
      shareName: undefined,
      options: {
        qos: 1,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
        subscriptionIdentifier: undefined,
      },
    },
  };
}

function noListener() {
  const nothing = () => {};
  return {
    feed: nothing,
    endTurn: nothing,
    reachable: nothing,
    setting: nothing,
    instruction: nothing,
    fenced: nothing,
  };
}

async function start(name: string) {
  const from = performance.now();
  const config = {
    store: { redis: { url: redis.url, promise: "everySecond" } },
    cluster: { name },
    limits: { maximumSessions: sessions + 1_000 },
  };
  const broker = await startBroker(config, [], PATIENCE);
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  const memory = () => Math.round(broker.memory() / 2 ** 20);
  return { broker, port: broker.port, seconds, memory };
}

async function publishing(port: number) {
  const url = `mqtt://127.0.0.1:${port}`;
  const from = await connectAsync(url, { protocolVersion: 5 });
  const to = await connectAsync(url, {
    protocolVersion: 5,
    clean: false,
    clientId: "watch",
    properties: { sessionExpiryInterval: 60 },
  });
  await to.subscribeAsync("watch", { qos: 1 });
  const taken: number[] = [];
  to.on("message", (_topic, payload) => taken.push(performance.now() - Number(payload.toString())));
  let goes = true;
  const loop = (async () => {
    while (goes) {
      await from.publishAsync("watch", String(performance.now()), { qos: 1 });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return {
    async stop() {
      goes = false;
      await loop;
      await from.endAsync();
      await to.endAsync();
      taken.sort((a, b) => a - b);
      const median = taken[taken.length >> 1]!.toFixed(1);
      return { messages: taken.length, slowest: taken.at(-1)!.toFixed(1), median };
    },
  };
}
