import assert from "node:assert/strict";
import { nextLoads } from "../../src/service/loads.ts";
import type { Seen } from "../../src/service/seen.ts";
import { count, newStatistics } from "../../src/service/statistics.ts";
import { changedTopics, sysTopics } from "../../src/service/sys_topics.ts";
import { closeReasons, dropReasons, turnAwayReasons } from "../../src/session/reason_words.ts";
import { clusterSeen, seenOf } from "./seen.ts";

const topicsOf = (seen: Seen) => sysTopics(seen, nextLoads(undefined, seen, 1));

Deno.test("sysTopics() names the promise in force, the version and the uptime as Mosquitto does", () => {
  const topics = topicsOf(seenOf());
  assert.equal(topics.get("$SYS/broker/store/promise"), "fsynced");
  assert.equal(topics.get("$SYS/broker/version"), "dunlin version 1.2.3");
  assert.equal(topics.get("$SYS/broker/uptime"), "61 seconds");
  assert.equal(topics.get("$SYS/broker/clients/connected"), "0");
  assert.equal(topics.get("$SYS/broker/packet/out/count"), "2");
  assert.equal(topics.get("$SYS/broker/packet/out/bytes"), "30");
  assert.equal(topics.get("$SYS/broker/heap/current"), "1000");
  assert.equal(topics.get("$SYS/broker/store/damage"), undefined);
});

Deno.test("sysTopics() tells drops and ends by their reason, a full store and a damaged one", () => {
  const statistics = newStatistics();
  count(statistics, { type: "dropped", clientId: "a", topic: "t", reason: "queueFull", count: 3 });
  count(statistics, { type: "store", full: true, detail: "disk full" });
  count(statistics, {
    type: "refused",
    clientId: "a",
    action: "publish",
    topic: "t",
    reasonCode: 0x87,
    detail: "",
  });
  const damage = {
    reason: "no header",
    path: "/data/kv.damaged",
    carried: { sessions: 2 },
    lost: { sessions: 1 },
    why: ["a page is gone"],
    empty: false,
  };
  count(statistics, { type: "storeDamaged", ...damage });
  const topics = topicsOf(seenOf({ statistics }));
  assert.equal(topics.get("$SYS/broker/drops/queueFull"), "3");
  assert.equal(topics.get("$SYS/broker/publish/messages/dropped"), "3");
  assert.equal(topics.get("$SYS/broker/refusals"), "1");
  assert.equal(topics.get("$SYS/broker/refusals/publish/notAuthorized"), "1");
  assert.equal(topics.get("$SYS/broker/store/full"), "true");
  assert.deepEqual(JSON.parse(topics.get("$SYS/broker/store/damage")!), damage);
});

Deno.test("sysTopics() has a topic for every word of the lists of reasons from the start", () => {
  const topics = topicsOf(seenOf());
  for (
    const [below, words] of [
      ["drops", dropReasons],
      ["disconnects", closeReasons],
      ["turnedAway", turnAwayReasons],
    ] as const
  ) {
    for (const word of Object.keys(words)) {
      assert.equal(topics.get(`$SYS/broker/${below}/${word}`), "0", `${below} ${word}`);
    }
  }
});

Deno.test("sysTopics() tells how the cluster stands where there is one, and nothing of it where there is none", () => {
  const below = (cluster: Seen["cluster"]) =>
    Object.fromEntries(
      [...topicsOf(seenOf({ cluster }))].filter(([topic]) => topic.includes("/cluster/"))
        .map(([topic, text]) => [topic.replace("$SYS/broker/cluster/", ""), text]),
    );
  assert.deepEqual(below(undefined), {});
  assert.deepEqual(below(clusterSeen), {
    node: "a.1",
    name: "a",
    nodes: '["a.1","b.2"]',
    "nodes/count": "2",
    reachable: "true",
    "log/position": "17-3",
    "log/lag": "40",
    "inbox/count": "5",
    "posts/dropped": "6",
    "casts/dropped": "7",
    "notes/skipped": "8",
    away: "9",
    checksum: "0011",
  });
  assert.equal(below({ ...clusterSeen, unreachable: "away" }).reachable, "false");
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

Deno.test("nextLoads() nears the count of a minute, the faster the shorter its span, when a count grows", () => {
  const seen = seenOf();
  let loads = nextLoads(undefined, seen, 1);
  assert.deepEqual(loads.get("bytes/sent")?.averages, [0, 0, 0]);
  for (let second = 0; second < 60; second++) {
    seen.measures.traffic.sent.bytes += 10;
    loads = nextLoads(loads, seen, 1);
  }
  const [one, five, fifteen] = loads.get("bytes/sent")!.averages;
  // After the time that it looks back an average has 1 - 1/e of the way behind it.
  assert.ok(Math.abs(one! - 600 * (1 - Math.exp(-1))) < 1e-6, `${one}`);
  assert.ok(Math.abs(five! - 600 * (1 - Math.exp(-1 / 5))) < 1e-6, `${five}`);
  assert.ok(Math.abs(fifteen! - 600 * (1 - Math.exp(-1 / 15))) < 1e-6, `${fifteen}`);
});
