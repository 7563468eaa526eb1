/** Sessions: their beginning, resumption, expiry and end. Sections 3.1, 3.2 and 4.1. */

import assert from "node:assert/strict";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { Desk } from "./desk.ts";
import { connectPacket, disconnectPacket, publishPacket, subscribePacket } from "./packets.ts";

for (const version of [3, 4, 5] as readonly ProtocolVersion[]) {
  Deno.test(`Broker.step() says whether there was a session when a ${version} client connects [MQTT-3.1.2-4] [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.2.2-2] [MQTT-3.2.2-3]`, async () => {
    await Desk.with({}, async (desk) => {
      const first = await desk.keep("panel", version);
      assert.equal(first.connack.sessionPresent, false);
      await first.send(subscribePacket(1, ["t", 1]));
      await first.send(disconnectPacket());
      assert.equal(first.closed, true);
      const pump = await desk.connect("pump");
      await pump.send(publishPacket("t", "kept", { packetId: 1 }));
      const second = await desk.keep("panel", version);
      assert.equal(second.connack.sessionPresent, version !== 3); // 3.1 has no such flag
      assert.equal(second.packets[1]?.type, "publish");
      await second.send(disconnectPacket());
      const third = await desk.connect("panel", { protocolVersion: version });
      assert.equal(third.connack.sessionPresent, false);
      await pump.send(publishPacket("t", "new", { packetId: 2 }));
      third.expect(); // neither its message nor its subscription is left
      await third.send(disconnectPacket());
      const fourth = await desk.keep("panel", version);
      assert.equal(fourth.connack.sessionPresent, false, "it ended with its connection");
    });
  });

  Deno.test(`Broker.step() closes the older connection when a ${version} client id connects again [MQTT-3.1.4-3] [MQTT-3.1.3-2]`, async () => {
    await Desk.with({}, async (desk) => {
      const first = await desk.keep("panel", version);
      await first.send(subscribePacket(1, ["t", 1]));
      first.take();
      const second = await desk.keep("panel", version);
      first.expect(...version === 5 ? ["disconnect 0x8e"] : []);
      assert.equal(first.closed, true);
      assert.equal(second.connack.sessionPresent, version !== 3);
      const pump = await desk.connect("pump");
      await pump.send(publishPacket("t", "a", { packetId: 1 }));
      second.expect("publish t q1 #1 a");
      assert.equal(desk.tables.connections.size, 2);
      assert.equal(desk.endOf("panel"), "takenOver");
    });
  });
}

Deno.test("Broker.step() ends the session when its Session Expiry Interval has passed, not before [MQTT-4.1.0-2] [MQTT-3.1.2-23]", async () => {
  await Desk.with({}, async (desk) => {
    const properties = { sessionExpiryInterval: 10 };
    const first = await desk.keep("panel", 5, { properties });
    await desk.pass(60); // [MQTT-4.1.0-1]
    await first.hangUp();
    await desk.pass(9);
    const second = await desk.keep("panel", 5, { properties });
    assert.equal(second.connack.sessionPresent, true);
    await second.hangUp();
    await desk.pass(10);
    assert.equal(desk.tables.clients.size, 0);
    assert.equal(desk.disk.dump().sessions.length, 0);
    const third = await desk.keep("panel", 5, { properties });
    assert.equal(third.connack.sessionPresent, false);
  });
});

Deno.test("Broker.step() keeps the session for ever when the interval is 0xFFFFFFFF and the configuration allows it", async () => {
  const limits = { maximumSessionExpiryInterval: 0xffffffff };
  await Desk.with({ limits }, async (desk) => {
    const first = await desk.keep("panel", 5, {
      properties: { sessionExpiryInterval: 0xffffffff },
    });
    assert.equal(first.connack.properties?.sessionExpiryInterval, undefined);
    await first.hangUp();
    assert.equal(desk.nextIn, undefined);
    await desk.pass(10_000_000_000);
    assert.equal((await desk.keep("panel")).connack.sessionPresent, true);
  });
});

Deno.test("Broker.step() grants its own maximum and says so when the client asks for a longer session", async () => {
  await Desk.with({ limits: { maximumSessionExpiryInterval: 100 } }, async (desk) => {
    const panel = await desk.keep("panel");
    assert.equal(panel.connack.properties?.sessionExpiryInterval, 100);
    await panel.send(disconnectPacket(0, 5000));
    await desk.pass(99);
    assert.equal(desk.tables.clients.size, 1);
    await desk.pass(1);
    assert.equal(desk.tables.clients.size, 0);
  });
});

Deno.test("Broker.step() takes the interval of DISCONNECT when the client changes it", async () => {
  await Desk.with({}, async (desk) => {
    const longer = await desk.keep("a", 5, { properties: { sessionExpiryInterval: 10 } });
    await longer.send(disconnectPacket(0, 100));
    const ended = await desk.keep("b");
    await ended.send(disconnectPacket(0, 0));
    assert.equal(desk.tables.clients.has("b"), false);
    await desk.pass(99);
    assert.equal(desk.tables.clients.has("a"), true);
    await desk.restart();
    await desk.pass(1);
    assert.equal(desk.tables.clients.has("a"), false);
  });
});

Deno.test("Broker.step() refuses the interval of DISCONNECT when CONNECT had 0", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.connect("panel");
    await panel.send(disconnectPacket(0, 100));
    panel.expect("disconnect 0x82");
    assert.equal(desk.tables.clients.size, 0);
  });
});

Deno.test("Broker.step() forgets a stored session when it is resumed with interval 0 and its connection ends", async () => {
  await Desk.with({}, async (desk) => {
    const first = await desk.keep("panel");
    await first.send(subscribePacket(1, ["t", 1]));
    await first.hangUp();
    const second = await desk.connect("panel", { cleanStart: false });
    assert.equal(second.connack.sessionPresent, true);
    await second.hangUp();
    assert.equal(desk.tables.clients.size, 0);
    assert.equal(desk.disk.dump().sessions.length, 0);
    assert.equal((await desk.keep("panel")).connack.sessionPresent, false);
  });
});

Deno.test("Broker.step() turns clients away with 0x97 when maximumSessions are kept, and lets known ones in", async () => {
  await Desk.with({ limits: { maximumSessions: 2 } }, async (desk) => {
    await (await desk.keep("a")).hangUp();
    const b = await desk.connect("b");
    const c = await desk.connect("c");
    assert.equal(c.connack.reasonCode, 0x97);
    assert.equal(c.closed, true); // [MQTT-3.2.2-7]
    const old = await desk.connect("c", { protocolVersion: 4 });
    assert.equal(old.connack.reasonCode === 0, false);
    assert.equal((await desk.keep("a")).connack.sessionPresent, true);
    await b.send(disconnectPacket());
    assert.equal((await desk.connect("c")).connack.reasonCode, 0);
  });
});

Deno.test("Broker.step() waits with CONNACK until what it says is durable, and reads nothing before", async () => {
  await Desk.with({}, async (desk) => {
    desk.hold(true);
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["t", 1]));
    panel.expect();
    await desk.letGo();
    panel.expect("connack 0", "suback #1 1");
  });
});

Deno.test("Broker.step() does not take a client for silent when the store keeps it waiting for CONNACK", async () => {
  await Desk.with({}, async (desk) => {
    desk.hold(true);
    const panel = await desk.keep("panel", 5, {
      keepAlive: 2,
      properties: { sessionExpiryInterval: 60 },
    });
    await desk.pass(5);
    await desk.letGo();
    panel.expect("connack 0");
    await desk.pass(2.9); // counted from the CONNACK: it could not be heard before
    assert.equal(panel.closed, false);
    await desk.pass(0.2);
    panel.expect("disconnect 0x8d");
  });
});

Deno.test("Broker.step() gives up a session in the end when its client is lost while it is being loaded", async () => {
  await Desk.with({ limits: { connectTimeout: 2 } }, async (desk) => {
    const properties = { sessionExpiryInterval: 10 };
    await (await desk.keep("panel", 5, { properties })).hangUp();
    await desk.pass(9);
    desk.hold(true);
    const back = await desk.keep("panel", 5, { properties });
    await desk.pass(2);
    assert.equal(back.closed, true);
    await desk.letGo();
    await desk.pass(2);
    assert.equal(desk.tables.clients.size, 0);
    assert.equal(desk.nextIn, undefined);
  });
});

Deno.test("Broker.step() closes the connection when CONNECT comes twice or late [MQTT-3.1.0-1] [MQTT-3.1.0-2]", async () => {
  await Desk.with({}, async (desk) => {
    const twice = await desk.connect("a");
    await twice.send(connectPacket("a"));
    twice.expect("disconnect 0x82");
    assert.equal(twice.closed, true);
    const late = await desk.dial();
    await late.send({ type: "pingreq" });
    late.expect();
    assert.equal(late.closed, true);
    const auth = await desk.connect("b");
    await auth.send({ type: "auth", reasonCode: 0x19, properties: undefined });
    auth.expect("disconnect 0x82"); // [MQTT-4.12.0-7]
  });
});

Deno.test("Broker.step() ends a connection and keeps its session when it is kicked", async () => {
  await Desk.with({}, async (desk) => {
    for (const version of [4, 5] as const) {
      const panel = await desk.keep(`panel${version}`, version);
      panel.take();
      await desk.feed({ type: "kick", clientId: `panel${version}`, reason: 0x98 });
      panel.expect(...version === 5 ? ["disconnect 0x98"] : []);
      assert.equal(panel.closed, true);
      assert.equal(desk.endOf(`panel${version}`), "kicked");
      const again = await desk.keep(`panel${version}`, version);
      assert.equal(again.connack.sessionPresent, true);
    }
    await desk.feed({ type: "kick", clientId: "nobody", reason: 0x98 });
  });
});

Deno.test("Broker.step() sends DISCONNECT 0x8B to 5.0 clients and closes all when it is shut down", async () => {
  await Desk.with({}, async (desk) => {
    const five = await desk.keep("five");
    const four = await desk.keep("four", 4);
    const silent = await desk.dial();
    await desk.feed({ type: "shutdown" });
    five.expect("disconnect 0x8b");
    four.expect();
    silent.expect();
    assert.ok(five.closed && four.closed && silent.closed);
    await desk.restart();
    assert.equal((await desk.keep("five")).connack.sessionPresent, true);
    assert.equal((await desk.keep("four", 4)).connack.sessionPresent, true);
  });
});
