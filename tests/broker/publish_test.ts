/** What a PUBLISH carries, what it may not, and what becomes of it on its way. Section 3.3. */

import assert from "node:assert/strict";
import type { PublishProperties } from "../../src/packet/packet.ts";
import { Desk } from "./desk.ts";
import { acknowledgement, publishPacket, subscribePacket, unsubscribePacket } from "./packets.ts";

Deno.test("Broker.step() forwards all properties unaltered and User Properties in their order [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]", async () => {
  await Desk.with({}, async (desk) => {
    const properties: PublishProperties = {
      payloadFormatIndicator: 1,
      contentType: "text/plain",
      responseTopic: "answer/here",
      correlationData: Uint8Array.of(0, 1, 255),
      userProperties: [["b", "2"], ["a", ""], ["b", "3"], ["", "x"]],
    };
    const stored = await desk.keep("stored");
    const present = await desk.connect("present");
    const old = await desk.connect("old", { protocolVersion: 4 });
    for (const each of [stored, present, old]) await each.send(subscribePacket(1, ["t", 2]));
    await stored.hangUp();
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("t", "m", { packetId: 1, properties }));
    await pump.send(publishPacket("t", "m", { properties, retain: true }));
    const late = await desk.connect("late");
    await late.send(subscribePacket(1, ["t", 0]));
    const back = await desk.keep("stored");
    back.rewind();
    const all = [...present.publishes(), ...back.publishes(), ...late.publishes()];
    assert.equal(all.length, 4);
    for (const publish of all) {
      const { correlationData, ...rest } = publish.properties!;
      assert.deepEqual([...correlationData!], [0, 1, 255]);
      const { correlationData: _, ...wanted } = properties;
      assert.deepEqual(rest, wanted);
    }
    assert.deepEqual(old.publishes().map((publish) => publish.properties), [undefined, undefined]);
  });
});

Deno.test("Broker.step() keeps a payload from the bytes of later packets when it is stored or retained", async () => {
  await Desk.with({}, async (desk) => {
    const stored = await desk.keep("stored");
    await stored.send(subscribePacket(1, ["t/+", 1]));
    await stored.hangUp();
    const pump = await desk.connect("pump");
    for (const text of ["first!", "second", "third!"]) {
      await pump.send(publishPacket(`t/${text}`, text, { packetId: 1, retain: true }));
    }
    const back = await desk.keep("stored");
    back.rewind();
    await back.send(subscribePacket(2, ["t/#", 0]));
    for (const { topic, payload } of back.publishes()) {
      assert.equal(`t/${new TextDecoder().decode(payload)}`, topic);
    }
  });
});

Deno.test("Broker.step() passes on the Message Expiry Interval less the time it waited, and drops what has expired [MQTT-3.3.2-5] [MQTT-3.3.2-6]", async () => {
  await Desk.with({}, async (desk) => {
    for (const qos of [1, 2] as const) {
      const panel = await desk.keep("panel");
      await panel.send(subscribePacket(1, ["t", 2]));
      await panel.hangUp();
      const pump = await desk.connect("pump");
      for (const messageExpiryInterval of [5, 20]) {
        const properties = { messageExpiryInterval };
        const packetId = messageExpiryInterval;
        await pump.send(publishPacket("t", `${packetId}`, { qos, packetId, properties }));
      }
      await desk.pass(7.5);
      const back = await desk.keep("panel");
      back.rewind();
      const got = await back.drink();
      assert.deepEqual(got.map((each) => each.properties?.messageExpiryInterval), [13]);
      await back.hangUp();
    }
    assert.equal(desk.drops.expired, 2);
  });
});

Deno.test("Broker.step() resends what was sent before it expired [MQTT-4.3.3-7] [MQTT-4.3.3-13]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["t", 2]));
    const pump = await desk.connect("pump");
    const properties = { messageExpiryInterval: 5 };
    await pump.send(publishPacket("t", "m", { qos: 2, packetId: 1, properties }));
    await panel.hangUp();
    await desk.pass(60);
    const back = await desk.keep("panel");
    back.rewind();
    back.expect("publish t q2 #1 dup m");
    await pump.send(acknowledgement("pubrel", 1));
    pump.expect("pubrec #1", "pubcomp #1");
  });
});

Deno.test("Broker.step() refuses a payload that is not the UTF-8 it is said to be when validatePayloadFormat is on", async () => {
  const bad = Uint8Array.of(0xc3, 0x28);
  const properties = { payloadFormatIndicator: 1 as const };
  for (const validatePayloadFormat of [true, false]) {
    await Desk.with({ validatePayloadFormat }, async (desk) => {
      const panel = await desk.connect("panel");
      await panel.send(subscribePacket(1, ["t", 0]));
      panel.take();
      const pump = await desk.connect("pump");
      await pump.send(
        publishPacket("t", bad, { properties }),
        publishPacket("t", bad, { properties, packetId: 1 }),
        publishPacket("t", bad, { properties, packetId: 2, qos: 2 }),
        publishPacket("t", bad, { packetId: 3 }),
        publishPacket("t", "é", { properties, packetId: 4 }),
      );
      const no = validatePayloadFormat ? " 0x99" : "";
      pump.expect(`puback #1${no}`, `pubrec #2${no}`, "puback #3", "puback #4");
      assert.equal(panel.publishes().length, validatePayloadFormat ? 2 : 5);
      if (!validatePayloadFormat) return;
      await pump.send(publishPacket("t", "ok", { packetId: 2, qos: 2 })); // [MQTT-4.3.3-9]
      pump.expect("pubrec #2");
      panel.expect("publish t q0 ok");
    });
  }
});

Deno.test("Broker.step() refuses what is not permitted with 0x87, and 3.1.1 with silence", async () => {
  await Desk.with({}, async (desk) => {
    for (const [protocolVersion, code] of [[5, " 0x87"], [4, ""]] as const) {
      const panel = await desk.connect("panel", { protocolVersion });
      await panel.send(subscribePacket(1, ["$SYS/#", 0]));
      panel.take();
      await panel.send(
        publishPacket("$SYS/a", "m"),
        publishPacket("$SYS/a", "m", { packetId: 1 }),
        publishPacket("$SYS/a", "m", { packetId: 2, qos: 2 }),
      );
      panel.expect(`puback #1${code}`, `pubrec #2${code}`);
      if (protocolVersion === 4) await panel.send(acknowledgement("pubrel", 2));
    }
  });
});

Deno.test("Broker.step() keeps Reason Strings to itself when Request Problem Information is 0 [MQTT-3.1.2-29]", async () => {
  await Desk.with({}, async (desk) => {
    for (const requestProblemInformation of [undefined, 1, 0] as const) {
      const properties = requestProblemInformation === undefined
        ? undefined
        : { requestProblemInformation };
      const panel = await desk.connect("panel", { properties });
      panel.take();
      await panel.send(
        publishPacket("$SYS/a", "m", { packetId: 1 }),
        subscribePacket(2, ["a/#/b", 0]),
        unsubscribePacket(3, "nothing"),
      );
      for (const packet of panel.take()) {
        const said = "properties" in packet ? packet.properties : undefined;
        const reason = said !== undefined && "reasonString" in said;
        if (requestProblemInformation === 0) assert.equal(reason, false, packet.type);
        else if (packet.type === "puback") assert.equal(reason, true, packet.type);
      }
    }
  });
});

Deno.test("Broker.step() closes the connection when a PUBLISH has a wildcard topic or a Subscription Identifier [MQTT-3.3.2-2] [MQTT-3.3.4-6]", async () => {
  await Desk.with({}, async (desk) => {
    const wild = await desk.connect("wild");
    await wild.sendBytes(0x30, 0x06, 0x00, 0x03, 0x61, 0x2f, 0x23, 0x00);
    assert.match(wild.lines().join(), /^disconnect 0x(81|82|90)$/);
    const identified = await desk.connect("identified");
    await identified.send(
      publishPacket("t", "m", { properties: { subscriptionIdentifiers: [1] } }),
    );
    identified.expect("disconnect 0x82");
  });
});
