/**
 * What every store must do: one suite, run by each driver. What survives a crash is asked only of
 * those that can be crashed. Section 8 of the architecture.
 *
 * Beyond the words of `store.ts` it settles:
 * - A part of a session (subscription, id, inflight, queued) that is put where there is no session is
 *   not kept, so nothing is left for another owner to find: `putSession` comes first.
 * - `putSession` of a session that is there changes what it names and leaves the parts.
 * - A Will is its client's and not its session's: `deleteSession` leaves it.
 * - One order is one message: whoever puts the same order puts the same message, so a driver may keep
 *   its body once; it stays for as long as one record has it.
 * - A delete of what is not there is no error.
 * - The index tells sessions, subscriptions, retained, wills, delayed, in this order, and last the
 *   highest order that any put has carried, whether its message is still there or was ever kept.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { messageSize } from "../../src/session/message.ts";
import type { Write } from "../../src/session/write.ts";
import type { Opened, Trial } from "./store_trial.ts";
import { comparable, indexOf, withTrial } from "./store_trial.ts";
import {
  CLIENT_IDS,
  delivery,
  GROUP,
  histories,
  inflight,
  LONG,
  message,
  putQueued,
  putSession,
  putWill,
  subscription,
} from "./store_values.ts";

const EMPTY_INDEX = [{ type: "order", highest: 0 }];

const NOTHING = { received: [], inflight: [], queued: [] };

/**
 * Registers the suite.
 *
 * @param name the driver's, with which each test's name begins
 * @param open makes a new, empty store; the suite closes it
 */
export function storeContract(name: string, open: () => Promise<Opened>): void {
  function test(title: string, body: (trial: Trial) => Promise<void>): void {
    Deno.test(`${name} ${title}`, () => withTrial(open, body));
  }

  test("load() read() index() give nothing when nothing was written", async (trial) => {
    const { store } = trial;
    assert.deepEqual(await store.load("pump", 10), NOTHING);
    assert.deepEqual(await store.read("pump", 0, 10), []);
    assert.deepEqual(await indexOf(store), EMPTY_INDEX);
    assert.ok(Number.isInteger(store.limits.writes) && store.limits.writes > 0);
    await store.commit([]);
  });

  for (const [what, writes] of VALUES) {
    test(`commit() keeps every value when it is ${what}`, async (trial) => {
      await trial.commit(putSession("pump"), putSession(GROUP));
      await trial.commit(...writes);
      await trial.check();
      await trial.reopen();
      await trial.check();
    });
  }

  test("load() gives ids, inflight and the oldest of the queue when all were put", async (trial) => {
    const one = delivery(message(1));
    const two = delivery(message(2, { qos: 2 }), { qos: 2, subscriptionIdentifiers: [3, 1] });
    await trial.commit(
      putSession("pump"),
      { type: "putReceived", clientId: "pump", packetId: 65_535 },
      { type: "putReceived", clientId: "pump", packetId: 1 },
      { type: "putInflight", clientId: "pump", packetId: 65_535, inflight: inflight(two, 8) },
      { type: "putInflight", clientId: "pump", packetId: 2, inflight: inflight(undefined, 7) },
      ...[5, 6, 7].map((order) => putQueued("pump", delivery(message(order)))),
      putQueued("pump", one),
    );
    await trial.reopen();
    assert.deepEqual(comparable(await trial.store.load("pump", 2)), {
      received: [1, 65_535],
      inflight: [[2, inflight(undefined, 7)], [65_535, inflight(two, 8)]],
      queued: [one, delivery(message(5))],
    });
  });

  test("read() gives the queue in message order when older ones were given back", async (trial) => {
    await trial.commit(putSession(GROUP));
    for (const order of [300, 256, 255, 2 ** 32 + 1, 9, 2 ** 32, 10]) {
      await trial.commit(putQueued(GROUP, delivery(message(order))));
    }
    const orders = async (from: number, most: number) =>
      (await trial.store.read(GROUP, from, most)).map(({ message }) => message.order);
    assert.deepEqual(await orders(0, 100), [9, 10, 255, 256, 300, 2 ** 32, 2 ** 32 + 1]);
    assert.deepEqual(await orders(10, 2), [10, 255]);
    assert.deepEqual(await orders(257, 2), [300, 2 ** 32]);
    assert.deepEqual(await orders(2 ** 32 + 2, 2), []);
    assert.deepEqual(await orders(0, 0), []);
    await trial.check();
  });

  test("putQueued replaces when the order is there", async (trial) => {
    const about = message(4, { qos: 2 });
    await trial.commit(putSession("pump"), putQueued("pump", delivery(about, { qos: 2 })));
    await trial.commit(putQueued("pump", delivery(message(5))));
    await trial.commit(putQueued("pump", delivery(about, { qos: 1, retain: true })));
    assert.deepEqual(await trial.store.read("pump", 0, 10), [
      delivery(about, { qos: 1, retain: true }),
      delivery(message(5)),
    ]);
    await trial.check();
  });

  test("commit() applies writes in their order when they are about one record", async (trial) => {
    const deleteQueued: Write = { type: "deleteQueued", clientId: "pump", order: 1 };
    const queued = putQueued("pump", delivery(message(1)));
    const deleteReceived: Write = { type: "deleteReceived", clientId: "pump", packetId: 1 };
    const putReceived: Write = { type: "putReceived", clientId: "pump", packetId: 1 };
    await trial.commit(
      ...[putSession("pump"), queued, deleteQueued, deleteReceived, putReceived],
      { type: "putRetained", message: message(2) },
      { type: "deleteRetained", topic: "plant/1" },
      { type: "putRetained", message: message(3) },
      putWill("pump"),
      { type: "deleteWill", clientId: "pump" },
    );
    await trial.check();
    await trial.commit(queued, deleteQueued, queued, putReceived, deleteReceived);
    assert.deepEqual(await trial.store.load("pump", 10), {
      ...NOTHING,
      queued: [delivery(message(1))],
    });
    await trial.check();
    const deleteSession: Write = { type: "deleteSession", clientId: "pump" };
    await trial.commit(deleteSession, putSession("pump", 5), putReceived);
    assert.deepEqual(await trial.store.load("pump", 10), { ...NOTHING, received: [1] });
    await trial.commit(queued, deleteSession);
    assert.deepEqual(await trial.store.load("pump", 10), NOTHING);
    await trial.reopen();
    await trial.check();
  });

  test("deleteSession takes its parts and no more when names are alike", async (trial) => {
    for (const clientId of CLIENT_IDS) await trial.commit(...everyPart(clientId));
    await trial.check();
    for (const clientId of [GROUP, "pump", "p".repeat(3_000)]) {
      await trial.commit({ type: "deleteSession", clientId });
      assert.deepEqual(await trial.store.load(clientId, 10), NOTHING);
      await trial.check();
    }
    await trial.reopen();
    await trial.commit(putSession("pump"));
    assert.deepEqual(await trial.store.load("pump", 10), NOTHING, "an earlier session is back");
    await trial.check();
  });

  test("putSession leaves the parts when the session is there", async (trial) => {
    await trial.commit(...everyPart("pump"));
    await trial.commit(putSession("pump", 12.5, { user: undefined, roles: [] }));
    await trial.check();
    assert.equal((await trial.store.load("pump", 10)).queued.length, 2);
  });

  test("commit() keeps no part when its session is not there", async (trial) => {
    const [put, ...parts] = everyPart("pump").filter(({ type }) => type !== "putWill");
    await trial.commit(...parts);
    assert.deepEqual(await trial.store.load("pump", 10), NOTHING);
    assert.deepEqual((await indexOf(trial.store)).map(({ type }) => type), ["order"]);
    await trial.commit(...parts, put!);
    assert.deepEqual(await trial.store.load("pump", 10), NOTHING);
    await trial.commit({ type: "deleteSession", clientId: "pump" }, ...parts);
    await trial.commit(put!);
    assert.deepEqual(await trial.store.load("pump", 10), NOTHING);
    await trial.reopen();
    await trial.check();
  });

  test("commit() takes a delete when there is nothing, or nothing any more", async (trial) => {
    await trial.commit(...deletes("pump"));
    await trial.check();
    await trial.commit(...everyPart("pump"), ...everyPart("pump7"));
    await trial.commit(...deletes("pump"), ...deletes("pump"));
    await trial.commit(...deletes("pump"));
    await trial.check();
    await trial.reopen();
    await trial.check();
  });

  test("a message stays when others that had it let it go", async (trial) => {
    const shared = message(77, { payload: new Uint8Array(5_000).fill(7), qos: 2 });
    const clientIds = Array.from({ length: 100 }, (_, n) => `panel${n}`);
    const last = clientIds[99]!;
    await trial.commit(
      ...clientIds.map((clientId) => putSession(clientId)),
      ...clientIds.map((clientId) => putQueued(clientId, delivery(shared, { qos: 2 }))),
      { type: "putRetained", message: shared },
    );
    await trial.check(clientIds);
    await trial.commit(
      { type: "deleteRetained", topic: shared.topic },
      { type: "deleteQueued", clientId: last, order: 77 },
      {
        type: "putInflight",
        clientId: last,
        packetId: 9,
        inflight: inflight(delivery(shared, { qos: 2 }), 1),
      },
      { type: "deleteSession", clientId: "panel0" },
      ...clientIds.slice(1, 50).map((clientId): Write => ({
        type: "deleteQueued",
        clientId,
        order: 77,
      })),
    );
    await trial.check(clientIds);
    await trial.reopen();
    for (const clientId of clientIds.slice(50, 99)) {
      await trial.commit({ type: "deleteQueued", clientId, order: 77 });
    }
    await trial.check(clientIds);
    assert.equal((await trial.store.load(last, 1)).inflight.length, 1);
  });

  test("commit() keeps settings when they are long, replaced and taken away", async (trial) => {
    const put = (name: string, value: string): Write => ({ type: "putSetting", name, value });
    await trial.commit(put("a/1", "one"), put("a/2", "x".repeat(400_000)), put(LONG, ""));
    await trial.check();
    await trial.reopen();
    await trial.check();
    await trial.commit(put("a/2", "short"), put("a/1", "y".repeat(70_000)), put("a/3", "é"));
    await trial.commit({ type: "deleteSetting", name: LONG }, {
      type: "deleteSetting",
      name: "no",
    });
    await trial.check();
    await trial.reopen();
    await trial.check();
    const settings = (await indexOf(trial.store)).filter(({ type }) => type === "setting");
    assert.equal(settings.length, 3);
  });

  test("commit() keeps large messages when one is above every limit of a value", async (trial) => {
    const big = (order: number, length: number) =>
      delivery(message(order, { payload: new Uint8Array(length).map((_, at) => at * order) }));
    await trial.commit(
      putSession("pump"),
      ...Array.from({ length: 20 }, (_, n) => putQueued("pump", big(n + 1, 60_000))),
      putQueued("pump", big(21, 300_000)),
      { type: "putRetained", message: big(22, 1_500_000).message },
    );
    await trial.check(["pump"]);
    await trial.reopen();
    await trial.check(["pump"]);
    await trial.commit({ type: "deleteQueued", clientId: "pump", order: 21 });
    await trial.commit({ type: "putRetained", message: message(23) });
    await trial.check(["pump"]);
  });

  test("commit() takes more writes than limits.writes when they belong together", async (trial) => {
    const count = trial.store.limits.writes + 200;
    const clientIds = Array.from({ length: count }, (_, n) => `panel${n}`);
    const shared = delivery(message(5));
    await trial.commit(...clientIds.map((clientId) => putSession(clientId)));
    await trial.commit(...clientIds.map((clientId) => putQueued(clientId, shared)));
    await trial.reopen();
    for (const clientId of ["panel0", `panel${count - 201}`, `panel${count - 1}`]) {
      assert.deepEqual(await trial.store.read(clientId, 0, 10), [shared]);
    }
    const sessions = (await indexOf(trial.store)).filter(({ type }) => type === "session");
    assert.equal(sessions.length, count);
    assert.ok(sessions.every((record) => record.type === "session" && record.orders[0] === 5));
  });

  test("a long queue keeps its order when it is read and taken in parts", async (trial) => {
    await trial.commit(putSession("pump"));
    const all = Array.from({ length: 3_000 }, (_, n) => delivery(message(n * 3 + 1)));
    for (let at = 0; at < all.length; at += 250) {
      await trial.commit(...all.slice(at, at + 250).map((each) => putQueued("pump", each)));
    }
    // Given back: one in front of all and one in the middle; taken: one in the middle.
    all.unshift(delivery(message(0)));
    all.splice(1_501, 0, delivery(message(4_499)));
    await trial.commit(putQueued("pump", all[1_501]!), putQueued("pump", all[0]!));
    const [gone] = all.splice(2_000, 1);
    await trial.commit({
      type: "deleteQueued",
      clientId: "pump",
      order: gone!.message.order,
    });
    for (let at = 0; at < all.length; at += 200) {
      const { queued } = await trial.store.load("pump", 100);
      assert.deepEqual(queued, all.slice(at, at + 100));
      const from = all[at + 100]?.message.order ?? 1_000_000;
      const more = await trial.store.read("pump", from, 100);
      assert.deepEqual(more, all.slice(at + 100, at + 200));
      await trial.commit(
        ...[...queued, ...more].map(({ message }): Write => ({
          type: "deleteQueued",
          clientId: "pump",
          order: message.order,
        })),
      );
      if (at === 1_400) await trial.reopen();
    }
    assert.deepEqual(await trial.store.load("pump", 10), NOTHING);
    await trial.check();
  });

  test("load() gives values of its own when later commits change the session", async (trial) => {
    await trial.commit(...everyPart("pump"));
    const before = await trial.store.load("pump", 10);
    const read = await trial.store.read("pump", 0, 10);
    const seen = structuredClone({ before, read });
    await trial.commit(...deletes("pump"));
    assert.deepEqual({ before, read }, seen);
  });

  test("index() tells sessions with their queues first, then the rest, in turn", async (trial) => {
    await trial.commit(putWill("pump7"), { type: "putRetained", message: message(1) }, {
      type: "putDelayed",
      message: message(2),
      publishAt: 9.5,
    });
    const large = delivery(message(2 ** 40, { topic: LONG, payload: new Uint8Array(70_000) }));
    for (const clientId of [GROUP, "pump7"]) {
      await trial.commit(
        ...everyPart(clientId),
        putQueued(clientId, large),
        putQueued(clientId, delivery(message(3))),
      );
    }
    await trial.reopen();
    const records = await indexOf(trial.store);
    const turns = ["session", "subscription", "retained", "will", "delayed", "order"];
    const places = records.map(({ type }) => turns.indexOf(type));
    assert.deepEqual(places, places.toSorted((a, b) => a - b));
    assert.deepEqual(new Set(places), new Set([0, 1, 2, 3, 4, 5]));
    for (const record of records) {
      if (record.type !== "session") continue;
      const queue = (await trial.store.load(record.clientId, 100)).queued;
      assert.deepEqual(record.orders, [3, 11, 12, 2 ** 40]);
      assert.deepEqual(record.sizes, queue.map(({ message }) => messageSize(message)));
    }
    await trial.check();
  });

  test("index() tells the highest order ever written when its message is gone", async (trial) => {
    const highest = async () => (await indexOf(trial.store)).at(-1);
    await trial.commit(putSession("pump"), putQueued("pump", delivery(message(2 ** 40))));
    await trial.commit({ type: "deleteQueued", clientId: "pump", order: 2 ** 40 });
    await trial.commit({ type: "putRetained", message: message(8) });
    assert.deepEqual(await highest(), { type: "order", highest: 2 ** 40 });
    await trial.commit({
      type: "putInflight",
      clientId: "pump",
      packetId: 1,
      inflight: inflight(delivery(message(2 ** 40 + 1)), 1),
    }, { type: "deleteSession", clientId: "pump" });
    await trial.reopen();
    assert.deepEqual(await highest(), { type: "order", highest: 2 ** 40 + 1 });
    for (
      const [order, write] of [
        [2 ** 41, { type: "putRetained", message: message(2 ** 41) }],
        [2 ** 42, { type: "putDelayed", message: message(2 ** 42), publishAt: 1 }],
      ] as const
    ) {
      await trial.commit(write, { type: "deleteDelayed", order });
      assert.deepEqual(await highest(), { type: "order", highest: order });
    }
    await trial.check();
  });

  test("commit() is durable when it is done, and all or nothing before", async (trial) => {
    // What survives nothing says so; what promises more must let itself be crashed here.
    if (!trial.survives) return assert.equal(trial.store.promise, "memory");
    assert.notEqual(trial.store.promise, "memory");
    await trial.commit(...everyPart("pump"));
    await trial.reopen();
    await trial.reopen();
    await trial.check();
    const many = Array.from(
      { length: Math.min(trial.store.limits.writes * 2, 5_000) },
      (_, n) => putQueued("pump", delivery(message(n + 100))),
    );
    await trial.crashAmid(putSession("pump7"), ...many, { type: "deleteWill", clientId: "pump" });
    await trial.crashAmid({ type: "deleteSession", clientId: "pump" }, putSession("pump", 7));
    await trial.commit(putQueued("pump", delivery(message(9_999))));
    await trial.reopen();
    await trial.check();
  });

  Deno.test(`${name} holds what a plain model holds when any commits were made`, async () => {
    await fc.assert(
      fc.asyncProperty(histories, (commits) =>
        withTrial(open, async (trial) => {
          for (const writes of commits) {
            if (writes === undefined) await trial.reopen();
            else await trial.commit(...writes);
            await trial.check();
          }
          await trial.reopen();
          await trial.check();
        })),
      { numRuns: 150 },
    );
  });
}

/** A session with something of every kind. */
function everyPart(clientId: string): Write[] {
  return [
    putSession(clientId),
    putWill(clientId),
    { type: "putSubscription", clientId, subscription: subscription("plant/+") },
    { type: "putSubscription", clientId, subscription: subscription("$share/fitters/plant/#") },
    { type: "putReceived", clientId, packetId: 1 },
    { type: "putReceived", clientId, packetId: 65_535 },
    { type: "putInflight", clientId, packetId: 1, inflight: inflight(delivery(message(10)), 1) },
    putQueued(clientId, delivery(message(11))),
    putQueued(clientId, delivery(message(12))),
  ];
}

/** Every delete that undoes a part of `everyPart`, and some that undo nothing. */
function deletes(clientId: string): Write[] {
  return [
    { type: "deleteSubscription", clientId, filter: "plant/+" },
    { type: "deleteSubscription", clientId, filter: "plant/#" },
    { type: "deleteReceived", clientId, packetId: 1 },
    { type: "deleteReceived", clientId, packetId: 2 },
    { type: "deleteInflight", clientId, packetId: 1 },
    { type: "deleteInflight", clientId, packetId: 65_535 },
    { type: "deleteQueued", clientId, order: 11 },
    { type: "deleteQueued", clientId, order: 4 },
    { type: "deleteWill", clientId },
    { type: "deleteRetained", topic: "plant/none" },
    { type: "deleteDelayed", order: 4 },
    { type: "deleteSession", clientId: "nobody" },
  ];
}

const PROPERTIES = {
  payloadFormatIndicator: 0,
  responseTopic: `${LONG}reply`,
  correlationData: new Uint8Array([0, 128, 255]),
  userProperties: [["b", "2"], ["a", ""], ["b", "1"], ["b", "2"], ["__proto__", "\ufeff"]],
  contentType: "\u{1f427}",
} as const;

/** A view amid other bytes, of which no other may be kept. */
const AMID = new Uint8Array([9, 9, 0, 1, 255, 9]).subarray(2, 5);

/** Values of every type of Write that drivers are likely to get wrong; `pump` and the group are there. */
const VALUES: readonly (readonly [what: string, writes: readonly Write[]])[] = [
  [
    "an owner, an expiry and a group's key",
    [
      putSession("", 0, { user: "", roles: [] }),
      putSession("pump", Infinity, { user: undefined, roles: ["b", "a", "b"] }),
      putSession("pump7", 1_700_000_000_000.125, { user: "\u0001é", roles: [""] }),
      putSession("lamp", 7, {
        user: "anna",
        roles: [],
        clientId: "lamp",
        address: "2001:db8::7",
        listener: "mutual",
        certificate: { cn: "lamp", sanDns: ["lamp.example", "l.example"], sanUri: [] },
      }),
      putSession(GROUP, Infinity, { user: "$broker", roles: ["$broker"] }),
      { ...putSession("p".repeat(3_000)), expiryInterval: 0xffff_ffff } as Write,
    ],
  ],
  [
    "a subscription with every option",
    [
      subscription("#", { qos: 0, noLocal: true, retainHandling: 2 }),
      subscription("plant/+", { subscriptionIdentifier: 268_435_455, retainAsPublished: true }),
      subscription("$share/fitters/plant/+", { qos: 2, retainHandling: 1 }),
      subscription(`${LONG}#`),
      subscription(`${LONG}+`),
      subscription(`$share/fitters/${LONG}+`, { subscriptionIdentifier: 1 }),
    ].map((subscription) => ({ type: "putSubscription", clientId: "pump", subscription })),
  ],
  [
    "any Packet Identifier",
    [1, 127, 128, 255, 256, 32_768, 65_535].flatMap((packetId): Write[] => [
      { type: "putReceived", clientId: "pump", packetId },
      {
        type: "putInflight",
        clientId: "pump",
        packetId: 65_536 - packetId,
        inflight: inflight(packetId > 200 ? undefined : delivery(message(packetId)), 2 ** 40),
      },
    ]),
  ],
  [
    "a delivery of any QoS, flag and identifier",
    [
      putQueued("pump", delivery(message(1, { qos: 0 }), { qos: 0, retain: true })),
      putQueued("pump", delivery(message(2, { qos: 2, retain: true }), { qos: 1 })),
      putQueued("pump", delivery(message(3), { subscriptionIdentifiers: [268_435_455, 1, 2] })),
      putQueued("pump", delivery(message(4), { group: GROUP, qos: 2 })),
      putQueued(GROUP, delivery(message(4), { group: GROUP })),
      {
        type: "putInflight",
        clientId: "pump",
        packetId: 7,
        inflight: inflight(delivery(message(2, { qos: 2, retain: true }), { qos: 2 }), 1),
      },
    ],
  ],
  [
    "a message with every property, or empty, or amid other bytes",
    [
      message(1, { properties: PROPERTIES, expiresAt: 1_700_000_000_000.125, qos: 0 }),
      message(2, { payload: new Uint8Array(0), publisher: "", expiresAt: 0, topic: "/" }),
      message(3, { payload: AMID, properties: { correlationData: AMID }, topic: "\u{1f427}" }),
      message(2 ** 40 + 1, { properties: { correlationData: new Uint8Array(0) }, topic: "b" }),
      message(5, { properties: { userProperties: [["", ""]], contentType: "" }, topic: "c" }),
      message(6, { payload: new Uint8Array(256).map((_, at) => at), topic: "d", retain: true }),
    ].flatMap((message): Write[] => [
      { type: "putRetained", message },
      { type: "putDelayed", message, publishAt: message.expiresAt },
      putQueued("pump", delivery(message)),
    ]),
  ],
  [
    "about a long topic that differs at its end",
    ["1", "2", "\u{1f427}"].flatMap((end, n): Write[] => [
      { type: "putRetained", message: message(n + 1, { topic: LONG + end, publisher: LONG }) },
      putQueued("pump", delivery(message(n + 1, { topic: LONG + end, publisher: LONG }))),
      { type: "deleteRetained", topic: `${LONG}2` },
    ]),
  ],
  [
    "a Will, waiting or not, of a client with or without a session",
    [putWill("pump"), putWill("nobody", 1_700_000_000_000.125), putWill(GROUP, 0)],
  ],
];
