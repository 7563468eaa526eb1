import assert from "node:assert/strict";
import type { Alarms } from "../../src/service/alarms.ts";
import { alarmMessage, alarmNames, changes, look, NO_ALARMS } from "../../src/service/alarms.ts";
import type { Seen } from "../../src/service/seen.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { clusterSeen, seenOf } from "./seen.ts";

const { limits } = defaultRules;
type TablesOf = Seen["tables"];

/** [name, what is to be seen so that it is active, a part of its words] */
const rows: readonly (readonly [string, (seen: Seen) => Seen, RegExp])[] = [
  ["storeFull", (seen) => {
    const statistics = { ...seen.statistics, storeFull: true, storeTrouble: "disk full" };
    return { ...seen, statistics };
  }, /disk full/],
  [
    "storeUnreachable",
    (seen) => ({ ...seen, cluster: { ...clusterSeen, unreachable: "connection refused" } }),
    /connection refused/,
  ],
  ["storeDamaged", (seen) => ({
    ...seen,
    statistics: {
      ...seen.statistics,
      storeDamage: {
        type: "storeDamaged",
        reason: "no header",
        path: "/data/old",
        carried: {},
        lost: {},
        why: [],
        empty: true,
      },
    },
  }), /no header: set aside as \/data\/old/],
  ["connectionsAtLimit", (seen) => ({ ...seen, mostConnections: 0 }), /maximumConnections/],
  [
    "sessionsAtLimit",
    (seen) => tables(seen, { rules: withLimits({ maximumSessions: 0 }) }),
    /0 of maximumSessions/,
  ],
  [
    "queuesAtLimit",
    (seen) => tables(seen, { queuedBytes: limits.queuedBytes * 0.96 }),
    /queuedBytes/,
  ],
  [
    "retainedAtLimit",
    (seen) => tables(seen, { retainedBytes: limits.retainedBytes }),
    /retainedBytes/,
  ],
  ["eventLoopDelay", (seen) => ({ ...seen, eventLoopDelay: 1_000.6 }), /1001 ms/],
  ["memory", (seen) => tables(seen, { rules: withLimits({ memoryAlarm: 3_999 }) }), /4000 bytes/],
  ["clientEventsDropped", (seen) => {
    return { ...seen, statistics: { ...seen.statistics, clientEventsDropped: 3 } };
  }, /3 since the last look/],
];

function tables(seen: Seen, more: Partial<TablesOf>): Seen {
  return { ...seen, tables: { ...seen.tables, ...more } };
}

function withLimits(more: Partial<typeof limits>) {
  return { ...defaultRules, limits: { ...limits, ...more } };
}

for (const [name, change, words] of rows) {
  Deno.test(`look() raises ${name} and changes() clears it when its cause comes and goes`, () => {
    const quiet = look(NO_ALARMS, seenOf());
    const raised = look(quiet, change(seenOf({ now: 5_000 })));
    assert.deepEqual([...raised.active.keys()], [name]);
    const [up, ...noMore] = changes(quiet, raised, 5_000);
    assert.deepEqual(noMore, []);
    assert.deepEqual([up?.name, up?.active, up?.since], [name, true, 5_000]);
    assert.match(up!.reason, words);
    // What was dropped before is no news: that alarm is about what is dropped from look to look.
    const isCount = name === "clientEventsDropped";
    if (!isCount) {
      const again = look(raised, change(seenOf({ now: 6_000 })));
      assert.deepEqual(changes(raised, again, 6_000), []);
      assert.equal([...again.active.values()][0]?.since, 5_000);
    }
    const over = isCount ? change(seenOf({ now: 7_000 })) : seenOf({ now: 7_000 });
    assert.deepEqual(changes(raised, look(raised, over), 7_000), [
      { name, active: false, reason: up!.reason, since: 7_000 },
    ]);
  });
}

Deno.test("look() raises publishersHeldBack only when they are at two looks in a row", () => {
  const held = tables(seenOf(), { heldBack: new Set([{}]) as unknown as TablesOf["heldBack"] });
  const first = look(NO_ALARMS, held);
  assert.deepEqual([...first.active.keys()], []);
  const second = look(first, held);
  assert.deepEqual([...second.active.keys()], ["publishersHeldBack"]);
  assert.equal(look(second, seenOf()).active.size, 0);
});

Deno.test("the table of alarms has a row of this test for each, and a quiet broker raises none", () => {
  const tested = [...rows.map(([name]) => name), "publishersHeldBack"];
  assert.deepEqual([...alarmNames].toSorted(), tested.toSorted());
  const quiet: Alarms = look(NO_ALARMS, seenOf());
  assert.equal(quiet.active.size, 0);
});

Deno.test("alarmMessage() is JSON below $SYS/broker/alarms, to be retained", () => {
  const change = { name: "memory", active: true, reason: "much", since: 7 } as const;
  const { topic, payload, retain } = alarmMessage(change);
  assert.deepEqual([topic, retain], ["$SYS/broker/alarms/memory", undefined]);
  assert.deepEqual(JSON.parse(new TextDecoder().decode(payload)), change);
});
