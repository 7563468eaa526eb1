/** Topic Aliases in both directions. Section 3.3.2.3.4. */

import assert from "node:assert/strict";
import { Desk } from "./desk.ts";
import { publishPacket, subscribePacket } from "./packets.ts";

Deno.test("Broker.step() puts the topic in the place of an alias, and forgets it with the connection [MQTT-3.3.2-7] [MQTT-3.3.2-12]", async () => {
  await Desk.with({ limits: { topicAliasMaximum: 3 } }, async (desk) => {
    const panel = await desk.connect("panel");
    await panel.send(subscribePacket(1, ["#", 0]));
    panel.take();
    const pump = await desk.keep("pump");
    assert.equal(pump.connack.properties?.topicAliasMaximum, 3);
    const by = (topic: string, topicAlias: number) =>
      publishPacket(topic, "m", { properties: { topicAlias } });
    await pump.send(by("a", 1), by("b", 3), by("", 1), by("", 3), by("c", 1), by("", 1));
    assert.deepEqual(panel.publishes().map(({ topic, properties }) => [topic, properties]), [
      ["a", undefined],
      ["b", undefined],
      ["a", undefined],
      ["b", undefined],
      ["c", undefined],
      ["c", undefined],
    ]);
    await pump.hangUp();
    const again = await desk.keep("pump");
    await again.send(by("", 1));
    again.expect("disconnect 0x82");
    panel.expect();
  });
});

Deno.test("Broker.step() closes the connection when an alias is 0, above the maximum or unknown [MQTT-3.3.2-8] [MQTT-3.3.2-9]", async () => {
  await Desk.with({ limits: { topicAliasMaximum: 3 } }, async (desk) => {
    for (const [topicAlias, code] of [[4, "0x94"], [2, "0x82"]] as const) {
      const pump = await desk.connect("pump");
      const topic = topicAlias === 4 ? "t" : "";
      await pump.send(publishPacket(topic, "m", { properties: { topicAlias } }));
      pump.expect(`disconnect ${code}`);
      assert.equal(pump.closed, true);
    }
    const zero = await desk.connect("zero");
    await zero.sendBytes(0x30, 0x07, 0x00, 0x01, 0x74, 0x03, 0x23, 0x00, 0x00);
    assert.match(zero.lines().join(), /^disconnect 0x(94|82|81)$/);
    const none = await desk.connect("none");
    await none.sendBytes(0x30, 0x03, 0x00, 0x00, 0x00); // neither topic nor alias
    none.expect("disconnect 0x82");
  });
});

Deno.test("Broker.step() sets aliases within the client's maximum and uses them, for every QoS [MQTT-3.1.2-26] [MQTT-3.1.2-27] [MQTT-3.3.2-11]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.connect("panel", { properties: { topicAliasMaximum: 2 } });
    await panel.send(subscribePacket(1, ["#", 1]));
    panel.take();
    const plain = await desk.connect("plain");
    await plain.send(subscribePacket(1, ["#", 1]));
    plain.take();
    const pump = await desk.connect("pump");
    for (const topic of ["a", "b", "c", "a", "b", "c"]) {
      await pump.send(publishPacket(topic, "m", { packetId: 1 }), publishPacket(topic, "m"));
    }
    const known = new Map<number, string>();
    const topics = panel.publishes().map(({ topic, properties }) => {
      const alias = properties?.topicAlias;
      if (alias === undefined) return topic;
      assert.ok(alias === 1 || alias === 2);
      if (topic !== "") known.set(alias, topic);
      return known.get(alias);
    });
    assert.deepEqual(topics.sort().join(""), "aaaabbbbcccc");
    assert.equal(known.size, 2);
    for (const publish of plain.publishes()) assert.equal(publish.properties, undefined);
  });
});
