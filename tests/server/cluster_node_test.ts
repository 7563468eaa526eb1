/** The shell of a node: what the cluster tells comes to the broker, the services, the log, and to whoever asks. */

import assert from "node:assert/strict";
import { Broker } from "../../src/broker/broker.ts";
import { checksumOf } from "../../src/broker/checksum.ts";
import type { Event } from "../../src/broker/event.ts";
import type { ClusterListener } from "../../src/cluster/cluster.ts";
import { isFenced } from "../../src/cluster/fenced.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import type { NodeStore } from "../../src/server/node_store.ts";
import { ClusterNode } from "../../src/server/cluster_node.ts";
import { watchChecksum } from "../../src/server/watch_checksum.ts";
import { within } from "../end_to_end/within.ts";

const counts = { postsDropped: 1, castsLost: 2, notesSkipped: 3, timesAway: 4 };

/** A node of a cluster that says only what the test has it say, with all that comes of it in order. */
async function setUp(time = 1_000) {
  const told: unknown[][] = [];
  const steered: number[] = [];
  const failed: Error[] = [];
  let listener: ClusterListener | undefined;
  const cluster = {
    node: "a.1",
    slot: 1,
    begin(given: ClusterListener) {
      listener = given;
      return Promise.resolve();
    },
    counts,
    position: "5-0",
    set checksum(text: string) {
      told.push(["checksum", text]);
    },
    standing: () => Promise.resolve({ time, lag: 7, inbox: 8 }),
    leave() {
      told.push(["leave"]);
      return Promise.resolve();
    },
  } as unknown as NodeStore;
  const broker = new Broker(defaultRules, { node: "a.1", slot: 1, localFirst: false });
  const line = (level: string) => (message: string, fields = {}) =>
    told.push([level, message, fields]);
  const node = new ClusterNode({
    cluster,
    name: "a",
    tables: () => broker.snapshot(),
    runtime: () => ({
      feed: (event: Event) => {
        told.push(["feed", event.type]);
        broker.step(event, 1_000);
      },
      endTurn: () => told.push(["endTurn"]),
    }),
    control: () => ({
      noteSetting: (name, value) => told.push(["setting", name, value]),
      settle: () => told.push(["settle"]),
    }),
    instructed: (text) => told.push(["instructed", text]),
    clock: { now: () => 1_000, steer: (behind) => steered.push(Math.round(behind)) },
    log: {
      debug: line("debug"),
      info: line("info"),
      warn: line("warn"),
      error: line("error"),
      enabled: () => true,
    },
    fail: (error) => failed.push(error),
  });
  await node.begin();
  return {
    node,
    broker,
    failed,
    steered,
    listener: listener!,
    /** What was told since the last time. */
    told: () => told.splice(0),
  };
}

for (const [time, warned] of [[1_400, 0], [600, 0], [3_000, 1], [-60_000, 1]] as const) {
  Deno.test(`ClusterNode follows the clock of Redis when it shows ${time - 1_000} ms more`, async () => {
    const { node, steered, told } = await setUp(time);
    await Promise.resolve();
    assert.deepEqual(steered, [time - 1_000]);
    assert.equal(told().filter(([what]) => what === "warn").length, warned);
    await node.leave();
  });
}

Deno.test("ClusterNode hands on what the cluster tells, and has settings hold before the turn ends", async () => {
  const { node, broker, listener, told } = await setUp();
  assert.deepEqual(told(), [["checksum", checksumOf(broker.snapshot())]]);
  listener.feed({ type: "replicated", from: "b.2", writes: [] });
  listener.setting("dunlin/limit/x", "5");
  listener.setting("dunlin/limit/y", undefined);
  listener.endTurn();
  listener.instruction("{}");
  assert.deepEqual(told(), [
    ["feed", "replicated"],
    ["setting", "dunlin/limit/x", "5"],
    ["setting", "dunlin/limit/y", undefined],
    ["settle"],
    ["endTurn"],
    ["instructed", "{}"],
  ]);
  await node.leave();
  assert.deepEqual(told(), [["leave"]]);
});

Deno.test("ClusterNode says which nodes came and went, and what was taken over", async () => {
  const { node, listener, told } = await setUp();
  told();
  listener.feed({ type: "nodes", nodes: ["a.1", "b.2"] });
  listener.feed({ type: "nodes", nodes: ["a.1"] });
  listener.feed({ type: "buried", node: "b.2" });
  const lines = told().filter((one) => Array.isArray(one) && one[0] !== "feed");
  assert.deepEqual(lines, [
    ["info", "nodes of the cluster", { node: "a.1", nodes: "a.1 b.2", came: "b.2" }],
    ["info", "nodes of the cluster", { node: "a.1", nodes: "a.1", gone: "b.2" }],
    ["warn", "what a node had that is no more was taken over", { gone: "b.2" }],
  ]);
  await node.leave();
});

Deno.test("ClusterNode tells once that the store cannot be reached, for as long as it cannot", async () => {
  const { node, listener, told } = await setUp();
  told();
  assert.equal(node.seen().unreachable, undefined);
  listener.reachable(true, "");
  assert.deepEqual(told(), []);
  listener.reachable(false, "refused");
  listener.reachable(false, "refused again");
  assert.equal(node.unreachable, "refused again");
  assert.equal(node.seen().unreachable, "refused again");
  listener.reachable(true, "");
  assert.deepEqual([node.unreachable, node.seen().unreachable], [undefined, undefined]);
  assert.deepEqual(told(), [
    ["error", "the store cannot be reached: QoS 1 and 2 wait", { reason: "refused" }],
    ["info", "the store can be reached again", { seconds: 0 }],
  ]);
  await node.leave();
});

Deno.test("ClusterNode fails with an error that is known when others have declared it dead", async () => {
  const { node, listener, told, failed } = await setUp();
  told();
  listener.fenced("buried by b.2");
  assert.deepEqual(failed.map((error) => [isFenced(error), error.message]), [[
    true,
    "buried by b.2",
  ]]);
  assert.equal(told().length, 1);
  await node.leave();
});

Deno.test("ClusterNode.seen() is how it stands", async () => {
  const { node, broker, listener } = await setUp();
  listener.feed({ type: "nodes", nodes: ["a.1", "b.2"] });
  assert.deepEqual(node.seen(), {
    ...counts,
    position: "5-0",
    lag: 7,
    inbox: 8,
    node: "a.1",
    name: "a",
    nodes: ["a.1", "b.2"],
    unreachable: undefined,
    checksum: checksumOf(broker.snapshot()),
  });
  await node.leave();
});

Deno.test("watchChecksum() tells the checksum again when the position is another and the tables are, and not at one go when they are large", async () => {
  const broker = new Broker(defaultRules, { node: "a.1", slot: 1, localFirst: false });
  const add = (clientId: string) =>
    broker.step({
      type: "indexed",
      record: {
        type: "session",
        clientId,
        owner: { user: undefined, roles: [] },
        expiryInterval: 60,
        expiresAt: Infinity,
        orders: [],
        sizes: [],
      },
    }, 1);
  const told: string[] = [];
  let heard = Promise.withResolvers<void>();
  let position = "1";
  const stop = watchChecksum({
    tables: () => broker.snapshot(),
    position: () => position,
    done(checksum) {
      told.push(checksum);
      heard.resolve();
    },
  });
  try {
    assert.deepEqual(told, [checksumOf(broker.snapshot())]);
    heard = Promise.withResolvers();
    for (let i = 0; i < 2_500; i++) add(`c${i}`);
    let turns = 0;
    const turning = setInterval(() => turns++, 0);
    position = "2";
    await within(heard.promise, "the other checksum").finally(() => clearInterval(turning));
    assert.deepEqual(told.slice(1), [checksumOf(broker.snapshot())]);
    assert.ok(turns > 2);
  } finally {
    stop();
  }
});
