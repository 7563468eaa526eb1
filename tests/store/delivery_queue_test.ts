import assert from "node:assert/strict";
import fc from "fast-check";
import {
  deliveriesOf,
  eachBySelf,
  isRun,
  orderAt,
  runLength,
} from "../../src/session/delivery_run.ts";
import type { Delivery } from "../../src/session/message.ts";
import { DeliveryQueue } from "../../src/store/delivery_queue.ts";
import { delivery, message } from "../contract/store_values.ts";
import { runOf } from "../session/runs.ts";

/** Runs of one kind, long enough that chunks come, are cut in two and go. */
const runs = fc.array(
  fc.record({
    type: fc.constantFrom("append", "run", "give back", "anywhere", "take", "drop", "replace"),
    times: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 200, max: 1_500 })),
    where: fc.nat(10_000),
  }),
  { minLength: 1, maxLength: 12 },
);

/** One of so many topics, and a payload up to that size. */
function content(order: number, kinds: number, size: number) {
  const payload = new Uint8Array(order % 7 === 0 ? 0 : size).fill(order);
  return { topic: `a/${order % kinds}`, payload };
}

Deno.test("DeliveryQueue holds what a sorted array holds when deliveries come and go", () => {
  fc.assert(
    fc.property(
      runs,
      fc.constantFrom(1, 3, 16, 17),
      fc.constantFrom(0, 20, 256, 257),
      (taken, kinds, size) => {
        const queue = new DeliveryQueue();
        const oracle = new Map<number, Delivery>();
        const sorted = () => [...oracle.values()].sort((a, b) => a.message.order - b.message.order);
        const put = (order: number, qos: 1 | 2) => {
          const each = delivery({ ...message(order), ...content(order, kinds, size) }, { qos });
          queue.put(each);
          oracle.set(order, each);
        };
        const remove = (order: number) => {
          assert.equal(queue.delete(order), oracle.delete(order));
        };
        let last = 1_000_000;
        let first = 1_000_000;
        for (const { type, times, where } of taken) {
          const orders = sorted().map(({ message }) => message.order);
          for (let n = 0; n < times; n++) {
            const spread = (where + n * 7_919) % 10_000;
            const known = orders[(where + n) % (orders.length || 1)];
            if (type === "append") put(last += 1 + spread % 3, 1);
            else if (type === "run") {
              if (n >= 80) break;
              const run = runOf(
                Array.from({ length: 1 + spread % 20 }, (_, at) => Uint8Array.of(at, last & 0xff)),
                {
                  topic: `a/${spread % kinds}`,
                  firstOrder: last + 1 + spread % 2,
                  orderStep: 1 + spread % 2,
                },
              );
              queue.putRun(run);
              for (const each of deliveriesOf(run)) oracle.set(each.message.order, each);
              last = orderAt(run, runLength(run) - 1);
            } else if (type === "give back") put(first -= 1 + spread % 3, 1);
            else if (type === "anywhere") put(995_000 + spread, 1);
            else if (type === "take") remove(orders[n] ?? -1);
            else if (known !== undefined && type === "drop") remove(known);
            else if (known !== undefined) put(known, 2);
            last = Math.max(last, 1_000_000 + (type === "anywhere" ? 5_000 : 0));
          }
          const expected = sorted();
          assert.equal(queue.size, expected.length);
          assert.deepEqual(eachBySelf(queue.read(-Infinity, Infinity)), expected);
          for (const from of [0, 995_000 + where, expected[where % (expected.length || 1)]]) {
            const order = typeof from === "number" ? from : from?.message.order ?? 7;
            const rest = expected.filter(({ message }) => message.order >= order);
            assert.deepEqual(eachBySelf(queue.read(order, 3)), rest.slice(0, 3));
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("DeliveryQueue takes no longer for each when a million come, go and are given back", () => {
  const body = message(1);
  const million = Array.from({ length: 1_000_000 }, (_, n) => delivery({ ...body, order: n * 2 }));
  const queue = new DeliveryQueue();
  const began = performance.now();
  for (const each of million) queue.put(each);
  // Every tenth is taken from the middle and given back: moving the whole array each time would
  // take minutes.
  for (let n = 0; n < million.length; n += 10) assert.ok(queue.delete(n * 2));
  for (let n = million.length - 10; n >= 0; n -= 10) queue.put(million[n]!);
  let taken = 0;
  while (queue.size > 0) {
    for (const { message } of eachBySelf(queue.read(taken * 2, 100))) {
      assert.equal(message.order, taken++ * 2);
      assert.ok(queue.delete(message.order));
    }
  }
  assert.equal(taken, million.length);
  for (let n = 500_000; n > 0; n--) queue.put(million[n]!);
  assert.deepEqual(queue.read(0, 2), [million[1], million[2]]);
  assert.ok(performance.now() - began < 20_000);
});

Deno.test("DeliveryQueue keeps one run when deliveries by themselves come between runs that they are like", () => {
  // Of 4 bytes besides payload and a topic of one: 122 and 121 are the most that a Remaining Length of one byte takes.
  for (const [version, largest] of [[4, 122], [5, 121]] as const) {
    for (
      const [lengths, runs] of [
        [[64, 0, largest], 1],
        [[64, largest + 1, 0], 2],
        [[128], 2],
      ] as const
    ) {
      const queue = new DeliveryQueue();
      const expected: Delivery[] = [];
      let order = 1;
      const putRun = () => {
        const run = runOf([new Uint8Array(64).fill(1), new Uint8Array(3).fill(2)], {
          version,
          firstOrder: order,
        });
        queue.putRun(run);
        expected.push(...deliveriesOf(run));
        order += 2;
      };
      putRun();
      for (const length of lengths) {
        const payload = new Uint8Array(length).fill(order);
        const each = delivery({ ...message(order++), topic: "a", payload });
        queue.put(each);
        expected.push(each);
      }
      putRun();
      const read = queue.read(-Infinity, Infinity);
      assert.deepEqual(eachBySelf(read), expected);
      assert.equal(queue.size, expected.length);
      assert.equal(read.filter(isRun).length, runs, `${version}: ${lengths}`);
    }
  }
});

Deno.test("DeliveryQueue reads full runs of 256 when runs of any length have come", () => {
  const queue = new DeliveryQueue();
  for (let order = 1; order < 2_000; order += 19) {
    queue.putRun(runOf(new Array(19).fill(new Uint8Array(5)), { firstOrder: order }));
  }
  for (let from = 1; from + 256 < 1_900; from += 256) {
    const [run, ...others] = queue.read(from, 256);
    assert.ok(isRun(run!) && runLength(run) === 256 && others.length === 0);
    queue.deleteRun(run);
  }
});
