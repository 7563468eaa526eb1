/**
 * How fast the driver of Redis is by itself: batches of posts and of forwards from one node to another, each
 * told there. By hand: `deno run --allow-all tests/bench/redis_driver.ts [writes of a batch] [bytes]
 * [appendonly]`.
 *
 * Beside the messages a second it says how much of a core redis-server and this process took for a message, as
 * several programs share the cores of the machine that this runs on.
 */

import process from "node:process";
import { openRedis } from "../../src/redis/open_redis.ts";
import type { AnyWrite } from "../../src/session/cluster_write.ts";
import { delivery, message, putSession } from "../contract/store_values.ts";
import { Listening, until } from "../redis/listening.ts";
import { redisOptions, RedisServer } from "../redis/redis_server.ts";

const PER_BATCH = Number(Deno.args[0] ?? 200);
const BYTES = Number(Deno.args[1] ?? 200);
const MESSAGES = 100_000;
const SESSIONS = 50;

const appendonly = Deno.args[2] ?? "yes";

const server = await RedisServer.start({ appendonly, appendfsync: "everysec" });
const a = await openRedis(redisOptions(server.port));
const b = await openRedis(redisOptions(server.port, { nodeName: "b" }));
const heardA = new Listening(), heardB = new Listening();
await a.begin(heardA);
await b.begin(heardB);

/** Seconds of a core that redis-server has taken. */
async function serverSeconds(): Promise<number> {
  const info = await server.ask("INFO", "cpu");
  const of = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)![1]);
  return of("used_cpu_user") + of("used_cpu_sys");
}

/** Seconds of a core that this process has taken. */
function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
}

async function measure(
  what: string,
  write: (order: number) => AnyWrite,
  told: () => number,
): Promise<void> {
  const before = told();
  const server0 = await serverSeconds(), own0 = ownSeconds(), from = performance.now();
  let order = next;
  for (let n = 0; n < MESSAGES; n += PER_BATCH) {
    const writes: AnyWrite[] = [];
    for (let i = 0; i < PER_BATCH; i++) writes.push(write(order++));
    await a.commit(writes);
  }
  next = order;
  await until("all is told", () => told() >= before + MESSAGES);
  const seconds = (performance.now() - from) / 1000;
  const perMessage = (taken: number) => `${(taken / MESSAGES * 1e6).toFixed(1)} us`;
  console.log(
    `${what}: ${Math.round(MESSAGES / seconds)} a second; of a core redis-server ${
      perMessage(await serverSeconds() - server0)
    }, this process ${perMessage(ownSeconds() - own0)} a message`,
  );
}

let next = 1;
let counted = 0;
heardB.feed = (event) => {
  if (event.type === "mail" || event.type === "forwarded") counted += 1;
  if (event.type === "claimed") heardB.events.push(event);
};
const payload = new Uint8Array(BYTES);
const bound = { messages: 1e9, bytes: 1e12, dropOldest: false };
const clientIds = Array.from({ length: SESSIONS }, (_, n) => `panel${n}`);
await a.commit(clientIds.map((clientId) => putSession(clientId)));

const post = (order: number): AnyWrite => ({
  type: "post",
  clientId: clientIds[order % SESSIONS]!,
  delivery: delivery(message(order, { payload })),
  bound,
});
await measure("post, nobody has the session", post, () => next);
for (const [at, clientId] of clientIds.entries()) b.claim(at, clientId, 0, false);
await until("all are claimed", () => heardB.all("claimed").length === SESSIONS);
await measure("post, the other node has it", post, () => counted);
await measure(
  "forward",
  (order) => ({ type: "forward", node: b.node, message: message(order, { payload }) }),
  () => counted,
);
await measure("inflight, put and deleted", (order) => (
  order % 2 === 0
    ? {
      type: "putInflight",
      clientId: clientIds[order % SESSIONS]!,
      packetId: 1 + order % 1_000,
      inflight: {
        awaiting: "puback",
        delivery: delivery(message(order, { payload })),
        sequence: order,
        sentAt: 1,
      },
    }
    : {
      type: "deleteInflight",
      clientId: clientIds[order % SESSIONS]!,
      packetId: 1 + order % 1_000,
    }
), () => next);
await a.close();
await b.close();
await server.close();
