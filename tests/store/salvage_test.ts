/** What is carried over from a damaged store, by the kind of damage. */

import assert from "node:assert/strict";
import { openReadOnly } from "../../src/store/sqlite_kv.ts";
import type { Problem } from "../../src/store/checking.ts";
import { checkStore } from "../../src/store/check_store.ts";
import type { Salvaged } from "../../src/store/salvage.ts";
import { salvage } from "../../src/store/salvage.ts";
import { message, putSession } from "../contract/store_values.ts";
import { DenoKvStore } from "../../src/store/deno_kv_store.ts";
import { troubleOf } from "../../src/store/store_error.ts";
import { countsOf, makeFilled, unitsAt } from "./store_units.ts";

const PAGE = 4_096;

const directory = await Deno.makeTempDir({ prefix: "dunlin-salvage-" });
globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));

/** The filled store that all tests damage a copy of. */
const filled = await (async () => {
  const path = `${directory}/filled.kv`;
  const units = await makeFilled(path, 24);
  return { units, bytes: await Deno.readFile(path) };
})();

interface Outcome {
  readonly salvaged: Salvaged;
  readonly units: Set<string>;
}

let number = 0;

/** Salvages a file of these bytes; what came of it, which must be a store without problems. */
async function salvaged(bytes: Uint8Array): Promise<Outcome> {
  const from = `${directory}/${++number}.kv`;
  const to = `${from}.new`;
  await Deno.writeFile(from, bytes);
  const salvaged = await salvage(from, to);
  assert.deepEqual(await Deno.readFile(from), bytes, "the damaged file was changed");
  const units = await unitsAt(to);
  assert.deepEqual(await problemsAt(to), []);
  await Deno.remove(from);
  await Deno.remove(to);
  return { salvaged, units };
}

async function problemsAt(path: string): Promise<Problem[]> {
  const kv = openReadOnly(path);
  const problems: Problem[] = [];
  await checkStore(kv, (problem) => void problems.push(problem));
  kv.close();
  return problems;
}

/** A generator of pseudo-random numbers below 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

/** Fills pages, numbered from 1, with what `byte` gives. */
function overwrite(bytes: Uint8Array, pages: readonly number[], byte: () => number): Uint8Array {
  const damaged = bytes.slice();
  for (const page of pages) {
    for (let at = (page - 1) * PAGE; at < page * PAGE; at++) damaged[at] = byte();
  }
  return damaged;
}

const pagesOf = (bytes: Uint8Array) => bytes.length / PAGE;

/** Nothing is there that was not, but the count of the highest order where messages with it are gone. */
function assertSubset({ units }: Outcome, seed = ""): void {
  for (const unit of units) {
    if (!unit.startsWith("order ")) {
      assert.ok(filled.units.has(unit), `${seed} ${unit.slice(0, 300)}`);
    }
  }
}

/** What is carried over and lost adds up, as far as the lost things can be told one by one. */
function assertCounted({ salvaged, units }: Outcome): void {
  const counts = countsOf(units);
  const { carried } = salvaged;
  assert.deepEqual(
    [counts.session ?? 0, counts.subscription ?? 0, counts.retained ?? 0, counts.will ?? 0],
    [carried.sessions, carried.subscriptions, carried.retained, carried.wills],
  );
  assert.deepEqual(
    [counts.queued ?? 0, counts.inflight ?? 0, counts.received ?? 0, counts.delayed ?? 0],
    [carried.queued, carried.inflight, carried.received, carried.delayed],
  );
}

Deno.test("salvage() carries everything over when nothing is damaged", async () => {
  const outcome = await salvaged(filled.bytes);
  assert.deepEqual(outcome.units, filled.units);
  assert.equal(outcome.salvaged.problems, 0);
  assert.deepEqual(Object.values(outcome.salvaged.lost), Array(10).fill(0));
  assertCounted(outcome);
});

Deno.test("salvage() reads the log when the program was killed", async () => {
  const path = `${directory}/killed.kv`;
  const store = await DenoKvStore.open(path);
  await store.commit([putSession("pump"), { type: "putRetained", message: message(9) }]);
  // Without closing it, everything is in the log still.
  for (const side of ["", "-wal"]) await Deno.copyFile(path + side, `${path}.copy${side}`);
  await store.close();
  const { carried, problems } = await salvage(`${path}.copy`, `${path}.new`);
  assert.deepEqual([carried.sessions, carried.retained, problems], [1, 1, 0]);
});

/** The damage, and the least part of everything that must be carried over. */
const DAMAGES: readonly (readonly [what: string, Uint8Array, least: number])[] = [
  ["the header is garbage", overwrite(filled.bytes, [1], () => 0xa5), 1],
  ["the root of the table is garbage", overwrite(filled.bytes, [4], () => 0x55), 0.95],
  ["the root of the index is zeros", overwrite(filled.bytes, [9], () => 0), 1],
  ["both roots are zeros", overwrite(filled.bytes, [4, 9], () => 0), 0.95],
  ["30 pages in the middle are garbage", middle(30), 0.8],
  ["it is cut off after three quarters", filled.bytes.slice(0, filled.bytes.length * 0.75), 0.15],
  ["it is cut off in a page", filled.bytes.slice(0, filled.bytes.length - PAGE - 100), 0.6],
];

function middle(pages: number): Uint8Array {
  const first = Math.floor(pagesOf(filled.bytes) / 2);
  const next = random(3);
  const numbers = Array.from({ length: pages }, (_, n) => first + n);
  return overwrite(filled.bytes, numbers, () => next() * 256);
}

for (const [what, bytes, least] of DAMAGES) {
  Deno.test(`salvage() carries over what is whole when ${what}`, async () => {
    const outcome = await salvaged(bytes);
    assertSubset(outcome);
    assertCounted(outcome);
    const share = outcome.units.size / filled.units.size;
    assert.ok(share >= least, `${share} of everything, ${JSON.stringify(outcome.salvaged)}`);
    if (share < 1) {
      assert.ok(outcome.salvaged.problems > 0);
      assert.ok(outcome.salvaged.reasons.length > 0);
    }
  });
}

Deno.test("salvage() carries over what is whole when any five pages are garbage", async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const next = random(seed);
    const count = pagesOf(filled.bytes);
    const pages = Array.from({ length: 5 }, () => 1 + Math.floor(next() * count));
    const outcome = await salvaged(overwrite(filled.bytes, pages, () => next() * 256));
    assertSubset(outcome, `seed ${seed}, pages ${pages}`);
    assertCounted(outcome);
    // A page of sessions takes all of them along that are on it.
    const lost = filled.units.size - outcome.units.size;
    const { sessions, segments } = outcome.salvaged.lost;
    assert.ok(
      lost < 200 || sessions > 0 || segments > 0,
      `seed ${seed}, pages ${pages}: ${lost} lost, ${JSON.stringify(outcome.salvaged)}`,
    );
  }
});

Deno.test("salvage() gives a store without problems when any bytes are flipped", async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const next = random(seed + 100);
    const bytes = filled.bytes.slice();
    for (let n = 0; n < 200; n++) bytes[Math.floor(next() * bytes.length)] = next() * 256;
    const outcome = await salvaged(bytes);
    assertCounted(outcome);
    // A flipped byte in a payload cannot be seen, so some of this is not what it was.
    const same = outcome.units.intersection(filled.units).size;
    assert.ok(same > filled.units.size / 2, `seed ${seed}: ${same} of ${filled.units.size}`);
  }
});

Deno.test("salvage() gives an empty store when nothing can be read", async () => {
  for (
    const bytes of [filled.bytes.map((_, at) => at * 7), new Uint8Array(50_000), new Uint8Array()]
  ) {
    const { salvaged: { carried }, units } = await salvaged(bytes);
    assert.deepEqual(Object.values(carried), Array(9).fill(0));
    assert.deepEqual([...units], ['order {"type":"order","highest":0}']);
  }
});

Deno.test("salvage() throws newer when a later program wrote the store", async () => {
  const path = `${directory}/newer.kv`;
  await (await DenoKvStore.open(path, { migrations: [() => Promise.resolve()] })).close();
  const error = await salvage(path, `${path}.new`).then(() => undefined, (error) => error);
  assert.equal(troubleOf(error), "newer");
});
