/** What a node asks of its store while it starts. */

import assert from "node:assert/strict";
import { fencedError } from "../../src/cluster/fenced.ts";
import { clockOffsetOf } from "../../src/server/node_store.ts";

Deno.test("clockOffsetOf() asks again when the connection ends before the answer", async () => {
  let asked = 0;
  const offset = await clockOffsetOf({
    standing() {
      asked += 1;
      if (asked < 3) return Promise.reject(new Error("Disconnects client"));
      return Promise.resolve({ time: Date.now() + 60_000, lag: 0, inbox: 0 });
    },
  }, 30_000);
  assert.equal(asked, 3);
  assert.ok(Math.abs(offset - 60_000) < 5_000, `${offset}`);
});

Deno.test("clockOffsetOf() says what was asked for when the store stays away", async () => {
  const standing = () => Promise.reject(new Error("Disconnects client"));
  await assert.rejects(
    clockOffsetOf({ standing }, 0),
    /the store cannot be asked for the time: Disconnects client/,
  );
});

Deno.test("clockOffsetOf() does not ask again when the node is dead already", async () => {
  const fenced = fencedError("b has its name");
  let asked = 0;
  const standing = () => {
    asked += 1;
    return Promise.reject(fenced);
  };
  await assert.rejects(clockOffsetOf({ standing }, 30_000), fenced);
  assert.equal(asked, 1);
});

Deno.test("clockOffsetOf() does not take the time from an answer that came late", async () => {
  let asked = 0;
  const offset = await clockOffsetOf({
    async standing() {
      const time = Date.now() + 60_000;
      asked += 1;
      if (asked === 1) await new Promise((resolve) => setTimeout(resolve, 400)); // as when Redis is away
      return { time, lag: 0, inbox: 0 };
    },
  }, 30_000);
  assert.equal(asked, 2);
  assert.ok(Math.abs(offset - 60_000) < 100, `${offset}`);
});

Deno.test("clockOffsetOf() takes the fastest answer of a store that is never prompt", async () => {
  let asked = 0;
  const offset = await clockOffsetOf({
    async standing() {
      const time = Date.now() + 60_000;
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, asked === 1 ? 40 : 400));
      return { time, lag: 0, inbox: 0 };
    },
  }, 500);
  assert.ok(asked > 1, `${asked}`);
  assert.ok(Math.abs(offset - 60_000) < 100, `${offset}`);
});
