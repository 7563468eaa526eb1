/** `dunlin store …`, run as a sub-process of the real main.ts on a data directory of its own. */

import assert from "node:assert/strict";
import { startBroker } from "../end_to_end/broker_process.ts";
import { makeFilled, unitsAt } from "../store/store_units.ts";
import type { Printed } from "../run_program.ts";
import { runDunlin } from "../run_program.ts";

/** A directory with a filled store in `data`, and the program to run in it. */
interface Place {
  readonly path: string;
  /** What is in the store. */
  readonly units: ReadonlySet<string>;
  readonly dunlin: (...args: readonly string[]) => Promise<Printed>;
}

const made = (async () => {
  const path = await Deno.makeTempDir({ prefix: "dunlin-store-" });
  const units = await makeFilled(`${path}/state.kv`, 12);
  globalThis.addEventListener("unload", () => Deno.removeSync(path, { recursive: true }));
  return { file: `${path}/state.kv`, units };
})();

async function inPlace(body: (place: Place) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "dunlin-command-" });
  const { file, units } = await made;
  await Deno.mkdir(`${path}/data`);
  await Deno.copyFile(file, `${path}/data/state.kv`);
  const permissions = ["--allow-net", "--allow-read", "--allow-write", "--allow-env"];
  const dunlin = (...args: readonly string[]) =>
    runDunlin(permissions, ["store", ...args], { cwd: path });
  try {
    await body({ path, units, dunlin });
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

/** Sets a record of the store past the broker. */
async function setRecord(path: string, key: Deno.KvKey, value: Uint8Array): Promise<void> {
  const kv = await Deno.openKv(`${path}/data/state.kv`);
  await kv.set(key, value);
  kv.close();
}

Deno.test("dunlin store inspect shows what is in a store", () =>
  inPlace(async ({ dunlin }) => {
    const { status, out, err } = await dunlin("inspect", "data", "--sessions", "3");
    assert.deepEqual([status, err], [0, ""]);
    assert.match(out, /^data\/state\.kv: \d+ bytes, layout 1\n/);
    assert.match(out, /^sessions +12$/m);
    assert.match(out, /^subscriptions +36$/m);
    assert.match(out, /^queued +168$/m);
    assert.match(out, /^inflight +24$/m);
    assert.match(out, /^large messages +\d+ +\d+$/m);
    assert.match(out, /^"panel\d+" +"anna" +3 +14 +\d+ +2 +1 +2109-/m);
    assert.match(out, /^and 9 sessions more/m);
  }));

Deno.test("dunlin store inspect prints one JSON object when asked to", () =>
  inPlace(async ({ dunlin }) => {
    const { status, out } = await dunlin("inspect", "data", "--json");
    assert.equal(status, 0);
    const { totals, sessions, layout } = JSON.parse(out);
    assert.deepEqual([layout, totals.sessions, totals.wills, sessions.length], [1, 12, 12, 12]);
    assert.equal(
      totals.queued,
      sessions.reduce((sum: number, of: { queued: number }) => {
        return sum + of.queued;
      }, 0),
    );
  }));

Deno.test("dunlin store verify exits 0 when the store is clean", () =>
  inPlace(async ({ dunlin }) => {
    const { status, out, err } = await dunlin("verify", "data");
    assert.deepEqual([status, err], [0, ""]);
    assert.match(out, /^data\/state\.kv: 0 problems; 12 sessions, 36 subscriptions, [^\n]+\n$/);
  }));

Deno.test("dunlin store verify exits 1 and names each key when records are wrong", () =>
  inPlace(async ({ path, units, dunlin }) => {
    await setRecord(path, ["r", "plant/4"], new Uint8Array([1, 2]));
    await setRecord(path, ["m", 5], new Uint8Array([1, 2]));
    const before = await Deno.readFile(`${path}/data/state.kv`);
    const { status, out } = await dunlin("verify", "data");
    assert.equal(status, 1);
    const lines = out.trimEnd().split("\n");
    assert.equal(lines.length, 4, out);
    assert.match(
      lines[0]!,
      /^\["r","plant\/4"\]: a message: .*; a repair goes on without it, which costs a retained message$/,
    );
    assert.match(lines[1]!, /^\["m",5\]: .*; a repair puts it right and nothing is lost by it$/);
    assert.match(lines[2]!, /^data\/state\.kv: 2 problems; /);
    assert.match(lines[3]!, /--repair/);
    assert.deepEqual(await Deno.readFile(`${path}/data/state.kv`), before, "the store was changed");

    const repaired = await dunlin("verify", "data", "--repair");
    assert.equal(repaired.status, 0, repaired.err);
    assert.match(repaired.out, /\ncarried over: 12 sessions, .*; lost: 1 retained\n$/);
    assert.equal((await dunlin("verify", "data")).status, 0);
    const lost = units.difference(await unitsAt(`${path}/data/state.kv`));
    assert.deepEqual([...lost].map((unit) => unit.slice(0, 40)), [
      'retained {"type":"retained","message":{"',
    ]);
    const names = [...Deno.readDirSync(`${path}/data`)].map(({ name }) => name);
    assert.ok(names.some((name) => name.startsWith("state.kv.damaged-")), names.join());
  }));

Deno.test("dunlin store verify exits 1 when pages of the file are damaged", () =>
  inPlace(async ({ path, dunlin }) => {
    const file = `${path}/data/state.kv`;
    await Deno.writeFile(file, (await Deno.readFile(file)).fill(0x55, 3 * 4_096, 4 * 4_096));
    const { status, out } = await dunlin("verify", "data");
    assert.equal(status, 1);
    assert.match(out, /^data\/state\.kv: .*page 4.*; a repair carries over what can be read$/m);
    assert.equal((await dunlin("inspect", "data")).status, 1);
    assert.equal((await dunlin("export", "data")).status, 1);
    assert.equal((await dunlin("verify", "data", "--repair")).status, 0);
    assert.equal((await dunlin("verify", "data")).status, 0);
  }));

Deno.test("dunlin store verify tells what a crash left behind as a note when there is some", () =>
  inPlace(async ({ path, dunlin }) => {
    // A note of start-up that names a block which nothing refers to yet, and that block.
    const note = [3, 1, 1, 98, 0, 64, 240, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    await setRecord(path, ["u", 0], Uint8Array.from(note));
    await setRecord(path, ["b", 65_536, 0], new Uint8Array(9));
    const { status, out } = await dunlin("verify", "data");
    assert.match(out, /^note: 1 records that a crash left behind go at the next start\n/, out);
    assert.equal(status, 0);
  }));

Deno.test("dunlin store export and import give the same bytes again", () =>
  inPlace(async ({ path, units, dunlin }) => {
    const before = await Deno.readFile(`${path}/data/state.kv`);
    const first = await dunlin("export", "data");
    assert.deepEqual([first.status, first.err], [0, ""]);
    assert.deepEqual(await Deno.readFile(`${path}/data/state.kv`), before, "the store was changed");
    assert.equal((await dunlin("export", "data", "--output", "a.jsonl")).status, 0);
    assert.equal(await Deno.readTextFile(`${path}/a.jsonl`), first.out);
    assert.equal((await Deno.stat(`${path}/a.jsonl`)).mode! & 0o777, 0o600);

    const imported = await dunlin("import", "a.jsonl", "copy");
    assert.deepEqual([imported.status, imported.err], [0, ""]);
    assert.match(imported.out, /^copy\/state\.kv: \d+ records imported\n$/);
    assert.equal((await dunlin("export", "copy")).out, first.out);
    assert.equal((await dunlin("verify", "copy")).status, 0);
    assert.deepEqual(await unitsAt(`${path}/copy/state.kv`), units);
  }));

Deno.test("dunlin store import refuses a store that is not empty unless told to replace it", () =>
  inPlace(async ({ path, dunlin }) => {
    await dunlin("export", "data", "-o", "a.jsonl");
    const refused = await dunlin("import", "a.jsonl", "data");
    assert.deepEqual([refused.status, refused.out], [1, ""]);
    assert.match(refused.err, /data\/state\.kv is not empty; with --replace it is set aside/);
    const replaced = await dunlin("import", "a.jsonl", "data", "--replace");
    assert.equal(replaced.status, 0, replaced.err);
    const names = [...Deno.readDirSync(`${path}/data`)].map(({ name }) => name);
    assert.ok(names.some((name) => name.startsWith("state.kv.replaced-")), names.join());
  }));

Deno.test("dunlin store import leaves the store as it was when a line is wrong", () =>
  inPlace(async ({ path, units, dunlin }) => {
    await dunlin("export", "data", "-o", "a.jsonl");
    const lines = (await Deno.readTextFile(`${path}/a.jsonl`)).split("\n");
    for (
      const [what, changed, said] of [
        [
          "cut off",
          lines.slice(0, 100),
          /^dunlin store import: line 101: found nothing, expected "end"/,
        ],
        [
          "changed",
          lines.with(149, '{"type":"x"}'),
          /^dunlin store import: line 150: type: found "x"/,
        ],
        ["another", ["{}"], /^dunlin store import: line 1: /],
      ] as const
    ) {
      await Deno.writeTextFile(`${path}/b.jsonl`, changed.join("\n"));
      for (const directory of ["data", "new"]) {
        const { status, out, err } = await dunlin("import", "b.jsonl", directory, "--replace");
        assert.deepEqual([status, out], [1, ""], what);
        assert.match(err, said);
      }
      const names = [...Deno.readDirSync(`${path}/new`)].map(({ name }) => name);
      assert.deepEqual(names, ["lock"], what);
    }
    assert.deepEqual(await unitsAt(`${path}/data/state.kv`), units);
    const names = [...Deno.readDirSync(`${path}/data`)].map(({ name }) => name);
    assert.ok(!names.some((name) => /replaced|new|next/.test(name)), names.join());
  }));

Deno.test("dunlin store refuses when a broker has the data directory", () =>
  inPlace(async ({ path, dunlin }) => {
    await Deno.writeTextFile(`${path}/a.jsonl`, "");
    const broker = await startBroker({ data: `${path}/data` });
    for (
      const [status, ...args] of [
        [1, "inspect", "data"],
        [2, "verify", "data"],
        [1, "export", "data"],
        [1, "import", "a.jsonl", "data", "--replace"],
      ] as const
    ) {
      const outcome = await dunlin(...args);
      assert.deepEqual([outcome.status, outcome.out], [status, ""], args[0]);
      assert.match(
        outcome.err,
        /the data directory data is in use by another process; stop that one/,
      );
    }
    await broker.stop();
    assert.equal((await dunlin("verify", "data")).status, 0);
  }));

Deno.test("dunlin store reads the data directory of the configuration when none is named", () =>
  inPlace(async ({ path, dunlin }) => {
    await Deno.writeTextFile(`${path}/a.json`, JSON.stringify({ data: "data" }));
    await Deno.writeTextFile(`${path}/b.json`, JSON.stringify({ store: "memory" }));
    assert.equal((await dunlin("verify", "--config", "a.json")).status, 0);
    const both = await dunlin("verify", "data", "--config", "a.json");
    assert.deepEqual([both.status, both.out], [2, ""]);
    assert.match(both.err, /name a directory or --config, not both/);
    const memory = await dunlin("inspect", "--config", "b.json");
    assert.equal(memory.status, 1);
    assert.match(memory.err, /store "memory", which keeps nothing on the disk/);
    const none = await dunlin("verify");
    assert.equal(none.status, 2);
    assert.match(none.err, /there is no store in the data directory .*dunlin-data/);
    assert.throws(() => Deno.statSync(`${path}/dunlin-data`), Deno.errors.NotFound);
  }));
