/**
 * What everything that makes a broker one of several must do: one suite, run by each driver. Section 8 of the
 * architecture.
 *
 * Beyond the words of `cluster.ts` and `cluster_write.ts` it settles:
 * - Who is there changes at a place in the log: nothing `replicated` of a node comes before the first `nodes`
 *   that names it, nor after the first that does not.
 * - A session of a dead node is told once: as `adopted`; or, where its burier was just claiming it, as `claimed`
 *   with its Will. `wanted` for it comes behind that.
 * - `release` of a session that somebody else has does nothing.
 * - `begin` is done when the node has been told all that others have waited for.
 * - What a claim has read is not told as `mail` behind it.
 * - A batch that ends a session is done when the mail for it that there was has been told.
 * - A delayed message is its node's: `index` tells none, and of a dead node's its burier is told as `replicated`.
 */

import assert from "node:assert/strict";
import { messageSize } from "../../src/session/message.ts";
import type { AnyWrite, PostBound } from "../../src/session/cluster_write.ts";
import type { Delivery } from "../../src/session/message.ts";
import type { OpenedCluster } from "./cluster_trial.ts";
import { ClusterTrial } from "./cluster_trial.ts";
import type { Member } from "./cluster_trial.ts";
import { indexOf } from "./store_trial.ts";
import {
  delivery,
  inflight,
  message,
  putQueued,
  putSession,
  putWill,
  subscription,
} from "./store_values.ts";

const ROOMY: PostBound = { messages: 1_000, bytes: 1_000_000, dropOldest: false };

const GROUP = "$share/fitters/plant/#";

function post(clientId: string, order: number, bound = ROOMY): AnyWrite {
  return { type: "post", clientId, delivery: delivery(message(order)), bound };
}

function ordersOf(deliveries: readonly Delivery[]): number[] {
  return deliveries.map(({ message }) => message.order);
}

/** The orders in the queue of a session. */
async function queueOf({ driver }: Member, clientId: string): Promise<number[]> {
  return ordersOf(await driver.read(clientId, 0, 1_000));
}

/** The orders that came by mail for a session. */
function mailFor(member: Member, clientId: string): number[] {
  return ordersOf(
    member.all("mail").filter((mail) => mail.clientId === clientId).map(({ delivery }) => delivery),
  );
}

/** What is retained on a topic, as a node was told. */
function retainedBy(member: Member, topic: string): number | undefined {
  let order: number | undefined;
  for (const write of member.replicated()) {
    if (write.type === "putRetained" && write.message.topic === topic) order = write.message.order;
    if (write.type === "deleteRetained" && write.topic === topic) order = undefined;
  }
  return order;
}

/**
 * Registers the suite.
 *
 * @param name the driver's, with which each test's name begins
 * @param open makes a new, empty cluster; the suite closes it
 */
export function clusterContract(name: string, open: () => Promise<OpenedCluster>): void {
  function test(title: string, body: (trial: ClusterTrial) => Promise<void>): void {
    Deno.test(`${name} ${title}`, async () => {
      const trial = new ClusterTrial(await open());
      try {
        await body(trial);
      } finally {
        await trial.close();
      }
    });
  }

  // ---- who is there

  test("nodes differ, and each is told of all, the longest-lived first", async (trial) => {
    const [a, b, c] = await trial.three();
    const nodes = [a.node, b.node, c.node];
    assert.equal(new Set(nodes).size, 3);
    assert.equal(new Set([a, b, c].map(({ driver }) => driver.slot)).size, 3);
    for (const { driver } of [a, b, c]) assert.ok(driver.slot >= 0 && driver.slot < 1_024);
    for (const each of [a, b, c]) assert.deepEqual(each.all("nodes").at(-1)!.nodes, nodes);
  });

  test("status() tells of every living node", async (trial) => {
    const [a, b, c] = await trial.three();
    await a.commit(putSession("pump"));
    await trial.settle();
    const status = await b.driver.status();
    assert.deepEqual(status.map(({ node }) => node).sort(), [a.node, b.node, c.node].sort());
    const first = status.find(({ node }) => node === a.node)!;
    assert.equal(first.name, "a");
    assert.equal(first.slot, a.driver.slot);
    assert.match(first.applied, /^\d+-\d+$/);
    assert.ok(first.lease > 0 && first.lease <= trial.lease);
    await c.peer.kill();
    await trial.until(`${c.node} is gone`, async () => (await a.driver.status()).length === 2);
  });

  test("a node that leaves is buried without its lease being waited for", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await a.commit(putSession("pump"));
    await trial.claim(a, "pump");
    await a.commit({ type: "release", clientId: "pump" });
    await trial.claim(a, "lamp");
    await a.driver.leave();
    await trial.burierOf(a.node, [b]);
    assert.deepEqual(b.all("nodes").at(-1)!.nodes, [b.node]);
    assert.deepEqual(b.all("adopted").map(({ clientId }) => clientId), ["lamp"]);
  });

  test("a node of the same name takes the place of its predecessor at once", async (trial) => {
    const first = await trial.join("a");
    await first.commit(putSession("pump"), putWill("pump"));
    await trial.claim(first, "pump");
    await first.peer.cut();
    const second = await trial.join("a");
    assert.notEqual(second.node, first.node);
    await trial.burierOf(first.node, [second]);
    const [adopted] = second.all("adopted");
    assert.equal(adopted?.clientId, "pump");
    assert.equal(adopted.stored.will?.clientId, "pump");
    await first.peer.mend();
    await assert.rejects(first.commit(putSession("lamp")));
    await trial.until("the first is told", () => first.fencedBy !== undefined);
    assert.deepEqual((await second.driver.status()).map(({ node }) => node), [second.node]);
  });

  // ---- claims

  test("claim() gives an empty session when there is none", async (trial) => {
    const a = await trial.join("a");
    await a.commit({ type: "putRetained", message: message(77) });
    const claimed = await trial.claim(a, "pump");
    assert.deepEqual(claimed, {
      type: "claimed",
      connection: 1,
      clientId: "pump",
      stored: { received: [], inflight: [], queued: [], orders: [], sizes: [] },
      highest: 77,
    });
  });

  test("claim() reads ids, inflight and the queue when the session is there", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    const queued = [3, 1_027, 9].map((order) => delivery(message(order)));
    await a.commit(
      putSession("pump"),
      { type: "putReceived", clientId: "pump", packetId: 7 },
      {
        type: "putInflight",
        clientId: "pump",
        packetId: 9,
        inflight: inflight(delivery(message(2)), 1),
      },
      ...queued.map((each) => putQueued("pump", each)),
    );
    const claimed = await trial.claim(b, "pump", { most: 2 });
    assert.equal(claimed.type, "claimed");
    assert.ok(claimed.type === "claimed");
    const { stored, highest } = claimed;
    assert.deepEqual(stored.received, [7]);
    assert.deepEqual(stored.inflight, [[9, inflight(delivery(message(2)), 1)]]);
    assert.deepEqual(stored.queued, [queued[0], queued[2]]);
    assert.deepEqual(stored.orders, [3, 9, 1_027]);
    assert.deepEqual(stored.sizes, [3, 9, 1_027].map((order) => messageSize(message(order))));
    assert.equal(stored.will, undefined);
    assert.equal(highest, 1_027);
  });

  test("claim() gives a session again to the node that has it", async (trial) => {
    const a = await trial.join("a");
    await a.commit(putSession("pump"));
    assert.equal((await trial.claim(a, "pump")).type, "claimed");
    await a.commit(putQueued("pump", delivery(message(1))));
    const again = await trial.claim(a, "pump", { ifFree: true });
    assert.ok(again.type === "claimed");
    assert.deepEqual(again.stored.orders, [1]);
    assert.deepEqual(a.all("wanted"), []);
  });

  test("claim() asks whoever has the session, and gives it when that one lets go", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await a.commit(putSession("pump"));
    await trial.claim(a, "pump");
    const asked = trial.ask(b, "pump");
    await trial.until("a is asked", () => a.all("wanted").length > 0);
    assert.equal(a.all("wanted")[0]!.clientId, "pump");
    assert.equal(asked(), undefined);
    const queued = delivery(message(5));
    await a.commit(putQueued("pump", queued), { type: "release", clientId: "pump" });
    await trial.until("b has it", () => asked() !== undefined);
    const claimed = asked()!;
    assert.ok(claimed.type === "claimed");
    assert.deepEqual(claimed.stored.queued, [queued]);
    // By then b has been told that it was let go of.
    const before = b.events.slice(0, b.events.indexOf(claimed));
    const released = before.some((event) =>
      event.type === "replicated" && event.writes.some(({ type }) => type === "release")
    );
    assert.ok(released, "claimed before release was told");
    assert.equal((await trial.claim(a, "pump", { ifFree: true })).type, "notClaimed");
  });

  test("claim() asks nobody when the session is only wanted if it is free", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await trial.claim(a, "pump");
    assert.equal((await trial.claim(b, "pump", { ifFree: true })).type, "notClaimed");
    await trial.settle();
    assert.deepEqual(a.all("wanted"), []);
    await a.commit({ type: "release", clientId: "pump" });
    assert.equal((await trial.claim(b, "pump", { ifFree: true })).type, "claimed");
  });

  test("claim() gives up when whoever has the session keeps it", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await trial.claim(a, "pump");
    const given = await trial.claim(b, "pump");
    assert.ok(given.type === "notClaimed" && given.detail.length > 0);
    assert.equal((await trial.claim(a, "pump")).type, "claimed");
  });

  test("claim() of two nodes at once gives the session to one after the other", async (trial) => {
    const members = await trial.three();
    const asked = members.map((member) => trial.ask(member, "pump"));
    const had = new Set<number>();
    while (had.size < 3) {
      await trial.until("one more has it", () => asked.some((each, at) => each() && !had.has(at)));
      const now = asked.flatMap((each, at) => each() && !had.has(at) ? [at] : []);
      assert.equal(now.length, 1, "two have it at once");
      assert.equal(asked[now[0]!]!()!.type, "claimed");
      had.add(now[0]!);
      await members[now[0]!]!.commit({ type: "release", clientId: "pump" });
    }
  });

  test("release does nothing when somebody else has the session", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await trial.claim(a, "pump");
    await b.commit({ type: "release", clientId: "pump" });
    assert.equal((await trial.claim(b, "pump", { ifFree: true })).type, "notClaimed");
  });

  test("deleteSession does not let go of the session", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await a.commit(putSession("pump"));
    await trial.claim(a, "pump");
    await a.commit({ type: "deleteSession", clientId: "pump" });
    assert.equal((await trial.claim(b, "pump", { ifFree: true })).type, "notClaimed");
  });

  // ---- post and mail

  test("post puts at the end of a queue that nobody has, and tells nobody", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await a.commit(putSession("pump"), post("nobody", 1), post("pump", 3), post("pump", 2));
    assert.deepEqual(await queueOf(b, "pump"), [2, 3]);
    assert.deepEqual(await queueOf(b, "nobody"), []);
    await a.commit(putSession("nobody"));
    assert.deepEqual(await queueOf(b, "nobody"), []);
    await trial.settle();
    assert.deepEqual([...a.all("mail"), ...b.all("mail")], []);
  });

  for (const dropOldest of [false, true]) {
    const goes = dropOldest ? "oldest" : "newest";
    test(`post drops the ${goes} when a queue that nobody has is full`, async (trial) => {
      const a = await trial.join("a");
      const size = messageSize(message(1));
      await a.commit(putSession("pump"), putSession("lamp"));
      const few: PostBound = { messages: 2, bytes: 1_000_000, dropOldest };
      const small: PostBound = { messages: 100, bytes: 2 * size + 1, dropOldest };
      for (const order of [1, 2, 3, 4]) {
        await a.commit(post("pump", order, few), post("lamp", order, small));
      }
      const kept = dropOldest ? [3, 4] : [1, 2];
      assert.deepEqual(await queueOf(a, "pump"), kept);
      assert.deepEqual(await queueOf(a, "lamp"), kept);
    });
  }

  test("post holds a queue to no bound when somebody has it, and sends mail", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await a.commit(putSession("pump"));
    await trial.claim(b, "pump");
    const few: PostBound = { messages: 1, bytes: 1, dropOldest: true };
    await a.commit(post("pump", 1, few), post("pump", 2, few));
    await b.commit(post("pump", 3, few));
    await trial.settle();
    assert.deepEqual(await queueOf(a, "pump"), [1, 2, 3]);
    // Whoever writes to a session of its own by `post` has mail, too.
    await trial.until("the mail is there", () => mailFor(b, "pump").length === 3);
    assert.deepEqual(mailFor(b, "pump"), [1, 2, 3]);
    assert.deepEqual(a.all("mail"), []);
    assert.deepEqual(b.all("mail")[1]!.delivery, delivery(message(2)));
  });

  test("commit() that ends a session is done when mail for it has been told", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    for (let round = 1; round <= 10; round++) {
      await a.commit(putSession("pump"));
      if (round === 1) await trial.claim(a, "pump");
      const posts = [1, 2, 3].map((n) => b.commit(post("pump", round * 10 + n)));
      if (round % 2 === 0) await posts[1];
      await a.driver.commit([{ type: "deleteSession", clientId: "pump" }]);
      const had = mailFor(a, "pump");
      await Promise.all(posts);
      await trial.settle();
      assert.deepEqual(mailFor(a, "pump"), had, "mail after the end");
    }
  });

  test("mail comes in the order of the commits when two nodes write", async (trial) => {
    const [a, b, c] = await trial.three();
    await a.commit(putSession("pump"));
    await trial.claim(c, "pump");
    const orders: number[] = [];
    for (let n = 1; n <= 20; n++) {
      const order = n % 3 === 0 ? 1_000 - n : n; // not the order of their numbers
      orders.push(order);
      await (n % 2 === 0 ? a : b).commit(post("pump", order));
    }
    await trial.settle();
    assert.deepEqual(mailFor(c, "pump"), orders);
  });

  test("nothing is told twice or not at all when a session is claimed amid posts", async (trial) => {
    const [a, b, c] = await trial.three();
    await a.commit(putSession("pump"));
    for (let round = 0; round < 5; round++) {
      const to = [a, b, c][round % 3]!;
      const began = to.events.length;
      const commits: Promise<void>[] = [];
      const posted: number[] = [];
      let asked: ReturnType<typeof trial.ask> | undefined;
      for (let n = 0; n < 20; n++) {
        const order = round * 100 + n + 1;
        posted.push(order);
        commits.push([a, b][n % 2]!.commit(post("pump", order)));
        if (n === 7) asked = trial.ask(to, "pump");
        if (n % 4 === 0) await trial.pause();
      }
      await Promise.all(commits);
      await trial.until("it is claimed", () => asked!() !== undefined);
      await trial.settle();
      const claimed = asked!()!;
      assert.ok(claimed.type === "claimed");
      const at = to.events.indexOf(claimed);
      assert.ok(at >= began);
      const mail = to.events.slice(at).flatMap((event) =>
        event.type === "mail" ? [event.delivery.message.order] : []
      );
      const all = [...claimed.stored.orders, ...mail];
      assert.deepEqual(all.filter((order) => order > round * 100).sort((x, y) => x - y), posted);
      await to.commit({ type: "release", clientId: "pump" });
    }
  });

  // ---- forward, share, cast, instruct

  test("forward brings messages to that node in the order of the commits", async (trial) => {
    const [a, b, c] = await trial.three();
    const one = message(1, { payload: new Uint8Array(70_000).fill(3), topic: "plant/é" });
    const two = message(2, { qos: 2, properties: { contentType: "x" } });
    await a.commit({ type: "forward", node: b.node, message: one }, {
      type: "forward",
      node: b.node,
      message: two,
    }, { type: "forward", node: c.node, message: two });
    await c.commit({ type: "forward", node: b.node, message: message(3) });
    await trial.settle();
    const group = undefined;
    assert.deepEqual(b.all("forwarded"), [
      { type: "forwarded", message: one, group },
      { type: "forwarded", message: two, group },
      { type: "forwarded", message: message(3), group },
    ]);
    assert.deepEqual(c.all("forwarded").map(({ message }) => message.order), [2]);
    assert.deepEqual(a.all("forwarded"), []);
    assert.ok((await trial.claim(a, "x")).type === "claimed");
  });

  test("forward and share to a dead node: the one is lost, the other comes back", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await b.peer.kill();
    await trial.burierOf(b.node, [a]);
    await a.commit({ type: "forward", node: b.node, message: message(1) }, {
      type: "share",
      node: b.node,
      group: GROUP,
      message: message(2),
    });
    await trial.until("it comes back", () => a.all("shared").length > 0);
    const [shared] = a.all("shared");
    assert.equal(shared!.group, GROUP);
    assert.deepEqual(shared!.message, message(2));
    await a.commit(shared!.taken);
    assert.deepEqual(a.all("forwarded"), []);
  });

  test("cast brings a message to nodes, with bytes of its own", async (trial) => {
    const [a, b, c] = await trial.three();
    const read = new Uint8Array([1, 2, 3]);
    const sent = message(1, { qos: 0, payload: read.subarray(1) });
    // It may be lost: some of many have to come.
    await trial.until("one of them comes", async () => {
      read.set([1, 2, 3]);
      a.driver.cast([b.node, c.node], sent, undefined);
      a.driver.cast([c.node], { ...sent, order: 2 }, GROUP);
      read.fill(9); // used again for what is read next
      await trial.pause();
      return b.all("forwarded").length > 0 && c.all("forwarded").some(({ group }) => group);
    });
    const [first] = b.all("forwarded");
    assert.deepEqual(first, {
      type: "forwarded",
      message: message(1, { qos: 0, payload: new Uint8Array([2, 3]) }),
      group: undefined,
      cast: true,
    });
    assert.ok(b.all("forwarded").every(({ group }) => group === undefined));
    assert.equal(c.all("forwarded").find(({ message }) => message.order === 2)?.group, GROUP);
    assert.deepEqual(a.all("forwarded"), []);
  });

  test("instruct() reaches one node, or all others, once", async (trial) => {
    const [a, b, c] = await trial.three();
    await a.driver.instruct(b.node, '{"to":"b"}');
    await a.driver.instruct("others", "é");
    const instructions = (member: Member) =>
      member.instructions.filter((text) => !text.startsWith("barrier/"));
    await trial.settle();
    assert.deepEqual(instructions(b), ['{"to":"b"}', "é"]);
    assert.deepEqual(instructions(c), ["é"]);
    assert.deepEqual(instructions(a), []);
  });

  // ---- the log

  test("others are told of what every node keeps, a batch at a time, in order", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    const told: AnyWrite[] = [
      putSession("pump"),
      { type: "putSubscription", clientId: "pump", subscription: subscription("plant/+") },
      { type: "putRetained", message: message(1) },
      putWill("pump", 5_000.5),
      { type: "announce", full: "plant/+", interest: 2 },
    ];
    const more: AnyWrite[] = [
      { type: "deleteSubscription", clientId: "pump", filter: "plant/+" },
      { type: "deleteRetained", topic: "plant/1" },
      { type: "deleteWill", clientId: "pump" },
      { type: "announce", full: "plant/+", interest: 0 },
      { type: "deleteSession", clientId: "pump" },
    ];
    await trial.claim(a, "pump");
    await a.commit(
      ...told,
      putWill("lamp"),
      putQueued("pump", delivery(message(2))),
      { type: "putReceived", clientId: "pump", packetId: 1 },
      { type: "putSetting", name: "x", value: "1" },
    );
    await a.commit(...more, { type: "deleteSetting", name: "x" });
    await a.commit({ type: "release", clientId: "pump" });
    await trial.settle();
    assert.deepEqual(b.all("replicated"), [
      { type: "replicated", from: a.node, writes: told },
      { type: "replicated", from: a.node, writes: more },
      {
        type: "replicated",
        from: a.node,
        writes: [{ type: "release", clientId: "pump" }],
      },
    ]);
    assert.deepEqual(b.settings.filter(([name]) => name === "x"), [["x", "1"], ["x", undefined]]);
    assert.deepEqual(a.settings.filter(([name]) => name === "x"), [["x", "1"], ["x", undefined]]);
    // Of its own a node hears only settings, and what is retained.
    assert.deepEqual(a.replicated(), [
      { type: "putRetained", message: message(1) },
      { type: "deleteRetained", topic: "plant/1" },
    ]);
  });

  test("all nodes end with the same retained message when two write at once", async (trial) => {
    const members = await trial.three();
    const commits: Promise<void>[] = [];
    for (let n = 0; n < 60; n++) {
      const topic = `plant/${n % 4}`;
      const order = n * 1_024 + n % 3 + 1;
      const write: AnyWrite = n % 7 === 6
        ? { type: "deleteRetained", topic }
        : { type: "putRetained", message: message(order, { topic }) };
      commits.push(members[n % 3]!.commit(write));
      if (n % 10 === 0) await trial.pause();
    }
    await Promise.all(commits);
    await trial.settle();
    const kept = new Map<string, number>();
    for (const record of await indexOf(members[0].driver)) {
      if (record.type === "retained") kept.set(record.message.topic, record.message.order);
    }
    for (const topic of ["plant/0", "plant/1", "plant/2", "plant/3"]) {
      for (const member of members) {
        assert.equal(retainedBy(member, topic), kept.get(topic), `${topic} at ${member.node}`);
      }
    }
  });

  test("the end of an expired retained message leaves the one that has taken its place", async (trial) => {
    const [a, b] = await trial.three();
    const [old, late] = [9_999_999 * 1_024 + 1, 9_999_999 * 1_024 + 3];
    const topic = "plant/1";
    await a.commit({ type: "putRetained", message: message(old, { topic }) });
    await b.commit({ type: "putRetained", message: message(late, { topic }) });
    await a.commit({ type: "deleteRetained", topic, order: old });
    const kept = async () => {
      const found: number[] = [];
      for (const record of await indexOf(a.driver)) {
        if (record.type === "retained") found.push(record.message.order);
      }
      return found;
    };
    assert.deepEqual(await kept(), [late]);
    await a.commit({ type: "deleteRetained", topic, order: late });
    assert.deepEqual(await kept(), []);
    await trial.settle();
    const ends = b.all("replicated").flatMap(({ writes }) => writes).filter(({ type }) =>
      type === "deleteRetained"
    );
    assert.deepEqual(ends.at(-1), { type: "deleteRetained", topic, order: late });
  });

  for (
    const [what, write] of [
      [
        "putSubscription",
        { type: "putSubscription", clientId: "pump", subscription: subscription("a") },
      ],
      ["deleteSubscription", { type: "deleteSubscription", clientId: "pump", filter: "a" }],
      ["deleteSession", { type: "deleteSession", clientId: "pump" }],
      ["announce", { type: "announce", full: "a", interest: 1 }],
      ["putRetained", { type: "putRetained", message: message(1) }],
      ["deleteRetained", { type: "deleteRetained", topic: "plant/1" }],
    ] as [string, AnyWrite][]
  ) {
    test(`commit() of ${what} is done when every living node was told`, async (trial) => {
      const [a, b, c] = await trial.three();
      await a.commit(
        putSession("pump"),
        { type: "putSubscription", clientId: "pump", subscription: subscription("a") },
        { type: "putRetained", message: message(1) },
      );
      const before = [b, c].map((member) => member.replicated().length);
      await a.commit(write);
      for (const [at, member] of [b, c].entries()) {
        assert.deepEqual(member.replicated().slice(before[at]), [write]);
      }
      // One that cannot be told is waited for until it is, or is dead; durable it is at once.
      await c.peer.cut();
      let done = false;
      const spreading = await a.driver.commit([write]);
      const commit = spreading!.everywhere.then(() => done = true);
      await b.commit(putSession("lamp"), putQueued("lamp", delivery(message(2))));
      assert.equal(done, false);
      await commit;
      assert.deepEqual(b.replicated().filter(({ type }) => type === what).at(-1), write);
      assert.deepEqual((await a.driver.status()).map(({ node }) => node), [a.node, b.node]);
    });
  }

  test("commit() waits for nobody when its writes are no subscriptions, routes or retained", async (trial) => {
    const [a] = await trial.three();
    const others: AnyWrite[] = [
      putSession("pump"),
      putWill("pump", 5),
      { type: "putSetting", name: "x", value: "1" },
      { type: "release", clientId: "pump" },
      post("pump", 1),
      { type: "announce", full: "a", interest: 0 },
    ];
    for (const write of others) assert.equal(await a.driver.commit([write]), undefined, write.type);
  });

  test("commit() waits for a node that is away for less than its lease", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await a.commit(putSession("pump"));
    await b.peer.cut();
    const writes: AnyWrite[] = [
      { type: "putSubscription", clientId: "pump", subscription: subscription("a") },
    ];
    const commit = a.commit(...writes);
    await a.commit(putSession("lamp"));
    await b.peer.mend();
    await commit;
    assert.deepEqual(
      b.replicated().slice(-2, -1).concat(b.replicated().slice(-1)).filter(
        ({ type }) => type === "putSubscription",
      ),
      writes,
    );
    assert.equal(b.fencedBy, undefined);
  });

  test("index() tells a node that joins what the others were told", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await a.commit(
      putSession("pump"),
      { ...putSession("lamp", 5), awaited: true } as AnyWrite,
      { type: "putSubscription", clientId: "pump", subscription: subscription("plant/+") },
      putQueued("pump", delivery(message(4))),
      { type: "putRetained", message: message(1) },
      putWill("pump", 9),
      { type: "announce", full: "plant/+", interest: 1 },
      { type: "announce", full: GROUP, interest: 3 },
      { type: "announce", full: "gone", interest: 1 },
      { type: "announce", full: "gone", interest: 0 },
      { type: "putSetting", name: "x", value: "1" },
      { type: "putDelayed", message: message(9_000, { topic: "later" }), publishAt: 7 },
    );
    await trial.claim(b, "pump");
    const { records } = await trial.join("c");
    const of = (type: string) => records.filter((record) => record.type === type);
    const sessions = of("session") as ((typeof records)[number] & { type: "session" })[];
    assert.deepEqual(
      sessions.map(({ clientId, at, awaited, orders, sizes }) => ({
        clientId,
        at,
        awaited,
        orders,
        sizes,
      })).sort((x, y) => x.clientId < y.clientId ? -1 : 1),
      [
        { clientId: "lamp", at: undefined, awaited: true, orders: [], sizes: [] },
        { clientId: "pump", at: b.node, awaited: undefined, orders: [], sizes: [] },
      ],
    );
    assert.deepEqual(
      new Set(of("route")),
      new Set([
        { type: "route", node: a.node, full: "plant/+", interest: 1 },
        { type: "route", node: a.node, full: GROUP, interest: 3 },
      ]),
    );
    assert.equal(of("subscription").length, 1);
    assert.equal(of("retained").length, 1);
    assert.equal(of("will").length, 1);
    assert.equal(of("delayed").length, 0); // that is whose it was
    assert.deepEqual(of("setting"), [{ type: "setting", name: "x", value: "1" }]);
    assert.deepEqual(records.at(-1), { type: "order", highest: 9_000 });
  });

  test("a node that joins amid writes has all of them: read, or told", async (trial) => {
    const a = await trial.join("a");
    await a.commit(putSession("pump"));
    let stop = false;
    let count = 0;
    const writing = (async () => {
      while (!stop) {
        await a.commit({ type: "announce", full: `plant/${++count}`, interest: 1 });
        await trial.pause();
      }
    })();
    for (const name of ["b", "c", "d"]) {
      const member = await trial.join(name);
      // Whoever has begun knows what others were told before.
      const had = count - 1;
      const known = [...member.records, ...member.replicated()].flatMap((each) =>
        each.type === "route" || each.type === "announce" ? [each.full] : []
      );
      assert.equal(new Set(known).size, known.length, "something is told twice");
      for (let n = 1; n < had; n++) assert.ok(known.includes(`plant/${n}`), `${n} of ${had}`);
      await trial.until("it is told more", () => member.replicated().length > 2);
    }
    stop = true;
    await writing;
  });

  // ---- reachability

  test("commit() waits while the shared state is away, and goes on", async (trial) => {
    const a = await trial.join("a");
    await a.commit(putSession("pump"));
    await a.peer.cut();
    let done = false;
    const commit = a.commit(putQueued("pump", delivery(message(1)))).then(() => done = true);
    await trial.until("a knows that it is cut off", () => a.reached.at(-1) === false);
    assert.equal(done, false);
    await a.peer.mend();
    await commit;
    await trial.until("a knows that it is back", () => a.reached.at(-1) === true);
    assert.deepEqual(await queueOf(a, "pump"), [1]);
  });

  test("claim() gives up when the shared state stays away", async (trial) => {
    const a = await trial.join("a");
    await a.peer.cut();
    assert.equal((await trial.claim(a, "pump")).type, "notClaimed");
    await a.peer.mend();
    const again = await trial.claim(a, "pump");
    assert.ok(again.type === "claimed" || a.fencedBy !== undefined);
  });

  test("nobody is declared dead when all were cut off for longer than a lease", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await trial.until("they know of each other", () => a.all("nodes").at(-1)!.nodes.length === 2);
    await Promise.all([a.peer.cut(), b.peer.cut()]);
    await Promise.all([trial.claim(a, "x"), trial.claim(b, "x")]); // longer than a lease
    await Promise.all([a.peer.mend(), b.peer.mend()]);
    await Promise.all([a.commit(putSession("pump")), b.commit(putSession("lamp"))]);
    await trial.settle();
    assert.deepEqual([a.fencedBy, b.fencedBy], [undefined, undefined]);
    assert.equal((await a.driver.status()).length, 2);
  });

  test("commit() of nothing tells a node that may be dead whether it is", async (trial) => {
    const first = await trial.join("a");
    const other = await trial.join("b");
    await trial.until("both have beaten", () => !first.driver.inDoubt && !other.driver.inDoubt);
    await Promise.all([first.peer.cut(), other.peer.cut()]);
    await Promise.all([trial.claim(first, "x"), trial.claim(other, "x")]); // longer than a lease
    assert.deepEqual([first.driver.inDoubt, other.driver.inDoubt], [true, true]);
    await trial.join("a"); // in the place of the first
    const commits = [first.commit(), other.commit()];
    await Promise.all([first.peer.mend(), other.peer.mend()]);
    await assert.rejects(commits[0]!);
    await commits[1];
    await trial.until("it is sure again", () => other.driver.inDoubt === false);
    assert.equal(other.fencedBy, undefined);
  });

  test("a batch is done once when its answer gets lost", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await a.commit(putSession("pump"));
    await trial.claim(b, "pump");
    for (const order of [1, 2, 3]) {
      await a.peer.loseAnswer();
      await a.commit(
        post("pump", order),
        { type: "forward", node: b.node, message: message(order) },
        { type: "putRetained", message: message(order) },
        { type: "announce", full: "x", interest: order },
      );
    }
    await trial.settle();
    assert.deepEqual(mailFor(b, "pump"), [1, 2, 3]);
    assert.deepEqual(b.all("forwarded").map(({ message }) => message.order), [1, 2, 3]);
    const announced = b.replicated().flatMap((write) =>
      write.type === "announce" ? [write.interest] : []
    );
    assert.deepEqual(announced, [1, 2, 3]);
  });

  // ---- the dead

  test("a node that was away for longer than its lease is fenced", async (trial) => {
    const [a, b] = [await trial.join("a"), await trial.join("b")];
    await a.commit(putSession("pump"));
    await trial.claim(a, "pump");
    await a.peer.cut();
    const late = a.commit(putQueued("pump", delivery(message(1)))).then(() => "done", () => "no");
    await trial.burierOf(a.node, [b]);
    await a.peer.mend();
    assert.equal(await late, "no");
    await trial.until("a is told", () => a.fencedBy !== undefined);
    await assert.rejects(a.commit(putSession("lamp")));
    assert.deepEqual(await queueOf(b, "pump"), []);
    assert.deepEqual((await indexOf(b.driver)).filter(({ type }) => type === "session").length, 1);
  });

  test("one node alone inherits what a dead one had, behind the news of its death", async (trial) => {
    const [a, b, c] = await trial.three();
    const key = `\u0000${a.node}\u0000${GROUP}`;
    await a.commit(
      putSession("pump"),
      putSession("free"),
      putWill("pump"),
      putWill("free", 77),
      putWill("brief"),
      { type: "putReceived", clientId: "pump", packetId: 4 },
      {
        type: "putInflight",
        clientId: "pump",
        packetId: 2,
        inflight: inflight(delivery(message(8)), 1),
      },
      putQueued("pump", delivery(message(9))),
      putSession(key),
      putQueued(key, delivery(message(11), { group: GROUP })),
      putQueued(key, delivery(message(10), { group: GROUP })),
      { type: "announce", full: "plant/+", interest: 1 },
      { type: "putDelayed", message: message(100), publishAt: 5 },
      { type: "putDelayed", message: message(101), publishAt: 6 },
      { type: "deleteDelayed", order: 101 },
    );
    await c.commit({ type: "putDelayed", message: message(102), publishAt: 6 });
    for (const clientId of ["pump", "brief", "empty"]) await trial.claim(a, clientId);
    await c.commit({ type: "share", node: a.node, group: GROUP, message: message(12) });
    await c.commit({ type: "share", node: a.node, group: GROUP, message: message(13) });
    await trial.until("a has it", () => a.all("shared").length === 2);
    await a.commit(a.all("shared")[0]!.taken);
    await a.peer.kill();
    const burier = await trial.burierOf(a.node, [b, c]);
    const other = burier === b ? c : b;
    await trial.settle(b, c);
    assert.deepEqual([...other.all("adopted"), ...other.all("buried"), ...other.all("shared")], []);
    const adopted = new Map(burier.all("adopted").map((each) => [each.clientId, each.stored]));
    assert.equal(burier.all("adopted").length, 3);
    const { will, ...pump } = adopted.get("pump")!;
    assert.deepEqual(pump, {
      received: [4],
      inflight: [[2, inflight(delivery(message(8)), 1)]],
      queued: pump.queued,
      orders: [9],
      sizes: [messageSize(message(9))],
    });
    assert.equal(will?.publishAt, Infinity);
    assert.equal(adopted.get("brief")?.will?.clientId, "brief");
    assert.equal(adopted.get("empty")?.will, undefined);
    const shared = burier.all("shared");
    assert.deepEqual(shared.map(({ message }) => message.order).sort(), [10, 11, 13]);
    assert.ok(shared.every(({ group }) => group === GROUP));
    assert.deepEqual(burier.all("replicated").filter(({ from }) => from === a.node).at(-1), {
      type: "replicated",
      from: a.node,
      writes: [{ type: "putDelayed", message: message(100), publishAt: 5 }],
    });
    assert.ok(!other.replicated().some(({ type }) => type === "putDelayed"));
    // In order: the news, the sessions, the messages, the end.
    const types = burier.events.map(({ type }) => type);
    const news = burier.events.findIndex((event) =>
      event.type === "nodes" && !event.nodes.includes(a.node)
    );
    assert.ok(
      news < types.indexOf("adopted") && types.indexOf("adopted") < types.indexOf("buried"),
    );
    assert.ok(news < types.indexOf("shared"));
    assert.ok(types.lastIndexOf("adopted") < types.lastIndexOf("buried"));
    assert.ok(types.lastIndexOf("shared") < types.lastIndexOf("buried"));
    // They are the burier's now.
    assert.equal((await trial.claim(other, "pump", { ifFree: true })).type, "notClaimed");
    assert.equal((await trial.claim(other, "free", { ifFree: true })).type, "claimed");
    await other.commit(post("pump", 20));
    await trial.settle(b, c);
    assert.deepEqual(mailFor(burier, "pump"), [20]);
    await burier.commit(...shared.map(({ taken }) => taken), { type: "buried", node: a.node });
    const records = await indexOf(burier.driver);
    assert.ok(!records.some((record) => record.type === "session" && record.clientId === key));
    assert.ok(!records.some((record) => record.type === "route" && record.node === a.node));
  });

  test("what a burier has not finished goes to whoever buries it", async (trial) => {
    const [a, b, c] = await trial.three();
    const key = `\u0000${a.node}\u0000${GROUP}`;
    await a.commit(
      putSession("pump"),
      putSession("lamp"),
      putWill("pump"),
      putSession(key),
      putQueued(key, delivery(message(10), { group: GROUP })),
      putQueued(key, delivery(message(11), { group: GROUP })),
      { type: "putDelayed", message: message(100), publishAt: 5 },
      { type: "putDelayed", message: message(101), publishAt: 6 },
    );
    await trial.claim(a, "pump");
    await trial.claim(a, "lamp");
    await b.commit({ type: "share", node: a.node, group: GROUP, message: message(12) });
    await a.peer.kill();
    const first = await trial.burierOf(a.node, [b, c]);
    const last = first === b ? c : b;
    // One session and one message are done with.
    const done = first.all("shared").find(({ message }) => message.order === 10)!;
    await first.commit(done.taken, { type: "release", clientId: "lamp" }, {
      type: "deleteDelayed",
      order: 101,
    });
    await trial.claim(first, "own");
    await first.peer.kill();
    await trial.until(
      "both are buried",
      () => [a, first].every((dead) => last.all("buried").some(({ node }) => node === dead.node)),
    );
    assert.deepEqual(last.all("adopted").map(({ clientId }) => clientId).sort(), ["own", "pump"]);
    const pump = last.all("adopted").find(({ clientId }) => clientId === "pump")!;
    assert.equal(pump.stored.will?.clientId, "pump");
    assert.deepEqual(last.all("shared").map(({ message }) => message.order).sort(), [11, 12]);
    const delayed = last.replicated().flatMap((write) =>
      write.type === "putDelayed" ? [write.message.order] : []
    );
    assert.deepEqual(delayed, [100]);
    await last.commit(
      ...last.all("shared").map(({ taken }) => taken),
      { type: "buried", node: a.node },
      { type: "buried", node: first.node },
    );
    const again = await trial.join("d");
    assert.ok(
      !again.records.some((record) =>
        record.type === "session" && record.clientId.startsWith("\u0000")
      ),
    );
  });

  test("a dead node's session is told once when its burier and others claim it", async (trial) => {
    const [a, b, c] = await trial.three();
    const clientIds = Array.from({ length: 8 }, (_, n) => `pump${n}`);
    for (const clientId of clientIds) {
      await a.commit(putSession(clientId), putWill(clientId));
      await trial.claim(a, clientId);
    }
    await a.peer.kill();
    const asked = [b, c].flatMap((member) =>
      clientIds.map((clientId) => ({ member, clientId, came: trial.ask(member, clientId) }))
    );
    // Whoever is asked for a session that it is told to have lets go of it.
    const letGo = async (member: Member, clientId: string) => {
      await member.commit({ type: "release", clientId });
    };
    const answered = new Set<unknown>();
    await trial.until("both have had each", async () => {
      for (const member of [b, c]) {
        for (const event of member.events) {
          if (event.type !== "wanted" || answered.has(event)) continue;
          const told = member.events.some((each) =>
            (each.type === "adopted" || each.type === "claimed") &&
            each.clientId === event.clientId
          );
          assert.ok(told, `${member.node} is asked for ${event.clientId} before it was told of it`);
          answered.add(event);
          await letGo(member, event.clientId);
        }
      }
      return asked.every(({ came }) => came() !== undefined);
    });
    for (const clientId of clientIds) {
      const wills = [b, c].flatMap(({ events }) =>
        events.filter((event) =>
          (event.type === "adopted" || event.type === "claimed") &&
          event.clientId === clientId && event.stored.will !== undefined
        )
      );
      assert.equal(wills.length, 1, `the Will of ${clientId} is told ${wills.length} times`);
    }
  });

  test("nothing of a node is told before the news of its coming or after its death", async (trial) => {
    const b = await trial.join("b");
    for (let round = 0; round < 3; round++) {
      const a = await trial.join(`a${round}`);
      await a.commit(putSession("pump"));
      await trial.claim(a, `pump${round}`);
      await a.commit({ type: "putDelayed", message: message(round), publishAt: 5 });
      for (let n = 0; n < 5; n++) {
        void a.commit({ type: "announce", full: `plant/${n}`, interest: 1 }).catch(() => {});
      }
      await a.peer.kill();
      await trial.burierOf(a.node, [b]);
    }
    await b.commit({ type: "announce", full: "end", interest: 1 });
    let nodes: readonly string[] = [];
    for (const event of b.events) {
      if (event.type === "nodes") nodes = event.nodes;
      if (event.type !== "replicated") continue;
      const { from, writes } = event;
      if (writes.every(({ type }) => type === "putDelayed")) assert.ok(!nodes.includes(from), from);
      else assert.ok(nodes.includes(from), from);
    }
    assert.deepEqual(nodes, [b.node]);
  });
}
