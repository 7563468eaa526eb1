import assert from "node:assert/strict";
import fc from "fast-check";
import * as fifo from "../../src/session/fifo.ts";
import { messageSize } from "../../src/session/message.ts";
import type { Delivery } from "../../src/session/message.ts";
import * as ids from "../../src/session/packet_id_map.ts";
import type { Outbound } from "../../src/session/replenish.ts";
import { replenish } from "../../src/session/replenish.ts";
import { resume } from "../../src/session/resume.ts";
import type { Inflight, Session } from "../../src/session/session.ts";
import type { Write } from "../../src/session/write.ts";
import { deepFreeze } from "../deep_freeze.ts";
import {
  delivery,
  idMap,
  inflight,
  NOW,
  ordersOf,
  queueOf,
  sentBytesOf,
  session,
  tailOf,
} from "./values.ts";

const always = () => true;

function flown(of: Delivery, sequence: number): Inflight {
  return { awaiting: of.qos === 1 ? "puback" : "pubrec", delivery: of, sequence, sentAt: NOW };
}

for (const stored of [true, false]) {
  const kind = stored ? "stored" : "not stored";

  Deno.test(`replenish() gives the same session back when there is nothing to send, ${kind}`, () => {
    const before = session(stored);
    assert.deepEqual(replenish(before, NOW, always), {
      session: before,
      writes: [],
      outbound: [],
      dropped: [],
      qos0Bytes: 0,
    });
    assert.equal(replenish(before, NOW, always).session, before);
  });

  Deno.test(`replenish() gives the same session back when the quota is 0, ${kind} [MQTT-4.9.0-2]`, () => {
    const before = session(stored, {
      sendQuota: 0,
      inflight: idMap([1, inflight("puback", 1)]),
      resending: [1],
      queue: queueOf(delivery(50)),
    });
    assert.equal(replenish(before, NOW, always).session, before);
  });

  Deno.test(`replenish() moves as much of the queue into flight as the quota allows, ${kind} [MQTT-4.9.0-2]`, () => {
    const [a, b, c] = [delivery(50, 1), delivery(51, 2), delivery(52, 1)];
    const before = session(stored, {
      sendQuota: 2,
      nextPacketId: 65_535,
      nextSequence: 8,
      inflight: idMap([1, inflight("pubrec", 7)]),
      queue: queueOf(a, b, c),
    });
    const done = replenish(before, NOW, always);
    assert.deepEqual(done.session, {
      ...before,
      sendQuota: 0,
      nextPacketId: 3,
      nextSequence: 10,
      inflight: idMap([1, inflight("pubrec", 7)], [65_535, flown(a, 8)], [2, flown(b, 9)]),
      queue: queueOf(c),
      sentBytes: sentBytesOf(done.session),
    });
    assert.deepEqual(done.outbound, [
      { delivery: a, packetId: 65_535, dup: false },
      { delivery: b, packetId: 2, dup: false },
    ]);
    const clientId = "c";
    assert.deepEqual(
      done.writes,
      stored
        ? [
          { type: "deleteQueued", clientId, order: 50 },
          { type: "putInflight", clientId, packetId: 65_535, inflight: flown(a, 8) },
          { type: "deleteQueued", clientId, order: 51 },
          { type: "putInflight", clientId, packetId: 2, inflight: flown(b, 9) },
        ]
        : [],
    );
  });

  Deno.test(`replenish() drops what has expired or does not fit and goes on, ${kind} [MQTT-3.3.2-5] [MQTT-3.1.2-25]`, () => {
    const expired = delivery(50, 1, { expiresAt: NOW });
    const large = delivery(51, 2);
    const alive = delivery(52, 1, { expiresAt: NOW + 1 });
    const before = session(stored, {
      sendQuota: 1,
      queue: queueOf(expired, large, alive),
    });
    const done = replenish(before, NOW, (each) => each !== large);
    assert.deepEqual(done.dropped, [[expired, "expired"], [large, "tooLargeForClient"]]);
    assert.deepEqual(done.outbound, [{ delivery: alive, packetId: 1, dup: false }]);
    assert.equal(done.session.sendQuota, 0);
    assert.equal(done.session.queue.bytes, 0);
    const deleted = done.writes.filter(({ type }) => type === "deleteQueued");
    assert.deepEqual(
      deleted,
      (stored ? [50, 51, 52] : []).map((order) => ({ type: "deleteQueued", clientId: "c", order })),
    );
    assert.equal(done.writes.length, stored ? 4 : 0);
  });

  Deno.test(`replenish() sends queued QoS 0 without packet id and quota, ${kind} [MQTT-2.2.1-2]`, () => {
    const [a, b] = [delivery(50, 0), delivery(51, 0)];
    const before = session(stored, { sendQuota: 1, queue: queueOf(a, b) });
    const done = replenish(before, NOW, always);
    assert.deepEqual(done.outbound, [
      { delivery: a, packetId: 0, dup: false },
      { delivery: b, packetId: 0, dup: false },
    ]);
    assert.equal(done.session.sendQuota, 1);
    assert.equal(ids.size(done.session.inflight), 0);
    assert.deepEqual(ordersOf(done.session), { head: [], tail: [] });
  });
}

Deno.test("replenish() leaves the tail to the store when the head is used up", () => {
  const before = session(true, { queue: tailOf(delivery(50)) });
  assert.equal(replenish(before, NOW, always).session, before);
});

/** What a client left unacknowledged: ids and sequences in different orders. */
const left = {
  inflight: idMap(
    [1, inflight("pubcomp", 9)],
    [2, inflight("puback", 4)],
    [3, inflight("pubrec", 8)],
    [65_535, inflight("puback", 3)],
  ),
  queue: queueOf(delivery(50)),
  nextPacketId: 4,
  nextSequence: 10,
  sendQuota: 0,
};

Deno.test("resume() lets all that is inflight wait in the order of its sequence when the client is back [MQTT-4.4.0-1]", () => {
  const before = session(true, left);
  assert.deepEqual(resume(before, 20), {
    ...before,
    sendQuota: 20,
    resending: [65_535, 2, 3, 1],
    sentBytes: 0,
  });
});

Deno.test("resume() gives a full quota when nothing was inflight", () => {
  const before = session(false, { sendQuota: 3, resending: [] });
  assert.deepEqual(resume(before, 65_535), { ...before, sendQuota: 65_535 });
});

Deno.test("replenish() sends again with DUP, PUBREL without, before the queue and in sequence [MQTT-3.3.1-1] [MQTT-4.4.0-1] [MQTT-4.6.0-1]", () => {
  const before = deepFreeze(resume(session(true, left), 20));
  const done = replenish(before, NOW, always);
  assert.deepEqual(done.outbound, [
    { delivery: delivery(103, 1), packetId: 65_535, dup: true },
    { delivery: delivery(104, 1), packetId: 2, dup: true },
    { delivery: delivery(108, 2), packetId: 3, dup: true },
    { delivery: undefined, packetId: 1, dup: false },
    { delivery: delivery(50), packetId: 4, dup: false },
  ]);
  assert.deepEqual(done.session.resending, []);
  assert.equal(done.session.sendQuota, 15);
  // What is sent again is stored already.
  assert.deepEqual(done.writes.map(({ type }) => type), ["deleteQueued", "putInflight"]);
});

Deno.test("replenish() sends again what has expired when it was sent before [MQTT-4.3.3-7]", () => {
  const old = delivery(50, 2, { expiresAt: NOW - 1 });
  const entry = inflight("pubrec", 1, { delivery: old });
  const before = deepFreeze(resume(session(true, { inflight: idMap([1, entry]) }), 5));
  const done = replenish(before, NOW, () => false);
  assert.deepEqual(done.outbound, [{ delivery: old, packetId: 1, dup: true }]);
  assert.deepEqual(done.dropped, []);
});

Deno.test("replenish() notes when it sent again, so that the timed resend of 3.x waits from then", () => {
  const before = deepFreeze(resume(session(true, left), 2));
  const { session: after } = replenish(before, NOW, always);
  const sentAt = (id: number) => ids.get(after.inflight, id)?.sentAt;
  assert.deepEqual([65_535, 2, 3, 1].map(sentAt), [NOW, NOW, NOW - 5_000, NOW - 5_000]);
  assert.deepEqual(ids.get(after.inflight, 2), inflight("puback", 4, { sentAt: NOW }));
});

Deno.test("replenish() keeps what the window leaves no room for when it sends again", () => {
  const before = deepFreeze(resume(session(true, left), 1));
  const first = replenish(before, NOW, always);
  assert.deepEqual(first.outbound.map(({ packetId }) => packetId), [65_535]);
  assert.deepEqual(first.session.resending, [2, 3, 1]);
  assert.equal(first.session.sendQuota, 0);
  assert.deepEqual(ordersOf(first.session), { head: [50], tail: [] });
});

Deno.test("replenish() takes a time that grows with the window and not with its square", () => {
  let all = ids.emptyPacketIdMap<Inflight>();
  for (let id = 1; id <= 65_535; id++) all = ids.set(all, id, inflight("puback", id));
  const whole: Session = { ...session(false), inflight: all };
  const before = resume(whole, 65_535);
  let took = Infinity; // of the fastest: the machine may have other things to do
  for (let time = 0; time < 3; time++) {
    const start = performance.now();
    const { outbound } = replenish(before, NOW, always);
    took = Math.min(took, performance.now() - start);
    assert.equal(outbound.length, 65_535);
  }
  // Some 50 ms where each step is cheap, several seconds where each copies the rest.
  assert.ok(took < 1_500, `took ${took} ms`);
});

Deno.test("replenish() stops when the bytes inflight fill the window, for resend and queue alike", () => {
  const [a, b, c] = [delivery(50, 1), delivery(51, 1), delivery(52, 1)];
  const size = messageSize(a.message);
  const back = session(true, {
    inflight: idMap([1, inflight("puback", 1, { delivery: a })], [
      2,
      inflight("puback", 2, { delivery: b }),
    ]),
    resending: [1, 2],
    queue: queueOf(c),
  });
  const first = replenish(back, NOW, always, size);
  assert.deepEqual(first.outbound.map(({ packetId }) => packetId), [1]);
  assert.deepEqual(first.session.resending, [2]);
  assert.equal(first.session.sentBytes, size);
  const second = replenish({ ...first.session, sentBytes: 0 }, NOW, always, size + 1);
  assert.deepEqual(second.outbound.map(({ packetId }) => packetId), [2, 3]);
  assert.equal(second.session.sentBytes, 2 * size);
});

for (const stored of [true, false]) {
  Deno.test(`replenish() drops what is not permitted any more, queued or to be sent again, ${stored ? "stored" : "not stored"}`, () => {
    const [a, b, c, d] = [delivery(50, 1), delivery(51, 2), delivery(52, 1), delivery(53, 0)];
    const before = deepFreeze(session(stored, {
      sendQuota: 2,
      inflight: idMap([1, flown(a, 1)], [2, flown(b, 2)], [3, inflight("pubcomp", 3)]),
      resending: [1, 2, 3],
      queue: queueOf(c, d),
      nextPacketId: 4,
    }));
    const denied = [a, c];
    const permitted = (each: Delivery) => !denied.includes(each);
    const done = replenish(before, NOW, always, Infinity, Infinity, permitted);
    assert.deepEqual(done.dropped, [[a, "notPermitted"]]);
    assert.deepEqual(done.outbound, [
      { delivery: b, packetId: 2, dup: true },
      { delivery: undefined, packetId: 3, dup: false },
    ]);
    assert.equal(ids.has(done.session.inflight, 1), false);
    assert.equal(done.session.sendQuota, 0); // what was dropped took nothing of it
    assert.deepEqual(
      done.writes,
      stored ? [{ type: "deleteInflight", clientId: done.session.clientId, packetId: 1 }] : [],
    );
    const room = { ...done.session, sendQuota: 1 };
    const rest = replenish(room, NOW, always, Infinity, Infinity, permitted);
    assert.deepEqual(rest.dropped, [[c, "notPermitted"]]);
    assert.deepEqual(rest.outbound, [{ delivery: d, packetId: 0, dup: false }]);
    assert.equal(rest.session.sendQuota, 1);
  });
}

Deno.test("replenish() of a whole window is what it is message by message when anything is queued", () => {
  const waiting = fc.record({
    qos: fc.constantFrom<0 | 1 | 2>(1, 1, 2, 0),
    fate: fc.constantFrom("sent", "sent", "sent", "expired", "denied", "large"),
  });
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(waiting, { maxLength: 40 }),
      fc.nat(20),
      fc.constantFrom(1, 10, 65_530),
      fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { maxLength: 8 }),
      fc.constantFrom(Infinity, 700, 2_000),
      fc.constantFrom(Infinity, 300),
      (stored, list, sendQuota, nextPacketId, taken, windowBytes, qos0Room) => {
        const fates = new Map<Delivery, string>();
        const queued = list.map(({ qos, fate }, at) => {
          const plain = delivery(50 + at, qos);
          const each = fate === "expired"
            ? { ...plain, message: { ...plain.message, expiresAt: NOW } }
            : plain;
          fates.set(each, fate);
          return each;
        });
        const before = session(stored, {
          sendQuota,
          nextPacketId,
          inflight: idMap(...taken.map((id) => [id, inflight("pubcomp", 1)] as const)),
          queue: queueOf(...queued),
        });
        const fits = (each: Delivery) => fates.get(each) !== "large";
        const permitted = (each: Delivery) => fates.get(each) !== "denied";
        const whole = replenish(before, NOW, fits, windowBytes, qos0Room, permitted);
        const sum = { writes: [] as Write[], outbound: [] as Outbound[], dropped: 0, qos0Bytes: 0 };
        let next = before;
        for (let left = sendQuota; left > 0 && sum.qos0Bytes < qos0Room;) {
          const quota = next.sendQuota;
          const room = qos0Room - sum.qos0Bytes;
          const one = replenish(
            { ...next, sendQuota: 1, queue: queueOf(...fifo.first(next.queue.head, 1)) },
            NOW,
            fits,
            windowBytes,
            room,
            permitted,
          );
          if (fifo.size(next.queue.head) === 0 || fifo.size(one.session.queue.head) > 0) break;
          sum.writes.push(...one.writes);
          sum.outbound.push(...one.outbound);
          sum.dropped += one.dropped.length;
          sum.qos0Bytes += one.qos0Bytes;
          left = quota - 1 + one.session.sendQuota;
          const queue = queueOf(...fifo.toArray(next.queue.head).slice(1));
          next = { ...one.session, sendQuota: left, queue };
        }
        assert.deepEqual(whole.writes, sum.writes);
        assert.deepEqual(whole.outbound, sum.outbound);
        assert.equal(whole.dropped.length, sum.dropped);
        assert.equal(whole.qos0Bytes, sum.qos0Bytes);
        assert.deepEqual(ids.entries(whole.session.inflight), ids.entries(next.inflight));
        assert.deepEqual(fifo.toArray(whole.session.queue.head), fifo.toArray(next.queue.head));
        const { queue: wholeQueue, inflight: _w, ...rest } = whole.session;
        const { queue: nextQueue, inflight: _n, ...others } = next;
        assert.equal(wholeQueue.bytes, nextQueue.bytes);
        assert.deepEqual(rest, others);
      },
    ),
    { numRuns: 500 },
  );
});
