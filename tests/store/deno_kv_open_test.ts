/**
 * Opening a Deno KV store: damaged files, other layouts, how much is read, and that segments stay few.
 */

import assert from "node:assert/strict";
import type { Write } from "../../src/session/write.ts";
import { DenoKvStore } from "../../src/store/deno_kv_store.ts";
import type { Migration } from "../../src/store/kv_schema.ts";
import { troubleOf } from "../../src/store/store_error.ts";
import { indexOf } from "../contract/store_trial.ts";
import { delivery, message, putQueued, putSession } from "../contract/store_values.ts";
import { KvDisk } from "./kv_disk.ts";

const open = (disk: KvDisk, migrations: readonly Migration[] = []) =>
  DenoKvStore.open("a disk", { openKv: disk.openKv, migrations });

const queued = (order: number, length = 200): Write =>
  putQueued("pump", delivery(message(order, { payload: new Uint8Array(length) })));

const DAMAGES: readonly (readonly [what: string, damage: (file: Uint8Array) => Uint8Array])[] = [
  ["garbage", (file) => file.map((_, at) => at * 7)],
  ["cut off in its header", (file) => file.slice(0, 60)],
  ["cut off in its middle", (file) => file.slice(0, file.length >> 1)],
  ["zeros amid", (file) => file.fill(0, 8_192, file.length - 8_192)],
  ["another program's text", () => new TextEncoder().encode("hello\n".repeat(2_000))],
];

for (const [what, damage] of DAMAGES) {
  Deno.test(`open() throws damaged, with the path, when the file is ${what}`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "dunlin-kv-" });
    const path = `${directory}/store.db`;
    try {
      const store = await DenoKvStore.open(path);
      await store.commit([putSession("pump"), ...Array.from({ length: 500 }, (_, n) => queued(n))]);
      await store.close();
      await Deno.writeFile(path, damage(await Deno.readFile(path)));
      const error = await DenoKvStore.open(path).then(() => undefined, (error) => error);
      assert.equal(troubleOf(error), "damaged", String(error));
      assert.match(String(error), /store\.db/);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

Deno.test("open() throws damaged and names the record when one cannot be read", async () => {
  for (const key of [["h", 2], ["s", 1], ["c"], ["v"]]) {
    const disk = await KvDisk.make();
    await (await open(disk)).commit([putSession("pump"), queued(1)]);
    assert.ok((await disk.keys()).some((other) => String(other) === String(key)), String(key));
    await disk.put({ key, value: new Uint8Array([1, 200, 200]) });
    const error = await open(disk).then(() => undefined, (error) => error);
    assert.equal(troubleOf(error), "damaged", `${key}: ${error}`);
    disk.close();
  }
});

Deno.test("read() rejects with damaged when a block is gone", async () => {
  const disk = await KvDisk.make();
  await (await open(disk)).commit([putSession("pump"), queued(1)]);
  await disk.put({ key: ["b", 2, 0], value: undefined });
  const store = await open(disk);
  await assert.rejects(store.read("pump", 0, 1), (error) => troubleOf(error) === "damaged");
  disk.close();
});

Deno.test("open() throws newer when a later program wrote the store", async () => {
  const disk = await KvDisk.make();
  await (await open(disk, [() => Promise.resolve()])).commit([putSession("pump")]);
  const error = await open(disk).then(() => undefined, (error) => error);
  assert.equal(troubleOf(error), "newer");
  assert.match(String(error), /layout 2, this program knows up to 1/);
  disk.close();
});

Deno.test("open() throws damaged when there are records and no version", async () => {
  const disk = await KvDisk.make();
  await disk.put({ key: ["somebody", "else's"], value: new Uint8Array(1) });
  const error = await open(disk).then(() => undefined, (error) => error);
  assert.equal(troubleOf(error), "damaged");
  disk.close();
});

Deno.test("open() goes through every migration once when the layout is an old one", async () => {
  const disk = await KvDisk.make();
  assert.equal((await open(disk)).report.layout, 0);
  await (await open(disk)).commit([putSession("old name"), queued(1)]);
  // Layout 3 has sessions under other keys than 2, say; the fake goes there and back.
  const done: string[] = [];
  const migrations: Migration[] = [
    async (kv) => {
      done.push("1 to 2");
      const changes = [];
      for await (const { key, value } of kv.list(["s"])) {
        changes.push({ key: ["old", key[1]!], value, ahead: false });
        changes.push({ key, value: undefined, ahead: false });
      }
      await kv.commit(changes);
    },
    async (kv) => {
      done.push("2 to 3");
      const changes = [];
      for await (const { key, value } of kv.list(["old"])) {
        changes.push({ key: ["s", key[1]!], value, ahead: false });
        changes.push({ key, value: undefined, ahead: false });
      }
      await kv.commit(changes);
    },
  ];
  // The power goes when the first step is done and its version is not written.
  disk.commitsLeft = 1;
  await assert.rejects(open(disk, migrations));
  disk.cutPower();
  const store = await open(disk, migrations);
  assert.deepEqual(done, ["1 to 2", "1 to 2", "2 to 3"]);
  assert.equal(store.report.layout, 1);
  assert.equal((await indexOf(store))[0]?.type, "session");
  assert.equal((await open(disk, migrations)).report.layout, 3);
  assert.equal(done.length, 3);
  disk.close();
});

Deno.test("open() and index() read no message of a queue", async () => {
  const disk = await KvDisk.make();
  const before = await open(disk);
  await before.commit([putSession("pump"), ...Array.from({ length: 2_000 }, (_, n) => queued(n))]);
  await before.commit([queued(9_000, 500_000)]);
  disk.kindsRead.clear();
  const store = await open(disk);
  const [session] = await indexOf(store);
  assert.ok(session?.type === "session" && session.orders.length === 2_001);
  for (const kind of ["b", "m", "p"]) assert.ok(!disk.kindsRead.has(kind), `${kind} was read`);
  await store.read("pump", 0, 1);
  assert.ok(disk.kindsRead.has("b"), "the test sees no reads");
  disk.close();
});

Deno.test("segments stay few and nothing is lost when messages come one by one", async () => {
  const disk = await KvDisk.make();
  const store = await open(disk);
  const clientIds = Array.from({ length: 20 }, (_, n) => `panel${n}`);
  await store.commit(clientIds.map((clientId) => putSession(clientId)));
  const orders = new Map<string, number[]>(clientIds.map((clientId) => [clientId, []]));
  for (let order = 1; order <= 3_000; order++) {
    const clientId = clientIds[order % 20]!;
    const writes: Write[] = [putQueued(clientId, delivery(message(order)))];
    orders.get(clientId)!.push(order);
    if (order % 3 === 0) { // now and then an old one goes
      const other = clientIds[(order * 7) % 20]!;
      const gone = orders.get(other)!.shift();
      if (gone !== undefined) writes.push({ type: "deleteQueued", clientId: other, order: gone });
    }
    await store.commit(writes);
  }
  const segments = await disk.keys(["h"]);
  assert.ok(segments.length < 400, `${segments.length} segments for 3,000 commits`);
  for (const opened of [store, await open(disk)]) {
    for (const clientId of clientIds) {
      const read = await opened.read(clientId, 0, Infinity);
      assert.deepEqual(read.map(({ message }) => message.order), orders.get(clientId));
    }
  }
  disk.close();
});

Deno.test("room is given back when few messages of large segments are left", async () => {
  const disk = await KvDisk.make();
  const store = await open(disk);
  await store.commit([putSession("pump")]);
  // 60 segments of a megabyte each, of which one message in a hundred stays.
  for (let n = 0; n < 60; n++) {
    const orders = Array.from({ length: 100 }, (_, at) => n * 100 + at);
    await store.commit(orders.map((order) => queued(order, 10_000)));
    await store.commit(
      orders.slice(1).map((order) => ({ type: "deleteQueued", clientId: "pump", order })),
    );
  }
  for (let n = 0; n < 70; n++) await store.commit([queued(100_000 + n)]);
  await store.commit([queued(200_000)]);
  const blocks = await disk.keys(["b"]);
  assert.ok(blocks.length < 550, `${blocks.length} blocks of 60 KiB are there, of 1,020`);
  const read = await store.read("pump", 0, 60);
  assert.deepEqual(
    read.map(({ message }) => message.order),
    Array.from({ length: 60 }, (_, n) => n * 100),
  );
  disk.close();
});
