/** Slow clients and a slow store: nobody else is stalled, and nothing grows without bound. */

import assert from "node:assert/strict";
import { encode } from "../../src/packet/encode.ts";
import type { Caller } from "./caller.ts";
import { Desk } from "./desk.ts";
import { acknowledgement, publishPacket, subscribePacket } from "./packets.ts";

const LIMITS = {
  outboxCongested: 2_000,
  outboxDrained: 500,
  outboxMaximum: 50_000,
  drainTimeout: 30,
};

async function stalled(desk: Desk, clientId: string, version: 4 | 5 = 5): Promise<Caller> {
  const panel = await desk.keep(clientId, version);
  await panel.send(subscribePacket(1, ["zero", 0], ["one", 1], ["two", 2]));
  panel.take();
  await panel.stall(true);
  return panel;
}

const BIG = "x".repeat(3_000);

Deno.test("Broker.step() drops QoS 0 and holds QoS 1 and 2 back when a subscriber is congested, and nobody else is affected", async () => {
  await Desk.with({ limits: LIMITS }, async (desk) => {
    const slow = await stalled(desk, "slow");
    const quick = await desk.connect("quick");
    await quick.send(subscribePacket(1, ["zero", 0], ["one", 1], ["two", 2]));
    quick.take();
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("zero", BIG)); // fills it
    await pump.send(
      publishPacket("zero", "z"),
      publishPacket("one", "a", { packetId: 1 }),
      publishPacket("two", "b", { packetId: 2, qos: 2 }),
    );
    pump.expect("puback #1", "pubrec #2");
    assert.equal(quick.publishes().length, 4);
    assert.deepEqual(desk.drops, { congested: 1 });
    assert.equal(desk.tables.queuedMessages, 2);
    await desk.pass(29);
    await slow.stall(false);
    const lines = slow.lines();
    assert.equal(lines.length, 3);
    assert.deepEqual(lines.slice(1), ["publish one q1 #1 a", "publish two q2 #2 b"]);
    await desk.pass(100);
    assert.equal(slow.closed, false, "it has drained in time");
    assert.equal(desk.nextIn, undefined);
  });
});

for (const version of [4, 5] as const) {
  Deno.test(`Broker.step() closes a ${version} subscriber that takes nothing for drainTimeout, and keeps its messages`, async () => {
    await Desk.with({ limits: LIMITS }, async (desk) => {
      const slow = await stalled(desk, "slow", version);
      const pump = await desk.connect("pump");
      await pump.send(publishPacket("zero", BIG), publishPacket("one", "a", { packetId: 1 }));
      await pump.send(publishPacket("one", "b", { packetId: 2 }));
      await desk.pass(29.9);
      assert.equal(slow.closed, false);
      await desk.pass(0.1);
      for (let n = 0; n < 1_000 && !slow.closed; n++) { // its outbox lingers
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      assert.equal(desk.endOf("slow"), "stalled");
      assert.equal(slow.closed, true);
      const back = await desk.keep("slow", version);
      back.rewind();
      const lines = back.lines().map((line) => line.replace(" dup", ""));
      assert.deepEqual(lines, ["publish one q1 #1 a", "publish one q1 #2 b"]);
    });
  });
}

Deno.test("Broker.step() wants no wake-up before drainTimeout when a client is congested", async () => {
  await Desk.with({ limits: LIMITS }, async (desk) => {
    await stalled(desk, "slow");
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("zero", BIG));
    assert.equal(desk.nextIn, 30);
  });
});

Deno.test("Broker.step() closes the connection when a client asks for more than its outbox holds and takes nothing", async () => {
  await Desk.with({ limits: { ...LIMITS, outboxMaximum: 4_096 } }, async (desk) => {
    const slow = await stalled(desk, "slow");
    for (let i = 0; i < 100; i++) {
      await slow.send(...Array.from({ length: 50 }, () => ({ type: "pingreq" }) as const));
    }
    assert.equal(desk.endOf("slow"), "outboxFull");
    assert.equal(slow.closed, true);
  });
});

Deno.test("Broker.step() keeps the send window when a congested client acknowledges", async () => {
  await Desk.with({ limits: { ...LIMITS, sendWindow: 2 } }, async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["one", 1], ["zero", 0]));
    panel.take();
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("one", "a", { packetId: 1 }));
    await panel.stall(true);
    await pump.send(publishPacket("zero", BIG));
    await panel.send(acknowledgement("puback", 1));
    await pump.send(
      publishPacket("one", "b", { packetId: 2 }),
      publishPacket("one", "c", { packetId: 3 }),
      publishPacket("one", "d", { packetId: 4 }),
    );
    await panel.stall(false);
    const lines = panel.lines().filter((line) => line.startsWith("publish one"));
    assert.deepEqual(lines, ["publish one q1 #1 a", "publish one q1 #2 b", "publish one q1 #3 c"]);
  });
});

for (const limits of [{ pendingWrites: 10 }, { pendingBytes: 65_536 }]) {
  Deno.test(`Broker.step() reads no more when ${Object.keys(limits)} wait for the store, and goes on when half of it is free`, async () => {
    await Desk.with({ limits }, async (desk) => {
      const panel = await desk.keep("panel");
      await panel.send(subscribePacket(1, ["t", 1]));
      await panel.hangUp();
      const pump = await desk.connect("pump", { protocolVersion: 4, keepAlive: 4 });
      pump.take();
      desk.hold(true);
      const payload = "pendingBytes" in limits ? "x".repeat(7_000) : "m";
      for (let i = 1; i <= 40; i++) {
        pump.link.push(encode(publishPacket("t", payload, { packetId: i }), 4));
      }
      await desk.turn();
      const { pending, pendingBytes } = desk.tables;
      assert.ok(pending <= 10, `${pending} persists wait`);
      assert.ok(pendingBytes < 65_536 + 10_000, `${pendingBytes} bytes wait`);
      const other = await desk.connect("other"); // is let in when the store goes on
      await desk.pass(9);
      assert.equal(pump.closed, false, "who is not read on purpose cannot be heard");
      await desk.letGo();
      const lines = pump.lines();
      assert.deepEqual(lines, Array.from({ length: 40 }, (_, at) => `puback #${at + 1}`));
      assert.equal(other.packets[0]?.type, "connack");
      assert.deepEqual([desk.tables.pending, desk.tables.pendingBytes], [0, 0]);
      assert.equal(desk.tables.heldBack.size, 0);
      await desk.pass(6);
      assert.equal(pump.closed, true, "from here on it has been silent");
    });
  });
}

Deno.test("Broker.step() counts nothing as waiting when clients leave while the store is slow", async () => {
  await Desk.with({ limits: { pendingWrites: 4 } }, async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["t", 1]));
    const pump = await desk.keep("pump");
    desk.hold(true);
    for (let i = 1; i <= 6; i++) await pump.send(publishPacket("t", "m", { packetId: i }));
    await desk.feed({ type: "kick", clientId: "pump", reason: 0x98 });
    await desk.feed({ type: "kick", clientId: "panel", reason: 0x98 });
    await desk.letGo();
    assert.deepEqual([desk.tables.pending, desk.tables.pendingBytes], [0, 0]);
    assert.equal(desk.tables.heldBack.size, 0);
    assert.equal(desk.tables.connections.size, 0);
    const back = await desk.keep("panel");
    back.rewind();
    assert.equal((await back.drink()).length, 4, "what was read was taken");
  });
});
