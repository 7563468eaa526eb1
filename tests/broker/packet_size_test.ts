/** Maximum Packet Size in both directions. Sections 3.1.2.11.4 and 3.2.2.3.6. */

import assert from "node:assert/strict";
import { encode } from "../../src/packet/encode.ts";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { Desk } from "./desk.ts";
import { acknowledgement, publishPacket, subscribePacket } from "./packets.ts";

Deno.test("Broker.step() sends no packet above the client's Maximum Packet Size, with or without an alias [MQTT-3.1.2-24] [MQTT-3.1.2-25]", async () => {
  await Desk.with({}, async (desk) => {
    const maximum = 64;
    const properties = { maximumPacketSize: maximum, topicAliasMaximum: 50 };
    const panel = await desk.connect("panel", { properties });
    await panel.send(subscribePacket(1, ["#", 2]));
    panel.take();
    const pump = await desk.connect("pump");
    let fitting = 0;
    await pump.send(publishPacket("s", "its alias is longer than it is"));
    assert.equal(panel.publishes().length, 1);
    for (const qos of [0, 1, 2] as const) {
      for (let size = 40; size < 70; size++) {
        const topic = size % 2 === 0 ? "s" : `t/${qos}/${size}`;
        const publish = publishPacket(topic, "x".repeat(size), { qos, packetId: qos && 1 });
        if (encode(publish, 5).length <= maximum) fitting += 1;
        await pump.send(publish);
        if (qos === 2) await pump.send(acknowledgement("pubrel", 1));
      }
    }
    assert.equal((await panel.drink()).length, fitting);
    assert.ok(panel.sizes.every((size) => size <= maximum), String(panel.sizes));
    assert.equal(desk.drops.tooLargeForClient, 90 - fitting);
    assert.equal(panel.closed, false);
  });
});

Deno.test("Broker.step() drops a queued message that is too large when the client returns, and sends the next", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["t", 1]));
    await panel.hangUp();
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("t", "x".repeat(200), { packetId: 1 }),
      publishPacket("t", "small", { packetId: 2 }),
    );
    const properties = { sessionExpiryInterval: 60, maximumPacketSize: 100, receiveMaximum: 1 };
    const back = await desk.keep("panel", 5, { properties });
    back.rewind();
    back.expect("publish t q1 #1 small");
  });
});

Deno.test("Broker.step() turns a client away when its Maximum Packet Size has no room for the CONNACK [MQTT-3.1.2-24]", async () => {
  await Desk.with({}, async (desk) => {
    for (const maximumPacketSize of [1, 4, 6, 15]) {
      const panel = await desk.connect("", { properties: { maximumPacketSize } });
      assert.ok(panel.sizes.every((size) => size <= maximumPacketSize), String(panel.sizes));
      assert.equal(panel.closed, true);
    }
    assert.equal(desk.tables.clients.size, 0);
  });
});

for (const version of [3, 4, 5] as readonly ProtocolVersion[]) {
  Deno.test(`Broker.step() closes the ${version} connection when a packet is larger than maximumPacketSize`, async () => {
    await Desk.with({ limits: { maximumPacketSize: 128 } }, async (desk) => {
      const pump = await desk.connect("pump", { protocolVersion: version });
      if (version === 5) assert.equal(pump.connack.properties?.maximumPacketSize, 128);
      await pump.send(publishPacket("t", "x".repeat(200)));
      pump.expect(...version === 5 ? ["disconnect 0x95"] : []);
      assert.equal(pump.closed, true);
    });
  });
}
