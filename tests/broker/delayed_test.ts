/** Publications to `$delayed/{seconds}/{topic}`, which are no part of the standard. */

import assert from "node:assert/strict";
import { Desk } from "./desk.ts";
import { disconnectPacket, publishPacket, subscribePacket } from "./packets.ts";
import { counted, recount } from "./recount.ts";

Deno.test("Broker.step() publishes to $delayed when the delay has passed, across a start of the broker", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["#", 2]));
    panel.take();
    const pump = await desk.connect("pump");
    await pump.send(
      publishPacket("$delayed/10/a/b", "ten", { packetId: 1, retain: true }),
      publishPacket("$delayed/5/a/b", "five", { packetId: 2, qos: 2 }),
      publishPacket("$delayed/0/a/b", "now"),
    );
    pump.expect("puback #1", "pubrec #2");
    panel.expect("publish a/b q0 now");
    await desk.pass(4.999);
    panel.expect();
    await desk.pass(0.001);
    panel.expect("publish a/b q2 #1 five");
    assert.equal(desk.tables.retained.size, 0);
    await desk.restart(2);
    const back = await desk.keep("panel");
    back.take();
    await desk.pass(2.9);
    back.expect();
    await desk.pass(0.1);
    back.expect("publish a/b q1 #2 ten");
    assert.equal(desk.tables.retained.size, 1);
    assert.equal(desk.disk.dump().delayed.length, 0);
    assert.equal(desk.tables.delayed.size, 0);
  });
});

Deno.test("Broker.step() drops a delayed message when it expires before it is due [MQTT-3.3.2-5]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.connect("panel");
    await panel.send(subscribePacket(1, ["#", 1]));
    panel.take();
    const pump = await desk.connect("pump");
    const send = (messageExpiryInterval: number) =>
      pump.send(publishPacket("$delayed/10/t", "m", {
        packetId: 1,
        retain: true,
        properties: { messageExpiryInterval },
      }));
    await send(5);
    await desk.pass(10);
    panel.expect();
    assert.equal(desk.tables.retained.size, 0);
    assert.equal(desk.drops.expired, 1);
    assert.equal(desk.disk.dump().delayed.length, 0);
    await send(15);
    await desk.pass(10);
    assert.equal(panel.publishes()[0]?.properties?.messageExpiryInterval, 5);
  });
});

Deno.test("Broker.step() refuses a delay that is none, too long, or one too many", async () => {
  await Desk.with({ limits: { maximumDelay: 60, delayedMessages: 1 } }, async (desk) => {
    const pump = await desk.connect("pump");
    const send = (topic: string) => pump.send(publishPacket(topic, "m", { packetId: 1 }));
    for (const topic of ["$delayed/x/t", "$delayed/61/t", "$delayed/5/", "$delayed/-1/t"]) {
      await send(topic);
      pump.expect("puback #1 0x90");
    }
    await send("$delayed/1/$SYS/t");
    pump.expect("puback #1 0x87");
    await send("$delayed/60/t");
    await send("$delayed/60/t");
    pump.expect("puback #1", "puback #1 0x97");
    assert.equal(desk.drops.delayedFull, 1);
    await pump.send(disconnectPacket());
    await desk.pass(60);
    assert.equal(desk.nextIn, undefined);
  });
});

Deno.test("Broker.step() keeps within delayedBytes, also after a start, and has its room back when a message is due", async () => {
  await Desk.with({ limits: { delayedBytes: 1_000 } }, async (desk) => {
    const payload = "x".repeat(280); // with what a message costs besides: two fit
    const send = async (...packetIds: readonly number[]) => {
      const pump = await desk.connect("pump");
      pump.take();
      for (const packetId of packetIds) {
        await pump.send(publishPacket("$delayed/10/t", payload, { packetId }));
      }
      return pump.lines();
    };
    assert.deepEqual(await send(1, 2, 3), ["puback #1", "puback #2", "puback #3 0x97"]);
    assert.equal(desk.drops.delayedFull, 1);
    await desk.restart(1);
    assert.deepEqual(counted(desk.tables), recount(desk.tables));
    assert.deepEqual(await send(1), ["puback #1 0x97"]);
    await desk.pass(10);
    assert.equal(desk.tables.delayedBytes, 0);
    assert.deepEqual(await send(1), ["puback #1"]);
  });
});
