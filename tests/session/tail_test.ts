import assert from "node:assert/strict";
import fc from "fast-check";
import type { DeliveryRun, Queued } from "../../src/session/delivery_run.ts";
import {
  deliveryAt,
  orderAt,
  partOfRun,
  runLength,
  sizeAt,
} from "../../src/session/delivery_run.ts";
import { messageSize } from "../../src/session/message.ts";
import {
  EMPTY_TAIL,
  firstOrder,
  firstSize,
  lastOrder,
  ordersOf,
  push,
  pushRun,
  shift,
  sizesOf,
  type Tail,
  tailOf,
  unshift,
  without,
} from "../../src/session/tail.ts";
import { deepFreeze } from "../deep_freeze.ts";
import { runOf } from "./runs.ts";

type Entry = readonly [order: number, size: number];

/** What came: a run, so far behind the last order; of one node, or of several whose orders alternate. */
interface Came {
  /** Of the payloads. */
  readonly lengths: readonly number[];
  readonly gap: number;
  readonly step: number;
  /** It is put message by message. */
  readonly singly: boolean;
}

const came: fc.Arbitrary<Came[]> = fc.array(
  fc.record({
    lengths: fc.oneof(
      fc.array(fc.constantFrom(1, 2), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 40 }).map((count) => new Array<number>(count).fill(3)),
    ),
    gap: fc.constantFrom(1, 1, 1, 2),
    step: fc.constantFrom(1, 1, 4),
    singly: fc.boolean(),
  }),
  { maxLength: 12 },
);

Deno.test("Tail tells what an array tells when messages and runs come, and are let go one by one", () => {
  fc.assert(
    fc.property(came, (runs) => {
      let { tail, entries }: { tail: Tail; entries: readonly Entry[] } = filled(runs);
      assertSame(tail, entries);
      if (entries.length > 0) {
        const [order, size] = [entries[0]![0] - 1, 7];
        assertSame(unshift(tail, order, size), [[order, size], ...entries]);
      }
      while (entries.length > 0) {
        [tail, entries] = [deepFreeze(shift(tail)), entries.slice(1)];
        assertSame(tail, entries);
      }
      assert.equal(tail, EMPTY_TAIL);
    }),
    { numRuns: 200 },
  );
});

Deno.test("without() leaves what is behind when just that was read which it begins with, in whatever pieces", () => {
  const seen = { moved: 0, refused: 0 };
  fc.assert(
    fc.property(came, fc.nat(60), fc.nat(3), fc.boolean(), (runs, most, pieces, skips) => {
      const { tail, entries, all } = filled(runs);
      const read = skips ? all.slice(1) : all;
      const part: Queued[] = [];
      let length = 0;
      for (const run of read) {
        const count = Math.min(runLength(run), most - length);
        if (count <= 0) break;
        length += count;
        if (pieces === 0) {
          for (let at = 0; at < count; at++) part.push(deliveryAt(run, at));
        } else part.push(partOfRun(run, 0, count));
      }
      const left = without(tail, part);
      const wanted = part.flatMap((each) =>
        "like" in each
          ? Array.from({ length: runLength(each) }, (_, at) => orderAt(each, at))
          : [each.message.order]
      );
      const begins = wanted.every((order, at) => entries[at]?.[0] === order);
      assert.equal(left !== undefined, begins);
      seen[begins ? "moved" : "refused"] += 1;
      if (left === undefined) return;
      assertSame(left.tail, entries.slice(length));
      assert.equal(left.size, entries.slice(0, length).reduce((sum, [, size]) => sum + size, 0));
    }),
    { numRuns: 500 },
  );
  for (const [what, times] of Object.entries(seen)) assert.ok(times > 50, `${what}: ${times}`);
});

Deno.test("pushRun() makes one entry of 100,000 messages when they are of one size and follow each other", () => {
  let tail = EMPTY_TAIL;
  for (let order = 1; order <= 100_000; order += 20) {
    tail = pushRun(tail, runOf(new Array(20).fill(new Uint8Array(64)), { firstOrder: order }));
  }
  assert.equal(tail.length, 100_000);
  assert.equal(tail.entries.size, 1);
});

/** A tail, what it should hold, and the runs that make it. */
function filled(came: readonly Came[]) {
  let tail = EMPTY_TAIL;
  const entries: Entry[] = [];
  const all: DeliveryRun[] = [];
  let order = 10;
  for (const { lengths, gap, step, singly } of came) {
    order += gap;
    const payloads = lengths.map((length) => new Uint8Array(length));
    const run = runOf(payloads, { firstOrder: order, orderStep: step });
    all.push(run);
    for (let at = 0; at < lengths.length; at++) entries.push([orderAt(run, at), sizeAt(run, at)]);
    order = orderAt(run, lengths.length - 1);
    if (!singly) tail = deepFreeze(pushRun(tail, run));
    else {
      for (let at = 0; at < lengths.length; at++) {
        const { message } = deliveryAt(run, at);
        tail = deepFreeze(push(tail, message.order, messageSize(message)));
      }
    }
  }
  return { tail, entries, all };
}

function assertSame(tail: Tail, entries: readonly Entry[]): void {
  assert.equal(tail.length, entries.length);
  assert.deepEqual(ordersOf(tail), entries.map(([order]) => order));
  assert.deepEqual(sizesOf(tail), entries.map(([, size]) => size));
  assert.deepEqual([firstOrder(tail), firstSize(tail)], [entries[0]?.[0], entries[0]?.[1]]);
  assert.equal(lastOrder(tail), entries.at(-1)?.[0]);
  assert.deepEqual(ordersOf(tailOf(ordersOf(tail), sizesOf(tail))), ordersOf(tail));
}
