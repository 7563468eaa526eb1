import assert from "node:assert/strict";
import fc from "fast-check";
import * as fifo from "../../src/session/fifo.ts";
import { messageSize } from "../../src/session/message.ts";
import type { Queue } from "../../src/session/queue.ts";
import {
  arrived,
  atRest,
  dropOldest,
  EMPTY_QUEUE,
  enqueue,
  enqueueInOrder,
  putBack,
  queueLength,
  shiftHead,
  shiftTail,
  storedQueue,
  tailLength,
  tailStart,
  takeOut,
} from "../../src/session/queue.ts";
import { deepFreeze } from "../deep_freeze.ts";
import { delivery, ordersOf, queueOf, tailOf } from "./values.ts";

const [a, b, c, d] = [delivery(1), delivery(2), delivery(3), delivery(4)];
const orders = (queue: Queue) => ordersOf({ queue });

Deno.test("enqueue() puts nothing into the head when there is a tail", () => {
  const queue = deepFreeze(enqueue(queueOf(a), b, true));
  assert.deepEqual(orders(enqueue(queue, c, false)), { head: [1], tail: [2, 3] });
});

Deno.test("takeOut() takes the first that is wanted out of the head and leaves the rest in order", () => {
  const queue = deepFreeze(enqueue(queueOf(a, b, c), d, true));
  const taken = takeOut(queue, ({ message }) => message.order > 1)!;
  assert.equal(taken.delivery, b);
  assert.deepEqual(orders(taken.queue), { head: [1, 3], tail: [4] });
  assert.equal(taken.queue.bytes, queue.bytes - messageSize(b.message));
  assert.equal(takeOut(queue, ({ message }) => message.order === 4), undefined);
  assert.equal(takeOut(EMPTY_QUEUE, () => true), undefined);
});

Deno.test("dropOldest() takes from the head and then from the tail when both are there", () => {
  const queue = deepFreeze(enqueue(queueOf(a), b, true));
  const first = dropOldest(queue)!;
  assert.equal(first.order, 1);
  assert.deepEqual(orders(first.queue), { head: [], tail: [2] });
  const second = dropOldest(first.queue)!;
  assert.equal(second.order, 2);
  assert.deepEqual(second.queue, EMPTY_QUEUE);
  assert.equal(dropOldest(second.queue), undefined);
});

Deno.test("atRest() gives the same queue back when its head is empty", () => {
  const queue = deepFreeze(tailOf(a, b));
  assert.equal(atRest(queue), queue);
  assert.equal(atRest(EMPTY_QUEUE), EMPTY_QUEUE);
});

Deno.test("enqueueInOrder() keeps the tail in order when what was passed over is in front of a full chunk", () => {
  const stored = Array.from({ length: 20 }, (_, at) => (at + 1) * 10);
  const [early, late] = [delivery(15), delivery(25)];
  let queue = storedQueue(stored, stored.map(() => messageSize(a.message)));
  queue = enqueueInOrder(queue, early, true); // while this is being read:
  queue = arrived(queue, [delivery(10), delivery(20)], new Set([15]));
  for (const each of [late, delivery(210)]) queue = deepFreeze(enqueueInOrder(queue, each, true));
  const left = [15, 25, ...stored.slice(2), 210];
  assert.deepEqual(orders(queue), { head: [10, 20], tail: left });
  const read = arrived(queue, left.map((order) => delivery(order)));
  assert.deepEqual(orders(read), { head: [10, 20, ...left], tail: [] });
});

/** [the tail, what the store gave, head and tail after] */
const reads: readonly (readonly [string, typeof a[], typeof a[], number[], number[]])[] = [
  ["all of the tail comes", [a, b], [a, b], [1, 2], []],
  ["a part comes", [a, b, c], [a, b], [1, 2], [3]],
  ["some were dropped since", [c, d], [a, b, c], [3], [4]],
  ["all that comes was dropped since", [c, d], [a, b], [], [3, 4]],
  ["the store has lost some", [a, b, c, d], [b, d], [2, 4], []],
  ["nothing came, which says of no message that it is lost", [a, b], [], [], [1, 2]],
  ["nothing was asked for", [], [], [], []],
];
for (const [when, tail, read, head, rest] of reads) {
  Deno.test(`arrived() moves what is known of from the tail to the head when ${when}`, () => {
    const queue = deepFreeze(arrived(deepFreeze(tailOf(...tail)), deepFreeze(read)));
    assert.deepEqual(orders(queue), { head, tail: rest });
    assert.equal(tailStart(queue), rest[0]);
    const kept = tail.filter(({ message }) => [...head, ...rest].includes(message.order));
    assert.equal(queue.bytes, kept.reduce((sum, { message }) => sum + messageSize(message), 0));
  });
}

Deno.test("arrived() lets nothing that came amid the read overtake what came before it and was passed over", () => {
  // The read began at b; then a came by mail, whose order is lower, and d: all of one publisher in their order.
  const queue = arrived(deepFreeze(tailOf(a, b, c, d)), deepFreeze([b, c, d]), new Set([1, 4]));
  assert.deepEqual(orders(queue), { head: [2, 3], tail: [1, 4] });
  assert.deepEqual(orders(arrived(queue, [a, d])), { head: [2, 3, 1, 4], tail: [] });
  assert.equal(queue.bytes, tailOf(a, b, c, d).bytes);
});

Deno.test("arrived() keeps what came amid the read when the store passed it over", () => {
  const read = deepFreeze([b, d]);
  const queue = deepFreeze(arrived(deepFreeze(tailOf(a, b, c, d)), read, new Set([1, 3])));
  assert.deepEqual(orders(queue), { head: [2, 4], tail: [1, 3] });
  assert.equal(
    queue.bytes,
    [a, b, c, d].reduce((sum, { message }) => sum + messageSize(message), 0),
  );
  const rest = arrived(queue, [a, b, c, d]);
  assert.deepEqual(orders(rest), { head: [2, 4, 1, 3], tail: [] });
});

Deno.test("shiftTail() keeps the head when the store has lost the first of the tail", () => {
  const queue = shiftTail(deepFreeze(enqueue(queueOf(a), b, true)));
  assert.deepEqual(orders(queue), { head: [1], tail: [] });
  assert.equal(queue.bytes, messageSize(a.message));
});

Deno.test("putBack() puts deliveries in front in their order when there is a queue", () => {
  const queue = deepFreeze(enqueue(queueOf(c), d, true));
  assert.deepEqual(orders(putBack(queue, [a, b])), { head: [1, 2, 3], tail: [4] });
  assert.deepEqual(orders(putBack(tailOf(d), [a])), { head: [1], tail: [4] });
});

/** One change; sizes differ, so that a wrong sum shows. */
type Change =
  | { readonly type: "enqueue"; readonly toTail: boolean; readonly size: number }
  | { readonly type: "dropOldest" | "shiftHead" | "atRest" }
  | { readonly type: "arrived" | "putBack" | "lost"; readonly count: number };

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("enqueue" as const),
      toTail: fc.boolean(),
      size: fc.nat(50),
    }),
  },
  fc.record({ type: fc.constantFrom("dropOldest", "shiftHead", "atRest") }),
  fc.record({ type: fc.constantFrom("arrived", "putBack", "lost"), count: fc.nat(5) }),
);

Deno.test("Queue does what two arrays do when messages come, go, rest, arrive and come back", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      let queue = EMPTY_QUEUE;
      let head: typeof a[] = [];
      let tail: typeof a[] = [];
      let order = 1_000;
      let back = 1_000;
      for (const each of changes) {
        deepFreeze(queue);
        switch (each.type) {
          case "enqueue": {
            const one = delivery(order++, 1, { payload: new Uint8Array(each.size) });
            queue = enqueue(queue, one, each.toTail);
            if (each.toTail || tail.length > 0) tail = [...tail, one];
            else head = [...head, one];
            break;
          }
          case "dropOldest": {
            const expected = head[0] ?? tail[0];
            const shorter = dropOldest(queue);
            assert.equal(shorter?.order, expected?.message.order);
            queue = shorter?.queue ?? queue;
            if (head.length > 0) head = head.slice(1);
            else tail = tail.slice(1);
            break;
          }
          case "shiftHead":
            if (head.length === 0) break;
            queue = shiftHead(queue);
            head = head.slice(1);
            break;
          case "atRest":
            queue = atRest(queue);
            [head, tail] = [[], [...head, ...tail]];
            break;
          case "arrived": {
            const read = tail.slice(0, each.count);
            queue = arrived(queue, [delivery(1), ...read]);
            [head, tail] = [[...head, ...read], tail.slice(each.count)];
            break;
          }
          case "lost":
            if (tail.length <= each.count) {
              for (const _ of tail) queue = shiftTail(queue);
              tail = [];
            } else {
              const read = tail.slice(each.count, each.count + 1);
              queue = arrived(queue, read);
              [head, tail] = [[...head, ...read], tail.slice(each.count + 1)];
            }
            break;
          case "putBack": {
            back -= each.count;
            const deliveries = Array.from({ length: each.count }, (_, n) => delivery(back + n));
            queue = putBack(queue, deliveries);
            head = [...deliveries, ...head];
          }
        }
        const all = [...head, ...tail];
        assert.deepEqual(fifo.toArray(queue.head), head);
        assert.deepEqual(ordersOf({ queue }).tail, tail.map(({ message }) => message.order));
        assert.equal(queueLength(queue), all.length);
        assert.equal(tailLength(queue), tail.length);
        assert.equal(tailStart(queue), tail[0]?.message.order);
        assert.equal(
          queue.bytes,
          all.reduce((sum, { message }) => sum + messageSize(message), 0),
        );
      }
    }),
    { numRuns: 300 },
  );
});
