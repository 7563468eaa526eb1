/**
 * The cluster contract on Redis.
 */

import assert from "node:assert/strict";
import { openRedis } from "../../src/redis/open_redis.ts";
import { clusterContract } from "../contract/cluster_contract.ts";
import type { Member, OpenedCluster, Peer } from "../contract/cluster_trial.ts";
import { ClusterTrial } from "../contract/cluster_trial.ts";
import { putWill } from "../contract/store_values.ts";
import { tool } from "../end_to_end/tools.ts";
import { Proxy } from "./proxy.ts";
import { redisOptions, RedisServer } from "./redis_server.ts";

/** Milliseconds. */
const LEASE = 1_500;
/** Where nodes are all without Redis for longer than that, and a busy machine may have none of them given up. */
const LONG_LEASE = 4_000;

/** How often nodes were told the Will of a session that was a dead node's. */
function willsOf(clientId: string, ...members: readonly Member[]): number {
  return members.flatMap(({ events }) => events).filter((event) =>
    (event.type === "adopted" || event.type === "claimed") && event.clientId === clientId &&
    event.stored.will !== undefined
  ).length;
}

const running: RedisServer[] = [];
let prefixes = 0;

interface Wired extends OpenedCluster {
  /** In the order in which nodes have joined. */
  readonly proxies: readonly Proxy[];
}

/** Each node behind a wire of its own. */
async function open(lease = LEASE): Promise<Wired> {
  running[0] ??= await RedisServer.start({ appendonly: "yes", appendfsync: "everysec" });
  const server = running[0];
  const prefix = `c${++prefixes}`;
  const proxies: Proxy[] = [];
  return {
    proxies,
    lease,
    async join(name): Promise<Peer> {
      const proxy = await Proxy.start(server.port);
      proxies.push(proxy);
      const driver = await openRedis(redisOptions(proxy.port, {
        prefix,
        nodeName: name,
        leaseMs: lease,
        claimTimeoutMs: lease + 1_000,
        commandTimeoutMs: 400,
        connectTimeoutMs: 400,
      }));
      return {
        driver,
        kill: async () => {
          proxy.cut();
          await driver.close();
        },
        cut: () => Promise.resolve(proxy.cut()),
        mend: () => Promise.resolve(proxy.mend()),
        loseAnswer: () => Promise.resolve(proxy.loseAnswer()),
      };
    },
    pause: () => new Promise((resolve) => setTimeout(resolve, 5)),
    async close() {
      for (const proxy of proxies) await proxy.close();
    },
  };
}

if (tool("redis-server") !== undefined) {
  clusterContract("RedisNode", () => open());

  for (const when of ["is told as claimed", "is told as adopted when it comes too late"]) {
    Deno.test(`Claims lose no Will of a dead node when the answer gets lost: it ${when}`, async () => {
      const late = when.includes("late");
      const cluster = await open(late ? LONG_LEASE : LEASE);
      const trial = new ClusterTrial(cluster);
      try {
        const [a, b, c] = await trial.three();
        const clientIds = Array.from({ length: 4 }, (_, n) => `pump${n}`);
        for (const clientId of clientIds) {
          await a.commit(putWill(clientId));
          await trial.claim(a, clientId);
        }
        // Of the two one buries it: whichever asks first loses the answer that the session is its own.
        const wires = cluster.proxies.slice(1);
        let cut = false;
        for (const wire of wires) {
          wire.loseReply((data) => {
            if (cut || !data.includes("\r\nclaimed\r\n")) return false;
            cut = late;
            if (cut) { for (const each of wires) each.cut(); }
            return true;
          });
        }
        await a.peer.kill();
        const asked = clientIds.map((clientId, n) => trial.ask(n % 2 === 0 ? b : c, clientId));
        await trial.until(
          "all are answered",
          () => asked.every((answer) => answer() !== undefined),
        );
        if (late) { for (const wire of wires) wire.mend(); }
        await trial.until(
          "all Wills are told",
          () => clientIds.every((clientId) => willsOf(clientId, b, c) > 0),
        );
        await trial.settle(b, c);
        for (const clientId of clientIds) assert.equal(willsOf(clientId, b, c), 1, clientId);
      } finally {
        await trial.close();
      }
    });
  }

  Deno.test("RedisNode's server ends", async () => {
    for (const server of running.splice(0)) await server.close();
  });
}
