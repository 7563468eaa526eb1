/**
 * A disk that is full or breaks, step by step: what the checkers cannot know of single packets. The
 * simulation itself has both faults too, at random.
 */

import assert from "node:assert/strict";
import type { QoS } from "../../src/packet/packet.ts";
import type { Limits } from "../../src/policy/limits.ts";
import { defaultLimits } from "../../src/policy/limits.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { CommitQueue } from "../../src/store/commit_queue.ts";
import type { Client, Profile } from "./client.ts";
import type { Publication } from "./ledger.ts";
import { tablesAreQuiet } from "./checkers.ts";
import { World } from "./world.ts";

const CLIENT: Profile = {
  version: 5,
  sessionExpiry: 600,
  receiveMaximum: 65_535,
  keepAlive: 0,
  ackDelay: 0,
  aliases: 0,
  usesAliases: false,
  maximumPacketSize: Infinity,
};

/** A world in fair weather with connected clients: a subscriber to `t` with QoS 2, and publishers. */
async function withWorld(
  publishers: readonly Partial<Profile>[],
  work: (world: World, panel: Client, ...pumps: Client[]) => Promise<void>,
  limits: Partial<Limits> = {},
): Promise<void> {
  const world = new World({
    seed: 1,
    rules: { ...defaultRules, limits: { ...defaultLimits, ...limits } },
    ruleSet: 0,
    weather: { delay: 1, buffer: 65_536, piece: 4_096 },
    latency: 1,
    hiccups: 0,
    profiles: [CLIENT, ...publishers.map((each) => ({ ...CLIENT, ...each }))],
  });
  const restore = world.time.install();
  try {
    await world.boot();
    for (const client of world.clients) client.connect(false, undefined);
    await world.time.run(100);
    const [panel, ...pumps] = world.clients as [Client, ...Client[]];
    panel.subscribe([{
      full: "t",
      filter: "t",
      shared: false,
      options: {
        qos: 2,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
        subscriptionIdentifier: undefined,
      },
      confirmedAt: Infinity,
      endSentAt: Infinity,
      endConfirmedAt: Infinity,
    }]);
    await world.time.run(100);
    await work(world, panel, ...pumps);
    assert.deepEqual(world.ledger.violations, []);
  } finally {
    restore();
  }
}

function publish(world: World, client: Client, qos: QoS): Publication {
  const publication = world.ledger.publication({
    publisher: client.id,
    topic: "t",
    qos,
    retain: false,
    clears: false,
    will: false,
    delay: 0,
    expiry: Infinity,
    size: 10,
  });
  client.publish(publication);
  return publication;
}

/** What the client has got, by number. */
function gotBy(world: World, client: Client): number[] {
  return world.ledger.receiptsOf(client.id).map(({ publication }) => publication.id);
}

/** The disk is full, and the broker has found out by a message that it took before it knew. */
async function fill(world: World, by: Client): Promise<Publication> {
  world.diskFaults.fullUntil = Infinity;
  const first = publish(world, by, 1);
  await world.time.run(100);
  assert.equal(world.tables.storeFull, true);
  return first;
}

async function makeRoom(world: World): Promise<void> {
  world.diskFaults.fullUntil = 0;
  await world.time.run(2_000); // it is tried again every second
  assert.deepEqual(tablesAreQuiet(world), []);
}

Deno.test("Broker.step() refuses QoS 1 and 2 of a 5.0 client with 0x97 when the disk is full, and it reaches nobody", async () => {
  await withWorld([{}, {}], async (world, panel, ...pumps) => {
    const [early, late] = pumps as [Client, Client];
    const first = await fill(world, early);
    const refused = [publish(world, late, 1), publish(world, late, 2)];
    await world.time.run(100);
    assert.ok(refused.every((each) => each.refused));
    // Its refusal waits behind the receipt that is owed already [MQTT-4.6.0-2].
    refused.push(publish(world, early, 1));
    await world.time.run(60_000);
    assert.deepEqual([refused[2]!.refused, first.acknowledgedAt], [false, Infinity]);
    await makeRoom(world);
    assert.equal(refused[2]!.refused, true);
    assert.notEqual(first.acknowledgedAt, Infinity);
    const after = publish(world, late, 2);
    await world.time.run(100);
    assert.notEqual(after.acknowledgedAt, Infinity);
    assert.deepEqual(gotBy(world, panel), [first.id, after.id]);
  });
});

Deno.test("Broker.step() holds a 3.x publisher back when the disk is full, and goes on by itself when there is room", async () => {
  await withWorld([{ version: 4 }], async (world, panel, pump) => {
    const all = [await fill(world, pump!)];
    for (const qos of [1, 2, 1] as const) all.push(publish(world, pump!, qos));
    await world.time.run(120_000);
    assert.ok(all.every(({ acknowledgedAt }) => acknowledgedAt === Infinity));
    assert.equal(world.tables.heldBack.size, 1);
    assert.equal(pump!.connected, true, "who is not read is not sent away");
    await makeRoom(world);
    assert.ok(all.every(({ acknowledgedAt }) => acknowledgedAt !== Infinity));
    assert.deepEqual(gotBy(world, panel), all.map(({ id }) => id));
  });
});

for (const pendingWrites of [defaultLimits.pendingWrites, 2]) {
  Deno.test(`Broker.step() lets QoS 0 flow when the disk is full, pendingWrites ${pendingWrites}`, async () => {
    await withWorld([{}, { sessionExpiry: 0 }, { version: 4 }], async (world, panel, ...pumps) => {
      const [pump, other, older] = pumps;
      await fill(world, pump!);
      publish(world, pump!, 1);
      await world.time.run(100);
      const zeros = [publish(world, other!, 0), publish(world, older!, 0)];
      await world.time.run(100);
      zeros.push(publish(world, other!, 0), publish(world, older!, 0));
      await world.time.run(100);
      assert.deepEqual(gotBy(world, panel).sort(), zeros.map(({ id }) => id).sort());
      await makeRoom(world);
    }, { pendingWrites });
  });
}

for (const clean of [true, false]) {
  Deno.test(`Broker.step() lets no more than pendingWrites wait when the disk is full and a client comes again and again, Clean Start ${clean}`, async () => {
    await withWorld([{}, {}], async (world, _panel, ...pumps) => {
      const [pump, visitor] = pumps as [Client, Client];
      let most = 0;
      const { add } = CommitQueue.prototype;
      CommitQueue.prototype.add = function (entry) {
        add.call(this, entry);
        most = Math.max(most, this.size);
      };
      try {
        await fill(world, pump);
        for (let i = 0; i < 500; i++) {
          visitor.connect(clean, undefined);
          await world.time.run(20);
        }
      } finally {
        CommitQueue.prototype.add = add;
      }
      assert.ok(most <= 20 + 2 * world.clients.length, `${most} entries waited`);
      await makeRoom(world);
      visitor.connect(false, undefined);
      await world.time.run(100);
      assert.equal(visitor.connected, true);
    }, { pendingWrites: 20 });
  });
}

for (const kept of [true, false]) {
  Deno.test(`Runtime acknowledges nothing more and ends when the store cannot tell whether a batch is ${kept ? "kept" : "lost"}`, async () => {
    await withWorld([{}, { version: 4 }], async (world, panel, ...pumps) => {
      world.diskFaults.breaks = kept ? "kept" : "lost";
      world.downFor = 1_000;
      const all = pumps.flatMap((pump) => [publish(world, pump, 1), publish(world, pump, 2)]);
      await world.time.run(100);
      assert.equal(world.runtime, undefined, "it has ended");
      assert.ok(all.every(({ acknowledgedAt }) => acknowledgedAt === Infinity));
      assert.deepEqual(gotBy(world, panel), []);
      await world.time.run(2_000);
      for (const client of world.clients) client.connect(false, undefined);
      await world.time.run(1_000);
      assert.ok(all.every(({ acknowledgedAt }) => acknowledgedAt !== Infinity));
      const got = new Set(gotBy(world, panel));
      assert.deepEqual([...got].sort(), all.map(({ id }) => id).sort());
      const twos = gotBy(world, panel).filter((id) => world.ledger.publications[id]!.qos === 2);
      assert.equal(twos.length, 2, "QoS 2 came once");
    });
  });
}
