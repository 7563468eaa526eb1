import assert from "node:assert/strict";
import { BYTES_A_TURN, FairTurns, MUCH, TIME_A_TURN } from "../../src/server/fair_turns.ts";

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

Deno.test("again() has the queue go on one after the other within the turn, as long as there is time", async () => {
  let time = 0;
  const turns = new FairTurns(setImmediate, () => time);
  const done: string[] = [];
  /** One of a read waits for it; then it deals with what it has and asks for the next read, three times. */
  async function link(name: string) {
    await turns.spent(MUCH);
    for (let read = 0; read < 3; read++) {
      await Promise.resolve(); // a read whose bytes are there already
      done.push(`${name} in turn ${turns.number}`);
      time += TIME_A_TURN / 4; // what it takes to deal with it
      await turns.again(BYTES_A_TURN);
    }
  }
  turns.spent(BYTES_A_TURN - 1);
  await Promise.all([link("a"), link("b"), link("c")]);
  assert.deepEqual(done, [
    "a in turn 0",
    ...["b", "c", "a", "b"].map((name) => `${name} in turn 1`),
    ...["c", "a", "b", "c"].map((name) => `${name} in turn 2`),
  ]);
});

Deno.test("again() has those who have read little and other events wait for no more than the time of a turn", async () => {
  let time = 0;
  const turns = new FairTurns(setImmediate, () => time);
  const longest = { turn: 0 };
  let last = 0;
  let flooding = true;
  const otherEvents = () => {
    longest.turn = Math.max(longest.turn, time - last);
    last = time;
    if (flooding) setImmediate(otherEvents);
  };
  setImmediate(otherEvents);
  const flood = Array.from({ length: 20 }, async () => {
    for (let read = 0; read < 20; read++) {
      await turns.again(BYTES_A_TURN);
      time += TIME_A_TURN / 8;
    }
  });
  for (let message = 0; message < 20; message++) {
    const before = time;
    await turns.spent(1);
    assert.ok(time - before <= TIME_A_TURN * 9 / 8, `${time - before} ms`);
  }
  await Promise.all(flood);
  flooding = false;
  assert.ok(longest.turn <= TIME_A_TURN * 9 / 8, `${longest.turn} ms in one turn`);
});

Deno.test("again() is answered at once when nobody has read much", () => {
  const turns = new FairTurns();
  assert.equal(turns.again(BYTES_A_TURN), undefined);
  assert.equal(turns.number, 0);
});
