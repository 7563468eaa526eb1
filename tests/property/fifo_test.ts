import assert from "node:assert/strict";
import fc from "fast-check";
import {
  drop,
  type Fifo,
  first,
  fromArray,
  peek,
  peekLast,
  push,
  pushAll,
  pushFront,
  shift,
  size,
  toArray,
  withFirst,
  withLast,
} from "../../src/session/fifo.ts";

/** `times` of one kind in a row, so that whole chunks come and go. */
const runs = fc.array(
  fc.record({
    type: fc.constantFrom<"push" | "pushAll" | "shift" | "pushFront" | "drop">(
      "push",
      "push",
      "pushAll",
      "shift",
      "pushFront",
      "drop",
    ),
    times: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 60 })),
    /** Go on from an earlier version instead of the last one. */
    back: fc.option(fc.nat(10), { nil: undefined, freq: 8 }),
  }),
  { maxLength: 40, size: "max" },
);

Deno.test("Fifo does what an array does when items come and go, and old queues stay", () => {
  fc.assert(
    fc.property(fc.nat(700), runs, (length, taken) => {
      let oracle: (number | undefined)[] = Array.from({ length }, (_, at) => -at);
      let fifo: Fifo<number | undefined> = fromArray(oracle);
      let next = 0;
      const versions: [typeof fifo, typeof oracle][] = [];
      for (const { type, times, back } of taken) {
        const version = back === undefined ? undefined : versions[back];
        if (version !== undefined) [fifo, oracle] = [version[0], [...version[1]]];
        if (type === "pushAll") {
          const items = Array.from({ length: times - 1 }, () => next++);
          [fifo, oracle] = [pushAll(fifo, items), [...oracle, ...items]];
        }
        if (type === "drop") {
          assert.deepEqual(first(fifo, times - 1), oracle.slice(0, times - 1));
          [fifo, oracle] = [drop(fifo, times - 1), oracle.slice(times - 1)];
        }
        for (let n = 0; n < times; n++) {
          const item = next++ % 7 === 0 ? undefined : next;
          if (type === "push") [fifo, oracle] = [push(fifo, item), [...oracle, item]];
          else if (type === "shift" || type === "drop") {
            [fifo, oracle] = [shift(fifo), oracle.slice(1)];
          } else [fifo, oracle] = [pushFront(fifo, item), [item, ...oracle]];
          assert.equal(size(fifo), oracle.length);
          assert.equal(peek(fifo), oracle[0]);
          assert.equal(peekLast(fifo), oracle.at(-1));
        }
        if (oracle.length > 0) {
          assert.deepEqual(toArray(withFirst(fifo, -1)), oracle.with(0, -1));
          assert.deepEqual(toArray(withLast(fifo, -1)), oracle.with(-1, -1));
        }
        versions.push([fifo, [...oracle]]);
      }
      for (const [version, expected] of versions) assert.deepEqual(toArray(version), expected);
    }),
    { numRuns: 200 },
  );
});
