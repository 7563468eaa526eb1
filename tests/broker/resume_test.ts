/** Resend after a session resumes, and timed resend for 3.x. Section 4.4. */

import assert from "node:assert/strict";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { Desk } from "./desk.ts";
import { acknowledgement, publishPacket, subscribePacket } from "./packets.ts";

for (const version of [3, 4, 5] as readonly ProtocolVersion[]) {
  Deno.test(`Broker.step() resends PUBLISH with DUP and PUBREL in the original order when a ${version} session resumes [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.3.3-6]`, async () => {
    await Desk.with({}, async (desk) => {
      const panel = await desk.keep("panel", version);
      await panel.send(subscribePacket(1, ["t", 2]));
      const pump = await desk.connect("pump");
      await pump.send(
        publishPacket("t", "a", { packetId: 1 }),
        publishPacket("t", "b", { packetId: 2, qos: 2 }),
        publishPacket("t", "c", { packetId: 3, qos: 2 }),
        publishPacket("t", "d", { packetId: 4 }),
      );
      await panel.send(acknowledgement("pubrec", 2));
      panel.take();
      await panel.hangUp();
      await pump.send(publishPacket("t", "e", { packetId: 5 }));
      const again = await desk.keep("panel", version);
      assert.equal(again.connack.sessionPresent, version !== 3);
      assert.deepEqual(again.packets.slice(1).map((each) => each.type), [
        "publish",
        "publish",
        "publish",
        "pubrel",
        "publish",
      ]);
      await again.hangUp(); // without an answer to any of them
      const last = await desk.keep("panel", version);
      const texts = last.packets.slice(1).map((each) =>
        each.type === "publish"
          ? `${new TextDecoder().decode(each.payload)} #${each.packetId} ${each.dup ? "dup" : ""}`
          : each.type === "pubrel"
          ? `pubrel #${each.packetId}`
          : each.type
      );
      assert.deepEqual(texts, ["a #1 dup", "c #3 dup", "d #4 dup", "pubrel #2", "e #5 dup"]);
      await last.send(
        acknowledgement("puback", 1),
        acknowledgement("pubrec", 3),
        acknowledgement("puback", 4),
        acknowledgement("pubcomp", 2),
        acknowledgement("puback", 5),
      );
      last.take();
      await last.send(acknowledgement("pubcomp", 3));
      await last.hangUp();
      const clean = await desk.keep("panel", version);
      assert.equal(clean.packets.length, 1, "everything is acknowledged");
    });
  });

  Deno.test(`Broker.step() still knows the Packet Identifiers that it has received when a ${version} publisher returns [MQTT-4.3.3-10]`, async () => {
    await Desk.with({}, async (desk) => {
      const panel = await desk.connect("panel");
      await panel.send(subscribePacket(1, ["t", 0]));
      panel.take();
      const pump = await desk.keep("pump", version);
      const packet = publishPacket("t", "a", { packetId: 5, qos: 2 });
      await pump.send(packet);
      await pump.hangUp();
      const again = await desk.keep("pump", version);
      again.take();
      await again.send({ ...packet, dup: true });
      again.expect("pubrec #5");
      panel.expect("publish t q0 a");
      await again.send(acknowledgement("pubrel", 5));
      again.expect("pubcomp #5");
    });
  });
}

Deno.test("Broker.step() resends within the Receive Maximum of the new connection when that is smaller [MQTT-3.3.4-9]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["t", 1]));
    const pump = await desk.connect("pump");
    for (let i = 1; i <= 4; i++) await pump.send(publishPacket("t", `m${i}`, { packetId: i }));
    await panel.hangUp();
    await pump.send(publishPacket("t", "m5", { packetId: 5 }));
    const again = await desk.keep("panel", 5, {
      properties: { sessionExpiryInterval: 60, receiveMaximum: 2 },
    });
    const all = again.packets.slice(1);
    assert.equal(all.length, 2);
    await again.send(acknowledgement("puback", 1));
    again.expect("publish t q1 #3 dup m3");
    await again.send(acknowledgement("puback", 2), acknowledgement("puback", 3));
    again.expect("publish t q1 #4 dup m4", "publish t q1 #5 m5");
  });
});

Deno.test("Broker.step() resends nothing when a 5.0 client stays connected, whatever retryInterval is [MQTT-4.4.0-1]", async () => {
  await Desk.with({ limits: { retryInterval: 5 } }, async (desk) => {
    const panel = await desk.connect("panel");
    await panel.send(subscribePacket(1, ["t", 2]));
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("t", "a", { packetId: 1 }));
    await pump.send(publishPacket("t", "b", { packetId: 2, qos: 2 }));
    panel.take();
    pump.take();
    await desk.pass(60);
    panel.expect();
    pump.expect();
  });
});

for (const version of [3, 4] as const) {
  Deno.test(`Broker.step() resends PUBLISH, PUBREL and PUBREC when retryInterval has passed for a ${version} client`, async () => {
    await Desk.with({ limits: { retryInterval: 5 } }, async (desk) => {
      const panel = await desk.connect("panel", { protocolVersion: version });
      await panel.send(subscribePacket(1, ["t", 2]));
      const pump = await desk.connect("pump", { protocolVersion: version });
      await desk.pass(3);
      await pump.send(publishPacket("t", "a", { packetId: 1 }));
      await pump.send(publishPacket("t", "b", { packetId: 2, qos: 2 }));
      await panel.send(acknowledgement("pubrec", 2));
      panel.expect("suback #1 2", "publish t q1 #1 a", "publish t q2 #2 b", "pubrel #2");
      pump.expect("puback #1", "pubrec #2");
      await desk.pass(4);
      panel.expect(); // not a whole interval yet
      await desk.pass(4);
      panel.expect("publish t q1 #1 dup a", "pubrel #2");
      pump.expect("pubrec #2");
      await panel.send(acknowledgement("puback", 1), acknowledgement("pubcomp", 2));
      await pump.send(acknowledgement("pubrel", 2));
      pump.expect("pubcomp #2");
      await desk.pass(60);
      panel.expect();
      pump.expect();
    });
  });
}

Deno.test("Broker.step() follows another retryInterval while 3.1.1 clients are connected, and 0 ends it", async () => {
  await Desk.with({ limits: { retryInterval: 5 } }, async (desk) => {
    const set = (retryInterval: number) =>
      desk.feed({
        type: "rules",
        rules: { ...desk.rules, limits: { ...desk.rules.limits, retryInterval } },
      });
    const panel = await desk.connect("panel", { protocolVersion: 4 });
    const modern = await desk.connect("modern");
    for (const client of [panel, modern]) {
      await client.send(subscribePacket(1, ["t", 1]));
      client.take();
    }
    const pump = await desk.connect("pump", { protocolVersion: 4 });
    await pump.send(publishPacket("t", "a", { packetId: 1 }));
    panel.expect("publish t q1 #1 a");
    await set(0);
    await desk.pass(60);
    panel.expect();
    assert.equal(desk.nextIn, undefined);
    await set(3);
    await desk.pass(4);
    panel.expect("publish t q1 #1 dup a");
    await set(100);
    await desk.pass(50);
    panel.expect();
    await desk.pass(100);
    panel.expect("publish t q1 #1 dup a");
    modern.expect("publish t q1 #1 a");
  });
});

Deno.test("Broker.step() resends no more to a 3.1.1 client when what was resent last still waits for the store", async () => {
  await Desk.with({ limits: { retryInterval: 5 } }, async (desk) => {
    const panel = await desk.keep("panel", 4);
    await panel.send(subscribePacket(1, ["t", 1]));
    const pump = await desk.connect("pump");
    panel.take();
    desk.hold(true);
    await pump.send(publishPacket("t", "a", { packetId: 1 }));
    await desk.pass(60);
    assert.equal(desk.tables.pending, 2);
    await desk.letGo();
    panel.expect("publish t q1 #1 a", "publish t q1 #1 dup a");
    await desk.pass(5);
    panel.expect("publish t q1 #1 dup a");
  });
});

Deno.test("Broker.step() resends nothing to a 3.1.1 client when retryInterval is 0, and wants no wake-up", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.connect("panel", { protocolVersion: 4 });
    await panel.send(subscribePacket(1, ["t", 1]));
    const pump = await desk.connect("pump", { protocolVersion: 4 });
    await pump.send(publishPacket("t", "a", { packetId: 1 }));
    panel.take();
    await desk.pass(3600);
    panel.expect();
    assert.equal(desk.nextIn, undefined);
  });
});

Deno.test("Broker.step() drops what is inflight and too large when the client returns with a smaller Maximum Packet Size [MQTT-3.1.2-24] [MQTT-3.1.2-25]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["t", 2]));
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("t", "x".repeat(500), { packetId: 1 }),
      publishPacket("t", "y".repeat(500), { packetId: 2, qos: 2 }),
      publishPacket("t", "small", { packetId: 3 }),
    );
    await panel.hangUp();
    const again = await desk.keep("panel", 5, {
      properties: { sessionExpiryInterval: 60, maximumPacketSize: 100, receiveMaximum: 1 },
    });
    assert.ok(again.sizes.every((size) => size <= 100), String(again.sizes));
    assert.equal(again.packets.at(-1)?.type, "publish", "what fits is sent");
    assert.equal(desk.drops.tooLargeForClient, 2);
    await again.send(acknowledgement("puback", 3));
    await again.hangUp();
    const wide = await desk.keep("panel");
    assert.equal(wide.packets.length, 1, "what was dropped counts as delivered");
  });
});
