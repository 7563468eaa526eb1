import assert from "node:assert/strict";
import fc from "fast-check";
import {
  deliveriesOf,
  eachBySelf,
  isRun,
  orderAt,
  partOfRun,
  runLength,
  runSize,
  sizeAt,
  sizeOfPart,
} from "../../src/session/delivery_run.ts";
import { messageSize } from "../../src/session/message.ts";
import { runOf } from "./runs.ts";

const payloads = fc.array(fc.uint8Array({ maxLength: 9 }), { minLength: 1, maxLength: 9 });
const kind = fc.record({
  version: fc.constantFrom<3 | 4 | 5>(3, 4, 5),
  qos: fc.constantFrom<1 | 2>(1, 2),
  topic: fc.constantFrom("a", "plant/é"),
  firstOrder: fc.integer({ min: 1, max: 2 ** 48 }),
  orderStep: fc.constantFrom(1, 1_024),
});

Deno.test("deliveriesOf() gives the messages that the packets of a run are", () => {
  fc.assert(
    fc.property(payloads, kind, (all, more) => {
      const run = runOf(all, more);
      const deliveries = deliveriesOf(run);
      assert.deepEqual(deliveries.map(({ message }) => message.payload), all);
      for (const [at, { message, qos }] of deliveries.entries()) {
        assert.equal(message.order, more.firstOrder + at * more.orderStep);
        assert.equal(message.order, orderAt(run, at));
        assert.deepEqual([message.topic, message.qos, qos], [more.topic, more.qos, more.qos]);
        assert.equal(messageSize(message), sizeAt(run, at));
      }
      const sizes = deliveries.map(({ message }) => messageSize(message));
      assert.equal(runSize(run), sizes.reduce((sum, size) => sum + size, 0));
    }),
    { numRuns: 200 },
  );
});

Deno.test("partOfRun() is the run of some of its deliveries", () => {
  fc.assert(
    fc.property(payloads, kind, fc.nat(8), fc.nat(8), (all, more, from, most) => {
      const run = runOf(all, more);
      const index = from % all.length;
      const count = Math.min(1 + most, all.length - index);
      const part = partOfRun(run, index, count);
      assert.equal(runLength(part), count);
      assert.deepEqual(deliveriesOf(part), deliveriesOf(run).slice(index, index + count));
      const payload = all.slice(index, index + count).reduce((sum, { length }) => sum + length, 0);
      assert.equal(part.payload, payload);
      const sizes = deliveriesOf(part).map(({ message }) => messageSize(message));
      assert.equal(sizeOfPart(run, index, count), sizes.reduce((sum, size) => sum + size, 0));
    }),
    { numRuns: 200 },
  );
});

Deno.test("eachBySelf() gives single deliveries in their order, and the same array where there is no run", () => {
  const run = runOf([Uint8Array.of(1), Uint8Array.of(2)], { firstOrder: 5 });
  const [one] = deliveriesOf(runOf([Uint8Array.of(3)], { firstOrder: 9 }));
  assert.deepEqual([isRun(run), isRun(one!)], [true, false]);
  assert.deepEqual(eachBySelf([run, one!]), [...deliveriesOf(run), one]);
  const plain = [one!];
  assert.equal(eachBySelf(plain), plain);
});
