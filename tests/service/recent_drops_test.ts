import assert from "node:assert/strict";
import { RecentDrops } from "../../src/service/recent_drops.ts";
import type { Fact } from "../../src/session/fact.ts";
import type { DropReason } from "../../src/session/reason_words.ts";

function drop(clientId: string, topic = "t", reason: DropReason = "queueFull", count = 1): Fact {
  return { type: "dropped", clientId, topic, reason, count };
}

function rowsOf(drops: RecentDrops, ...keys: readonly string[]): readonly string[] {
  return drops.of(new Set(keys), 100)
    .map(({ topic, reason, count, first, last }) => `${topic} ${reason} ${count} ${first}-${last}`);
}

Deno.test("note() counts what is alike in one row, with its first and last time", () => {
  const drops = new RecentDrops();
  drops.note(drop("a"), 1, 10);
  drops.note(drop("a", "t", "queueFull", 4), 2, 10);
  drops.note(drop("b"), 3, 10);
  drops.note(drop("a"), 4, 10);
  drops.note(drop("a", "u"), 5, 10);
  drops.note(drop("a", "t", "expired"), 6, 10);
  assert.deepEqual(rowsOf(drops, "a"), [
    "t expired 1 6-6",
    "u queueFull 1 5-5",
    "t queueFull 6 1-4",
  ]);
  assert.deepEqual(rowsOf(drops, "b"), ["t queueFull 1 3-3"]);
});

Deno.test("note() tells clients and topics apart when their texts run together", () => {
  const drops = new RecentDrops();
  drops.note(drop("a", "bc"), 1, 10);
  drops.note(drop("ab", "c"), 2, 10);
  assert.equal(drops.size, 2);
});

Deno.test("note() forgets what was dropped longest ago when there are too many", () => {
  const drops = new RecentDrops();
  for (let i = 0; i < 5; i++) drops.note(drop(`c${i}`), i, 3);
  assert.equal(drops.size, 3);
  drops.note(drop("c2"), 9, 3); // again: it is the latest
  drops.note(drop("c5"), 10, 3);
  assert.deepEqual(rowsOf(drops, "c2", "c3", "c5"), ["t queueFull 1 10-10", "t queueFull 2 2-9"]);
  drops.note(drop("c6"), 11, 0);
  assert.equal(drops.size, 0);
  drops.note(drop("c6"), 12, 3);
  assert.deepEqual(rowsOf(drops, "c6"), ["t queueFull 1 12-12"]);
});

Deno.test("note() takes the end of a session with what waited in it, and no other fact", () => {
  const drops = new RecentDrops();
  const ended = { type: "sessionEnded", clientId: "a", why: "deleted" } as const;
  drops.note({ ...ended, messagesDropped: 0 }, 1, 10);
  assert.equal(drops.size, 0);
  drops.note({ ...ended, messagesDropped: 3 }, 2, 10);
  drops.note({ type: "store", full: true, detail: "" }, 3, 10);
  assert.deepEqual(rowsOf(drops, "a"), [" sessionEnded 3 2-2"]);
});

Deno.test("RecentDrops.note() keeps no topic that is very long", () => {
  const drops = new RecentDrops();
  const fact = { type: "dropped", clientId: "c", reason: "queueFull", count: 1 } as const;
  drops.note({ ...fact, topic: "x".repeat(60_000) } as Fact, 1, 10);
  drops.note({ ...fact, topic: "y".repeat(60_000) } as Fact, 2, 10);
  assert.deepEqual(drops.of(new Set(["c"]), 10).map(({ topic, count }) => [topic, count]), [[
    "",
    2,
  ]]);
});
