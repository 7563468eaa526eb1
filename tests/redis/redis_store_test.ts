/**
 * The store contract on Redis: with an append-only file that is there after `kill -9`.
 */

import type { ClusterEvent } from "../../src/broker/cluster_event.ts";
import { openRedis } from "../../src/redis/open_redis.ts";
import type { RedisNode } from "../../src/redis/redis_node.ts";
import type { IndexRecord } from "../../src/session/write.ts";
import type { Store } from "../../src/store/store.ts";
import { storeContract } from "../contract/store_contract.ts";
import type { Opened } from "../contract/store_trial.ts";
import { tool } from "../end_to_end/tools.ts";
import { redisOptions, RedisServer } from "./redis_server.ts";

/**
 * What a plain store tells of a queue at start, a shared one tells whoever claims the session; and what was
 * delayed by the node before, whoever buries that.
 */
class ToldByClaim implements Store {
  readonly #node: RedisNode;
  /** Whose nodes it comes after. */
  readonly #before: readonly string[];
  readonly #end: () => Promise<void>;
  readonly #claimed = new Map<string, (event: ClusterEvent & { type: "claimed" }) => void>();
  #begun: Promise<void> | undefined;

  constructor(node: RedisNode, before: readonly string[], end: () => Promise<void>) {
    this.#node = node;
    this.#before = before;
    this.#end = end;
  }

  get promise() {
    return this.#node.promise;
  }

  get limits() {
    return this.#node.limits;
  }

  async commit(...given: Parameters<Store["commit"]>) {
    await this.#node.commit(...given);
  }

  load(...given: Parameters<Store["load"]>) {
    return this.#node.load(...given);
  }

  read(...given: Parameters<Store["read"]>) {
    return this.#node.read(...given);
  }

  async *index(): AsyncGenerator<IndexRecord> {
    await (this.#begun ??= this.#begin());
    const records = await Array.fromAsync(this.#node.index());
    const clientIds = records.flatMap((each) => each.type === "session" ? [each.clientId] : []);
    const claimed = new Map(
      (await Promise.all(clientIds.map((clientId) => this.#claim(clientId))))
        .map(({ clientId, stored }) => [clientId, stored]),
    );
    await this.#node.commit(clientIds.map((clientId) => ({ type: "release", clientId })));
    for (const record of records) {
      if (record.type !== "session") {
        yield record;
        continue;
      }
      const { at: _, ...session } = record;
      const { orders, sizes } = claimed.get(record.clientId)!;
      yield { ...session, orders, sizes };
    }
  }

  async #begin(): Promise<void> {
    const waiting = new Set(this.#before);
    const { promise, resolve } = Promise.withResolvers<void>();
    if (waiting.size === 0) resolve();
    await this.#node.begin({
      feed: (event) => {
        if (event.type === "claimed") this.#claimed.get(event.clientId)!(event);
        if (event.type === "buried" && waiting.delete(event.node) && waiting.size === 0) resolve();
      },
      endTurn() {},
      reachable() {},
      setting() {},
      instruction() {},
      fenced() {},
    });
    await promise;
    await this.#node.commit(this.#before.map((node) => ({ type: "buried", node })));
  }

  #claim(clientId: string): Promise<ClusterEvent & { type: "claimed" }> {
    return new Promise((resolve) => {
      this.#claimed.set(clientId, resolve);
      this.#node.claim(0, clientId, 0, false);
    });
  }

  /** Nodes that are to be buried by whoever comes next. */
  get left(): readonly string[] {
    return [...this.#begun === undefined ? this.#before : [], this.#node.node];
  }

  /** Its process is no more; the server is left alone. */
  stop(): Promise<void> {
    return this.#node.close();
  }

  async close(): Promise<void> {
    await this.#node.close();
    await this.#end();
  }
}

async function open(): Promise<Opened> {
  // With everysec a write may wait in the server's memory while the disk is busy.
  const server = await RedisServer.start({ appendonly: "yes", appendfsync: "always" });
  const options = redisOptions(server.port);
  let store = new ToldByClaim(await openRedis(options), [], () => server.close());
  return {
    store,
    crash: async () => {
      await server.kill();
      await store.stop();
      await server.run();
      return store = new ToldByClaim(await openRedis(options), store.left, () => server.close());
    },
  };
}

if (tool("redis-server") !== undefined) storeContract("RedisNode", open);
else Deno.test({ name: "RedisNode [needs redis-server]", ignore: true, fn() {} });
