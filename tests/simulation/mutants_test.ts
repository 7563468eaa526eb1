/**
 * The checkers can fail: the broker is broken on purpose, in one place at a time, and the simulation has
 * to find that within a few seeds.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Deadlines } from "../../src/broker/deadlines.ts";
import type { Write } from "../../src/session/write.ts";
import { CommitQueue } from "../../src/store/commit_queue.ts";
import { DeliveryQueue } from "../../src/store/delivery_queue.ts";
import { MemoryStore } from "../../src/store/memory_store.ts";
import { RetainedTree } from "../../src/topic/retained_tree.ts";
import { Outbox } from "../../src/transport/outbox.ts";
import { run } from "./run.ts";
import { scenario } from "./scenario.ts";

/** Seeds that a mutant may survive. */
const SEEDS = 120;

/** Puts `made` in the place of a method; what it returns puts the method back. */
// deno-lint-ignore no-explicit-any
function patch(target: any, method: string, made: (real: any) => any): () => void {
  const real = target[method];
  target[method] = made(real);
  return () => target[method] = real;
}

/** A store that forgets writes of a type. */
function forgets(type: Write["type"]): () => void {
  return patch(
    MemoryStore.prototype,
    "commit",
    (real) =>
      function (this: MemoryStore, writes: readonly Write[]) {
        return real.call(this, writes.filter((write) => write.type !== type));
      },
  );
}

const mutants: Readonly<Record<string, () => () => void>> = {
  "putReceived is not stored": () => forgets("putReceived"),
  "deleteReceived is not stored": () => forgets("deleteReceived"),
  "putInflight is not stored": () => forgets("putInflight"),
  "deleteInflight is not stored": () => forgets("deleteInflight"),
  "deleteQueued is not stored": () => forgets("deleteQueued"),
  "putWill is not stored": () => forgets("putWill"),
  "deleteRetained is not stored": () => forgets("deleteRetained"),
  "a commit in fifty is lost": () => {
    let count = 0;
    return patch(
      MemoryStore.prototype,
      "commit",
      (real) =>
        function (this: MemoryStore, writes: readonly Write[]) {
          return ++count % 50 === 0 ? undefined : real.call(this, writes);
        },
    );
  },
  "what writes nothing overtakes what does": () =>
    patch(
      CommitQueue.prototype,
      "passes",
      () => ({ writes }: { writes: readonly Write[] }) => writes.length === 0,
    ),
  "a stored queue is read backwards": () =>
    patch(
      DeliveryQueue.prototype,
      "read",
      (real) =>
        function (this: DeliveryQueue, from: number, most: number) {
          return real.call(this, from, most).reverse();
        },
    ),
  "one PUBLISH in thirty is sent twice": () => {
    let count = 0;
    return patch(
      Outbox.prototype,
      "appendAs",
      (real) =>
        function (this: Outbox, ...frame: unknown[]) {
          if (++count % 30 === 0) real.apply(this, frame);
          return real.apply(this, frame);
        },
    );
  },
  "one PUBLISH in thirty has Packet Identifier 0": () => {
    let count = 0;
    return patch(
      Outbox.prototype,
      "appendAs",
      (real) =>
        function (this: Outbox, bytes: Uint8Array, at: number, packetId: number) {
          return real.call(this, bytes, at, ++count % 30 === 0 ? 0 : packetId);
        },
    );
  },
  "an outbox is never drained": () =>
    patch(Outbox.prototype, "flush", (real) => {
      let count = 0;
      return function (this: Outbox) {
        if (++count % 40 !== 0) real.call(this);
      };
    }),
  "Will Delays never end": () =>
    patch(
      Deadlines.prototype,
      "set",
      (real) =>
        function (this: Deadlines<unknown>, key: unknown, when: number) {
          if (!String(key).startsWith("will ")) real.call(this, key, when);
        },
    ),
  "sessions never expire": () =>
    patch(
      Deadlines.prototype,
      "set",
      (real) =>
        function (this: Deadlines<unknown>, key: unknown, when: number) {
          if (!String(key).startsWith("session ")) real.call(this, key, when);
        },
    ),
  "what is retained is not replaced": () =>
    patch(
      RetainedTree.prototype,
      "set",
      (real) =>
        function (this: RetainedTree<unknown>, topic: string, value: unknown) {
          const known = this.get(topic);
          return known === undefined ? real.call(this, topic, value) : known;
        },
    ),
};

for (const [name, apply] of Object.entries(mutants)) {
  Deno.test(`simulation: finds out when ${name}`, async () => {
    const restore = apply();
    try {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const [drawn] = fc.sample(scenario, { seed, numRuns: 1 });
        if ((await run(drawn!)).violations.length > 0) return;
      }
    } finally {
      restore();
    }
    assert.fail(`${SEEDS} seeds did not find it`);
  });
}
