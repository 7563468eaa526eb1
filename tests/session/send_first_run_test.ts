import assert from "node:assert/strict";
import fc from "fast-check";
import { deliveryAt, runLength, runSize } from "../../src/session/delivery_run.ts";
import * as fifo from "../../src/session/fifo.ts";
import * as ids from "../../src/session/packet_id_map.ts";
import type { Queue } from "../../src/session/queue.ts";
import { EMPTY_QUEUE, opened, tailOrders } from "../../src/session/queue.ts";
import type { Outbound } from "../../src/session/replenish.ts";
import { replenish } from "../../src/session/replenish.ts";
import type { PersistedWrite } from "../../src/session/run_write.ts";
import { singles } from "../../src/session/run_write.ts";
import { sendFirstRun } from "../../src/session/send_first_run.ts";
import type { Session } from "../../src/session/session.ts";
import { inflightUnder } from "../../src/session/session.ts";
import { runOf } from "./runs.ts";
import { inflight, NOW, session } from "./values.ts";

const LARGEST = 65_535;

/** Runs behind each other, as the store gives them. */
const queue: fc.Arbitrary<Queue> = fc.array(
  fc.record({
    payloads: fc.array(fc.uint8Array({ maxLength: 3 }), { minLength: 1, maxLength: 6 }),
    qos: fc.constantFrom<1 | 2>(1, 2),
  }),
  { maxLength: 4 },
).map((all) => {
  let firstOrder = 100;
  const runs = all.map(({ payloads, qos }) => {
    const run = runOf(payloads, { qos, firstOrder });
    firstOrder += payloads.length;
    return run;
  });
  return { ...EMPTY_QUEUE, runs, bytes: runs.reduce((sum, run) => sum + runSize(run), 0) };
});

/** What is told of a session does not depend on whether its messages are runs. */
function told({ inflight, queue, ...rest }: Session) {
  const { head, bytes } = opened(queue);
  return {
    ...rest,
    inflight: ids.entries(inflight).map(([id, flight]) => [id, inflightUnder(id, flight)]),
    queue: [fifo.toArray(head), tailOrders(queue), bytes],
  };
}

/** As many runs as go, and the rest one by one. */
function sendAll(before: Session, windowBytes: number, count: { runs: number }) {
  let next = before;
  const writes: PersistedWrite[] = [];
  const outbound: Outbound[] = [];
  for (;;) {
    const sent = sendFirstRun(next, NOW, windowBytes);
    if (sent === undefined) break;
    count.runs += 1;
    next = sent.session;
    const { run, firstPacketId } = sent.inflight;
    writes.push({ type: "sendQueuedRun", clientId: "c", inflight: sent.inflight });
    for (let i = 0; i < runLength(run); i++) {
      outbound.push({ delivery: deliveryAt(run, i), packetId: firstPacketId + i, dup: false });
    }
  }
  const rest = replenish(next, NOW, () => true, windowBytes);
  return {
    session: told(rest.session),
    writes: [...singles(writes), ...rest.writes],
    outbound: [...outbound, ...rest.outbound],
  };
}

Deno.test("sendFirstRun() does to a session, the store and its client what replenish() does one by one", () => {
  const count = { runs: 0 };
  fc.assert(
    fc.property(
      queue,
      fc.nat(12),
      fc.constantFrom(Infinity, 0, 201, 650, 1_500),
      fc.constantFrom(1, 2, 14, LARGEST - 3, LARGEST),
      fc.uniqueArray(fc.constantFrom(1, 5, 16, 18, LARGEST), { maxLength: 2 }),
      (queue, sendQuota, windowBytes, nextPacketId, held) => {
        let flights = ids.emptyPacketIdMap<ReturnType<typeof inflight>>();
        for (const [at, id] of held.entries()) {
          flights = ids.set(flights, id, inflight("puback", at + 1));
        }
        const before = session(true, {
          queue,
          sendQuota,
          nextPacketId,
          nextSequence: 7,
          inflight: flights,
          sentBytes: 0,
        });
        const slow = replenish({ ...before, queue: opened(queue) }, NOW, () => true, windowBytes);
        assert.deepEqual(sendAll(before, windowBytes, count), {
          session: told(slow.session),
          writes: slow.writes,
          outbound: slow.outbound,
        });
      },
    ),
    { numRuns: 500 },
  );
  assert.ok(count.runs > 300, `only ${count.runs} runs`);
});

Deno.test("sendFirstRun() leaves a session to replenish() when something is before the run, or nothing is stored", () => {
  const runs = [runOf([Uint8Array.of(1)])];
  const sent = (stored: boolean, changes: Partial<Session>) =>
    sendFirstRun(session(stored, { queue: { ...EMPTY_QUEUE, runs }, ...changes }), NOW, Infinity);
  assert.ok(sent(true, {}) !== undefined);
  assert.equal(sent(false, {}), undefined);
  const waiting = ids.set(
    ids.emptyPacketIdMap<ReturnType<typeof inflight>>(),
    3,
    inflight("puback", 1),
  );
  assert.equal(sent(true, { inflight: waiting, resending: [3] }), undefined);
  const { head } = opened({ ...EMPTY_QUEUE, runs });
  assert.equal(sent(true, { queue: { ...EMPTY_QUEUE, head, runs } }), undefined);
});
