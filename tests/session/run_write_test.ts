import assert from "node:assert/strict";
import fc from "fast-check";
import { encode } from "../../src/packet/encode.ts";
import type { PersistedWrite, RunWrite } from "../../src/session/run_write.ts";
import { countOf, singles } from "../../src/session/run_write.ts";
import type { Write } from "../../src/session/write.ts";
import { MemoryStore } from "../../src/store/memory_store.ts";
import { partOfRun, runLength } from "../../src/session/delivery_run.ts";
import { delivery, message, putQueued, putSession } from "../contract/store_values.ts";
import { plainPublish } from "../packets.ts";
import { runOf } from "./runs.ts";

/** What a broker does to a queue and its window, one after the other. */
const doings = fc.array(
  fc.record({
    type: fc.constantFrom(
      ...["queue a run", "queue one", "send", "take", "acknowledge", "read", "retain"] as const,
    ),
    count: fc.integer({ min: 1, max: 9 }),
    topic: fc.constantFrom("a", "a", "b"),
    gap: fc.constantFrom(0, 0, 0, 1),
  }),
  { minLength: 10, maxLength: 40 },
);

Deno.test("a store that is told of runs holds what it holds when it is told of each of their messages", () => {
  let sent = 0;
  fc.assert(
    fc.property(doings, (list) => {
      const whole = new MemoryStore();
      const single = new MemoryStore();
      let order = 1;
      let packetId = 1;
      let flying: number[] = [];
      const commit = (...writes: (Write | RunWrite)[]) => {
        whole.runs.commit(writes);
        single.commit(singles(writes) as Write[]);
        assert.equal(countOf(writes), singles(writes).length);
      };
      commit(putSession("c"));
      for (const { type, count, topic, gap } of list) {
        const [first] = whole.runs.read("c", -Infinity, count);
        if (type === "queue a run") {
          order += gap;
          const payloads = Array.from({ length: count }, (_, at) => Uint8Array.of(order, at));
          const run = runOf(payloads, { topic, firstOrder: order });
          commit({ type: "putQueuedRun", clientId: "c", run });
          order += count;
        } else if (type === "queue one") {
          commit(putQueued("c", delivery(message(order++))));
        } else if (type === "send" && first !== undefined && "like" in first) {
          const run = partOfRun(first, 0, Math.min(count, runLength(first)));
          const inflight = {
            awaiting: "puback",
            run,
            firstPacketId: packetId,
            sequence: packetId,
            sentAt: 5,
          } as const;
          commit({ type: "sendQueuedRun", clientId: "c", inflight });
          for (let i = 0; i < runLength(run); i++) flying.push(packetId++);
          sent += 1;
        } else if (type === "take" && first !== undefined) {
          const oldest = whole.read("c", -Infinity, count).at(-1)!;
          commit({ type: "deleteQueued", clientId: "c", order: oldest.message.order });
        } else if (type === "acknowledge") {
          const packetIds = flying.slice(0, count);
          const inRow = topic === "a"; // they are, and need not be taken for it
          commit({ type: "deleteInflightAll", clientId: "c", packetIds, inRow });
          flying = flying.slice(count);
        } else if (type === "retain") {
          commit(retainedRun(`${topic}/${count % 3}`, order, count));
          order += count;
        } else if (type === "read") {
          assert.deepEqual(whole.read("c", order - 7, count), single.read("c", order - 7, count));
        }
        assert.deepEqual(whole.dump(), single.dump());
      }
      assert.deepEqual(whole.load("c", 20), single.load("c", 20));
    }),
    { numRuns: 400 },
  );
  assert.ok(sent > 100, `only ${sent} runs were sent`);
});

/** So many messages with one topic and the one below it in turn, each of its order as the payload. */
function retainedRun(topic: string, order: number, count: number): RunWrite {
  const bytes = Uint8Array.from(
    Array.from({ length: count }, (_, at) => {
      const below = at % 2 === 0 ? topic : `${topic}/x`;
      return [...encode(plainPublish(below, Uint8Array.of(order + at), { retain: true }), 5)];
    }).flat(),
  );
  const payload = count;
  return { type: "putRetainedRun", publisher: "pump", order, bytes, version: 5, count, payload };
}

Deno.test("singles() makes messages of a retained run that keep nothing of its bytes", () => {
  const write = retainedRun("a", 7, 2);
  const [first, second] = singles([write]);
  assert.ok(write.type === "putRetainedRun" && first?.type === "putRetained");
  write.bytes.fill(0);
  assert.deepEqual(first.message, {
    order: 7,
    topic: "a",
    payload: Uint8Array.of(7),
    qos: 0,
    retain: true,
    properties: undefined,
    expiresAt: Infinity,
    publisher: "pump",
  });
  assert.equal(second?.type === "putRetained" && second.message.topic, "a/x");
});

Deno.test("singles() gives the same array where there is no run", () => {
  const writes: PersistedWrite[] = [putSession("c")];
  assert.equal(singles(writes), writes);
});

Deno.test("MemoryStore counts every message of a run as a stray when its session is not there", () => {
  const store = new MemoryStore();
  const run = runOf([Uint8Array.of(1), Uint8Array.of(2)]);
  store.runs.commit([{ type: "putQueuedRun", clientId: "nobody", run }]);
  assert.equal(store.strays, 2);
});
