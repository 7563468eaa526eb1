/** `checkStore()`: each kind of bad record is found by its key, and its repair leaves a whole store. */

import assert from "node:assert/strict";
import type { Change, Key, Kv } from "../../src/store/kv.ts";
import type { LostKind, Problem } from "../../src/store/checking.ts";
import { checkStore } from "../../src/store/check_store.ts";
import { DenoKvStore } from "../../src/store/deno_kv_store.ts";
import * as keys from "../../src/store/kv_key.ts";
import { encodeMessage, encodeSetting } from "../../src/store/record.ts";
import { problemLine } from "../../src/store/salvage.ts";
import { histories, LONG, message } from "../contract/store_values.ts";
import fc from "fast-check";
import { KvDisk } from "./kv_disk.ts";
import { fill, unitsOf } from "./store_units.ts";

/** The database of a filled store. */
async function filledDisk(): Promise<KvDisk> {
  const disk = await KvDisk.make();
  await fill(await DenoKvStore.open("a disk", { openKv: disk.openKv }), 10);
  return disk;
}

async function problemsIn(kv: Kv): Promise<Problem[]> {
  const problems: Problem[] = [];
  await checkStore(kv, (problem) => void problems.push(problem));
  return problems;
}

/** The first key of a kind, and its value. */
async function first(kv: Kv, prefix: Key, skip = 0): Promise<{ key: Key; value: Uint8Array }> {
  for await (const entry of kv.list(prefix)) if (skip-- === 0) return entry;
  throw new Error(`there is no ${prefix}`);
}

const bytes = (...of: number[]) => new Uint8Array(of);

/** A kind of damage: what it changes, what is told first, and what that costs. */
interface Damage {
  readonly what: string;
  readonly change: (kv: Kv) => Promise<Pick<Change, "key" | "value">>;
  readonly told: RegExp;
  readonly lost: LostKind;
}

const cut = (prefix: Key, skip = 0) => async (kv: Kv) => {
  const { key, value } = await first(kv, prefix, skip);
  return { key, value: value.slice(0, 5) };
};
const gone = (prefix: Key, skip = 0) => async (kv: Kv) => {
  return { key: (await first(kv, prefix, skip)).key, value: undefined };
};
const added = (key: Key, value: Uint8Array) => () => Promise.resolve({ key, value });

const DAMAGES: readonly Damage[] = [
  {
    what: "a cut session",
    change: cut(["s"]),
    told: /^\["s",\d+\]: a session: /,
    lost: "sessions",
  },
  {
    what: "a client id twice",
    change: async (kv) => ({ key: ["s", 900_000], value: (await first(kv, ["s"])).value }),
    told: /^\["s",\d+\]: its client id is there twice/,
    lost: "sessions",
  },
  {
    what: "no session",
    change: gone(["s"], 1),
    told: /^\["t",\d+,.*\]: its session is not there/,
    lost: "subscriptions",
  },
  { what: "a cut subscription", change: cut(["t"]), told: /^\["t",/, lost: "subscriptions" },
  { what: "a cut retained message", change: cut(["r"]), told: /^\["r",/, lost: "retained" },
  {
    what: "a retained message under another key",
    change: added(keys.retainedKey("plant/x"), encodeMessage(message(1))),
    told: /^\["r","plant\/x"\]: it stands under another topic's key/,
    lost: "retained",
  },
  {
    what: "a topic with a wildcard",
    change: added(keys.retainedKey("a/#"), encodeMessage(message(1, { topic: "a/#" }))),
    told: /^\["r","a\/#"\]: the Topic Name contains a wildcard/,
    lost: "retained",
  },
  { what: "a cut Will", change: cut(["w"]), told: /^\["w",/, lost: "wills" },
  { what: "a cut setting", change: cut(["g"]), told: /^\["g",/, lost: "settings" },
  {
    what: "a setting under another key",
    change: added(keys.settingKey("a"), encodeSetting({ name: "b", value: "1" })),
    told: /^\["g","a"\]: it stands under another name's key/,
    lost: "settings",
  },
  { what: "a cut delayed message", change: cut(["d"]), told: /^\["d",/, lost: "delayed" },
  { what: "a cut head", change: cut(["h"], 2), told: /^\["h",\d+\]: the head/, lost: "segments" },
  {
    what: "no block",
    change: gone(["b"], 3),
    told: /^\["h",\d+\]: message \d+ of entry \d+: block 0 is missing or cut off/,
    lost: "queued",
  },
  {
    what: "garbage in a block",
    change: async (kv) => {
      const { key, value } = await first(kv, ["b"], 3);
      return { key, value: value.map((byte, at) => at === 1 ? byte ^ 0x7f : byte) };
    },
    told: /^\["h",\d+\]: message \d+ of entry \d+: a message in a segment: order \d+, expected/,
    lost: "queued",
  },
  {
    what: "no large message",
    change: gone(["m"], 6),
    told: /^\["h",\d+\]: message \d+ of entry \d+: it is missing/,
    lost: "queued",
  },
  {
    what: "a large message for nobody",
    change: added(keys.blobKey(5), encodeMessage(message(5))),
    told: /^\["m",5\]: no entry refers to this message/,
    lost: "nothing",
  },
  {
    what: "a block of no segment",
    change: added(keys.blockKey(77_777, 0), bytes(1)),
    told: /^\["b",77777,0\]: the segment that it is a block of is not there/,
    lost: "nothing",
  },
  {
    what: "a block too many",
    change: async (kv) => {
      const { key } = await first(kv, ["b"]);
      return { key: [key[0]!, key[1]!, 9], value: bytes(1) };
    },
    told: /^\["b",\d+,9\]: its segment has no such block/,
    lost: "nothing",
  },
  {
    what: "marks of no segment",
    change: added(keys.goneKey(77_777), bytes(1)),
    told: /^\["e",77777\]: the segment whose marks it is is not there/,
    lost: "nothing",
  },
  {
    what: "marks of another length",
    change: async (kv) => ({ key: (await first(kv, ["e"])).key, value: bytes(...Array(99)) }),
    told: /^\["e",\d+\]: 99 bytes, expected \d+: what was acknowledged is delivered again/,
    lost: "nothing",
  },
  {
    what: "a part of no long value",
    change: added(keys.partKey(77_777, 1), bytes(1)),
    told: /^\["p",77777,1\]: the long value that it is a part of is not there/,
    lost: "nothing",
  },
  {
    what: "a note of no long value",
    change: added(keys.restKey(["r", "none"]), bytes(5, 1)),
    told: /^\["n","r","none"\]: the long value that it is of is not there/,
    lost: "nothing",
  },
  {
    what: "a cut note of a long value",
    change: async (kv) => ({ key: (await first(kv, ["n"])).key, value: bytes(200) }),
    told: /^\["n",.*\]: the note of a long value: a number does not end/,
    lost: "nothing",
  },
  {
    what: "counters that run behind",
    change: added(keys.COUNTERS, bytes(1, 1, 1)),
    told: /^\["c"\]: order 1 and number 1, expected at least \d+ and \d+/,
    lost: "nothing",
  },
  {
    what: "a layout of nobody",
    change: added(keys.VERSION, bytes(1, 1)),
    told: /^\["v"\]: it is no layout of today/,
    lost: "nothing",
  },
];

for (const { what, change, told, lost } of DAMAGES) {
  Deno.test(`checkStore() names the key and repairs the store when there is ${what}`, async () => {
    const disk = await filledDisk();
    const kv = await disk.openKv();
    assert.deepEqual(await problemsIn(kv), []);
    const before = await unitsOf(await DenoKvStore.open("a disk", { openKv: disk.openKv }));
    await disk.put(await change(kv));
    const problems = await problemsIn(kv);
    assert.match(problemLine(problems[0]!), told);
    assert.equal(problems[0]!.lost, lost);
    for (const { repair } of problems) {
      for (const { key, value } of repair) await disk.put({ key, value });
    }
    assert.deepEqual((await problemsIn(kv)).map(problemLine), []);
    const after = await unitsOf(await DenoKvStore.open("a disk", { openKv: disk.openKv }));
    const told0 = problems.filter((problem) => problem.lost !== "nothing").length;
    const missing = before.difference(after).size;
    // A segment is all its messages; that a session is gone is told of by its parts only.
    const most = told0 + (what === "no session" ? 1 : 0);
    if (lost !== "segments" && told0 > 0) assert.ok(missing <= most, `${missing} of ${most}`);
    if (told0 === 0 && !what.includes("cut note")) assert.equal(missing, 0);
    disk.close();
  });
}

Deno.test("checkStore() finds nothing in a store after any history of commits", async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const disk = await KvDisk.make();
      const store = await DenoKvStore.open("a disk", { openKv: disk.openKv });
      for (const commit of history) if (commit !== undefined) await store.commit(commit);
      await store.close();
      const kv = await disk.openKv();
      const problems: string[] = [];
      const counts = await checkStore(kv, (problem) => {
        problems.push(problemLine(problem));
      });
      assert.deepEqual(problems, []);
      let sessions = 0;
      for await (const entry of store.index()) if (entry.type === "session") sessions += 1;
      assert.equal(counts.sessions, sessions);
      disk.close();
    }),
    { numRuns: 60 },
  );
});

Deno.test("checkStore() takes no value for cut when it is as long as a part and no note is lost", async () => {
  const disk = await KvDisk.make();
  const store = await DenoKvStore.open("a disk", { openKv: disk.openKv });
  const short = encodeMessage(message(1, { topic: LONG, payload: new Uint8Array() })).length;
  const payload = new Uint8Array(61_440 - short);
  await store.commit([{ type: "putRetained", message: message(1, { topic: LONG, payload }) }]);
  const kv = await disk.openKv();
  assert.deepEqual(await problemsIn(kv), []);
  const doubted: Problem[] = [];
  await checkStore(kv, (problem) => void doubted.push(problem), true);
  assert.deepEqual(doubted.map(({ found }) => found), ["the rest of it cannot be found"]);
  disk.close();
});
