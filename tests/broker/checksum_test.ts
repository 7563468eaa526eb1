/** The checksum of the tables: the same for the same, whatever the order; another for anything that is another. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Broker } from "../../src/broker/broker.ts";
import { checksumInParts, checksumOf } from "../../src/broker/checksum.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { NO_MESSAGE } from "../../src/session/message.ts";
import type { IndexRecord } from "../../src/session/write.ts";

const session = (clientId: string, more: object = {}): IndexRecord => ({
  type: "session",
  clientId,
  owner: { user: "u", roles: [] },
  expiryInterval: 60,
  expiresAt: Infinity,
  orders: [],
  sizes: [],
  ...more,
});
const subscription = (clientId: string, full: string, more: object = {}): IndexRecord => ({
  type: "subscription",
  clientId,
  subscription: {
    full,
    filter: full,
    shareName: undefined,
    options: {
      qos: 1,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
      subscriptionIdentifier: undefined,
      ...more,
    },
  },
});
const retained = (topic: string, order: number): IndexRecord => ({
  type: "retained",
  message: { ...NO_MESSAGE, topic, order, retain: true, payload: new Uint8Array([1]) },
});
const route = (node: string, full: string, interest = 1): IndexRecord => ({
  type: "route",
  node,
  full,
  interest,
});

const some: readonly IndexRecord[] = [
  session("a"),
  session("b"),
  subscription("a", "x/+"),
  subscription("a", "#"),
  subscription("b", "x/+"),
  retained("x/1", 1024),
  retained("x/2", 2 ** 40),
  route("n.2", "x/+"),
  route("n.2", "y"),
  route("n.3", "x/+"),
];

/** Sessions come before their subscriptions, as from a store. */
function tablesOf(records: readonly IndexRecord[], node = "n.1") {
  const broker = new Broker(defaultRules, { node, slot: 1, localFirst: false });
  const first = ({ type }: IndexRecord) => type === "session" ? 0 : 1;
  for (const record of records.toSorted((one, other) => first(one) - first(other))) {
    broker.step({ type: "indexed", record }, 1000);
  }
  broker.step({ type: "recovered" }, 1000);
  return broker.snapshot();
}

const order = fc.shuffledSubarray([...some], { minLength: some.length });

Deno.test("checksumOf() is the same when the same came in any order, to any node, and in parts of any size", () => {
  const expected = checksumOf(tablesOf(some));
  assert.match(expected, /^[0-9a-f]{16}\.[0-9a-f]{16}\.[0-9a-f]{16}$/);
  fc.assert(
    fc.property(order, fc.integer({ min: 1, max: 12 }), (records, entries) => {
      const tables = tablesOf(records, "n.4");
      assert.equal(checksumOf(tables), expected);
      const parts = checksumInParts(tables, entries);
      let pauses = 0;
      let part = parts.next();
      for (; part.done !== true; part = parts.next()) pauses += 1;
      assert.equal(part.value, expected);
      if (entries === 1) assert.ok(pauses >= 5, `${pauses} pauses`);
    }),
    { numRuns: 100 },
  );
});

/** [what is another, the place of the part that shows it, the records] */
const others: readonly (readonly [string, number, readonly IndexRecord[]])[] = [
  ["a session more", 0, [...some, session("c")]],
  ["another expiry", 0, some.with(0, session("a", { expiryInterval: 61 }))],
  ["another owner", 0, some.with(0, session("a", { owner: { user: "v", roles: [] } }))],
  ["a client that has not come yet", 0, some.with(0, session("a", { awaited: true }))],
  ["a subscription less", 0, some.filter((_, at) => at !== 2)],
  ["the same filter of another session", 0, some.with(3, subscription("b", "#"))],
  ["another QoS", 0, some.with(3, subscription("a", "#", { qos: 2 }))],
  ["No Local", 0, some.with(3, subscription("a", "#", { noLocal: true }))],
  ["Retain As Published", 0, some.with(3, subscription("a", "#", { retainAsPublished: true }))],
  ["Retain Handling", 0, some.with(3, subscription("a", "#", { retainHandling: 1 }))],
  [
    "a Subscription Identifier",
    0,
    some.with(3, subscription("a", "#", { subscriptionIdentifier: 1 })),
  ],
  ["another retained message", 1, some.with(6, retained("x/2", 2 ** 40 + 1024))],
  ["a retained message of another topic", 1, some.with(6, retained("x/3", 2 ** 40))],
  [
    "two retained messages exchanged",
    1,
    some.with(5, retained("x/2", 1024)).with(6, retained("x/1", 2 ** 40)),
  ],
  ["a route less", 2, some.filter((_, at) => at !== 8)],
  ["another interest", 2, some.with(8, route("n.2", "y", 2))],
  ["a route of another node", 2, some.with(8, route("n.3", "y"))],
];
for (const [what, place, records] of others) {
  Deno.test(`checksumOf() is another when there is ${what}, and shows in what`, () => {
    const before = checksumOf(tablesOf(some)).split(".");
    const after = checksumOf(tablesOf(records)).split(".");
    const differing = before.flatMap((part, at) => part === after[at] ? [] : [at]);
    assert.deepEqual(differing, [place]);
  });
}

Deno.test("checksumOf() is another for each of a thousand sessions more, however alike their names are", () => {
  const seen = new Set<string>();
  const records = [...some];
  for (let i = 0; i < 1_000; i++) {
    records.push(session(`c${i}`));
    if (i % 100 === 99) seen.add(checksumOf(tablesOf(records)));
  }
  const single = Array.from({ length: 1_000 }, (_, i) => checksumOf(tablesOf([session(`c${i}`)])));
  assert.equal(new Set([...seen, ...single]).size, 1_010);
});

Deno.test("checksumOf() leaves out what is a node's own when there is a retained message of $SYS", () => {
  const more = [...some, retained("$SYS/broker/uptime", 2048)];
  assert.equal(checksumOf(tablesOf(more)), checksumOf(tablesOf(some)));
});
