import assert from "node:assert/strict";
import * as fifo from "../../src/session/fifo.ts";
import { restore } from "../../src/session/restore.ts";
import { resting } from "../../src/session/session.ts";
import { atRest } from "../../src/session/queue.ts";
import { deepFreeze } from "../deep_freeze.ts";
import { delivery, idMap, inflight, NOW, ordersOf, queueOf, session, tailOf } from "./values.ts";

const whole = session(true, {
  inflight: idMap([3, inflight("pubrec", 8)], [65_535, inflight("puback", 9)]),
  received: idMap([7, 1], [8, 2]),
  resending: [3],
  queue: queueOf(delivery(50), delivery(51)),
  nextPacketId: 1,
  nextSequence: 10,
  sendQuota: 4,
});

const stored = deepFreeze({
  received: [8, 7],
  inflight: [
    [65_535, inflight("puback", 9)] as const,
    [3, inflight("pubrec", 8)] as const,
  ],
  queued: [delivery(50), delivery(51)],
});

Deno.test("resting() leaves subscriptions and the sizes of the queue in memory when the client goes", () => {
  assert.deepEqual(resting(whole), {
    ...whole,
    inflight: idMap(),
    received: idMap(),
    resending: [],
    queue: atRest(whole.queue),
    sendQuota: 0,
    sentBytes: 0,
  });
  assert.deepEqual(ordersOf(resting(whole)), { head: [], tail: [50, 51] });
});

Deno.test("restore() undoes resting() when the store gives everything back [MQTT-3.1.2-5]", () => {
  const back = restore(deepFreeze(resting(whole)), stored, NOW);
  assert.deepEqual(back, {
    ...whole,
    received: idMap([7, NOW], [8, NOW]),
    resending: [],
    queue: back.queue,
    sendQuota: 0,
    sentBytes: 0,
  });
  assert.deepEqual(fifo.toArray(back.queue.head), [delivery(50), delivery(51)]);
  assert.deepEqual(ordersOf(back).tail, []);
  assert.equal(back.queue.bytes, whole.queue.bytes);
});

Deno.test("restore() keeps what was queued since when the store's part is older", () => {
  const absent = session(true, { queue: tailOf(delivery(50), delivery(51), delivery(52)) });
  assert.deepEqual(ordersOf(restore(absent, stored, NOW)), { head: [50, 51], tail: [52] });
});

Deno.test("restore() goes on behind the last packet id and sequence when it starts from nothing", () => {
  const empty = session(true, { sendQuota: 0 });
  assert.deepEqual(
    restore(empty, deepFreeze({ received: [], inflight: [], queued: [] }), NOW),
    empty,
  );
  const two = deepFreeze({ ...stored, inflight: stored.inflight.slice(1) });
  const { nextPacketId, nextSequence } = restore(empty, two, NOW);
  assert.deepEqual([nextPacketId, nextSequence], [4, 9]);
  const wrapped = restore(empty, stored, NOW);
  assert.deepEqual([wrapped.nextPacketId, wrapped.nextSequence], [1, 10]);
});
