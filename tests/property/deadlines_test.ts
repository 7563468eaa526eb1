import assert from "node:assert/strict";
import fc from "fast-check";
import type { Entry } from "../../src/broker/deadlines.ts";
import { Deadlines } from "../../src/broker/deadlines.ts";

const steps = fc.array(
  fc.record({
    type: fc.constantFrom("set" as const, "set" as const, "delete" as const, "due" as const),
    key: fc.nat(30),
    when: fc.nat(50),
  }),
  { maxLength: 200, size: "max" },
);

Deno.test("Deadlines does what a sorted array does when deadlines come, move and go", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const deadlines = new Deadlines<number>();
      const held = new Map<number, Entry<number>>();
      let oracle: { key: number; when: number }[] = [];
      for (const { type, key, when } of taken) {
        const others = oracle.filter((entry) => entry.key !== key);
        if (type === "set") {
          const entry = held.get(key);
          if (entry !== undefined && entry.place >= 0) deadlines.move(entry, when);
          else held.set(key, deadlines.add(key, when));
          // Sorting is stable: of two at the same time, the one set first stays first.
          oracle = [...others, { key, when }].sort((one, other) => one.when - other.when);
        } else if (type === "delete") {
          const entry = held.get(key);
          assert.equal(
            entry !== undefined && deadlines.remove(entry),
            others.length < oracle.length,
          );
          oracle = others;
        } else {
          const first = oracle[0];
          const isDue = first !== undefined && first.when <= when;
          assert.equal(deadlines.due(when), isDue ? first.key : undefined);
          if (isDue) oracle = oracle.slice(1);
        }
        assert.equal(deadlines.size, oracle.length);
        assert.equal(deadlines.next(), oracle[0]?.when);
      }
      for (const { key } of oracle) assert.equal(deadlines.due(50), key);
      assert.equal(deadlines.due(Infinity), undefined);
    }),
    { numRuns: 500 },
  );
});
