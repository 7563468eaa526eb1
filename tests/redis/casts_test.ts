import assert from "node:assert/strict";
import type { ClusterEvent } from "../../src/broker/cluster_event.ts";
import { Casts } from "../../src/redis/casts.ts";
import { Ground } from "../../src/redis/ground.ts";
import type { Link } from "../../src/redis/link.ts";
import type { RedisOptions } from "../../src/redis/redis_options.ts";
import { messageFrom } from "../broker/node_desk.ts";

interface Hearing {
  readonly casts: Casts;
  readonly ground: Ground;
  readonly told: ClusterEvent[];
}

/** A node whose Redis is `send`. */
function hearing(node: string, send: (command: readonly unknown[]) => void): Hearing {
  const told: ClusterEvent[] = [];
  const options = { castBytes: 1_000_000 } as RedisOptions;
  const durability = {} as Ground["durability"];
  const ground = new Ground({ options, key: "{d}:", node, durability, notice: () => {} });
  ground.alive(Infinity);
  ground.begin({
    feed: (event) => told.push(event),
    endTurn: () => {},
    reachable: () => {},
    setting: () => {},
    instruction: () => {},
    fenced: () => {},
  });
  const link = {
    send: (command: readonly unknown[]) => {
      send(command);
      return Promise.resolve(1);
    },
  } as unknown as Link;
  return { casts: new Casts(ground, link), ground, told };
}

Deno.test("heard() drops what was cast by a node that is no more, and by no other", async () => {
  const published: Uint8Array[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const sender = hearing("a.1", ([, , bytes]) => {
    published.push((bytes as Uint8Array).slice());
    resolve();
  });
  const receiver = hearing("b.2", () => {});
  sender.casts.cast(["b.2"], messageFrom("state", { qos: 0 }), undefined);
  await promise;
  receiver.casts.heard(published[0]!);
  assert.equal(receiver.told.length, 1, "of a node that has not been named yet");
  receiver.ground.departed.replace(["a.1", "b.2"]);
  receiver.casts.heard(published[0]!);
  assert.equal(receiver.told.length, 2);
  receiver.ground.departed.replace(["b.2"]);
  receiver.casts.heard(published[0]!);
  receiver.ground.departed.replace(["b.2", "a.3"]);
  receiver.casts.heard(published[0]!);
  assert.equal(receiver.told.length, 2);
});

Deno.test("cast() sends nothing, and counts it, when the node may be dead", () => {
  const sender = hearing("a.1", () => assert.fail("it was sent"));
  sender.ground.alive(0);
  sender.casts.cast(["b.2", "c.3"], messageFrom("state", { qos: 0 }), undefined);
  assert.equal(sender.ground.counts.castsLost, 2);
});
