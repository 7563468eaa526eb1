import assert from "node:assert/strict";
import { retry } from "../../src/session/retry.ts";
import { delivery, idMap, inflight, NOW, session } from "./values.ts";

const INTERVAL = 20_000;
const due = { sentAt: NOW - INTERVAL };
const notDue = { sentAt: NOW - INTERVAL + 1 };

Deno.test("retry() gives the same session back when nothing is due", () => {
  const before = session(true, {
    inflight: idMap([1, inflight("puback", 1, notDue)], [2, inflight("pubcomp", 2, notDue)]),
    received: idMap([7, NOW - INTERVAL + 1]),
  });
  const done = retry(before, NOW, INTERVAL);
  assert.equal(done.session, before);
  assert.deepEqual([done.outbound, done.pubrecs], [[], []]);
});

Deno.test("retry() sends again what is due in sequence, PUBLISH with DUP [MQTT-3.3.1-1]", () => {
  const before = session(true, {
    inflight: idMap(
      [1, inflight("pubcomp", 9, due)],
      [2, inflight("puback", 4, { sentAt: 0 })],
      [3, inflight("puback", 5, notDue)],
      [4, inflight("pubrec", 3, due)],
    ),
  });
  const done = retry(before, NOW, INTERVAL);
  assert.deepEqual(done.outbound, [
    { delivery: delivery(103, 2), packetId: 4, dup: true },
    { delivery: delivery(104, 1), packetId: 2, dup: true },
    { delivery: undefined, packetId: 1, dup: false },
  ]);
  assert.deepEqual(done.pubrecs, []);
  const now = { sentAt: NOW };
  assert.deepEqual(done.session, {
    ...before,
    inflight: idMap(
      [1, inflight("pubcomp", 9, now)],
      [2, inflight("puback", 4, now)],
      [3, inflight("puback", 5, notDue)],
      [4, inflight("pubrec", 3, now)],
    ),
  });
});

Deno.test("retry() leaves what waits for its first resend when the client came back", () => {
  const before = session(true, {
    inflight: idMap([1, inflight("puback", 1, due)], [2, inflight("puback", 2, due)]),
    resending: [2],
  });
  const done = retry(before, NOW, INTERVAL);
  assert.deepEqual(done.outbound.map(({ packetId }) => packetId), [1]);
  assert.deepEqual(done.session.resending, [2]);
});

Deno.test("retry() asks for PUBREC again when the PUBREL stays away", () => {
  const before = session(false, {
    received: idMap([7, NOW - INTERVAL], [8, NOW - INTERVAL + 1], [9, 0]),
  });
  const done = retry(before, NOW, INTERVAL);
  assert.deepEqual(done.pubrecs, [7, 9]);
  assert.deepEqual(done.outbound, []);
  assert.deepEqual(done.session, {
    ...before,
    received: idMap([7, NOW], [8, NOW - INTERVAL + 1], [9, NOW]),
  });
});

Deno.test("retry() takes no quota when it sends again", () => {
  const before = session(true, { inflight: idMap([1, inflight("puback", 1, due)]), sendQuota: 0 });
  const done = retry(before, NOW, INTERVAL);
  assert.equal(done.outbound.length, 1);
  assert.equal(done.session.sendQuota, 0);
  assert.equal(retry(done.session, NOW + INTERVAL - 1, INTERVAL).session, done.session);
  assert.equal(retry(done.session, NOW + INTERVAL, INTERVAL).outbound.length, 1);
});
