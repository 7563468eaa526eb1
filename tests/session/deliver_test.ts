import assert from "node:assert/strict";
import type { Limits } from "../../src/policy/limits.ts";
import type { QueuePolicy } from "../../src/policy/rules.ts";
import type { DeliverGiven } from "../../src/session/deliver.ts";
import { deliver } from "../../src/session/deliver.ts";
import { messageSize } from "../../src/session/message.ts";
import * as ids from "../../src/session/packet_id_map.ts";
import { queueLength } from "../../src/session/queue.ts";
import type { QueueBound } from "../../src/session/queue_bound.ts";
import { ALONE } from "../../src/session/queue_bound.ts";
import type { Inflight, Session } from "../../src/session/session.ts";
import { deepFreeze } from "../deep_freeze.ts";
import {
  delivery,
  idMap,
  inflight,
  NOW,
  ordersOf,
  queueOf,
  rules,
  session,
  tailOf,
} from "./values.ts";

const SIZE = messageSize(delivery(1).message);
const m50 = delivery(50);

function at(changes: Partial<DeliverGiven> = {}): DeliverGiven {
  return deepFreeze({
    now: NOW,
    rules: rules(),
    ready: true,
    absent: false,
    bound: ALONE,
    ...changes,
  });
}

function flown(awaiting: Inflight["awaiting"], sequence: number, of = m50): Inflight {
  return { awaiting, delivery: of, sequence, sentAt: NOW };
}

for (const stored of [true, false]) {
  const kind = stored ? "stored" : "not stored";
  for (const qos of [1, 2] as const) {
    Deno.test(`deliver() puts QoS ${qos} into flight when quota is left, ${kind} [MQTT-4.3.${qos + 1}-1]`, () => {
      const before = session(stored, { nextPacketId: 12, nextSequence: 30, sendQuota: 1 });
      const one = delivery(50, qos);
      const entry = flown(qos === 1 ? "puback" : "pubrec", 30, one);
      assert.deepEqual(deliver(before, one, at()), {
        session: {
          ...before,
          inflight: idMap([12, entry]),
          nextPacketId: 13,
          nextSequence: 31,
          sendQuota: 0,
          sentBytes: messageSize(one.message),
        },
        writes: stored
          ? [{ type: "putInflight", clientId: "c", packetId: 12, inflight: entry }]
          : [],
        packetId: 12,
        dropped: undefined,
        droppedCount: 0,
      });
    });
  }

  /** [why it waits, the session, what is given] */
  const waits: readonly (readonly [string, Partial<Session>, Partial<DeliverGiven>])[] = [
    ["the quota is used up [MQTT-4.9.0-2]", { sendQuota: 0 }, {}],
    ["the bytes inflight fill the window", { sentBytes: 1_048_576 }, {}],
    ["the client is congested", {}, { ready: false }],
    ["something waits to be sent again [MQTT-4.6.0-6]", {
      inflight: idMap([3, inflight("puback", 1)]),
      resending: [3],
    }, {}],
  ];
  for (const [why, changes, facts] of waits) {
    Deno.test(`deliver() puts the message into the queue when ${why}, ${kind}`, () => {
      const before = session(stored, changes);
      assert.deepEqual(deliver(before, m50, at(facts)), {
        session: { ...before, queue: queueOf(m50) },
        writes: stored ? [{ type: "putQueued", clientId: "c", delivery: m50 }] : [],
        packetId: 0,
        dropped: undefined,
        droppedCount: 0,
      });
    });
  }

  Deno.test(`deliver() overtakes nothing when a queue is there and quota too, ${kind} [MQTT-4.6.0-6]`, () => {
    const before = session(stored, { queue: queueOf(delivery(40)) });
    const { session: after, packetId } = deliver(before, m50, at());
    assert.equal(packetId, 0);
    assert.deepEqual(ordersOf(after), { head: [40, 50], tail: [] });
    assert.equal(after.queue.bytes, 2 * SIZE);
  });
}

Deno.test("deliver() overtakes nothing when all of the queue is in the store", () => {
  const before = session(true, { queue: tailOf(delivery(40)) });
  assert.deepEqual(ordersOf(deliver(before, m50, at()).session), { head: [], tail: [40, 50] });
});

Deno.test("deliver() puts nothing with QoS 0 into flight when quota is left", () => {
  const { session: after, packetId } = deliver(session(true), delivery(50, 0), at());
  assert.equal(packetId, 0);
  assert.deepEqual(ordersOf(after).head, [50]);
});

/** [next packet id, ids in use, the id taken, the next one after that] */
const takenIds: readonly (readonly [number, readonly number[], number, number])[] = [
  [1, [], 1, 2],
  [65_534, [], 65_534, 65_535],
  [65_535, [], 65_535, 1],
  [65_535, [65_535], 1, 2],
  [65_534, [65_534, 65_535, 1, 2], 3, 4],
  [5, [5, 6, 7], 8, 9],
  [5, [6], 5, 6],
];
for (const [nextPacketId, used, packetId, next] of takenIds) {
  Deno.test(`deliver() takes packet id ${packetId} when the search starts at ${nextPacketId} and [${used}] are in use [MQTT-2.2.1-4]`, () => {
    const before = session(true, {
      nextPacketId,
      inflight: idMap(...used.map((id) => [id, inflight("puback", id)] as const)),
    });
    const done = deliver(before, m50, at());
    assert.equal(done.packetId, packetId);
    assert.equal(done.session.nextPacketId, next);
    assert.equal(ids.size(done.session.inflight), used.length + 1);
  });
}

Deno.test("deliver() puts the message into the queue when every packet id is in use", () => {
  let all = ids.emptyPacketIdMap<Inflight>();
  for (let id = 1; id <= 65_535; id++) all = ids.set(all, id, flown("puback", id));
  const before = { ...session(true), inflight: all };
  const done = deliver(before, m50, at());
  assert.equal(done.packetId, 0);
  assert.equal(done.session.inflight, all);
  assert.equal(queueLength(done.session.queue), 1);
});

/** [head size, queueHead, absent, stored, where it goes] */
const places: readonly (readonly [number, number, boolean, boolean, "head" | "tail"])[] = [
  [0, 2, false, true, "head"],
  [1, 2, false, true, "head"],
  [2, 2, false, true, "tail"],
  [0, 2, true, true, "tail"],
  [0, 2, true, false, "head"],
  [2, 2, false, false, "head"],
  [9, 2, false, false, "head"],
];
for (const [size, queueHead, absent, stored, place] of places) {
  Deno.test(`deliver() queues into the ${place} when ${size} of ${queueHead} are in the head, ${absent ? "absent" : "present"}, ${stored ? "stored" : "not stored"}`, () => {
    const queued = Array.from({ length: size }, (_, n) => delivery(n + 1));
    const { session: after } = deliver(
      session(stored, { queue: queueOf(...queued), sendQuota: 0 }),
      m50,
      at({ rules: rules({ queueHead }), ready: false, absent }),
    );
    assert.equal(ordersOf(after)[place].at(-1), 50);
    assert.equal(queueLength(after.queue), size + 1);
  });
}

interface LimitRow {
  readonly when: string;
  readonly limits?: Partial<Limits>;
  readonly bound?: Partial<QueueBound>;
  /** Orders in the queue before and after under `dropOldest`. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly size?: number;
  readonly reason: "queueFull" | "identityQueueFull" | "brokerQueueFull";
  /** Nothing can be dropped in its favour: all policies refuse the message itself. */
  readonly hopeless?: boolean;
}

const limitRows: readonly LimitRow[] = [
  {
    when: "the limit of messages is reached",
    limits: { queuedMessagesPerSession: 2 },
    before: [1, 2],
    after: [2, 50],
    reason: "queueFull",
  },
  {
    when: "the limit of messages was lowered",
    limits: { queuedMessagesPerSession: 2 },
    before: [1, 2, 3, 4],
    after: [4, 50],
    reason: "queueFull",
  },
  {
    when: "the limit of bytes is reached",
    limits: { queuedBytesPerSession: 2 * SIZE },
    before: [1, 2],
    after: [2, 50],
    reason: "queueFull",
  },
  {
    when: "the message is as large as three others",
    limits: { queuedBytesPerSession: 4 * SIZE },
    before: [1, 2, 3, 4],
    after: [4, 50],
    size: 3 * SIZE,
    reason: "queueFull",
  },
  {
    when: "the message takes all of the bytes",
    limits: { queuedBytesPerSession: 3 * SIZE },
    before: [1, 2],
    after: [50],
    size: 3 * SIZE,
    reason: "queueFull",
  },
  {
    when: "the message alone is larger than the limit of bytes",
    limits: { queuedBytesPerSession: 3 * SIZE },
    before: [1, 2],
    after: [1, 2],
    size: 3 * SIZE + 1,
    reason: "queueFull",
    hopeless: true,
  },
  {
    when: "no message may be queued at all",
    limits: { queuedMessagesPerSession: 0 },
    before: [],
    after: [],
    reason: "queueFull",
    hopeless: true,
  },
  {
    when: "all sessions together have no room",
    bound: { messages: 2 },
    before: [1, 2],
    after: [2, 50],
    reason: "brokerQueueFull",
  },
  {
    when: "all sessions together have no room and this one has nothing to drop",
    bound: { messages: 0 },
    before: [],
    after: [],
    reason: "brokerQueueFull",
    hopeless: true,
  },
  {
    when: "all sessions together have room for fewer bytes",
    bound: { bytes: 4 * SIZE - 1 },
    before: [1, 2, 3],
    after: [3, 50],
    size: 2 * SIZE,
    reason: "brokerQueueFull",
  },
  {
    when: "the identity has no room",
    bound: { identityMessages: 2 },
    before: [1, 2],
    after: [2, 50],
    reason: "identityQueueFull",
  },
  {
    when: "the identity has room for fewer bytes",
    bound: { identityBytes: 2 * SIZE },
    before: [1, 2],
    after: [2, 50],
    reason: "identityQueueFull",
  },
  {
    when: "the identity has no room and this session has nothing to drop",
    bound: { identityMessages: 0 },
    before: [],
    after: [],
    reason: "identityQueueFull",
    hopeless: true,
  },
  {
    when: "its limit and those of the others are reached",
    limits: { queuedMessagesPerSession: 2 },
    bound: { identityMessages: 2, messages: 2 },
    before: [1, 2],
    after: [2, 50],
    reason: "queueFull",
  },
  {
    when: "its other sessions and all others take more than all its own messages",
    bound: { identityMessages: -3, messages: 0 },
    before: [1, 2],
    after: [1, 2],
    reason: "identityQueueFull",
    hopeless: true,
  },
];

for (const row of limitRows) {
  for (const queuePolicy of ["dropOldest", "dropNewest", "reject"] as const) {
    for (const stored of [true, false]) {
      for (const tail of stored ? [false, true] : [false]) {
        const where = stored ? tail ? "in the store" : "stored" : "not stored";
        const kept = queuePolicy !== "dropOldest" || row.hopeless === true;
        Deno.test(`deliver() drops ${kept ? "the message" : "the oldest"} when ${row.when}, ${queuePolicy}, ${where}`, () => {
          drops(row, queuePolicy, stored, tail, kept);
        });
      }
    }
  }
}

function drops(
  row: LimitRow,
  queuePolicy: QueuePolicy,
  stored: boolean,
  tail: boolean,
  kept: boolean,
): void {
  const queued = row.before.map((order) => delivery(order));
  const before = session(stored, {
    queue: (tail ? tailOf : queueOf)(...queued),
    sendQuota: 0,
  });
  const payload = new Uint8Array((row.size ?? SIZE) - SIZE + 1);
  const one = delivery(50, 1, { payload });
  const done = deliver(
    before,
    one,
    at({
      rules: rules(row.limits, { queuePolicy }),
      bound: { ...ALONE, ...row.bound },
      absent: tail,
    }),
  );
  assert.equal(done.packetId, 0);
  assert.equal(done.dropped, row.reason);
  const { head, tail: rest } = ordersOf(done.session);
  if (kept) {
    assert.equal(done.session, before);
    assert.equal(done.droppedCount, 1);
    assert.deepEqual(done.writes, []);
    return;
  }
  assert.deepEqual([...head, ...rest], row.after);
  const dropped = row.before.filter((order) => !row.after.includes(order));
  assert.equal(done.droppedCount, dropped.length);
  const deleted = dropped.map((order) => ({ type: "deleteQueued", clientId: "c", order }));
  const put = { type: "putQueued", clientId: "c", delivery: one };
  assert.deepEqual(done.writes, stored ? [...deleted, put] : []);
  const others = row.after.length - 1;
  assert.equal(done.session.queue.bytes, others * SIZE + messageSize(one.message));
}
