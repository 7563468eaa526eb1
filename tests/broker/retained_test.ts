/** Retained messages: kept, replaced, cleared, streamed to new subscriptions. Section 3.3.1.3. */

import assert from "node:assert/strict";
import { Desk } from "./desk.ts";
import type { Caller } from "./caller.ts";
import {
  acknowledgement,
  disconnectPacket,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
} from "./packets.ts";

async function fill(desk: Desk, count: number, payload: string | Uint8Array, qos: 0 | 1) {
  const pump = await desk.connect("filler", { protocolVersion: 4 });
  for (let i = 1; i <= count; i++) {
    await pump.send(publishPacket(`r/${i}`, payload, { qos, packetId: qos * i, retain: true }));
  }
  await pump.send(disconnectPacket());
}

async function subscriber(desk: Desk, clientId: string, version: 3 | 4 | 5): Promise<Caller> {
  const caller = await desk.connect(clientId, { protocolVersion: version });
  caller.take();
  return caller;
}

for (const version of [3, 4, 5] as const) {
  Deno.test(`Broker.step() keeps, replaces and clears the retained message when ${version} publishes [MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT-3.3.1-8]`, async () => {
    await Desk.with({}, async (desk) => {
      const pump = await subscriber(desk, "pump", version);
      const look = async () => {
        const each = await subscriber(desk, "look", version);
        await each.send(subscribePacket(1, ["t", 2]));
        return each.lines().slice(1);
      };
      await pump.send(publishPacket("t", "plain"));
      assert.deepEqual(await look(), []);
      await pump.send(publishPacket("t", "one", { packetId: 1, retain: true }));
      assert.deepEqual(await look(), ["publish t q1 #1 retain one"]);
      await pump.send(publishPacket("t", "two", { retain: true }));
      await pump.send(publishPacket("t", "plain"));
      assert.deepEqual(await look(), ["publish t q0 retain two"]);
      const now = await subscriber(desk, "now", version);
      await now.send(subscribePacket(1, ["t", 0]));
      now.take();
      await pump.send(publishPacket("t", "", { packetId: 2, retain: true }));
      now.expect("publish t q0"); // an established subscription gets RETAIN 0
      assert.deepEqual(await look(), []);
      assert.equal(desk.tables.retained.size, 0);
      assert.equal(desk.tables.retainedBytes, 0);
      assert.equal(desk.disk.dump().retained.length, 0);
    });
  });
}

Deno.test("Broker.step() follows Retain Handling when a subscription is made or repeated [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] [MQTT-3.8.4-4]", async () => {
  await Desk.with({}, async (desk) => {
    await fill(desk, 1, "m", 0);
    for (const [retainHandling, first, second] of [[0, 1, 1], [1, 1, 0], [2, 0, 0]] as const) {
      const panel = await desk.keep("panel", 5, { cleanStart: true });
      await panel.send(subscribePacket(1, ["r/#", { retainHandling }]));
      assert.equal(panel.publishes().length, first, `new, ${retainHandling}`);
      await panel.send(subscribePacket(2, ["r/#", { retainHandling, qos: 1 }]));
      assert.equal(panel.publishes().length, second, `repeated, ${retainHandling}`);
      await panel.hangUp();
      const again = await desk.keep("panel");
      again.take();
      await again.send(subscribePacket(3, ["r/#", { retainHandling, qos: 1 }]));
      assert.equal(again.publishes().length, second, `repeated after its return ${retainHandling}`);
      await again.send(unsubscribePacket(4, "r/#"));
      await again.send(subscribePacket(5, ["r/#", { retainHandling }]));
      assert.equal(again.publishes().length, first, `new again, ${retainHandling}`);
    }
  });
});

Deno.test("Broker.step() sends them once for each overlapping subscription, with its identifier and QoS", async () => {
  await Desk.with({}, async (desk) => {
    await fill(desk, 1, "m", 1);
    const panel = await subscriber(desk, "panel", 5);
    await panel.send(subscribePacket(1, ["r/#", { qos: 0, subscriptionIdentifier: 3 }]));
    await panel.send(subscribePacket(2, ["#", { qos: 2, subscriptionIdentifier: 4 }]));
    const got = panel.publishes().map(({ qos, retain, properties }) =>
      `${qos} ${retain} ${properties?.subscriptionIdentifiers}`
    );
    assert.deepEqual(got, ["0 true 3", "1 true 4"]);
  });
});

Deno.test("Broker.step() paces a stream of QoS 1 retained messages by Receive Maximum and charges no queue", async () => {
  const limits = { queuedMessagesPerSession: 2, retainedPerTurn: 7 };
  await Desk.with({ limits }, async (desk) => {
    await fill(desk, 100, "m", 1);
    const panel = await desk.connect("panel", { properties: { receiveMaximum: 5 } });
    panel.take();
    await panel.send(subscribePacket(1, ["r/+", 1]));
    assert.equal(panel.packets.length, 2 + 5);
    assert.equal(desk.tables.queuedMessages, 0);
    const topics = new Set((await panel.drink()).map((publish) => publish.topic));
    assert.equal(topics.size, 100);
    assert.deepEqual(desk.drops, {});
    assert.equal(desk.nextIn, undefined);
  });
});

Deno.test("Broker.step() sends new messages in between when a stream of retained ones is long", async () => {
  await Desk.with({}, async (desk) => {
    await fill(desk, 50, "m", 1);
    const panel = await desk.connect("panel", { properties: { receiveMaximum: 4 } });
    await panel.send(subscribePacket(1, ["r/+", 1], ["live", 1]));
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("live", "x", { packetId: 1 }));
    const first = panel.publishes();
    assert.equal(first.length, 4);
    await panel.send(...first.map(({ packetId }) => acknowledgement("puback", packetId)));
    const next = panel.lines();
    assert.ok(next.some((line) => line.startsWith("publish live")), next.join());
  });
});

Deno.test("Broker.step() waits with a stream of QoS 0 retained messages when the client is congested, and drops none", async () => {
  const limits = {
    outboxCongested: 20_000,
    outboxDrained: 5_000,
    outboxMaximum: 100_000,
    retainedPerTurn: 10,
  };
  await Desk.with({ limits }, async (desk) => {
    await fill(desk, 200, "x".repeat(1_000), 0);
    const panel = await desk.connect("panel");
    panel.take();
    await panel.stall(true);
    await panel.send(subscribePacket(1, ["r/+", 0]));
    await desk.pass(10);
    assert.equal(desk.tables.runnable.size, 0, "it waits for the socket, not for a tick");
    await panel.stall(false);
    assert.equal(panel.publishes().length, 200);
    assert.equal(desk.outboxDropped, 0);
    assert.deepEqual(desk.drops, {});
  });
});

for (const qos of [0, 1] as const) {
  Deno.test(`Broker.step() drops no QoS ${qos} retained message when a few of them are more than an outbox holds`, async () => {
    const limits = {
      outboxCongested: 20_000,
      outboxDrained: 5_000,
      outboxMaximum: 100_000,
      sendWindowBytes: 50_000,
    };
    await Desk.with({ limits }, async (desk) => {
      await fill(desk, 60, "x".repeat(10_000), qos);
      const panel = await desk.connect("panel");
      panel.take();
      await panel.send(subscribePacket(1, ["r/+", 1]));
      assert.equal(new Set((await panel.drink()).map(({ topic }) => topic)).size, 60);
      assert.equal(desk.outboxDropped, 0);
      assert.equal(panel.closed, false);
    });
  });
}

Deno.test("Broker.step() does not spin when a client leaves in the midst of its stream", async () => {
  for (const expiry of [0, 60]) {
    await Desk.with({ limits: { retainedPerTurn: 5 } }, async (desk) => {
      await fill(desk, 100, "m", 1);
      const properties = { sessionExpiryInterval: expiry, receiveMaximum: 10 };
      const panel = await desk.connect("panel", { properties });
      await panel.send(subscribePacket(1, ["r/+", 1]));
      await panel.hangUp();
      const { ticks } = desk;
      await desk.pass(10);
      assert.equal(desk.ticks, ticks);
      assert.equal(desk.tables.runnable.size, 0);
    });
  }
});

Deno.test("Broker.step() stops a stream when its subscription ends, and sends the one that replaces it", async () => {
  await Desk.with({}, async (desk) => {
    await fill(desk, 20, "m", 1);
    const panel = await desk.connect("panel", { properties: { receiveMaximum: 4 } });
    panel.take();
    await panel.send(subscribePacket(1, ["r/+", 1]));
    await panel.send(unsubscribePacket(2, "r/+"));
    assert.equal((await panel.drink()).length, 4);
    await panel.send(subscribePacket(3, ["r/+", 1]));
    await panel.send(subscribePacket(4, ["r/+", { qos: 1, subscriptionIdentifier: 9 }]));
    const got = await panel.drink();
    const topics = new Set(
      got.filter((each) => each.properties?.subscriptionIdentifiers?.[0] === 9)
        .map((each) => each.topic),
    );
    assert.equal(topics.size, 20, "all of the second, whatever there was of the first");
  });
});

Deno.test("Broker.step() counts the expiry of a retained message down and takes it away in time [MQTT-3.3.2-5] [MQTT-3.3.2-6]", async () => {
  await Desk.with({}, async (desk) => {
    const pump = await desk.connect("pump");
    const properties = { messageExpiryInterval: 10 };
    await pump.send(publishPacket("t", "m", { retain: true, properties }));
    await desk.pass(4);
    const early = await subscriber(desk, "early", 5);
    await early.send(subscribePacket(1, ["t", 0]));
    assert.equal(early.publishes()[0]?.properties?.messageExpiryInterval, 6);
    await desk.restart(3);
    const middle = await subscriber(desk, "middle", 5);
    await middle.send(subscribePacket(1, ["t", 0]));
    assert.equal(middle.publishes()[0]?.properties?.messageExpiryInterval, 3);
    await desk.pass(3);
    assert.equal(desk.tables.retained.size, 0);
    assert.equal(desk.disk.dump().retained.length, 0);
    const late = await subscriber(desk, "late", 5);
    await late.send(subscribePacket(1, ["t", 0]));
    late.expect("suback #1 0");
  });
});

Deno.test("Broker.step() keeps a retained message for ever when one without expiry replaces one with", async () => {
  await Desk.with({}, async (desk) => {
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("t", "m", {
      retain: true,
      properties: { messageExpiryInterval: 10 },
    }));
    await pump.send(publishPacket("t", "n", { retain: true }));
    assert.equal(desk.nextIn, undefined);
    await desk.pass(100);
    assert.equal(desk.tables.retained.size, 1);
  });
});

Deno.test("Broker.step() keeps within retainedMessages and retainedBytes and says 0x97 when they are full", async () => {
  await Desk.with({ limits: { retainedMessages: 2 } }, async (desk) => {
    const pump = await desk.connect("pump");
    const panel = await subscriber(desk, "panel", 5);
    await panel.send(subscribePacket(1, ["#", 0]));
    panel.take();
    const keep = (topic: string, packetId: number) =>
      pump.send(publishPacket(topic, "m", { packetId, retain: true }));
    await keep("a", 1);
    await keep("b", 2);
    await keep("c", 3);
    await keep("a", 4); // replacing needs no room
    pump.expect("puback #1", "puback #2", "puback #3 0x97", "puback #4");
    assert.equal(desk.drops.retainedFull, 1);
    await pump.send(publishPacket("b", "", { packetId: 5, retain: true }));
    await keep("c", 6);
    pump.expect("puback #5", "puback #6");
  });
  await Desk.with({ limits: { retainedBytes: 2_000 } }, async (desk) => {
    const pump = await desk.connect("pump");
    const keep = (topic: string, size: number) =>
      pump.send(publishPacket(topic, "x".repeat(size), { packetId: 1, retain: true }));
    await keep("a", 1_500);
    await keep("b", 1_500);
    await keep("a", 100);
    await keep("b", 1_000);
    await keep("a", 1_500);
    pump.expect(
      "puback #1 0x10",
      "puback #1 0x97",
      "puback #1 0x10",
      "puback #1 0x10",
      "puback #1 0x97",
    );
  });
});

Deno.test("Broker.step() acknowledges that a topic is cleared when that is durable, whoever cleared it first", async () => {
  await Desk.with({}, async (desk) => {
    const clear = (packetId: number) => publishPacket("t", "", { packetId, retain: true });
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("t", "m", { packetId: 1, retain: true }));
    const other = await desk.connect("other");
    pump.take();
    desk.hold(true);
    await pump.send(clear(2));
    await other.send(clear(3));
    pump.expect();
    other.expect();
    await desk.letGo();
    pump.expect("puback #2 0x10");
    other.expect("puback #3 0x10");
    assert.equal(desk.disk.dump().retained.length, 0);
  });
});

Deno.test("Broker.step() keeps wildcard subscribers from retained $-topics [MQTT-4.7.2-1]", async () => {
  await Desk.with({}, async (desk) => {
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("$x/a", "m", { retain: true }));
    const panel = await subscriber(desk, "panel", 5);
    await panel.send(subscribePacket(1, ["#", 0], ["+/a", 0]));
    panel.expect("suback #1 0 0");
    await panel.send(subscribePacket(2, ["$x/+", 0]));
    panel.expect("suback #2 0", "publish $x/a q0 retain m");
  });
});

Deno.test("unindex() takes the streams of many filters away in one go when a session ends or one UNSUBSCRIBE names them", async () => {
  const levels = [..."abcdefghijkl"];
  const filters = Array.from(
    { length: 400 },
    (_, n) => levels.map((level, at) => (n >> at & 1) === 1 ? "+" : level).join("/"),
  );
  await Desk.with({}, async (desk) => {
    const pump = await desk.connect("pump");
    await pump.send(publishPacket(levels.join("/"), "x", { packetId: 1, retain: true }));
    for (const ends of [true, false]) {
      const panel = await desk.connect("panel", { properties: { receiveMaximum: 1 } });
      await panel.send(subscribePacket(1, ...filters.map((filter) => [filter, 1] as const)));
      const client = desk.tables.clients.get("panel")!;
      let { streams } = client;
      assert.equal(streams.length, 399);
      let changes = 0;
      Object.defineProperty(client, "streams", {
        get: () => streams,
        set(next: typeof streams) {
          streams = next;
          changes += 1;
        },
      });
      if (ends) await panel.hangUp();
      else await panel.send(unsubscribePacket(2, ...filters.slice(1)));
      assert.ok(changes < 10, `gone through ${changes} times`);
      assert.equal(client.streams.length, 0);
    }
  });
});
