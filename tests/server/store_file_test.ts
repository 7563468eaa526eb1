/** One database in the place of another: whatever a crash interrupts is finished or taken back. */

import assert from "node:assert/strict";
import { carryOver } from "../../src/server/carry_over.ts";
import type { StoreFile } from "../../src/server/store_file.ts";
import {
  clearMark,
  damageMark,
  markDamaged,
  replace,
  setAside,
  settleFiles,
  storeExists,
  storeFile,
} from "../../src/server/store_file.ts";
import { DenoKvStore } from "../../src/store/deno_kv_store.ts";
import { makeFilled, unitsOf } from "../store/store_units.ts";

async function inDirectory(body: (file: StoreFile, path: string) => unknown): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "dunlin-file-" });
  try {
    await body(storeFile(path), path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

const write = (path: string, text: string) => Deno.writeTextFileSync(path, text);
const read = (path: string) => Deno.readTextFileSync(path);
/** The names in a directory, dates left out. */
const names = (path: string) =>
  [...Deno.readDirSync(path)].map(({ name }) => name.replace(/-\d{4}-[^-]*-[^-]*Z/, "-DATE"))
    .sort();

Deno.test("replace() puts what was built in place and sets the old one aside with its log", () =>
  inDirectory((file, path) => {
    write(file.path, "old");
    write(`${file.path}-wal`, "old log");
    write(file.building, "new");
    write(`${file.building}-wal`, "");
    const aside = replace(file, "replaced")!;
    assert.deepEqual([read(file.path), read(aside), read(`${aside}-wal`)], [
      "new",
      "old",
      "old log",
    ]);
    assert.equal(names(path).length, 3, names(path).join());
  }));

Deno.test("replace() throws and changes nothing when what was built has a log still", () =>
  inDirectory((file) => {
    write(file.path, "old");
    write(file.building, "new");
    write(`${file.building}-wal`, "a frame");
    assert.throws(() => replace(file, "replaced"), /-wal is not empty/);
    assert.equal(read(file.path), "old");
  }));

Deno.test("settleFiles() takes back what was being built when the program ended amid it", () =>
  inDirectory((file, path) => {
    write(file.path, "old");
    write(file.building, "half");
    write(`${file.building}-wal`, "half");
    settleFiles(file);
    assert.deepEqual(names(path), ["state.kv"]);
    assert.equal(read(file.path), "old");
  }));

Deno.test("settleFiles() puts the new one in place when the program ended at any step of it", () =>
  inDirectory((file, path) => {
    // What is there after each step: the new one is complete, the old one renamed, then its log.
    const steps: (() => void)[] = [
      () => write(file.path, "old"),
      () => {},
      () => write(`${file.path}.replaced-before`, "old"),
    ];
    for (const step of steps) {
      for (const log of [true, false]) {
        for (const { name } of Deno.readDirSync(path)) Deno.removeSync(`${path}/${name}`);
        step();
        if (log) write(`${file.path}-wal`, "of the old");
        write(`${file.path}.next`, "new");
        settleFiles(file);
        assert.equal(read(file.path), "new");
        assert.ok(!names(path).includes("state.kv-wal"), "the old log is beside the new database");
        assert.ok(!names(path).includes("state.kv.next"));
      }
    }
  }));

Deno.test("settleFiles() does nothing when there is nothing to settle", () =>
  inDirectory((file, path) => {
    settleFiles(file);
    assert.deepEqual([names(path), storeExists(file)], [[], false]);
  }));

Deno.test("damageMark() is what markDamaged() wrote until clearMark()", () =>
  inDirectory((file) => {
    assert.equal(damageMark(file), undefined);
    markDamaged(file, "a block is missing");
    assert.equal(damageMark(file), "a block is missing");
    clearMark(file);
    assert.equal(damageMark(file), undefined);
  }));

Deno.test("carryOver() opens what can be read and tells of it", () =>
  inDirectory(async (file) => {
    const units = await makeFilled(file.path, 3);
    markDamaged(file, "a test says so");
    const { store, fact } = await carryOver(file, "a test says so");
    assert.deepEqual(await unitsOf(store), units);
    await store.close();
    assert.ok(fact.type === "storeDamaged" && !fact.empty);
    assert.equal(fact.reason, "a test says so");
    assert.equal(fact.carried.sessions, 3);
    assert.ok(Object.values(fact.lost).every((count) => count === 0));
    assert.ok(Deno.statSync(fact.path).isFile);
    assert.equal(damageMark(file), undefined);
  }));

Deno.test("carryOver() opens an empty store and says why when nothing can be built", () =>
  inDirectory(async (file) => {
    await makeFilled(file.path, 3);
    // A directory that is not empty, where the new database would be.
    Deno.mkdirSync(`${file.building}/in the way`, { recursive: true });
    const { store, fact } = await carryOver(file, "a test says so");
    assert.deepEqual([...await unitsOf(store)], ['order {"type":"order","highest":0}']);
    await store.close();
    assert.ok(fact.type === "storeDamaged" && fact.empty);
    assert.match(fact.why.join(), /not empty/);
    assert.ok(Deno.statSync(fact.path).isFile);
  }));

Deno.test("carryOver() throws and leaves the store where it is when a later program wrote it", () =>
  inDirectory(async (file) => {
    await (await DenoKvStore.open(file.path, { migrations: [() => Promise.resolve()] })).close();
    await assert.rejects(carryOver(file, "a test says so"), /layout 2/);
    assert.ok(storeExists(file));
  }));

Deno.test("setAside() keeps the log with its database", () =>
  inDirectory((file, path) => {
    write(file.path, "old");
    write(`${file.path}-wal`, "log");
    const aside = setAside(file, "damaged");
    assert.deepEqual([read(aside), read(`${aside}-wal`)], ["old", "log"]);
    assert.equal(names(path).length, 2);
  }));
