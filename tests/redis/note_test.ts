/**
 * Batches and entries as bytes: what a batch puts into the log is read back as it was written, and what a newer
 * version may write is passed over.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { BatchEncoder } from "../../src/redis/batch.ts";
import { FrameReader, FrameWriter } from "../../src/redis/frames.ts";
import { Kind, readInboxEntry, readLogEntry, REPLICATED } from "../../src/redis/note.ts";
import type { AnyWrite } from "../../src/session/cluster_write.ts";
import { ByteWriter } from "../../src/store/bytes.ts";
import { writeMessage } from "../../src/store/record.ts";
import { writeHead } from "../../src/redis/values.ts";
import { delivery, histories, message, putSession } from "../contract/store_values.ts";

const FORMAT = 1;

/** What the library puts into the log of a batch: the records with the top bit. */
function logOf(writes: readonly AnyWrite[]): Uint8Array {
  const { records } = new BatchEncoder().encode(writes);
  const log = new FrameWriter();
  log.byte(FORMAT);
  const from = new FrameReader(new Uint8Array(records), "a batch");
  while (from.left > 0) {
    const kind = from.byte();
    const payload = from.bytes();
    if ((kind & REPLICATED) === 0) continue;
    log.byte(kind);
    log.bytes(payload);
  }
  return log.view().slice();
}

const IN_LOG: ReadonlySet<AnyWrite["type"]> = new Set([
  "putSession",
  "deleteSession",
  "putSubscription",
  "deleteSubscription",
  "putRetained",
  "deleteRetained",
  "putWill",
  "deleteWill",
  "putSetting",
  "deleteSetting",
  "announce",
  "release",
]);

Deno.test("readLogEntry() gives what every node keeps when any batch was encoded", () => {
  fc.assert(
    fc.property(histories, (commits) => {
      for (const writes of commits) {
        if (writes === undefined) continue;
        const expected = writes.filter((write) =>
          IN_LOG.has(write.type) &&
          (write.type !== "putWill" || write.will.publishAt !== Infinity)
        );
        const { items, skipped } = readLogEntry(logOf(writes));
        assert.equal(skipped, 0);
        assert.deepEqual(items, expected);
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("readLogEntry() passes over and counts records when their kind is not known", () => {
  const log = new FrameWriter();
  log.raw(logOf([putSession("pump")]));
  for (const kind of [99 | REPLICATED, 127, Kind.post]) {
    log.byte(kind);
    log.text("of a newer version");
  }
  log.raw(logOf([{ type: "release", clientId: "pump" }]).subarray(1));
  const { items, skipped } = readLogEntry(log.view());
  assert.deepEqual(items, [putSession("pump"), { type: "release", clientId: "pump" }]);
  assert.equal(skipped, 3);
});

Deno.test("readLogEntry() passes over a record when what it holds is of a newer format", () => {
  const bytes = logOf([putSession("pump"), { type: "release", clientId: "pump" }]);
  // Behind kind, length and the client id with its length: length of the session, and its format.
  const at = 1 + 5 + 4 + 4 + 4;
  assert.equal(bytes[at], 1);
  bytes[at] = 9;
  const { items, skipped } = readLogEntry(bytes);
  assert.deepEqual(items, [{ type: "release", clientId: "pump" }]);
  assert.equal(skipped, 1);
});

for (const [what, bytes] of [["empty", []], ["of another format", [2, 1, 2, 3]]] as const) {
  Deno.test(`readLogEntry() and readInboxEntry() give nothing when the entry is ${what}`, () => {
    const entry = new Uint8Array(bytes);
    assert.deepEqual(readLogEntry(entry), { items: [], skipped: 1 });
    assert.deepEqual(readInboxEntry(entry), { items: [], skipped: 1 });
  });
}

Deno.test("readLogEntry() and readInboxEntry() give what is whole when an entry is cut off", () => {
  const log = logOf([putSession("pump"), putSession("lamp")]);
  const whole = logOf([putSession("pump")]).length;
  for (let length = 1; length < log.length; length++) {
    const { items } = readLogEntry(log.subarray(0, length));
    assert.equal(items.length, length < whole ? 0 : 1, `${length} of ${log.length}`);
  }
});

/** An entry of an inbox, as the library puts it together. */
function inboxOf(...records: readonly (readonly [kind: number, payload: Uint8Array])[]) {
  const to = new FrameWriter();
  to.byte(FORMAT);
  for (const [kind, payload] of records) {
    to.byte(kind);
    to.bytes(payload);
  }
  return to.view();
}

Deno.test("readInboxEntry() gives each item its body when several share bodies", () => {
  const [one, two] = [1, 2].map((order) => message(order, { payload: new Uint8Array(order) }));
  const given = delivery(two!, { qos: 2, subscriptionIdentifiers: [7], group: "$share/g/a" });
  const body = (of: typeof one) => {
    const to = new ByteWriter();
    writeMessage(to, of!);
    return to.slice();
  };
  const head = new ByteWriter();
  writeHead(head, given);
  const mail = new FrameWriter();
  mail.number(1);
  mail.text("pump");
  mail.raw(head.view());
  const text = new TextEncoder();
  const { items, skipped } = readInboxEntry(inboxOf(
    [0, body(one)],
    [2, new Uint8Array(4)],
    [0, body(two)],
    [1, mail.view()],
    [50, new Uint8Array(3)],
    [3, text.encode("pump")],
    [4, text.encode('{"é":1}')],
    [6, text.encode("17")],
    [2, new Uint8Array([9, 0, 0, 0])], // a body that is not there
  ));
  assert.deepEqual(items, [
    { type: "forwarded", message: one },
    { type: "mail", clientId: "pump", delivery: given },
    { type: "wanted", clientId: "pump" },
    { type: "instruction", text: '{"é":1}' },
    { type: "mark", name: "17" },
  ]);
  assert.equal(skipped, 2);
});

Deno.test("BatchEncoder puts a message there once when many sessions get it", () => {
  const shared = message(5, { payload: new Uint8Array(10_000) });
  const writes = Array.from({ length: 100 }, (_, n): AnyWrite => ({
    type: "putQueued",
    clientId: `panel${n}`,
    delivery: delivery(n % 2 === 0 ? shared : message(6)),
  }));
  const { bodies, lengths, highest } = new BatchEncoder().encode(writes);
  assert.equal(lengths.length, 2 * 4);
  assert.ok(bodies.length < 10_300, `${bodies.length} bytes`);
  assert.equal(highest, 6);
});

Deno.test("BatchEncoder says that all are waited for when a write is one that needs it", () => {
  const encoder = new BatchEncoder();
  const waits = (...writes: AnyWrite[]) => encoder.encode(writes).waits;
  assert.equal(waits(putSession("pump")), false);
  assert.equal(waits({ type: "announce", full: "a", interest: 1 }), true);
  assert.equal(waits({ type: "announce", full: "a", interest: 0 }), false);
  assert.equal(waits({ type: "deleteRetained", topic: "a" }), true);
  assert.equal(waits(), false);
});
