import assert from "node:assert/strict";
import fc from "fast-check";
import type { Walk } from "../../src/topic/name_children.ts";
import { NameChildren } from "../../src/topic/name_children.ts";

/** What is done: children come, some of those that are there go, a walk begins, or one goes on. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ come: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 3, arbitrary: fc.record({ go: fc.array(fc.nat(), { maxLength: 60, size: "max" }) }) },
  fc.record({ begin: fc.constant(true) }),
  { weight: 4, arbitrary: fc.record({ walk: fc.nat(3), steps: fc.integer({ min: 1, max: 30 }) }) },
);

interface Walker {
  readonly walk: Walk;
  /** What it has still to come to, as long as that does not go. */
  readonly left: Set<number>;
  last: number;
}

Deno.test("NameChildren.next() comes once to each child that stays, and to none that has gone", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const children = new NameChildren(1);
      const places = new Map([[1, 0]]); // in the order in which they came
      const walkers: Walker[] = [];
      let came = 1;
      for (const made of steps) {
        if ("come" in made) {
          for (let n = 0; n < made.come; n++) places.set(++came, children.add(came));
        } else if ("go" in made) {
          for (const chosen of made.go) {
            const gone = [...places.keys()][chosen % places.size];
            if (gone === undefined || places.size === 1) continue;
            const place = places.get(gone)!;
            places.delete(gone);
            for (const { left } of walkers) left.delete(gone);
            children.delete(place, (node, now) => {
              assert.ok(places.has(node), "only those that are there move");
              places.set(node, now);
            });
          }
        } else if ("begin" in made) {
          walkers.push({ walk: children.walk(), left: new Set(places.keys()), last: 0 });
        } else {
          const walker = walkers[made.walk];
          for (let n = 0; walker !== undefined && n < made.steps; n++) goOn(walker, places);
        }
        assert.equal(children.size, places.size);
      }
      for (const walker of walkers) {
        while (goOn(walker, places));
        assert.equal(walker.left.size, 0, "it has come to all that stayed");
      }
    }),
    { numRuns: 500 },
  );
});

/** One step of a walker; false where there is none. */
function goOn(walker: Walker, places: ReadonlyMap<number, number>): boolean {
  const node = walker.walk.children.next(walker.walk);
  if (node === 0) return false;
  assert.ok(places.has(node), "it has not gone");
  assert.ok(node > walker.last, "in the order in which they came, so none twice");
  walker.last = node;
  walker.left.delete(node);
  return true;
}

Deno.test("NameChildren takes out gaps when more than half are gaps, so its memory follows its size", () => {
  const children = new NameChildren(1);
  const places = new Map([[1, 0]]);
  let node = 1;
  let most = 0;
  for (let n = 0; n < 10_000; n++) {
    places.set(++node, children.add(node));
    most = Math.max(most, places.get(node)!);
    if (places.size <= 100) continue;
    const [oldest, place] = places.entries().next().value!;
    places.delete(oldest);
    children.delete(place, (moved, now) => places.set(moved, now));
  }
  assert.equal(children.size, 100);
  assert.ok(most < 220, `a hundred children have taken ${most} places`);
});
