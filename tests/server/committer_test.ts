/** The committer: order, one commit at a time, reads as barriers, stores that answer at once or later. */

import assert from "node:assert/strict";
import type { Event } from "../../src/broker/event.ts";
import { Committer } from "../../src/server/committer.ts";
import type { Effect } from "../../src/session/effect.ts";
import { storeError } from "../../src/store/store_error.ts";
import { waitsForAll } from "../../src/session/cluster_write.ts";
import type { Write } from "../../src/session/write.ts";
import { FakeStore, persist, settled } from "./fakes.ts";

function setUp(store: FakeStore) {
  const fed: string[] = [];
  const failures: unknown[] = [];
  let turns = 0;
  const committer = new Committer(
    store,
    (event) => fed.push(describe(event)),
    () => turns++,
    (error) => failures.push(error),
  );
  return { committer, fed, failures, turns: () => turns };
}

/** `settled a b`, `loaded x`, `read x`. */
function describe(event: Event): string {
  switch (event.type) {
    case "settled":
      return `settled ${event.persists.map(({ of }) => of || "-").join(" ")}`;
    case "loaded":
    case "read":
      return `${event.type} ${event.clientId}`;
    default:
      return event.type;
  }
}

const load: Effect & { type: "load" } = { type: "load", connection: 9, clientId: "l", most: 5 };
const read: Effect & { type: "read" } = { type: "read", clientId: "r", from: 1, most: 5 };

Deno.test("Committer commits what has gathered in one batch when it is flushed", () => {
  const store = new FakeStore(false);
  const { committer, fed } = setUp(store);
  committer.add(persist("a", 1));
  committer.add(persist("b", 2));
  assert.deepEqual(store.calls, []);
  assert.equal(committer.idle, false);
  committer.flush();
  assert.deepEqual(store.calls, ["commit a b"]);
  assert.deepEqual(fed, ["settled a b"]);
  assert.equal(committer.idle, true);
});

Deno.test("Committer cuts batches between persists when they would be above the store's limit", () => {
  const store = new FakeStore(false, 2);
  const { committer, fed } = setUp(store);
  const big = {
    ...persist("big", 1),
    writes: [...Array(3).keys()].map(() => persist("x", 1).writes[0]!),
  };
  for (const each of [persist("a", 1), persist("b", 1), persist("c", 1), big, persist("d", 1)]) {
    committer.add(each);
  }
  committer.flush();
  assert.deepEqual(store.calls, ["commit a b", "commit c", "commit x x x", "commit d"]);
  assert.deepEqual(fed, ["settled a b", "settled c", "settled big", "settled d"]);
});

Deno.test("Committer.letPass() settles all at once what writes nothing, unless it would overtake", () => {
  const store = new FakeStore(true);
  const { committer, fed } = setUp(store);
  committer.add(persist("a", 1));
  committer.add(persist(undefined, 2));
  committer.add(persist(undefined, 3));
  assert.equal(committer.idle, false);
  assert.deepEqual(fed, []);
  committer.letPass();
  assert.deepEqual(fed, ["settled - -"]);
  committer.add(persist(undefined, 1));
  committer.letPass();
  assert.deepEqual(fed, ["settled - -"], "it would overtake what waits for connection 1");
});

Deno.test("Committer.flush() lets pass what writes nothing when a commit is under way", () => {
  const store = new FakeStore(true);
  const { committer, fed } = setUp(store);
  committer.add(persist("a", 1));
  committer.flush();
  committer.add(persist(undefined, 2));
  committer.flush();
  assert.deepEqual([fed, store.calls], [["settled -"], ["commit a"]]);
});

Deno.test("Committer has one commit under way, and what comes meanwhile is the next batch", async () => {
  const store = new FakeStore(true);
  const { committer, fed, turns } = setUp(store);
  committer.add(persist("a", 1));
  committer.flush();
  for (const name of ["b", "c"]) {
    committer.add(persist(name, 1));
    committer.flush();
  }
  assert.deepEqual(store.calls, ["commit a"]);
  assert.deepEqual([fed, turns()], [[], 0]);
  await store.answer();
  assert.deepEqual([fed, turns()], [["settled a"], 1]);
  committer.flush(); // the end of that turn
  assert.deepEqual(store.calls, ["commit a", "commit b c"]);
  await store.answer();
  assert.deepEqual([fed, turns()], [["settled a", "settled b c"], 2]);
  assert.equal(committer.idle, true);
});

for (const later of [false, true]) {
  Deno.test(`Committer reads after every earlier write and before every later one when the store answers ${later ? "later" : "at once"}`, async () => {
    const store = new FakeStore(later);
    const { committer, fed } = setUp(store);
    for (const entry of [persist("a", 1), load, persist("b", 1), read, persist("c", 1)]) {
      committer.add(entry);
    }
    for (let call = 0; call < 5; call++) {
      committer.flush();
      if (later) await store.answer();
    }
    assert.deepEqual(store.calls, ["commit a", "load l", "commit b", "read r", "commit c"]);
    assert.deepEqual(fed, ["settled a", "loaded l", "settled b", "read r", "settled c"]);
    assert.equal(committer.idle, true);
  });
}

Deno.test("Committer asks no store when a batch writes nothing but had to wait", async () => {
  const store = new FakeStore(true);
  const { committer, fed } = setUp(store);
  committer.add(persist("a", 1));
  committer.flush();
  committer.add(persist(undefined, 1));
  committer.flush();
  await store.answer();
  committer.flush();
  assert.deepEqual(store.calls, ["commit a"]);
  assert.deepEqual(fed, ["settled a", "settled -"]);
});

Deno.test("Committer tells of a failure and settles nothing more when a commit is rejected", async () => {
  const store = new FakeStore(true);
  const { committer, fed, failures } = setUp(store);
  committer.add(persist("a", 1));
  committer.flush();
  committer.add(persist("b", 1));
  const error = new Error("disk");
  await store.fail(error);
  assert.deepEqual(failures, [error]);
  committer.flush();
  assert.deepEqual([store.calls, fed], [["commit a"], []]);
  assert.equal(committer.idle, false, "what was not kept is still owed");
});

Deno.test("Committer tells of a failure and settles nothing more when a commit throws", () => {
  const store = new FakeStore(false);
  const error = new Error("disk");
  store.commit = () => {
    throw error;
  };
  const { committer, fed, failures } = setUp(store);
  committer.add(persist("a", 1));
  committer.flush();
  assert.deepEqual(failures, [error]);
  committer.add(persist("b", 1));
  committer.flush();
  assert.deepEqual([failures.length, fed, committer.idle], [1, [], false]);
});

Deno.test("Committer tries a commit again and says so when the store has no room", async () => {
  const store = new FakeStore(true);
  const fed: string[] = [];
  const failures: unknown[] = [];
  const retried = Promise.withResolvers<void>();
  const committer = new Committer(
    store,
    (event) => {
      fed.push(event.type === "store" ? `full ${event.full}` : describe(event));
    },
    () => {},
    (error) => failures.push(error),
  );
  committer.add(persist("a", 1));
  committer.flush();
  committer.add(persist("b", 1));
  await store.fail(storeError("noRoom", "disk full"));
  assert.deepEqual(fed, ["full true"]);
  assert.equal(committer.idle, false);
  const calls = store.calls.push.bind(store.calls);
  store.calls.push = (...call) => {
    retried.resolve();
    return calls(...call);
  };
  await retried.promise; // after a second, by itself
  await store.answer();
  committer.flush();
  await store.answer();
  assert.deepEqual([...store.calls], ["commit a", "commit a", "commit b"]);
  assert.deepEqual(fed, ["full true", "full false", "settled a", "settled b"]);
  assert.deepEqual(failures, []);
});

Deno.test("Committer tries again when the store says at once, and not later, that it has no room", async () => {
  const store = new FakeStore(false);
  const { commit } = store;
  let full = 2; // the first try and the second
  store.commit = (writes) => {
    if (full-- > 0) throw storeError("noRoom", "disk full");
    return commit.call(store, writes);
  };
  const { committer, fed, failures } = setUp(store);
  const { setTimeout } = globalThis;
  const timers: (() => void)[] = [];
  globalThis.setTimeout = ((call: () => void) => timers.push(call)) as unknown as typeof setTimeout;
  try {
    committer.add(persist("a", 1));
    committer.flush();
    timers.shift()!();
    timers.shift()!();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual([timers, failures], [[], []]);
  assert.equal(fed.at(-1), "settled a");
  assert.equal(committer.idle, true);
});

Deno.test("Committer holds back only what speaks of what other nodes do not know yet, and what follows it", async () => {
  const { promise: everywhere, resolve } = Promise.withResolvers<void>();
  const inner = new FakeStore(false);
  const store = Object.assign(Object.create(inner), {
    limits: inner.limits,
    commit: (writes: readonly Write[]) =>
      writes.some(waitsForAll) ? Promise.resolve({ everywhere }) : undefined,
  });
  const { committer, fed, turns } = setUp(store);
  const other = (clientId: string, to: number) => ({
    ...persist(clientId, to),
    writes: [{ type: "deleteWill", clientId } as const],
  });
  const retained: Write = { type: "deleteRetained", topic: "state" };
  committer.add({ ...persist("a", 1), writes: [retained] });
  committer.add(other("b", 2));
  committer.flush();
  await settled();
  assert.deepEqual(fed, ["settled b"], "connection 2 does not wait for connection 1");
  committer.add(other("c", 1));
  committer.add(other("d", 3));
  committer.add(persist(undefined, 1));
  committer.flush();
  assert.deepEqual(fed, ["settled b", "settled d"], "nothing for connection 1 overtakes");
  assert.equal(committer.idle, false);
  const before = turns();
  resolve();
  await settled();
  await settled();
  assert.deepEqual(fed.slice(2), ["settled a", "settled c -"]);
  assert.ok(turns() > before);
  assert.equal(committer.idle, true);
  committer.add(persist(undefined, 1));
  committer.letPass();
  assert.deepEqual(fed.slice(4), ["settled -"]);
});

Deno.test("Committer has the store say that the node is alive when it is in doubt and nothing is to be written", async () => {
  const store = Object.assign(new FakeStore(true), { inDoubt: true });
  const { committer, fed } = setUp(store);
  committer.add(persist(undefined, 1));
  committer.flush();
  assert.deepEqual(store.calls, ["commit "]);
  assert.deepEqual(fed, []);
  await store.answer();
  assert.deepEqual(fed, ["settled -"]);
  store.inDoubt = false;
  committer.add(persist(undefined, 1));
  committer.flush();
  assert.deepEqual(store.calls, ["commit "]);
  assert.deepEqual(fed, ["settled -", "settled -"]);
});
