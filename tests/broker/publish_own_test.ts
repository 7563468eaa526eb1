/** The broker's own messages: retained, sent, never stored. */

import assert from "node:assert/strict";
import { Desk } from "./desk.ts";
import { publishPacket, subscribePacket } from "./packets.ts";

const own = (topic: string, text: string) => ({ topic, payload: new TextEncoder().encode(text) });

Deno.test("Broker.step() retains its own messages and sends them, and writes none to the store", async () => {
  await Desk.with({}, async (desk) => {
    await desk.feed({ type: "publish", messages: [own("$SYS/broker/uptime", "1 seconds")] });
    const panel = await desk.keep("panel", 5, { cleanStart: true });
    await panel.send(subscribePacket(1, ["$SYS/#", 1]));
    assert.deepEqual(panel.publishes().length, 1);
    panel.take();
    await desk.feed({ type: "publish", messages: [own("$SYS/broker/uptime", "11 seconds")] });
    panel.expect("publish $SYS/broker/uptime q0 11 seconds");
    assert.equal(desk.tables.retained.size, 1);
    assert.deepEqual(desk.disk.dump().retained, []);
  });
});

Deno.test("Broker.step() shows its own messages to nobody who subscribes to # [MQTT-4.7.2-1], and takes none from a client", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.connect("panel", { protocolVersion: 5 });
    panel.take();
    await panel.send(subscribePacket(1, ["#", 0]));
    panel.take();
    await desk.feed({ type: "publish", messages: [own("$SYS/broker/uptime", "1 seconds")] });
    assert.deepEqual(panel.publishes(), []);
    const forger = await desk.connect("forger", { protocolVersion: 5 });
    await forger.send(publishPacket("$SYS/broker/uptime", "forged", { packetId: 1, retain: true }));
    const look = await desk.connect("look", { protocolVersion: 5 });
    look.take();
    await look.send(subscribePacket(1, ["$SYS/#", 0]));
    assert.match(look.lines().at(-1)!, /1 seconds/);
  });
});
