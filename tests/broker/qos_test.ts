/** Hand-shakes of QoS 0, 1 and 2 in both directions, flow control and order. Sections 4.3, 4.6, 4.9. */

import assert from "node:assert/strict";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { Desk } from "./desk.ts";
import { acknowledgement, publishPacket, subscribePacket } from "./packets.ts";

const VERSIONS: readonly ProtocolVersion[] = [3, 4, 5];

for (const protocolVersion of VERSIONS) {
  Deno.test(`Broker.step() answers each QoS by its hand-shake when a ${protocolVersion} client publishes [MQTT-3.3.4-1] [MQTT-4.3.2-4] [MQTT-4.3.3-8] [MQTT-4.3.3-11]`, async () => {
    await Desk.with({}, async (desk) => {
      const panel = await desk.connect("panel", { protocolVersion });
      await panel.send(subscribePacket(1, ["t", 2]));
      panel.expect("suback #1 2");
      const pump = await desk.connect("pump", { protocolVersion });
      await pump.send(publishPacket("t", "zero"));
      pump.expect();
      panel.expect("publish t q0 zero");
      await pump.send(publishPacket("t", "one", { packetId: 7 }));
      pump.expect("puback #7");
      panel.expect("publish t q1 #1 one");
      await pump.send(publishPacket("t", "two", { packetId: 8, qos: 2 }));
      pump.expect("pubrec #8");
      panel.expect("publish t q2 #2 two");
      await pump.send(acknowledgement("pubrel", 8));
      pump.expect("pubcomp #8");
      await panel.send(acknowledgement("puback", 1), acknowledgement("pubrec", 2));
      panel.expect("pubrel #2");
      await panel.send(acknowledgement("pubcomp", 2));
      panel.expect();
      assert.equal(desk.nextIn, undefined, "nothing is left to be done");
    });
  });

  Deno.test(`Broker.step() routes a QoS 2 message once when ${protocolVersion} repeats it before PUBREL, and anew after PUBCOMP [MQTT-4.3.3-10] [MQTT-4.3.3-12]`, async () => {
    await Desk.with({}, async (desk) => {
      const panel = await desk.connect("panel", { protocolVersion });
      await panel.send(subscribePacket(1, ["t", 0]));
      panel.take();
      const pump = await desk.connect("pump", { protocolVersion });
      const packet = publishPacket("t", "a", { packetId: 5, qos: 2 });
      await pump.send(packet, { ...packet, dup: true });
      pump.expect("pubrec #5", "pubrec #5");
      panel.expect("publish t q0 a");
      await pump.send(acknowledgement("pubrel", 5));
      pump.expect("pubcomp #5");
      await pump.send({ ...packet, dup: true });
      pump.expect("pubrec #5");
      panel.expect("publish t q0 a");
    });
  });

  Deno.test(`Broker.step() delivers with the lower QoS and DUP 0 when a ${protocolVersion} publisher sends DUP 1 [MQTT-3.3.1-3] [MQTT-3.8.4-8] [MQTT-4.3.1-1]`, async () => {
    await Desk.with({}, async (desk) => {
      const panel = await desk.connect("panel", { protocolVersion });
      await panel.send(subscribePacket(1, ["zero/#", 0], ["one/#", 1], ["two/#", 2]));
      panel.expect("suback #1 0 1 2");
      const pump = await desk.connect("pump", { protocolVersion });
      await pump.send(
        publishPacket("zero/t", "a", { packetId: 1, qos: 2, dup: true }),
        publishPacket("one/t", "b", { packetId: 2, qos: 2, dup: true }),
        publishPacket("two/t", "c", { packetId: 3, qos: 1, dup: true }),
      );
      panel.expect("publish zero/t q0 a", "publish one/t q1 #1 b", "publish two/t q1 #2 c");
    });
  });
}

Deno.test("Broker.step() answers an unknown Packet Identifier when a 5.0 client sends PUBREL or PUBREC for it", async () => {
  await Desk.with({}, async (desk) => {
    const pump = await desk.connect("pump");
    await pump.send(acknowledgement("pubrel", 9), acknowledgement("pubrec", 9));
    pump.expect("pubcomp #9 0x92", "pubrel #9 0x92");
    await pump.send(acknowledgement("puback", 9), acknowledgement("pubcomp", 9));
    pump.expect();
    assert.equal(pump.closed, false);
  });
});

Deno.test("Broker.step() completes the hand-shake when a 3.1.1 client sends PUBREL for an identifier that is not known", async () => {
  await Desk.with({}, async (desk) => {
    const pump = await desk.connect("pump", { protocolVersion: 4 });
    await pump.send(acknowledgement("pubrel", 9));
    pump.expect("pubcomp #9");
  });
});

Deno.test("Broker.step() drops the message and goes on when PUBREC or PUBACK refuses it [MQTT-4.4.0-2] [MQTT-4.9.0-2]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.keep("panel", 5, {
      properties: { sessionExpiryInterval: 60, receiveMaximum: 1 },
    });
    await panel.send(subscribePacket(1, ["t", 2]));
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("t", "a", { packetId: 1, qos: 2 }),
      publishPacket("t", "b", { packetId: 2 }),
      publishPacket("t", "c", { packetId: 3 }),
    );
    panel.expect("suback #1 2", "publish t q2 #1 a");
    await panel.send(acknowledgement("pubrec", 1, 0x80));
    panel.expect("publish t q1 #2 b");
    await panel.send(acknowledgement("puback", 2, 0x97));
    panel.expect("publish t q1 #3 c");
    await panel.hangUp();
    const again = await desk.keep("panel");
    assert.deepEqual(again.packets.slice(1).map((each) => each.type), ["publish"]);
  });
});

Deno.test("Broker.step() sends no more than Receive Maximum at once and keeps the order when the client is slow [MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.6.0-6]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.connect("panel", { properties: { receiveMaximum: 2 } });
    await panel.send(subscribePacket(1, ["t", 2]));
    panel.take();
    const pump = await desk.connect("pump");
    for (let i = 1; i <= 6; i++) {
      const qos = i % 2 === 0 ? 2 : 1;
      await pump.send(publishPacket("t", `m${i}`, { packetId: i, qos }));
    }
    panel.expect("publish t q1 #1 m1", "publish t q2 #2 m2");
    await panel.send(acknowledgement("pubrec", 2));
    panel.expect("pubrel #2"); // PUBREC gives no quota back
    await panel.send(acknowledgement("pubcomp", 2));
    panel.expect("publish t q1 #3 m3");
    await panel.send(acknowledgement("puback", 1), acknowledgement("puback", 3));
    panel.expect("publish t q2 #4 m4", "publish t q1 #5 m5");
    await panel.send({ type: "pingreq" }); // [MQTT-4.9.0-3]
    panel.expect("pingresp");
  });
});

Deno.test("Broker.step() still sends QoS 0 and answers when the send quota is used up [MQTT-3.3.4-10] [MQTT-4.9.0-3]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.connect("panel", { properties: { receiveMaximum: 1 } });
    await panel.send(subscribePacket(1, ["t", 1], ["zero", 0]));
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("t", "a", { packetId: 1 }),
      publishPacket("t", "b", { packetId: 2 }),
      publishPacket("zero", "z"),
    );
    await panel.send(subscribePacket(2, ["u", 0]));
    panel.expect("suback #1 1 0", "publish t q1 #1 a", "publish zero q0 z", "suback #2 0");
  });
});

Deno.test("Broker.step() closes with 0x93 when a 5.0 client exceeds the Receive Maximum that it was told [MQTT-3.3.4-7]", async () => {
  await Desk.with({ limits: { receiveMaximum: 2 } }, async (desk) => {
    const pump = await desk.connect("pump");
    assert.equal(pump.connack.properties?.receiveMaximum, 2);
    const two = (packetId: number) => publishPacket("t", "x", { packetId, qos: 2 });
    await pump.send(two(1), two(2));
    pump.expect("pubrec #1 0x10", "pubrec #2 0x10");
    await pump.send({ ...two(1), dup: true }); // a repetition is no further one
    pump.expect("pubrec #1");
    await pump.send(two(3));
    pump.expect("disconnect 0x93");
    assert.equal(pump.closed, true);
  });
});

Deno.test("Broker.step() counts QoS 1 towards Receive Maximum as long as PUBACK waits for the store [MQTT-3.3.4-7]", async () => {
  await Desk.with({ limits: { receiveMaximum: 2 } }, async (desk) => {
    const store = await desk.keep("store");
    await store.send(subscribePacket(1, ["t", 1]));
    await store.hangUp();
    const pump = await desk.connect("pump");
    desk.hold(true);
    await pump.send(
      publishPacket("t", "a", { packetId: 1 }),
      publishPacket("t", "b", { packetId: 2 }),
    );
    pump.expect();
    await pump.send(publishPacket("t", "c", { packetId: 3 }));
    pump.expect("disconnect 0x93");
  });
});

Deno.test("Broker.step() takes 3.1.1 publications without number when none of them is told a Receive Maximum", async () => {
  await Desk.with({ limits: { receiveMaximum: 2 } }, async (desk) => {
    const pump = await desk.connect("pump", { protocolVersion: 4 });
    await pump.send(
      ...[1, 2, 3, 4].map((packetId) => publishPacket("t", "x", { packetId, qos: 2 })),
    );
    pump.expect("pubrec #1", "pubrec #2", "pubrec #3", "pubrec #4");
  });
});

Deno.test("Broker.step() gives no Packet Identifier that is in use and never 0 when the numbers wrap [MQTT-2.2.1-4] [MQTT-4.3.2-1]", async () => {
  await Desk.with({ limits: { sendWindow: 65_535 } }, async (desk) => {
    const panel = await desk.connect("panel");
    await panel.send(subscribePacket(1, ["t", 1]));
    panel.take();
    const pump = await desk.connect("pump", { protocolVersion: 4 });
    await pump.send(publishPacket("t", "stays", { packetId: 1 }));
    const stays = panel.publishes()[0]!.packetId;
    const met = new Set<number>([stays]);
    for (let round = 0; round < 330; round++) {
      await pump.send(
        ...Array.from({ length: 200 }, (_, at) => publishPacket("t", "x", { packetId: at + 1 })),
      );
      const ids = panel.publishes().map((publish) => publish.packetId);
      assert.equal(ids.length, 200);
      for (const id of ids) assert.ok(id > 0 && id <= 65_535 && id !== stays, `${id}`);
      for (const id of ids) met.add(id);
      await panel.send(...ids.map((id) => acknowledgement("puback", id)));
      pump.take();
    }
    assert.equal(met.size, 65_535);
  });
});

Deno.test("Broker.step() closes the connection when an acknowledgement is of the wrong kind [MQTT-4.13.1-1]", async () => {
  await Desk.with({}, async (desk) => {
    for (const type of ["pubrec", "pubcomp"] as const) {
      const panel = await desk.connect(`panel ${type}`);
      await panel.send(subscribePacket(1, [type, 1]));
      const pump = await desk.connect("pump");
      await pump.send(publishPacket(type, "a", { packetId: 1 }));
      panel.take();
      await panel.send(acknowledgement(type, 1));
      panel.expect("disconnect 0x82");
      assert.equal(panel.closed, true);
    }
  });
});

Deno.test("Broker.step() lets nothing leave before it is durable when the store is slow, and then keeps the order", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["t", 2]));
    panel.take();
    const pump = await desk.connect("pump");
    desk.hold(true);
    await pump.send(
      publishPacket("t", "a", { packetId: 1 }),
      publishPacket("t", "b", { packetId: 2, qos: 2 }),
      publishPacket("t", "c", { packetId: 3 }),
      { type: "pingreq" },
    );
    pump.expect("pingresp");
    panel.expect();
    await desk.letGo();
    pump.expect("puback #1", "pubrec #2", "puback #3");
    panel.expect("publish t q1 #1 a", "publish t q2 #2 b", "publish t q1 #3 c");
  });
});

Deno.test("Broker.step() says 0x10 when nobody subscribes, to 5.0 only", async () => {
  await Desk.with({}, async (desk) => {
    for (
      const [protocolVersion, lines] of [
        [5, ["puback #1 0x10", "pubrec #2 0x10"]],
        [4, ["puback #1", "pubrec #2"]],
      ] as const
    ) {
      const pump = await desk.connect("pump", { protocolVersion });
      await pump.send(
        publishPacket("nobody", "a", { packetId: 1 }),
        publishPacket("nobody", "b", { packetId: 2, qos: 2 }),
      );
      pump.expect(...lines);
    }
  });
});
