/** What a node asks of its store while it starts. */

import assert from "node:assert/strict";
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
