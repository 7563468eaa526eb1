/** Export and import: that nothing is changed on the way, and every wrong line is refused with its number. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { DenoKvStore } from "../../src/store/deno_kv_store.ts";
import { exportLines } from "../../src/store/export_store.ts";
import { importLines } from "../../src/store/import_store.ts";
import { headerText, lineText, readLine } from "../../src/store/json_lines.ts";
import { MemoryStore } from "../../src/store/memory_store.ts";
import type { Store } from "../../src/store/store.ts";
import { delivery, histories, inflight, message, putSession } from "../contract/store_values.ts";
import { KvDisk } from "./kv_disk.ts";
import { fill, unitsOf } from "./store_units.ts";

async function exported(store: Store): Promise<string> {
  let text = "";
  for await (const line of exportLines(store)) text += line;
  return text;
}

async function* linesOf(text: string): AsyncGenerator<string> {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  yield* lines;
}

/** Runs a body with the databases that it asks for, and closes them. */
async function withDisks(body: (open: () => Promise<DenoKvStore>) => Promise<void>) {
  const disks: KvDisk[] = [];
  try {
    await body(async () => {
      const disk = await KvDisk.make();
      disks.push(disk);
      return await DenoKvStore.open("a disk", { openKv: disk.openKv });
    });
  } finally {
    for (const disk of disks) disk.close();
  }
}

Deno.test("exportLines() gives the same bytes when a Deno KV store was exported and imported", async () => {
  await withDisks(async (open) => {
    const store = await open();
    await fill(store, 20);
    const text = await exported(store);
    const copy = await open();
    assert.equal(await importLines(linesOf(text), copy), text.split("\n").length - 3);
    assert.equal(await exported(copy), text);
    assert.deepEqual(await unitsOf(copy), await unitsOf(store));
  });
});

Deno.test("importLines() makes the same of any history on any driver", async () => {
  await fc.assert(
    fc.asyncProperty(histories, (history) =>
      withDisks(async (open) => {
        const [memory, kv] = [new MemoryStore(), await open()];
        for (const commit of history) {
          if (commit === undefined) continue;
          memory.commit(commit);
          await kv.commit(commit);
        }
        const [fromMemory, fromKv] = [await exported(memory), await exported(kv)];
        assert.deepEqual(fromMemory.split("\n").sort(), fromKv.split("\n").sort());
        const [toMemory, toKv] = [new MemoryStore(), await open()];
        await importLines(linesOf(fromKv), toMemory);
        await importLines(linesOf(fromMemory), toKv);
        assert.deepEqual(toMemory.dump(), memory.dump());
        assert.deepEqual(await unitsOf(toKv), await unitsOf(kv));
        const again = await open();
        await importLines(linesOf(fromKv), again);
        assert.equal(await exported(again), fromKv);
      })),
    { numRuns: 80 },
  );
});

Deno.test("exportLines() writes a message once when many sessions queue it", async () => {
  await withDisks(async (open) => {
    const store = await open();
    const clientIds = Array.from({ length: 100 }, (_, n) => `panel${n}`);
    const payload = new Uint8Array(10_000).fill(7);
    const about = delivery(message(9, { payload }));
    await store.commit([
      ...clientIds.map((clientId) => putSession(clientId)),
      ...clientIds.map((clientId) => ({ type: "putQueued" as const, clientId, delivery: about })),
    ]);
    const text = await exported(store);
    assert.ok(text.length < 60_000, `${text.length} characters`);
    const copy = await open();
    await importLines(linesOf(text), copy);
    assert.deepEqual(await copy.read("panel99", 0, 9), await store.read("panel99", 0, 9));
  });
});

const session = lineText({
  type: "putSession",
  clientId: "pump",
  owner: { user: undefined, roles: [] },
  expiryInterval: 1,
  expiresAt: Infinity,
});

Deno.test("lineText() keeps what is known of the connection that an owner was proven on", () => {
  const line = {
    type: "putSession" as const,
    clientId: "pump",
    owner: {
      user: "anna",
      roles: ["fitter"],
      clientId: "pump",
      address: "10.1.2.3",
      listener: "mutual",
      certificate: { cn: "pump", sanDns: ["a", "b"] },
    },
    expiryInterval: 1,
    expiresAt: Infinity,
  };
  assert.deepEqual(readLine(lineText(line)), line);
  const bare = { ...line, owner: { user: undefined, roles: [] } };
  assert.deepEqual(readLine(lineText(bare)), bare);
  const wrong = lineText(line).replace('"cn":"pump"', '"cn":7');
  assert.throws(() => readLine(wrong), /owner\.certificate: found .*expected an object/);
});

Deno.test("lineText() keeps the rules that an owner brought, and readLine() looks at them again", () => {
  const rules = [{ permission: "deny", topics: "a/#" }] as const;
  const line = {
    type: "putSession" as const,
    clientId: "pump",
    owner: {
      ...{ user: "anna", roles: [], clientId: "pump" },
      ...{ address: undefined, listener: undefined, certificate: undefined, rules },
    },
    expiryInterval: 1,
    expiresAt: Infinity,
  };
  assert.deepEqual(readLine(lineText(line)), line);
  const wrong = lineText(line).replace("a/#", "a#");
  assert.throws(() => readLine(wrong), /owner\.rules\[0\]\.topics has to be a Topic Filter/);
});

const retained = lineText({ type: "putRetained", message: message(5) });
const end = (records: number) =>
  lineText({ type: "order", highest: 9 }) + lineText({ type: "end", records: records + 1 });

/** A file, and what is said of it. */
const REFUSED: readonly (readonly [what: string, text: string, RegExp])[] = [
  ["nothing", "", /^Error: line 1: found nothing, expected the header of an export$/],
  [
    "another file",
    "{}\n",
    /line 1: the first line\.format: found nothing, expected one of "dunlin/,
  ],
  [
    "a later version",
    headerText().replace('"version":1', '"version":2'),
    /line 1: the first line\.version: found 2, expected one of 1/,
  ],
  ["no JSON", `${headerText()}{"type"\n`, /^Error: line 2: it is no JSON: /],
  [
    "an unknown type",
    `${headerText()}{"type":"put"}\n`,
    /line 2: type: found "put", expected one of/,
  ],
  [
    "a type of all objects",
    `${headerText()}{"type":"toString"}\n`,
    /line 2: type: found "toString"/,
  ],
  [
    "an unknown field",
    headerText() + session.replace('"clientId"', '"name":1,"clientId"'),
    /line 2: putSession\.name: found 1, expected no such field/,
  ],
  [
    "a missing field",
    headerText() + session.replace('"expiryInterval":1', '"expiresAt":1'),
    /line 2: putSession\.expiryInterval: found nothing, expected a whole number from 0/,
  ],
  [
    "QoS 3",
    headerText() + retained.replace('"qos":1', '"qos":3'),
    /line 2: putRetained\.message\.qos: found 3, expected one of 0, 1, 2/,
  ],
  [
    "a wildcard in a topic",
    headerText() + retained.replace("plant/1", "plant/+"),
    /line 2: putRetained\.message\.topic: found "plant\/\+", expected another: the Topic Name/,
  ],
  [
    "a payload that is no base64",
    headerText() + retained.replace('"BQD/"', '"BQD"'),
    /line 2: putRetained\.message\.payload: found "BQD", expected bytes in base64/,
  ],
  [
    "half a pair",
    headerText() + session.replace("pump", "\\ud83d"),
    /line 2: putSession\.clientId: found "\\ud83d", expected a text/,
  ],
  [
    "a time that is no number",
    headerText() + retained.replace('"publisher"', '"expiresAt":"now","publisher"'),
    /line 2: putRetained\.message\.expiresAt: found "now", expected milliseconds/,
  ],
  [
    "a session twice",
    headerText() + session + session,
    /line 3: the session of "pump" comes twice/,
  ],
  [
    "a part of no session",
    `${headerText()}{"type":"putReceived","clientId":"pump","packetId":1}\n`,
    /line 2: putReceived: the session of "pump" is not there/,
  ],
  [
    "Packet Identifier 0",
    `${headerText()}${session}{"type":"putReceived","clientId":"pump","packetId":0}\n`,
    /line 3: putReceived\.packetId: found 0, expected a whole number from 1 to 65535/,
  ],
  [
    "an inflight message that is not there",
    headerText() + session + lineText({
      type: "putInflight",
      clientId: "pump",
      packetId: 1,
      inflight: { ...inflight(undefined, 1), awaiting: "puback" },
    }),
    /line 3: inflight: awaiting "puback" without a message/,
  ],
  [
    "a message that is not before it",
    headerText() + session +
    lineText({
      type: "putQueued",
      clientId: "pump",
      delivery: { ...delivery(message(1)), message: 4 },
    }),
    /line 3: putQueued\.delivery\.message: found 4, expected a message, or the order/,
  ],
  ["no end", headerText() + session, /line 3: found nothing, expected "end": the file is cut off/],
  [
    "lines that are missing",
    headerText() + session + end(7),
    /line 4: end\.records: found 8, expected 2: lines are missing/,
  ],
  [
    "a line behind the end",
    headerText() + session + end(1) + session,
    /line 5: found a line behind/,
  ],
  [
    "a record behind the order",
    headerText() + lineText({ type: "order", highest: 9 }) + session,
    /line 3: found putSession behind "order", expected "end"/,
  ],
  [
    "no order",
    headerText() + session + lineText({ type: "end", records: 1 }),
    /line 3: found "end", expected "order" before it/,
  ],
  [
    "an order below that of a message",
    headerText() + retained + lineText({ type: "order", highest: 4 }),
    /line 3: order\.highest: found 4, expected at least 5/,
  ],
];

for (const [what, text, said] of REFUSED) {
  Deno.test(`importLines() throws with the number of the line when there is ${what}`, async () => {
    const error = await importLines(linesOf(text), new MemoryStore())
      .then(() => undefined, (error) => error);
    assert.match(String(error), said);
  });
}

Deno.test("readLine() throws an Error and nothing else when a line is changed anywhere", () => {
  const lines = [
    session,
    retained,
    lineText({ type: "putWill", will: willOf() }),
    lineText({ type: "putQueued", clientId: "pump", delivery: delivery(message(1)) }),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...lines),
      fc.nat(200),
      fc.constantFrom("", "0", "-1", "null", "[]", "{}", '"', "1e999", "true"),
      (line, at, change) => {
        const changed = line.slice(0, at) + change + line.slice(at + 1);
        try {
          const read = readLine(changed);
          assert.deepEqual(readLine(lineText(read)), read);
        } catch (error) {
          assert.ok(error instanceof Error && !(error instanceof TypeError), String(error));
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

function willOf() {
  return {
    clientId: "pump",
    owner: { user: "anna", roles: ["fitter"] },
    packet: {
      topic: "plant",
      payload: new Uint8Array([1]),
      qos: 1 as const,
      retain: false,
      willDelayInterval: 0,
      properties: { contentType: "text", userProperties: [["a", "b"]] as const },
    },
    publishAt: Infinity,
  };
}
