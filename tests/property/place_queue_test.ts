import assert from "node:assert/strict";
import fc from "fast-check";
import { NOWHERE, PlaceQueue } from "../../src/store/place_queue.ts";

/** Places near each other, and so far apart that no chunk takes both. */
const FAR = 3 * 2 ** 31;

const commands = fc.array(
  fc.record({
    what: fc.constantFrom("append", "append", "put", "move", "delete", "first", "read"),
    order: fc.nat(3_000),
    many: fc.integer({ min: 1, max: 400 }),
    far: fc.nat(2),
  }),
  { maxLength: 60 },
);

Deno.test("PlaceQueue holds what a sorted map holds when any orders came and went", () => {
  fc.assert(
    fc.property(commands, (commands) => {
      const queue = new PlaceQueue();
      const model = new Map<number, number>();
      let next = 0;
      let place = 0;
      const put = (order: number, far = 0) => {
        const at = ++place + far * FAR;
        assert.equal(queue.put(order, at, order % 7), model.get(order) ?? NOWHERE);
        model.set(order, at);
        next = Math.max(next, order + 2);
      };
      const take = (order: number) => {
        assert.equal(queue.delete(order), model.get(order) ?? NOWHERE);
        model.delete(order);
      };
      for (const { what, order, many, far } of commands) {
        const sorted = [...model].sort(([a], [b]) => a - b);
        if (what === "append") { for (let n = 0; n < many; n++) put(next); }
        else if (what === "put") put(order * FAR, far);
        else if (what === "move") sorted.slice(0, many).forEach(([order]) => put(order, far));
        else if (what === "delete") take(order % 2 === 0 ? order : order * FAR);
        else if (what === "first") sorted.slice(0, many).forEach(([order]) => take(order));
        else {
          const expected = sorted.filter(([at]) => at >= order).slice(0, many);
          assert.deepEqual(queue.places(order, many), expected.map(([, place]) => place));
        }
      }
      const sorted = [...model].sort(([a], [b]) => a - b);
      assert.equal(queue.size, model.size);
      assert.deepEqual(queue.orders(), sorted.map(([order]) => order));
      assert.deepEqual(queue.sizes(), sorted.map(([order]) => order % 7));
      assert.deepEqual(queue.places(-Infinity, Infinity), sorted.map(([, place]) => place));
    }),
    { numRuns: 300 },
  );
});
