/** That the event loop has looked for what has arrived, and that nobody waits for ever. */

import assert from "node:assert/strict";
import { PollTurn } from "../../src/server/poll_turn.ts";

/** One turn. */
function turn(poll: PollTurn): Promise<void> {
  return new Promise((resolve) => poll.after(resolve));
}

/** Two ends of a connection. */
async function pair(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const ends = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port }),
    listener.accept(),
  ]);
  listener.close();
  return ends;
}

Deno.test("PollTurn.after() comes when the loop has looked for what has arrived, also when it is never idle", async () => {
  const poll = new PollTurn();
  await poll.open();
  const [near, far] = await pair();
  for (let message = 0; message < 20; message++) {
    let arrived = false;
    const reading = far.read(new Uint8Array(1)).then(() => arrived = true);
    await turn(poll);
    await near.write(new Uint8Array(1));
    let turns = 0;
    await new Promise<void>((resolve) => {
      const next = () => { // as one who always has something to do
        if (arrived || turns === 200) return resolve();
        turns += 1;
        poll.after(next);
      };
      next();
    });
    assert.ok(turns <= 2, `message ${message} was seen after ${turns} turns`);
    await reading;
  }
  poll.close();
  near.close();
  far.close();
});

Deno.test("PollTurn.after() comes with the next turn when the socket is not open yet, and opens it", async () => {
  const poll = new PollTurn();
  await turn(poll);
  await poll.open();
  await turn(poll);
  poll.close();
});

Deno.test({
  name: "PollTurn.after() comes when no socket is permitted",
  permissions: { net: false },
  async fn() {
    const poll = new PollTurn();
    await poll.open();
    await turn(poll);
    poll.close();
  },
});

Deno.test({
  name: "PollTurn.close() keeps nobody waiting, and no socket open",
  sanitizeResources: true,
  async fn() {
    const poll = new PollTurn();
    await poll.open();
    const waiting = turn(poll);
    poll.close();
    await waiting;
    await turn(poll);
    const another = new PollTurn();
    const opening = another.open();
    another.close();
    await opening;
  },
});
