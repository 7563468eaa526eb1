/** What a start brings back of what was durable, and that an idle broker wants nothing. Section 4.1. */

import assert from "node:assert/strict";
import { Desk } from "./desk.ts";
import { acknowledgement, publishPacket, subscribePacket, willOf } from "./packets.ts";

for (const version of [3, 4, 5] as const) {
  Deno.test(`Broker.step() has sessions, subscriptions, queues and hand-shakes of ${version} clients back after a start [MQTT-4.1.0-1] [MQTT-4.4.0-1]`, async () => {
    await Desk.with({}, async (desk) => {
      const panel = await desk.keep("panel", version);
      await panel.send(subscribePacket(1, ["t/#", 2], ["u", 1]));
      const pump = await desk.keep("pump", version);
      const two = publishPacket("t/1", "b", { packetId: 2, qos: 2 });
      await pump.send(publishPacket("t/1", "a", { packetId: 1 }), two);
      await pump.send(publishPacket("t/1", "c", { packetId: 3, qos: 2 }));
      await panel.send(acknowledgement("pubrec", 3));
      await panel.hangUp();
      await pump.send(publishPacket("u", "d", { packetId: 4 }));
      await desk.restart(10);
      const pump2 = await desk.keep("pump", version);
      pump2.take();
      await pump2.send({ ...two, dup: true }); // acknowledged, not routed again
      await pump2.send(publishPacket("u", "e", { packetId: 5 }), acknowledgement("pubrel", 2));
      pump2.expect("pubrec #2", "puback #5", "pubcomp #2");
      const back = await desk.keep("panel", version);
      back.rewind();
      back.expect(
        "publish t/1 q1 #1 dup a",
        "publish t/1 q2 #2 dup b",
        "pubrel #3",
        "publish u q1 #4 d",
        "publish u q1 #5 e",
      );
    });
  });
}

Deno.test("Broker.step() loses nothing that it has acknowledged, and acknowledges nothing that it loses, when it goes down", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["t", 1]));
    await panel.hangUp();
    const pump = await desk.keep("pump");
    pump.take();
    await pump.send(publishPacket("t", "kept", { packetId: 1 }));
    desk.hold(true);
    await pump.send(publishPacket("t", "lost", { packetId: 2 }));
    pump.expect("puback #1");
    await desk.restart();
    const back = await desk.keep("panel");
    back.rewind();
    back.expect("publish t q1 #1 kept");
  });
});

Deno.test("Broker.step() has no session back after a start when it was to end with its connection", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.connect("panel");
    await panel.send(subscribePacket(1, ["t", 1]));
    const old = await desk.connect("old", { protocolVersion: 4 });
    await old.send(subscribePacket(1, ["t", 1]));
    await desk.restart();
    assert.equal(desk.tables.clients.size, 0);
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("t", "m", { packetId: 1 }));
    pump.expect("puback #1 0x10");
  });
});

Deno.test("Broker.step() counts the time it was down towards Session Expiry, and not that of a connected client [MQTT-4.1.0-2]", async () => {
  await Desk.with({}, async (desk) => {
    const properties = { sessionExpiryInterval: 10 };
    await (await desk.keep("absent", 5, { properties })).hangUp();
    await desk.keep("present", 5, { properties });
    await desk.restart(11);
    assert.deepEqual([...desk.tables.clients.keys()], ["present"]);
    await desk.pass(9);
    await desk.restart();
    assert.equal(desk.tables.clients.size, 1);
    await desk.pass(1);
    assert.equal(desk.tables.clients.size, 0);
    assert.equal(desk.disk.dump().sessions.length, 0);
    assert.equal(desk.nextIn, undefined);
  });
});

Deno.test("Broker.step() lets no session and no Will wait for longer than it may when the clock was set back [MQTT-3.1.3-9] [MQTT-4.1.0-2]", async () => {
  await Desk.with({}, async (desk) => {
    const watcher = { properties: { sessionExpiryInterval: 100_000 } };
    const panel = await desk.keep("panel", 5, watcher);
    await panel.send(subscribePacket(1, ["will/#", 1]));
    const will = willOf("will/a", "gone", { qos: 1, willDelayInterval: 10 });
    await (await desk.keep("a", 5, { will, properties: { sessionExpiryInterval: 60 } })).hangUp();
    await desk.restart(-600);
    const back = await desk.keep("panel", 5, watcher);
    back.take();
    await desk.pass(9);
    back.expect();
    await desk.pass(1);
    back.expect("publish will/a q1 #1 gone");
    await desk.pass(49);
    assert.equal(desk.tables.clients.size, 2);
    await desk.pass(1);
    assert.equal(desk.tables.clients.size, 1);
  });
});

Deno.test("Broker.step() remembers the owner of a session when it starts again", async () => {
  await Desk.with({}, async (desk) => {
    await (await desk.keep("panel", 5, { username: "ann" })).hangUp();
    await desk.restart();
    assert.equal((await desk.connect("panel", { username: "bob" })).connack.reasonCode, 0x87);
    assert.equal((await desk.keep("panel", 5, { username: "ann" })).connack.sessionPresent, true);
  });
});

Deno.test("Broker.step() gives new messages later numbers than old ones when it starts again", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["t", 1]));
    await panel.hangUp();
    for (const text of ["a", "b", "c"]) {
      const pump = await desk.connect("pump");
      await pump.send(publishPacket("t", text, { packetId: 1, retain: true }));
      await desk.restart();
    }
    const back = await desk.keep("panel");
    back.rewind();
    const got = (await back.drink()).map(({ payload }) => new TextDecoder().decode(payload));
    assert.deepEqual(got, ["a", "b", "c"]);
    const look = await desk.connect("look");
    await look.send(subscribePacket(1, ["t", 0]));
    look.expect("suback #1 0", "publish t q0 retain c");
  });
});

Deno.test("Broker.step() holds nothing and wants no wake-up when all clients have gone", async () => {
  await Desk.with({ limits: { retryInterval: 5 } }, async (desk) => {
    for (const protocolVersion of [3, 4, 5] as const) {
      const a = await desk.connect("a", {
        protocolVersion,
        keepAlive: 10,
        will: willOf("t", "gone", { qos: 1 }),
      });
      await a.send(subscribePacket(1, ["t", 2], ["$share/g/t", 1], ["#", 0]));
      const pump = await desk.connect("pump", { protocolVersion, keepAlive: 10 });
      for (let i = 1; i <= 5; i++) {
        await pump.send(publishPacket("t", "m", { packetId: i, qos: 2 }));
      }
      await a.hangUp();
      await pump.hangUp();
    }
    const { tables } = desk;
    assert.equal(desk.nextIn, undefined);
    assert.deepEqual(
      {
        connections: tables.connections.size,
        clients: tables.clients.size,
        groups: tables.groups.size,
        deadlines: tables.deadlines.size,
        retainedDue: tables.retainedDue.size,
        runnable: tables.runnable.size,
        heldBack: tables.heldBack.size,
        queued: tables.queuedMessages + tables.queuedBytes + tables.queuedBy.size,
        ending: tables.ending.size,
        pending: tables.pending + tables.pendingBytes,
      },
      {
        connections: 0,
        clients: 0,
        groups: 0,
        deadlines: 0,
        retainedDue: 0,
        runnable: 0,
        heldBack: 0,
        queued: 0,
        ending: 0,
        pending: 0,
      },
    );
    const { sessions, wills, delayed } = desk.disk.dump();
    assert.deepEqual([sessions.length, wills.length, delayed.length], [0, 0, 0]);
  });
});

Deno.test("Broker.nextDeadline() moves on with every tick when much is due at one time", async () => {
  await Desk.with({}, async (desk) => {
    for (let i = 0; i < 30; i++) {
      await (await desk.keep(`c${i}`, 5, {
        will: willOf("t", "gone", { willDelayInterval: 5 }),
        properties: { sessionExpiryInterval: 5 },
      })).hangUp();
    }
    const { ticks } = desk;
    await desk.pass(5);
    assert.equal(desk.ticks - ticks, 1);
    assert.equal(desk.tables.clients.size, 0);
    assert.equal(desk.nextIn, undefined);
  });
});
