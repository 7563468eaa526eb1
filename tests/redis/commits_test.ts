/** Commits whose answers come late. */

import assert from "node:assert/strict";
import { isFenced } from "../../src/cluster/fenced.ts";
import { Commits } from "../../src/redis/commits.ts";
import { Ground } from "../../src/redis/ground.ts";
import type { Link } from "../../src/redis/link.ts";
import type { Reader } from "../../src/redis/reader.ts";
import type { Spread } from "../../src/redis/spread.ts";
import { putSession } from "../contract/store_values.ts";
import { redisOptions } from "./redis_server.ts";

/** Commits to a Redis that answers each batch at once, of a node that stands still until the answer is there. */
function setUp() {
  const ground = new Ground({
    options: redisOptions(0),
    key: "{k}:",
    node: "a.1-00",
    durability: {
      promise: "memory",
      wait: undefined,
      isMet: () => true,
      words: () => "",
      patience: 1_000,
    },
    notice: () => {},
  });
  const link = {
    up: () => Promise.resolve(),
    send: () => Promise.resolve([Buffer.from("done"), Buffer.from(""), 0, Buffer.from("0-0")]),
  } as unknown as Link;
  const commits = new Commits(ground, link, {} as Spread, {} as Reader);
  const outcomes: string[] = [];
  const commit = async (...writes: Parameters<Commits["commit"]>[0]) => {
    const told = await commits.commit(writes).then(() => "resolved", (error) => {
      return isFenced(error) ? "fenced" : String(error);
    });
    outcomes.push(told);
  };
  return { ground, commit, outcomes };
}

/** All that follows from what has happened so far has been done. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

for (const [what, writes] of [["a batch", [putSession("pump")]], ["nothing", []]] as const) {
  Deno.test(`Commits.commit() of ${what} resolves at once when the node lives for certain`, async () => {
    const { ground, commit, outcomes } = setUp();
    ground.alive(performance.now() + 60_000);
    await commit(...writes);
    assert.deepEqual(outcomes, ["resolved"]);
  });

  Deno.test(`Commits.commit() of ${what} waits for a beat when the lease has passed before its answer`, async () => {
    const { ground, commit, outcomes } = setUp();
    const done = commit(...writes);
    await turn();
    assert.deepEqual(outcomes, []);
    ground.alive(performance.now() - 1); // of a beat whose answer was late, too
    await turn();
    assert.deepEqual(outcomes, []);
    ground.alive(performance.now() + 60_000);
    await done;
    assert.deepEqual(outcomes, ["resolved"]);
  });

  Deno.test(`Commits.commit() of ${what} rejects when the node turns out to be dead`, async () => {
    const { ground, commit, outcomes } = setUp();
    const done = commit(...writes);
    await turn();
    assert.deepEqual(outcomes, []);
    ground.fence("buried");
    await done;
    assert.deepEqual(outcomes, ["fenced"]);
  });
}
