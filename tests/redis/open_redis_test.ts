/** A start while the connection to Redis breaks. */

import assert from "node:assert/strict";
import { isFenced } from "../../src/cluster/fenced.ts";
import { LIBRARY } from "../../src/redis/library.ts";
import { openRedis } from "../../src/redis/open_redis.ts";
import { toolTest } from "../end_to_end/tools.ts";
import { Proxy } from "./proxy.ts";
import { redisOptions, RedisServer } from "./redis_server.ts";

toolTest(
  ["redis-server"],
  "openRedis() goes on when the connection ends while the library is put into Redis, and while it joins",
  async () => {
    const server = await RedisServer.start();
    const proxy = await Proxy.start(server.port);
    try {
      const ended: string[] = [];
      const expected = [`\r\n${LIBRARY}\r\n`, "\r\njoined\r\n"];
      const loseNext = () => {
        const [text] = expected;
        if (text === undefined) return;
        proxy.loseReply((data) => {
          if (!data.includes(text)) return false;
          ended.push(expected.shift()!);
          queueMicrotask(loseNext);
          return true;
        });
      };
      loseNext();
      const node = await openRedis(redisOptions(proxy.port));
      assert.equal(ended.length, 2, "nothing was lost");
      assert.equal(node.slot, 0);
      await node.leave();
      await node.close();
    } finally {
      await proxy.close();
      await server.close();
    }
  },
);

toolTest(
  ["redis-server"],
  "a node is told that another has started by its name, wherever in its start that is",
  async () => {
    const server = await RedisServer.start();
    const options = { ...redisOptions(server.port), nodeName: "a.b" };
    const told = async (doing: () => Promise<unknown>) => {
      const error = await doing().then(() => undefined, (error) => error);
      assert.ok(isFenced(error), String(error));
      return error.message;
    };
    try {
      const first = await openRedis(options);
      const second = await openRedis(options);
      assert.match(await told(() => Array.fromAsync(first.index())), words(second.node));
      assert.match(await told(() => first.standing()), words(second.node));
      const index = second.index();
      const third = await openRedis(options);
      assert.match(await told(() => Array.fromAsync(index)), words(third.node));
      const fourth = await openRedis({ ...options, nodeName: "a.b.c" });
      await Array.fromAsync(third.index()); // a name that only begins alike is another's
      for (const node of [first, second, third, fourth]) await node.close();
    } finally {
      await server.close();
    }
  },
);

/** Why it has ended: the node that is named has its place. */
function words(successor: string): RegExp {
  return new RegExp(
    `${successor} has started by the same name.*give each a cluster.name of its own`,
  );
}
