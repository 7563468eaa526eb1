import assert from "node:assert/strict";
import fc from "fast-check";
import type { Effect, Persist } from "../../src/session/effect.ts";
import type { Write } from "../../src/session/write.ts";
import type { Entry, Turn } from "../../src/store/commit_queue.ts";
import { CommitQueue } from "../../src/store/commit_queue.ts";

let counted = 0;

/** `count` writes that no other persist has, so that each persist is told apart. */
function writes(count: number): Write[] {
  return Array.from({ length: count }, () => ({ type: "deleteDelayed", order: ++counted }));
}

function send(to: number): Effect {
  return { type: "send", to, packet: { type: "pingresp" } };
}

function acknowledge(to: number): Effect {
  return { type: "acknowledge", to, packet: "pubcomp", packetIds: [1, 2] };
}

function deliverNumbered(to: number): Effect {
  const run = {
    bytes: new Uint8Array(12),
    packetIds: [1, 2],
    packetIdsAt: [2, 8],
    payload: 0,
  };
  return { type: "deliverNumbered", to, run, packetId: 1 };
}

function deliverAs(to: number): Effect {
  return { type: "deliverAs", to, frame: { bytes: new Uint8Array(6), packetIdAt: 4 }, packetId: 1 };
}

function persist(count: number, ...then: Effect[]): Persist {
  return { type: "persist", of: "pump", writes: writes(count), then };
}

const load: Entry = { type: "load", connection: 1, clientId: "pump", most: 10 };
const read: Entry = { type: "read", clientId: "pump", from: 1, most: 10 };

/** All that is taken, as [writes of each persist] for a commit and the type for a read. */
function takeAll(queue: CommitQueue, most: number): (number[] | string)[] {
  const taken: (number[] | string)[] = [];
  for (let turn = queue.take(most); turn !== undefined; turn = queue.take(most)) {
    taken.push(
      turn.type === "commit" ? turn.persists.map(({ writes }) => writes.length) : turn.type,
    );
    if (turn.type === "commit") queue.settle(turn.persists);
  }
  return taken;
}

const BATCHES: readonly (readonly [string, readonly Entry[], readonly (number[] | string)[]])[] = [
  ["nothing waits", [], []],
  ["all fit", [persist(2), persist(3), persist(5)], [[2, 3, 5]]],
  ["one more would not fit", [persist(6), persist(5), persist(5), persist(1)], [[6], [5, 5], [1]]],
  ["a persist alone is above the limit", [persist(25), persist(1)], [[25], [1]]],
  ["a persist above the limit is behind others", [persist(1), persist(25)], [[1], [25]]],
  ["some have no writes", [persist(0), persist(10), persist(0), persist(1)], [[0, 10, 0], [1]]],
  ["one with none is first, one above the limit next", [persist(0), persist(11)], [[0], [11]]],
  ["a load is between", [persist(1), load, persist(1), persist(2)], [[1], "load", [1, 2]]],
  ["reads are first and last", [read, load, persist(1), read], ["read", "load", [1], "read"]],
];

for (const [when, entries, expected] of BATCHES) {
  Deno.test(`take() gives whole persists in the order of arrival when ${when}`, () => {
    const queue = new CommitQueue();
    for (const entry of entries) queue.add(entry);
    assert.equal(queue.size, entries.length);
    assert.deepEqual(takeAll(queue, 10), expected);
    assert.equal(queue.size, 0);
  });
}

const PASSES: readonly (readonly [string, readonly Entry[], Persist, boolean])[] = [
  ["nothing waits", [], persist(0, send(1)), true],
  ["it writes", [], persist(1), false],
  ["it has nothing to write or send", [persist(1, send(1))], persist(0), true],
  ["one for its connection waits", [persist(1, send(1))], persist(0, send(1)), false],
  ["a delivery for its connection waits", [persist(1, deliverAs(1))], persist(0, send(1)), false],
  ["its delivery has one waiting", [persist(1, send(1))], persist(0, deliverAs(1)), false],
  ["acknowledgements for it wait", [persist(1, acknowledge(1))], persist(0, send(1)), false],
  [
    "its acknowledgements have one waiting",
    [persist(1, send(1))],
    persist(0, acknowledge(1)),
    false,
  ],
  ["a run for its connection waits", [persist(1, deliverNumbered(1))], persist(0, send(1)), false],
  ["its run has one waiting", [persist(1, send(1))], persist(0, deliverNumbered(1)), false],
  ["one for another waits", [persist(1, send(2), deliverAs(3))], persist(0, send(1)), true],
  ["its second has one waiting", [persist(1, send(2))], persist(0, send(1), send(2)), false],
  ["one that waits writes nothing", [persist(0, send(1))], persist(0, send(1)), false],
  ["only reads wait", [load, read], persist(0, send(1)), true],
  ["one without sends waits", [persist(4)], persist(0, send(1)), true],
];

for (const [when, waiting, asked, expected] of PASSES) {
  Deno.test(`passes() says ${expected} when ${when}`, () => {
    const queue = new CommitQueue();
    for (const entry of waiting) queue.add(entry);
    assert.equal(queue.passes(asked), expected);
  });
}

Deno.test("passes() holds back until all are settled when a commit is under way", () => {
  const queue = new CommitQueue();
  const [one, two] = [persist(1, send(1), send(1)), persist(1, send(1))];
  queue.add(one);
  queue.add(two);
  assert.equal(queue.take(1)?.type, "commit");
  assert.equal(queue.passes(persist(0, send(1))), false);
  queue.settle([one]);
  assert.equal(queue.passes(persist(0, send(1))), false);
  assert.equal(queue.take(1)?.type, "commit");
  queue.settle([two]);
  assert.equal(queue.passes(persist(0, send(1))), true);
});

Deno.test("CommitQueue keeps its order when thousands wait and it is never empty", () => {
  const queue = new CommitQueue();
  const expected: Persist[] = [];
  const taken: Persist[] = [];
  for (let n = 0; n < 6_000; n++) {
    const each = persist(1);
    expected.push(each);
    queue.add(each);
    if (n % 2 === 0) continue;
    const turn = queue.take(n < 3_000 ? 1 : 2) as Turn & { type: "commit" };
    taken.push(...turn.persists);
    assert.equal(queue.size, expected.length - taken.length);
  }
  while (queue.size > 0) taken.push(...(queue.take(700) as Turn & { type: "commit" }).persists);
  assert.equal(taken.length, expected.length);
  assert.ok(taken.every((each, n) => each === expected[n]));
});

const moves = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        type: fc.constant("persist" as const),
        count: fc.constantFrom(0, 0, 0, 1, 2, 7),
        to: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
        as: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constantFrom("load" as const, "read" as const) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constantFrom("take" as const, "done" as const) }),
    },
  ),
  { maxLength: 80, size: "max" },
);

/** What a commit queue is for, with nothing but a list of all that arrived and how far it has come. */
Deno.test("CommitQueue lets nothing overtake when anything arrives at any time", () => {
  fc.assert(
    fc.property(moves, fc.integer({ min: 1, max: 8 }), (moves, most) => {
      const queue = new CommitQueue();
      /** All that did not pass, in the order of arrival; `taken` of them are done or under way. */
      const arrived: Entry[] = [];
      const released = new Set<Persist>();
      let taken = 0;
      let underWay: readonly Persist[] | undefined;
      const open = (to: number) =>
        arrived.some((entry) =>
          entry.type === "persist" && !released.has(entry) &&
          entry.then.some((effect) => "to" in effect && effect.to === to)
        );
      const take = () => {
        const turn = queue.take(most);
        if (turn === undefined) return assert.equal(taken, arrived.length);
        if (turn.type !== "commit") return assert.equal(turn, arrived[taken++]);
        const { persists } = turn;
        assert.ok(persists.length > 0);
        assert.deepEqual(persists, arrived.slice(taken, taken + persists.length));
        taken += persists.length;
        const sum = persists.reduce((sum, { writes }) => sum + writes.length, 0);
        if (persists.length > 1) assert.ok(sum <= most);
        const next = arrived[taken];
        if (next?.type === "persist") assert.ok(sum + next.writes.length > most, "cut too early");
        underWay = persists;
      };
      const done = () => {
        if (underWay === undefined) return;
        queue.settle(underWay);
        for (const persist of underWay) released.add(persist);
        underWay = undefined;
      };
      for (const move of moves) {
        if (move.type === "take") {
          if (underWay === undefined) take();
        } else if (move.type === "done") done();
        else if (move.type === "persist") {
          const each = persist(move.count, ...move.to.map(move.as ? deliverAs : send));
          const expected = move.count === 0 && !move.to.some(open);
          assert.equal(queue.passes(each), expected);
          if (!expected) {
            arrived.push(each);
            queue.add(each);
          }
        } else {
          const entry = { ...(move.type === "load" ? load : read) };
          arrived.push(entry);
          queue.add(entry);
        }
        assert.equal(queue.size, arrived.length - taken);
      }
      done();
      while (taken < arrived.length) {
        take();
        done();
      }
      assert.equal(queue.take(most), undefined);
      for (const to of [1, 2, 3]) assert.equal(queue.passes(persist(0, send(to))), true);
    }),
    { numRuns: 500 },
  );
});
