/** Queues of several sessions under one limit: of a user name, and of all. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { replaceSession } from "../../src/broker/tables.ts";
import type { Limits } from "../../src/policy/limits.ts";
import type { Caller } from "./caller.ts";
import type { DeskOptions } from "./desk.ts";
import { Desk } from "./desk.ts";
import { disconnectPacket, publishPacket, subscribePacket } from "./packets.ts";
import type { Count } from "./recount.ts";
import { counted, recount } from "./recount.ts";

/** A stored session of the user that is away and subscribes to its own id and to `all`. */
async function absent(desk: Desk, clientId: string, username?: string): Promise<void> {
  const client = await desk.keep(clientId, 5, { username });
  await client.send(subscribePacket(1, [clientId, 2], ["all", 2]));
  await client.hangUp();
}

/** Publishes a text to each topic in turn; what comes back. */
async function publish(
  pump: Caller,
  qos: 1 | 2,
  ...topics: readonly string[]
): Promise<readonly string[]> {
  for (const [at, topic] of topics.entries()) {
    await pump.send(publishPacket(topic, String(at + 1), { packetId: at + 1, qos }));
  }
  return pump.lines();
}

/** Comes back, takes everything and goes again. */
async function drain(desk: Desk, clientId: string, username?: string): Promise<string> {
  const client = await desk.keep(clientId, 5, { username });
  client.rewind();
  const got = await client.drink();
  await client.hangUp();
  return got.map((each) => new TextDecoder().decode(each.payload)).join(" ");
}

const ONE_NAME = { queuedMessagesPerIdentity: 3 };
const BYTES = { queuedBytesPerIdentity: 650 };

for (const limits of [ONE_NAME, BYTES]) {
  Deno.test(`Broker.step() counts all sessions of one user name under ${Object.keys(limits)}, and nobody else's`, async () => {
    await Desk.with({ limits, queuePolicy: "reject" }, async (desk) => {
      await absent(desk, "a", "ann");
      await absent(desk, "b", "ann");
      await absent(desk, "c", "bob");
      await absent(desk, "x");
      await absent(desk, "y");
      const pump = await desk.connect("pump");
      assert.deepEqual(await publish(pump, 1, "a", "b", "a", "b", "a"), [
        "puback #1",
        "puback #2",
        "puback #3",
        "puback #4 0x97",
        "puback #5 0x97",
      ]);
      assert.deepEqual(desk.drops, { identityQueueFull: 2 });
      // Anonymous clients share no name: each has as much as a user.
      for (const other of ["c", "x", "y"]) {
        const answers = await publish(pump, 1, other, other, other, other);
        assert.deepEqual(answers.map((line) => line.endsWith("0x97")), [false, false, false, true]);
      }
      assert.deepEqual(counted(desk.tables), recount(desk.tables));
      assert.equal(desk.tables.queuedMessages, 12);
      assert.equal(await drain(desk, "a", "ann"), "1 3");
      assert.deepEqual(await publish(pump, 1, "b", "b"), ["puback #1", "puback #2"]);
    });
  });
}

for (const qos of [1, 2] as const) {
  for (const limits of [{ queuedMessagesPerIdentity: 1 }, { queuedMessages: 1 }]) {
    Deno.test(`Broker.step() refuses a QoS ${qos} message for two sessions when ${Object.keys(limits)} leaves room for one, and it reaches nobody`, async () => {
      await Desk.with({ limits, queuePolicy: "reject" }, async (desk) => {
        await absent(desk, "a", "ann");
        await absent(desk, "b", "ann");
        const here = await desk.connect("here");
        await here.send(subscribePacket(1, ["all", 0]));
        here.take();
        const pump = await desk.keep("pump");
        pump.take();
        const ack = qos === 1 ? "puback" : "pubrec";
        assert.deepEqual(await publish(pump, qos, "all"), [`${ack} #1 0x97`]);
        assert.equal(desk.tables.queuedMessages, 0);
        here.expect();
        await pump.send(publishPacket("all", "now")); // QoS 0 flows
        here.expect("publish all q0 now");
        assert.deepEqual(await publish(pump, qos, "a"), [`${ack} #1`]);
      });
    });
  }
}

Deno.test("Broker.step() acknowledges a 3.1.1 publisher when the queues of a name are full under reject, and counts the drops", async () => {
  await Desk.with(
    { queuePolicy: "reject", limits: { queuedMessagesPerIdentity: 1 } },
    async (desk) => {
      await absent(desk, "a", "ann");
      await absent(desk, "b", "ann");
      const pump = await desk.connect("pump", { protocolVersion: 4 });
      assert.deepEqual(await publish(pump, 1, "all", "a"), ["puback #1", "puback #2"]);
      assert.deepEqual(desk.drops, { identityQueueFull: 2 });
      assert.equal(await drain(desk, "a", "ann") + await drain(desk, "b", "ann"), "1");
    },
  );
});

Deno.test("Broker.step() drops a session's own oldest under dropOldest when its name has no room, and never another's", async () => {
  await Desk.with({ limits: { queuedMessagesPerIdentity: 3 } }, async (desk) => {
    await absent(desk, "a", "ann");
    await absent(desk, "b", "ann");
    const pump = await desk.connect("pump");
    await publish(pump, 1, "a", "a", "a", "b", "a");
    assert.deepEqual(desk.drops, { identityQueueFull: 2 });
    assert.equal(await drain(desk, "b", "ann"), "");
    assert.equal(await drain(desk, "a", "ann"), "2 3 5");
  });
});

Deno.test("Broker.step() keeps the count of a name right when a session ends, is taken over by another name, or starts anew", async () => {
  const limits = { queuedMessagesPerIdentity: 2 };
  await Desk.with({ limits, takeover: "any", queuePolicy: "reject" }, async (desk) => {
    const names = () => Object.keys(counted(desk.tables).by);
    await absent(desk, "a", "ann");
    const pump = await desk.connect("pump", { protocolVersion: 4 });
    await publish(pump, 1, "a", "a");
    await desk.restart();
    assert.deepEqual(counted(desk.tables), recount(desk.tables));
    assert.deepEqual(names(), ["ann"]);
    await absent(desk, "b", "ann");
    const again = await desk.connect("pump");
    assert.deepEqual(await publish(again, 1, "b"), ["puback #1 0x97"]);
    const taken = await desk.keep("a", 5, { username: "bob", properties: { receiveMaximum: 1 } });
    assert.deepEqual(names(), ["bob"]);
    assert.deepEqual(await publish(again, 1, "b"), ["puback #1"]);
    assert.deepEqual(counted(desk.tables), recount(desk.tables));
    await taken.send(disconnectPacket());
    await desk.pass(4000);
    assert.deepEqual(counted(desk.tables), { all: [0, 0], by: {}, delayed: 0 });
  });
});

Deno.test("Broker.step() reads no more from a 3.1.1 publisher when the store is full, and goes on when it has room", async () => {
  await Desk.with({}, async (desk) => {
    await absent(desk, "a");
    const pump = await desk.connect("pump", { protocolVersion: 4 });
    await desk.feed({ type: "store", full: true, detail: "disk full" });
    desk.hold(true);
    await publish(pump, 1, "a", "a");
    await pump.send(publishPacket("a", "3"));
    assert.deepEqual(pump.lines(), []);
    assert.equal(desk.tables.queuedMessages, 1, "one was read before it was held back");
    await desk.letGo();
    pump.expect("puback #1");
    await desk.feed({ type: "store", full: false, detail: "" });
    pump.expect("puback #2");
    assert.deepEqual(desk.facts.filter(({ type }) => type === "store"), [
      { type: "store", full: true, detail: "disk full" },
      { type: "store", full: false, detail: "" },
    ]);
  });
});

Deno.test("Broker.step() lets in who needs nothing of the store when that is full, and not before its old session is gone", async () => {
  await Desk.with({}, async (desk) => {
    await absent(desk, "a");
    const pump = await desk.connect("pump");
    pump.take();
    desk.hold(true);
    await pump.send(publishPacket("a", "1", { packetId: 1 })); // fills it
    await desk.feed({ type: "store", full: true, detail: "disk full" });
    const here = await desk.connect("here");
    assert.equal(here.packets[0]?.type, "connack");
    await here.send(subscribePacket(1, ["t", 0]), publishPacket("t", "now"));
    here.expect("suback #1 0", "publish t q0 now");
    const anew = await desk.connect("a");
    assert.deepEqual(anew.packets, [], "its stored session is on the disk still");
    await desk.letGo();
    assert.equal(anew.connack.sessionPresent, false);
    assert.equal(desk.disk.dump().sessions.length, 0);
  });
});

Deno.test("replaceSession() moves what waits to another name when nothing but the owner changes", async () => {
  await Desk.with({}, async (desk) => {
    await absent(desk, "a", "ann");
    const pump = await desk.connect("pump");
    await publish(pump, 1, "a", "a");
    const client = desk.tables.clients.get("a")!;
    for (const user of ["bob", undefined, "ann"]) {
      replaceSession(desk.tables, client, { ...client.session, owner: { user, roles: [] } });
      assert.deepEqual(counted(desk.tables), recount(desk.tables));
    }
  });
});

type Action =
  | { readonly type: "publish"; readonly topic: string; readonly qos: 0 | 1 | 2; size: number }
  | { readonly type: "come"; readonly client: number; readonly user: number; clean: boolean }
  | { readonly type: "go" | "drink"; readonly client: number }
  | { readonly type: "pass"; readonly seconds: number }
  | { readonly type: "restart" };

/** Among those who are here; the others are numbered by `CLIENTS`. */
const PUMP = -1;
const CLIENTS = ["a", "b", "c", "d"];
const USERS = ["ann", "ann", "bob", undefined];
const client = fc.nat(CLIENTS.length - 1);
const of = <T extends string>(type: T) => fc.constant(type);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: of("publish"),
      topic: fc.constantFrom(...CLIENTS, "all", "all", "s"),
      qos: fc.constantFrom<0 | 1 | 2>(0, 1, 1, 2),
      size: fc.constantFrom(1, 1, 300, 2_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: of("come"),
      client,
      user: fc.nat(USERS.length - 1),
      clean: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom("go", "go", "drink"), client }) },
  { weight: 1, arbitrary: fc.record({ type: of("pass"), seconds: fc.constantFrom(1, 4_000) }) },
  { weight: 1, arbitrary: fc.record({ type: of("restart") }) },
);

const options: fc.Arbitrary<DeskOptions> = fc.record({
  queuePolicy: fc.constantFrom("dropOldest", "dropNewest", "reject"),
  queueQos0: fc.boolean(),
  takeover: fc.constant("any"),
  limits: fc.record({
    queueHead: fc.constantFrom(1, 3),
    queuedMessagesPerSession: fc.constantFrom(4, 1_000),
    queuedMessagesPerIdentity: fc.constantFrom(3, 6, 1_000),
    queuedBytesPerIdentity: fc.constantFrom(1_000, 3_000, 100_000),
    queuedMessages: fc.constantFrom(5, 8, 1_000),
    queuedBytes: fc.constantFrom(1_500, 5_000, 100_000),
  }),
});

/** Does one thing at the desk. */
async function act(desk: Desk, here: Map<number, Caller>, what: Action): Promise<void> {
  switch (what.type) {
    case "publish": {
      let pump = here.get(PUMP);
      if (pump === undefined) here.set(PUMP, pump = await desk.connect("pump"));
      const { topic, qos, size } = what;
      const packetId = qos === 0 ? 0 : pump.packets.length; // another each time
      return await pump.send(publishPacket(topic, "x".repeat(size), { qos, packetId }));
    }
    case "come": {
      const caller = await desk.keep(CLIENTS[what.client]!, 5, {
        username: USERS[what.user],
        cleanStart: what.clean,
        properties: { sessionExpiryInterval: 3600, receiveMaximum: 1 },
      });
      here.set(what.client, caller);
      const shared = what.client < 2 ? [["$share/g/s", 1] as const] : [];
      return await caller.send(
        subscribePacket(1, [CLIENTS[what.client]!, 2], ["all", 1], ...shared),
      );
    }
    case "go":
      await here.get(what.client)?.hangUp();
      here.delete(what.client);
      return;
    case "drink":
      await here.get(what.client)?.drink();
      return;
    case "pass":
      return await desk.pass(what.seconds);
    case "restart":
      here.clear();
      return await desk.restart();
  }
}

/** Fails where a message has taken what waits above a limit; what was let in once stays. */
function within(before: Count, { all, by }: Count, limits: Limits): void {
  const most = (count: number, limit: number, had = 0) =>
    assert.ok(count <= Math.max(limit, had), `${count} where ${limit} are allowed`);
  most(all[0], limits.queuedMessages, before.all[0]);
  most(all[1], limits.queuedBytes, before.all[1]);
  for (const [user, [messages, bytes]] of Object.entries(by)) {
    most(messages, limits.queuedMessagesPerIdentity, before.by[user]?.[0]);
    most(bytes, limits.queuedBytesPerIdentity, before.by[user]?.[1]);
  }
}

Deno.test("Tables.queuedBy and the totals are what a recount finds, and within the limits, when anything happens", async () => {
  let drops = 0;
  const check = async (options: DeskOptions, actions: readonly Action[]) => {
    await Desk.with(options, async (desk) => {
      const here = new Map<number, Caller>();
      let before = counted(desk.tables);
      for (const what of actions) {
        await act(desk, here, what);
        const after = counted(desk.tables);
        assert.deepEqual(after, recount(desk.tables));
        if (what.type === "publish") within(before, after, desk.rules.limits);
        before = after;
      }
      drops += desk.drops["identityQueueFull"] ?? 0;
    });
  };
  const list = fc.array(action, { minLength: 10, maxLength: 60, size: "max" });
  await fc.assert(fc.asyncProperty(options, list, check), { numRuns: 40 });
  assert.ok(drops > 0, "no limit of a name was ever reached");
});
