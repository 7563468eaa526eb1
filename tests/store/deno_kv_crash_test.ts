/**
 * The Deno KV store when the power goes: at every commit of the disk that one commit of the store takes,
 * and on the real program with `kill -9`. All or nothing, and nothing left over.
 */

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type { Write } from "../../src/session/write.ts";
import { DenoKvStore } from "../../src/store/deno_kv_store.ts";
import type { StoredSession } from "../../src/session/write.ts";
import { troubleOf } from "../../src/store/store_error.ts";
import { comparable, indexOf } from "../contract/store_trial.ts";
import {
  delivery,
  message,
  putQueued,
  putSession,
  subscription,
} from "../contract/store_values.ts";
import { assertNothingLeft, KvDisk } from "./kv_disk.ts";

const clientIds = Array.from({ length: 1_200 }, (_, n) => `panel${n}`);
const large = (order: number, length: number) =>
  message(order, { payload: new Uint8Array(length).fill(order) });

/** What there is before, in turn with each case. */
const BEFORE: readonly Write[] = [
  ...["pump", "panel1"].map((clientId) => putSession(clientId)),
  ...Array.from({ length: 300 }, (_, n) => putQueued("pump", delivery(message(n + 1)))),
  putQueued("pump", delivery(large(301, 200_000))),
  { type: "putRetained", message: large(302, 150_000) },
  { type: "putSubscription", clientId: "pump", subscription: subscription("plant/+") },
];

/** Commits that are more than one of the disk. */
const CASES: readonly (readonly [what: string, writes: readonly Write[]])[] = [
  ["more records than one atomic takes", clientIds.map((clientId) => putSession(clientId))],
  [
    "more bytes than one atomic takes",
    Array.from({ length: 40 }, (_, n) => putQueued("pump", delivery(large(n + 1_000, 60_000)))),
  ],
  [
    "both, in the place of others",
    [
      { type: "putRetained", message: large(2_000, 1_000_000) },
      ...clientIds.map((clientId) => putSession(clientId)),
      ...clientIds.map((clientId) => putQueued(clientId, delivery(large(2_001, 30_000)))),
      { type: "deleteSession", clientId: "pump" },
      putSession("pump", 5),
      putQueued("pump", delivery(large(2_002, 900_000))),
    ],
  ],
];

for (const [what, writes] of CASES) {
  Deno.test(`commit() is all or nothing at every cut when it is ${what}`, async () => {
    const becomes = await whatItBecomes(writes);
    let orphans = 0;
    let redone = 0;
    let cuts = 0;
    for (let done = false; !done; cuts++) {
      const disk = await KvDisk.make();
      const open = () => DenoKvStore.open("a disk", { openKv: disk.openKv });
      const store = await open();
      await store.commit(BEFORE);
      const before = await everything(store);
      disk.commitsLeft = cuts;
      const told = await store.commit(writes).then(() => true, () => false);
      // Done when it needed no more than it had.
      done = disk.powerOn;
      disk.cutPower();
      const again = await open();
      orphans += again.report.orphans;
      redone += again.report.redone ? 1 : 0;
      const after = await everything(again);
      if (isDeepStrictEqual(after, before)) assert.ok(!told && !again.report.redone, `cut ${cuts}`);
      await assertNothingLeft(disk);
      // What was redone is what would have been.
      const same = isDeepStrictEqual(after, before) || isDeepStrictEqual(after, becomes);
      assert.ok(same, `cut ${cuts} left a part`);
      await again.commit([putQueued("pump", delivery(message(5_000)))]);
      const third = await open();
      assert.equal(third.report.orphans, 0);
      disk.close();
    }
    assert.ok(cuts > 3, `${cuts} cuts`);
    // Bytes are written ahead, records are an intent.
    if (what !== "more records than one atomic takes") assert.ok(orphans > 0, "nothing was left");
    if (what !== "more bytes than one atomic takes") assert.ok(redone > 0, "nothing was redone");
  });
}

Deno.test("commit() rejects and keeps nothing when there is no room, and works when there is", async () => {
  const disk = await KvDisk.make();
  const store = await DenoKvStore.open("a disk", { openKv: disk.openKv });
  await store.commit(BEFORE);
  const before = await everything(store);
  for (
    const [, writes] of [["one atomic", [putQueued("pump", delivery(message(900)))]], ...CASES]
  ) {
    disk.says = "database or disk is full";
    await assert.rejects(
      store.commit(writes as readonly Write[]),
      (error) => troubleOf(error) === "noRoom",
    );
    assert.deepEqual(await everything(store), before);
    disk.says = undefined;
  }
  await store.commit([putQueued("pump", delivery(message(901)))]);
  assert.equal((await store.read("pump", 901, 10)).length, 1);
  await assertNothingLeft(disk);
  disk.close();
});

Deno.test("commit() takes away what it wrote ahead when the room ended amid it", async () => {
  const disk = await KvDisk.make();
  const store = await DenoKvStore.open("a disk", { openKv: disk.openKv });
  await store.commit(BEFORE);
  const before = await everything(store);
  disk.fullAfter = 2;
  await assert.rejects(store.commit(CASES[1]![1]), (error) => troubleOf(error) === "noRoom");
  assert.ok((await disk.keys(["u"])).length > 0);
  assert.deepEqual(await everything(store), before, "it can be read while there is no room");
  disk.fullAfter = undefined;
  await store.commit([putQueued("pump", delivery(message(901)))]);
  await assertNothingLeft(disk);
  await store.commit(CASES[1]![1]);
  await assertNothingLeft(disk);
  disk.close();
});

Deno.test("every call rejects with unknown when nobody can tell what reached the disk", async () => {
  const disk = await KvDisk.make();
  const store = await DenoKvStore.open("a disk", { openKv: disk.openKv });
  await store.commit(BEFORE);
  disk.says = "disk I/O error";
  const unknown = (error: unknown) => troubleOf(error) === "unknown";
  await assert.rejects(store.commit([putSession("pump7")]), unknown);
  disk.says = undefined;
  await assert.rejects(store.commit([putSession("pump7")]), unknown);
  await assert.rejects(store.load("pump", 1), unknown);
  disk.close();
});

Deno.test("what was told to be durable is there when the program is killed at any moment", async () => {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-kv-" });
  const path = `${directory}/store.db`;
  const writer = new URL("./deno_kv_writer.ts", import.meta.url).pathname;
  let from = 1;
  try {
    for (let cycle = 0; cycle < 4; cycle++) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "--allow-all", "--no-check", writer, path, String(from)],
        stdout: "piped",
      }).spawn();
      const told = await toldUntilKilled(child, 1 + 4 * cycle);
      const store = await DenoKvStore.open(path);
      const { inflight, queued } = await store.load("panel", Infinity);
      const orders = queued.map(({ message }) => message.order);
      // A commit of 300: all of it or nothing, none missing, the last told among them.
      assert.ok(orders.length >= told && orders.length % 300 === 0, `${orders.length} of ${told}`);
      assert.deepEqual(orders, orders.map((_, n) => n + 1));
      assert.ok(inflight.length === (orders.length === 0 ? 0 : 1));
      assert.ok(queued.every(({ message }) => message.payload.length === message.order % 1_000));
      from = orders.length + 1;
      await store.close();
    }
    assert.ok(from > 1);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** Reads the last order that the writer tells to be durable; kills it after so many. */
async function toldUntilKilled(child: Deno.ChildProcess, lines: number): Promise<number> {
  let told = 0;
  let rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const whole = (rest + text).split("\n");
    rest = whole.pop()!;
    for (const line of whole) told = Number(line);
    lines -= whole.length;
    if (lines <= 0) break;
  }
  child.kill("SIGKILL");
  await child.status;
  return told;
}

/** The store's content after `BEFORE` and these writes, with no crash. */
async function whatItBecomes(writes: readonly Write[]): Promise<unknown> {
  const disk = await KvDisk.make();
  const store = await DenoKvStore.open("a disk", { openKv: disk.openKv });
  await store.commit(BEFORE);
  await store.commit(writes);
  const all = await everything(store);
  disk.close();
  return all;
}

/** All of the index, and of some sessions what is in them. */
async function everything(store: DenoKvStore): Promise<unknown> {
  const loaded: StoredSession[] = [];
  for (const clientId of ["pump", "panel0", "panel1199"]) {
    loaded.push(comparable(await store.load(clientId, Infinity)));
  }
  const index = (await indexOf(store)).map((record) => JSON.stringify(record)).sort();
  return { index, loaded };
}
