/** Other rules while clients are connected: what CONNACK said holds on. Sections 3.2.2.3 and 4.13. */

import assert from "node:assert/strict";
import type { Limits } from "../../src/policy/limits.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { Desk } from "./desk.ts";
import { connectPacket, publishPacket, subscribePacket } from "./packets.ts";

function change(desk: Desk, limits: Partial<Limits>, rest: Partial<Rules> = {}): Promise<void> {
  const rules = { ...desk.rules, ...rest, limits: { ...desk.rules.limits, ...limits } };
  return desk.feed({ type: "rules", rules });
}

const aliased = (topicAlias: number) => publishPacket("t", "m", { properties: { topicAlias } });
const exactlyOnce = (packetId: number) => publishPacket("t", "m", { qos: 2, packetId });

Deno.test("Broker.step() keeps to the Receive Maximum and Topic Alias Maximum of CONNACK when rules lower them [MQTT-3.3.4-7] [MQTT-3.3.2-9]", async () => {
  await Desk.with({ limits: { receiveMaximum: 3, topicAliasMaximum: 3 } }, async (desk) => {
    const early = await desk.connect("early");
    await change(desk, { receiveMaximum: 1, topicAliasMaximum: 0 });
    await early.send(aliased(3), exactlyOnce(1), exactlyOnce(2), exactlyOnce(3));
    assert.equal(early.lines().length, 3); // PUBRECs
    early.take();
    const late = await desk.connect("late");
    const { receiveMaximum, topicAliasMaximum } = late.connack.properties!;
    assert.deepEqual([receiveMaximum, topicAliasMaximum], [1, 0]);
    await late.send(aliased(1));
    late.expect("disconnect 0x94");
    await early.send(exactlyOnce(4));
    early.expect("disconnect 0x93");
  });
});

Deno.test("Broker.step() holds clients to what CONNACK said when rules raise it", async () => {
  await Desk.with({ limits: { receiveMaximum: 1, topicAliasMaximum: 1 } }, async (desk) => {
    const early = await desk.connect("early");
    const other = await desk.connect("other");
    await change(desk, { receiveMaximum: 9, topicAliasMaximum: 9 });
    await early.send(exactlyOnce(1), exactlyOnce(2));
    assert.match(early.lines().join(), /disconnect 0x93/);
    await other.send(aliased(2));
    other.expect("disconnect 0x94");
  });
});

Deno.test("Broker.step() grants shared subscriptions to whom they were announced when rules turn them off", async () => {
  await Desk.with({}, async (desk) => {
    const early = await desk.connect("early");
    await change(desk, {}, { sharedSubscriptions: false });
    const late = await desk.connect("late");
    assert.equal(late.connack.properties?.sharedSubscriptionAvailable, 0);
    for (const [client, code] of [[early, "0x00"], [late, "0x9e"]] as const) {
      await client.send(subscribePacket(1, ["$share/g/t", 0]));
      assert.match(client.lines().join(), new RegExp(`suback.*${code}|suback.*${Number(code)}`));
    }
  });
});

Deno.test("Broker.step() announces what held when the link was opened, as that is what its packets are held to", async () => {
  await Desk.with({ limits: { maximumPacketSize: 5_000 } }, async (desk) => {
    const client = await desk.dial();
    await change(desk, { maximumPacketSize: 9_000 });
    await client.send(connectPacket("pump"));
    assert.equal(client.connack.properties?.maximumPacketSize, 5_000);
  });
});

Deno.test("Broker.step() sends 0x98 to all who came by a listener that is removed, and fires their Wills [MQTT-3.1.2-8]", async () => {
  await Desk.with({}, async (desk) => {
    const will = {
      topic: "wills/goes",
      payload: new Uint8Array(),
      qos: 0 as const,
      retain: false,
      willDelayInterval: 0,
      properties: undefined,
    };
    const goes = await desk.connect("goes", { will });
    const old = await desk.connect("old", { protocolVersion: 4 });
    const silent = await desk.dial();
    await desk.feed({ type: "listenerRemoved", listener: "another" });
    assert.deepEqual([goes.closed, old.closed, silent.closed], [false, false, false]);
    await desk.feed({ type: "listenerRemoved", listener: "desk" });
    goes.expect("disconnect 0x98");
    assert.deepEqual([goes.closed, old.closed, silent.closed], [true, true, true]);
    assert.equal(desk.endOf("goes"), "kicked");
    const { clients, connections } = desk.broker.snapshot();
    assert.deepEqual([clients.size, connections.size], [0, 0]);
  });
});
