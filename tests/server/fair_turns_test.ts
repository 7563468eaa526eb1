import assert from "node:assert/strict";
import { BYTES_A_TURN, FairTurns } from "../../src/server/fair_turns.ts";

Deno.test("spent() has nobody wait before the bytes of all links come to the bound", () => {
  const turns = new FairTurns();
  for (let read = 0; read < 4; read++) {
    assert.equal(turns.spent(BYTES_A_TURN / 4 - 1), undefined);
  }
});

Deno.test("spent() has all who read wait for the same turn of the event loop, and begins anew with it", async () => {
  const turns = new FairTurns();
  let others = 0;
  const order: string[] = [];
  setImmediate(() => others += 1);
  const first = turns.spent(BYTES_A_TURN)!;
  const second = turns.spent(1)!;
  assert.equal(second, first);
  await Promise.resolve();
  order.push(`before: ${others}`);
  await first;
  order.push(`after: ${others}`);
  assert.deepEqual(order, ["before: 0", "after: 1"]);
  assert.equal(turns.spent(BYTES_A_TURN - 1), undefined);
});
