import assert from "node:assert/strict";
import fc from "fast-check";
import { MemoryStore } from "../../src/store/memory_store.ts";
import { storeContract } from "../contract/store_contract.ts";
import { indexOf } from "../contract/store_trial.ts";
import {
  delivery,
  histories,
  message,
  putQueued,
  putSession,
  putWill,
} from "../contract/store_values.ts";

storeContract("MemoryStore", () => Promise.resolve({ store: new MemoryStore() }));

Deno.test("MemoryStore answers at once when it is asked", () => {
  const store = new MemoryStore();
  assert.equal(
    store.commit([putSession("pump"), putQueued("pump", delivery(message(1)))]),
    undefined,
  );
  assert.deepEqual(store.load("pump", 1).queued, [delivery(message(1))]);
  assert.deepEqual(store.read("pump", 2, 1), []);
});

Deno.test("MemoryStore counts strays when a part has no session", () => {
  const store = new MemoryStore();
  store.commit([{ type: "deleteQueued", clientId: "pump", order: 1 }, putWill("pump")]);
  assert.equal(store.strays, 0);
  store.commit([{ type: "putReceived", clientId: "pump", packetId: 1 }, putSession("pump")]);
  assert.equal(store.strays, 1);
});

Deno.test("MemoryStore that is not whole keeps what waits for sessions and nothing else", () => {
  fc.assert(
    fc.property(histories, (commits) => {
      const [whole, part] = [new MemoryStore(), new MemoryStore(false)];
      for (const writes of commits) {
        whole.commit(writes ?? []);
        part.commit(writes ?? []);
      }
      const { sessions } = whole.dump();
      assert.deepEqual(part.dump(), {
        sessions: sessions.map((session) => ({ ...session, subscriptions: [] })),
        retained: [],
        wills: [],
        delayed: [],
        settings: [],
        highest: part.dump().highest,
      });
      for (const { clientId } of sessions) {
        assert.deepEqual(part.load(clientId, 10), whole.load(clientId, 10));
        assert.deepEqual(part.read(clientId, 0, 10), whole.read(clientId, 0, 10));
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("dump() tells all that load() and index() tell when any commits were made", async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (commits) => {
      const store = new MemoryStore();
      for (const writes of commits) store.commit(writes ?? []);
      const { sessions, retained, wills, delayed, settings, highest } = store.dump();
      const records = await indexOf(store);
      assert.deepEqual(
        new Set(records),
        new Set([
          ...sessions.flatMap(({ clientId, subscriptions }) =>
            subscriptions.map((subscription) => ({ type: "subscription", clientId, subscription }))
          ),
          ...retained.map((message) => ({ type: "retained", message })),
          ...wills.map((will) => ({ type: "will", will })),
          ...delayed.map((each) => ({ type: "delayed", ...each })),
          ...settings.map(([name, value]) => ({ type: "setting", name, value })),
          { type: "order", highest },
          ...records.filter(({ type }) => type === "session"),
        ]),
      );
      assert.equal(records.filter(({ type }) => type === "session").length, sessions.length);
      for (const { clientId, received, inflight, queued } of sessions) {
        const stored = store.load(clientId, Infinity);
        assert.deepEqual([...stored.received].sort((a, b) => a - b), received);
        assert.deepEqual([...stored.inflight].sort(([a], [b]) => a - b), inflight);
        assert.deepEqual(stored.queued, queued);
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test("dump() is the same when the same records came about in another way", () => {
  const one = new MemoryStore();
  const other = new MemoryStore();
  const queued = [3, 1, 2].map((order) => putQueued("pump", delivery(message(order))));
  const ids = [7, 2, 65_535].map((packetId) =>
    ({ type: "putReceived", clientId: "pump", packetId }) as const
  );
  one.commit([putSession("pump"), putSession("a"), ...queued, ...ids]);
  other.commit([putSession("a"), putSession("gone"), putSession("pump", 1)]);
  other.commit([...queued.toReversed(), ...ids.toReversed(), putSession("pump")]);
  assert.notDeepEqual(one.dump(), other.dump());
  other.commit([{ type: "deleteSession", clientId: "gone" }]);
  assert.deepEqual(one.dump(), other.dump());
  other.commit([{ type: "deleteReceived", clientId: "pump", packetId: 2 }]);
  assert.notDeepEqual(one.dump(), other.dump());
});
