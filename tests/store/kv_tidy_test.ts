/**
 * Regrouping: queues that were filled in turn end up in few segments each, whatever happens meanwhile
 * nothing is lost, and what several sessions share is still stored once.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Write } from "../../src/session/write.ts";
import { bySession } from "../../src/store/by_session.ts";
import { DenoKvStore } from "../../src/store/deno_kv_store.ts";
import { HeadReader, Kind } from "../../src/store/segment.ts";
import { delivery, message, putQueued, putSession } from "../contract/store_values.ts";
import { assertNothingLeft, KvDisk } from "./kv_disk.ts";

const SESSIONS = 600;
const ROUNDS = 40;
const clientIds = Array.from({ length: SESSIONS }, (_, n) => `panel${n}`);

Deno.test("an idle store brings together what was queued for many sessions in turn", async () => {
  const disk = await KvDisk.make();
  const store = await filled(disk);
  assert.equal(await segmentsOf(disk, 7), ROUNDS, "scattered to begin with");
  assert.ok(await becomes(async () => await segmentsOf(disk, 7) <= 6), "it was not regrouped");
  await assertComplete(store);
  await store.close();
  const again = await DenoKvStore.open("a disk", { openKv: disk.openKv });
  await assertComplete(again);
  await again.close();
  await assertNothingLeft(disk);
  disk.close();
});

Deno.test("nothing is lost or twice when the power goes amid regrouping", async () => {
  for (const cut of [0, 1, 2, 7, 15]) {
    const disk = await KvDisk.make();
    const store = await filled(disk);
    disk.commitsLeft = cut;
    assert.ok(await becomes(() => Promise.resolve(!disk.powerOn)), "nothing was regrouped");
    disk.cutPower();
    await store.close();
    const again = await DenoKvStore.open("a disk", { openKv: disk.openKv });
    await assertComplete(again);
    await again.close();
    await assertNothingLeft(disk);
    disk.close();
  }
});

Deno.test("messages that went amid regrouping do not come back", async () => {
  const disk = await KvDisk.make();
  const store = await filled(disk);
  const before = await segmentsOf(disk, 7);
  await becomes(async () => await segmentsOf(disk, 7) < before);
  for (let n = 0; n < SESSIONS; n += 2) {
    await store.commit([{ type: "deleteSession", clientId: `panel${n}` }]);
  }
  const order = 1 + 9; // the first of panel9
  await store.commit([{ type: "deleteQueued", clientId: "panel9", order }]);
  await becomes(async () => await segmentsOf(disk, 7) <= 6);
  assert.equal((await store.load("panel9", Infinity)).queued.length, ROUNDS - 1);
  assert.equal((await store.load("panel8", Infinity)).queued.length, 0);
  assert.equal((await store.load("panel7", Infinity)).queued.length, ROUNDS);
  await store.close();
  await assertNothingLeft(disk);
  disk.close();
});

Deno.test("a message for many sessions stays stored once when its segment is moved", async () => {
  const disk = await KvDisk.make();
  const store = await DenoKvStore.open("a disk", { openKv: disk.openKv });
  await store.commit(clientIds.map((clientId) => putSession(clientId)));
  const payload = new Uint8Array(5_000);
  for (let order = 1; order <= 80; order++) {
    const shared = delivery(message(order, { payload }));
    await store.commit(clientIds.slice(0, 300).map((clientId) => putQueued(clientId, shared)));
  }
  assert.ok(await becomes(async () => (await disk.keys(["h"])).length < 64), "none was moved");
  const blocks = await disk.keys(["b"]);
  assert.ok(blocks.length <= 80, `${blocks.length} blocks of 60 KiB for 400 KB`);
  assert.equal((await store.load("panel299", Infinity)).queued.length, 80);
  await store.close();
  disk.close();
});

Deno.test("bySession() keeps the order of each session, and shared messages together", () => {
  const write = fc.record({ session: fc.nat(5), shared: fc.nat(4), what: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(write, { minLength: 40, maxLength: 120 }), (rough) => {
      let order = 0;
      const writes = rough.flatMap(({ session, shared, what }): Write[] => {
        const clientId = `panel${session}`;
        if (what === 3) return [{ type: "deleteQueued", clientId, order }];
        const given = delivery(message(++order));
        const others = Array.from({ length: shared < 3 ? 0 : shared }, (_, n) => `panel${n}`);
        return [clientId, ...others].map((clientId) => putQueued(clientId, given));
      });
      const sorted = bySession(writes, (clientId) => Number(clientId.slice(5)) + 1);
      assert.deepEqual(new Set(sorted), new Set(writes));
      assert.equal(sorted.length, writes.length);
      for (let n = 0; n < 6; n++) {
        const own = (of: readonly Write[]) =>
          of.filter((write) => "clientId" in write && write.clientId === `panel${n}`);
        assert.deepEqual(own(sorted), own(writes));
      }
      assert.equal(changesOfMessage(sorted), changesOfMessage(writes));
    }),
    { numRuns: 200 },
  );
});

/** How many times a message follows another. */
function changesOfMessage(writes: readonly Write[]): number {
  let last = -1;
  let changes = 0;
  for (const write of writes) {
    if (write.type !== "putQueued") continue;
    if (write.delivery.message.order !== last) changes += 1;
    last = write.delivery.message.order;
  }
  return changes;
}

/** Every session has one message of each round; each round is one commit. */
async function filled(disk: KvDisk): Promise<DenoKvStore> {
  const store = await DenoKvStore.open("a disk", { openKv: disk.openKv });
  await store.commit(clientIds.map((clientId) => putSession(clientId)));
  for (let round = 0; round < ROUNDS; round++) {
    await store.commit(
      clientIds.map((clientId, n) => putQueued(clientId, delivery(message(orderOf(round, n))))),
    );
  }
  return store;
}

function orderOf(round: number, session: number): number {
  return 1 + round * SESSIONS + session;
}

async function assertComplete(store: DenoKvStore): Promise<void> {
  for (let n = 0; n < SESSIONS; n += 53) {
    const { queued } = await store.load(`panel${n}`, Infinity);
    assert.deepEqual(
      queued.map(({ message }) => message.order),
      Array.from({ length: ROUNDS }, (_, round) => orderOf(round, n)),
    );
    const expected = message(orderOf(3, n));
    assert.deepEqual(queued[3]!.message, expected);
  }
}

/** In how many segments a session has messages, by its place among those that were made. */
async function segmentsOf(disk: KvDisk, nth: number): Promise<number> {
  const session = (await disk.keys(["s"]))[nth]![1];
  let segments = 0;
  for await (const { head, gone } of disk.heads()) {
    const reader = new HeadReader(head);
    let has = false;
    while (reader.next()) {
      const isGone = gone !== undefined && (gone[reader.at >> 3]! & (1 << (reader.at & 7))) !== 0;
      has ||= reader.kind === Kind.queued && reader.session === session && !isGone;
    }
    if (has) segments += 1;
  }
  return segments;
}

/** Waits, up to 20 s, for what a store does by itself and tells nobody. */
async function becomes(condition: () => Promise<boolean>): Promise<boolean> {
  const until = performance.now() + 20_000;
  while (performance.now() < until) {
    if (await condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return false;
}
