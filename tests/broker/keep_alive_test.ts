/** Keep Alive, Server Keep Alive and the time-out for CONNECT. Sections 3.1.2.10 and 3.2.2.3.14. */

import assert from "node:assert/strict";
import { Desk } from "./desk.ts";
import { publishPacket } from "./packets.ts";

for (const protocolVersion of [3, 4, 5] as const) {
  Deno.test(`Broker.step() closes a ${protocolVersion} connection when it is silent for one and a half times its Keep Alive [MQTT-3.1.2-22]`, async () => {
    await Desk.with({}, async (desk) => {
      const panel = await desk.connect("panel", { protocolVersion, keepAlive: 10 });
      panel.take();
      await desk.pass(14);
      await panel.send({ type: "pingreq" });
      panel.expect("pingresp");
      await desk.pass(14);
      await panel.send(publishPacket("t", "m")); // any packet counts
      await desk.pass(14.999);
      assert.equal(panel.closed, false);
      await desk.pass(0.001);
      panel.expect(...protocolVersion === 5 ? ["disconnect 0x8d"] : []);
      assert.equal(panel.closed, true);
      assert.equal(desk.endOf("panel"), "keepAliveTimeout");
    });
  });

  Deno.test(`Broker.step() never closes a silent ${protocolVersion} connection when Keep Alive is 0`, async () => {
    await Desk.with({}, async (desk) => {
      const panel = await desk.connect("panel", { protocolVersion, keepAlive: 0 });
      assert.equal(desk.nextIn, undefined);
      await desk.pass(1_000_000);
      assert.equal(panel.closed, false);
    });
  });
}

Deno.test("Broker.step() does not count what it sends itself when the client is silent", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.connect("panel", { keepAlive: 10 });
    await panel.send({
      type: "subscribe",
      packetId: 1,
      subscriptions: [{
        filter: "t",
        options: {
          qos: 0,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 0,
          subscriptionIdentifier: undefined,
        },
      }],
      userProperties: undefined,
    });
    const pump = await desk.connect("pump");
    for (let i = 0; i < 15; i++) {
      await pump.send(publishPacket("t", "m"));
      await desk.pass(1);
    }
    assert.equal(panel.closed, true);
  });
});

Deno.test("Broker.step() grants maximumKeepAlive when a 5.0 client asks for more or for none [MQTT-3.2.2-22]", async () => {
  await Desk.with({ limits: { maximumKeepAlive: 20 } }, async (desk) => {
    for (const [keepAlive, told] of [[0, 20], [60, 20], [20, undefined], [5, undefined]] as const) {
      const panel = await desk.connect("panel", { keepAlive });
      assert.equal(panel.connack.properties?.serverKeepAlive, told);
      await desk.pass((told ?? keepAlive) * 1.5 - 0.001);
      assert.equal(panel.closed, false);
      await desk.pass(0.001);
      assert.equal(panel.closed, true);
    }
    const old = await desk.connect("old", { protocolVersion: 4, keepAlive: 60 });
    await desk.pass(80); // a 3.1.1 client cannot be told
    assert.equal(old.closed, false);
  });
});

Deno.test("Broker.step() closes a link when no CONNECT comes within connectTimeout", async () => {
  await Desk.with({ limits: { connectTimeout: 3 } }, async (desk) => {
    const silent = await desk.dial();
    const half = await desk.dial();
    await desk.pass(2);
    await half.sendBytes(0x10, 0x20, 0x00); // it dribbles
    await desk.pass(1);
    assert.ok(silent.closed && half.closed);
    assert.deepEqual(silent.packets, []); // [MQTT-3.14.0-1]
    assert.equal(desk.tables.connections.size, 0);
    const panel = await desk.connect("panel");
    await desk.pass(10);
    assert.equal(panel.closed, false);
    assert.equal(desk.nextIn, undefined);
  });
});
