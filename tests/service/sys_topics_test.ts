import assert from "node:assert/strict";
import { Broker } from "../../src/broker/broker.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { count, newStatistics } from "../../src/service/statistics.ts";
import { changedTopics, sysTopics } from "../../src/service/sys_topics.ts";

const about = { version: "1.2.3", promise: "fsynced", uptime: 61 };

Deno.test("sysTopics() names the promise in force, the version and the uptime as Mosquitto does", () => {
  const topics = sysTopics(about, newStatistics(), new Broker(defaultRules).snapshot());
  assert.equal(topics.get("$SYS/broker/store/promise"), "fsynced");
  assert.equal(topics.get("$SYS/broker/version"), "dunlin version 1.2.3");
  assert.equal(topics.get("$SYS/broker/uptime"), "61 seconds");
  assert.equal(topics.get("$SYS/broker/clients/connected"), "0");
  assert.equal(topics.get("$SYS/broker/store/damage"), undefined);
});

Deno.test("sysTopics() tells drops and ends by their reason, a full store and a damaged one", () => {
  const statistics = newStatistics();
  count(statistics, { type: "dropped", clientId: "a", topic: "t", reason: "queueFull", count: 3 });
  count(statistics, { type: "store", full: true, detail: "disk full" });
  count(statistics, {
    type: "storeDamaged",
    reason: "no header",
    path: "/data/kv.damaged",
    carried: { sessions: 2 },
    lost: { sessions: 1 },
    why: ["a page is gone"],
    empty: false,
  });
  const topics = sysTopics(about, statistics, new Broker(defaultRules).snapshot());
  assert.equal(topics.get("$SYS/broker/drops/queueFull"), "3");
  assert.equal(topics.get("$SYS/broker/store/full"), "true");
  assert.deepEqual(JSON.parse(topics.get("$SYS/broker/store/damage")!), {
    reason: "no header",
    path: "/data/kv.damaged",
    carried: { sessions: 2 },
    lost: { sessions: 1 },
    why: ["a page is gone"],
    empty: false,
  });
});

Deno.test("changedTopics() is everything the first time, then only what differs", () => {
  const first = new Map([["a", "1"], ["b", "2"]]);
  assert.deepEqual(changedTopics(new Map(), first).map(({ topic }) => topic), ["a", "b"]);
  const next = changedTopics(first, new Map([["a", "1"], ["b", "3"], ["c", "4"]]));
  assert.deepEqual(next, [
    { topic: "b", payload: Uint8Array.of(51) },
    { topic: "c", payload: Uint8Array.of(52) },
  ]);
});
