/** A start while the connection to Redis breaks. */

import assert from "node:assert/strict";
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
