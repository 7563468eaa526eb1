/**
 * The cluster contract on Redis.
 */

import { openRedis } from "../../src/redis/open_redis.ts";
import { clusterContract } from "../contract/cluster_contract.ts";
import type { OpenedCluster, Peer } from "../contract/cluster_trial.ts";
import { tool } from "../end_to_end/tools.ts";
import { Proxy } from "./proxy.ts";
import { redisOptions, RedisServer } from "./redis_server.ts";

const LEASE = 1_500;

const running: RedisServer[] = [];
let prefixes = 0;

/** Each node behind a wire of its own. */
async function open(): Promise<OpenedCluster> {
  running[0] ??= await RedisServer.start({ appendonly: "yes", appendfsync: "everysec" });
  const server = running[0];
  const prefix = `c${++prefixes}`;
  const proxies: Proxy[] = [];
  return {
    lease: LEASE,
    async join(name): Promise<Peer> {
      const proxy = await Proxy.start(server.port);
      proxies.push(proxy);
      const driver = await openRedis(redisOptions(proxy.port, {
        prefix,
        nodeName: name,
        leaseMs: LEASE,
        claimTimeoutMs: LEASE + 1_000,
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
  clusterContract("RedisNode", open);
  Deno.test("RedisNode's server ends", async () => {
    for (const server of running.splice(0)) await server.close();
  });
}
