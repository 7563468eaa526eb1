import assert from "node:assert/strict";
import { BYTES_A_TURN, FairTurns, MUCH } from "../../src/server/fair_turns.ts";

Deno.test("spent() has nobody wait before the bytes of all links come to the bound", () => {
  const turns = new FairTurns();
  for (let read = 0; read < 4; read++) assert.equal(turns.spent(BYTES_A_TURN / 4), undefined);
  assert.notEqual(turns.spent(1), undefined);
});

Deno.test("spent() has all who have read little wait for the next turn of the event loop, and begins anew with it", async () => {
  const turns = new FairTurns();
  let others = 0;
  const order: string[] = [];
  turns.spent(BYTES_A_TURN);
  setImmediate(() => others += 1);
  const first = turns.spent(1)!;
  const second = turns.spent(MUCH - 1)!;
  assert.equal(second, first);
  await Promise.resolve();
  order.push(`before: ${others}`);
  await first;
  order.push(`after: ${others}`);
  assert.deepEqual(order, ["before: 0", "after: 1"]);
  assert.equal(turns.spent(BYTES_A_TURN), undefined);
});

Deno.test("spent() takes in one read more than the bound a turn, by turns, when 50 links always have a full read", async () => {
  const turns = new FairTurns();
  const read = BYTES_A_TURN - 1; // so that two of them fit
  const links = 50, rounds = 3;
  const order: number[] = [];
  let inTurn = 0, most = 0, counting = true;
  const nextTurn = () => {
    most = Math.max(most, inTurn);
    inTurn = 0;
    if (counting) setImmediate(nextTurn);
  };
  setImmediate(nextTurn);
  await Promise.all(Array.from({ length: links }, async (_, link) => {
    for (let round = 0; round < rounds; round++) {
      await Promise.resolve(); // a read whose bytes are there already
      await turns.spent(read);
      inTurn += read;
      order.push(link);
    }
  }));
  counting = false;
  assert.ok(most >= read && most <= BYTES_A_TURN + read, `${most} bytes in one turn`);
  for (let round = 0; round < rounds; round++) {
    const served = order.slice(round * links, (round + 1) * links);
    assert.equal(new Set(served).size, links, `somebody had two turns in round ${round}`);
  }
});

Deno.test("spent() lets who has read little pass the queue of those who have read much", async () => {
  const turns = new FairTurns();
  const order: string[] = [];
  turns.spent(BYTES_A_TURN);
  const flood = ["a", "b", "c"].map((name) =>
    turns.spent(BYTES_A_TURN)!.then(() => order.push(name))
  );
  const calm = turns.spent(MUCH - 1)!.then(() => order.push("calm"));
  await Promise.all([...flood, calm]);
  assert.deepEqual(order, ["calm", "a", "b", "c"]);
});
