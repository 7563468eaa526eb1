/** Wills: what they carry, when they are published and when not. Sections 3.1.2.5, 3.1.3.2 and 3.14.4. */

import assert from "node:assert/strict";
import type { Caller } from "./caller.ts";
import { Desk } from "./desk.ts";
import { disconnectPacket, publishPacket, subscribePacket, willOf } from "./packets.ts";

async function watch(desk: Desk): Promise<Caller> {
  const panel = await desk.keep("panel");
  await panel.send(subscribePacket(1, ["will/#", { qos: 2, retainAsPublished: true }]));
  panel.take();
  return panel;
}

const will = willOf("will/a", "gone");
const delayed = willOf("will/a", "gone", { willDelayInterval: 10 });
const GONE = ["publish will/a q0 gone"];

for (const protocolVersion of [3, 4, 5] as const) {
  Deno.test(`Broker.step() publishes the Will when the link of a ${protocolVersion} client is lost, and not after DISCONNECT [MQTT-3.1.2-8] [MQTT-3.1.2-10] [MQTT-3.14.4-3]`, async () => {
    await Desk.with({}, async (desk) => {
      const panel = await watch(desk);
      await (await desk.connect("a", { protocolVersion, will })).hangUp();
      panel.expect(...GONE);
      await (await desk.connect("a", { protocolVersion, will })).send(disconnectPacket());
      await desk.pass(100);
      panel.expect();
      assert.equal(desk.disk.dump().wills.length, 0);
      await (await desk.connect("a", { protocolVersion })).hangUp();
      panel.expect(); // a connection without one has none
    });
  });

  Deno.test(`Broker.step() publishes the Will when a ${protocolVersion} client breaks the protocol, is silent or is kicked [MQTT-3.1.2-8] [MQTT-3.1.2-22]`, async () => {
    await Desk.with({}, async (desk) => {
      const panel = await watch(desk);
      const dial = () => desk.connect("a", { protocolVersion, will, keepAlive: 10 });
      await (await dial()).sendBytes(0x00, 0x00);
      panel.expect(...GONE);
      await dial();
      await desk.pass(15);
      panel.expect(...GONE);
      await dial();
      await desk.feed({ type: "kick", clientId: "a", reason: 0x98 });
      panel.expect(...GONE);
      await dial();
      await dial(); // takeover without a session that goes on
      panel.expect(...GONE);
    });
  });
}

Deno.test("dropLink() closes the link after DISCONNECT when it is durable that there is no Will any more [MQTT-3.14.4-3]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await watch(desk);
    const a = await desk.connect("a", { will });
    const b = await desk.connect("b");
    desk.hold(true);
    await a.send(disconnectPacket());
    await b.send(disconnectPacket());
    assert.deepEqual([a.closed, b.closed], [false, true]); // b has no Will: nothing to wait for
    await desk.letGo();
    assert.equal(a.closed, true);
    assert.equal(desk.disk.dump().wills.length, 0);
    desk.hold(false);
    await desk.restart();
    panel.expect();
    assert.equal((await desk.keep("panel")).packets.length, 1);
  });
});

Deno.test("Broker.step() publishes the Will when DISCONNECT asks for it with 0x04", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await watch(desk);
    await (await desk.connect("a", { will })).send(disconnectPacket(0x04));
    panel.expect(...GONE);
  });
});

Deno.test("Broker.step() publishes a Will with all its properties, QoS and RETAIN [MQTT-3.1.2-14] [MQTT-3.1.2-15] [MQTT-3.1.3-10]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await watch(desk);
    const properties = {
      payloadFormatIndicator: 1 as const,
      messageExpiryInterval: 60,
      contentType: "text/plain",
      responseTopic: "answer/here",
      correlationData: Uint8Array.of(1, 2, 3),
      userProperties: [["b", "2"], ["a", "1"], ["b", "3"]] as const,
    };
    const full = willOf("will/full", "text", { qos: 2, retain: true, properties });
    const a = await desk.connect("a", { will: full });
    await desk.pass(30); // its expiry begins with its publication
    await a.hangUp();
    const [publish] = panel.publishes();
    assert.equal(publish?.qos, 2);
    assert.equal(publish?.retain, true);
    assert.deepEqual(
      { ...publish?.properties, correlationData: [...publish!.properties!.correlationData!] },
      { ...properties, correlationData: [1, 2, 3] },
    );
    assert.equal(desk.tables.retained.size, 1);
  });
});

Deno.test("Broker.step() waits for the Will Delay Interval, or for the end of the session when that is sooner [MQTT-3.1.3-9]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await watch(desk);
    const rows = [
      [3600, 10, 10],
      [5, 10, 5],
      [0, 10, 0],
      [3600, 0, 0],
    ] as const;
    for (const [expiry, delay, seconds] of rows) {
      const a = await desk.connect("a", {
        will: willOf("will/a", "gone", { willDelayInterval: delay }),
        properties: { sessionExpiryInterval: expiry },
      });
      await a.hangUp();
      if (seconds > 0) {
        await desk.pass(seconds - 0.001);
        panel.expect();
        await desk.pass(0.001);
      }
      panel.expect(...GONE);
      await desk.pass(20);
      panel.expect();
    }
  });
});

Deno.test("Broker.step() withholds a delayed Will when its client is back in time [MQTT-3.1.3-9]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await watch(desk);
    await (await desk.keep("a", 5, { will: delayed })).hangUp();
    await desk.pass(9);
    const back = await desk.keep("a");
    await desk.pass(100);
    panel.expect();
    await back.hangUp(); // and the new connection has none
    await desk.pass(100);
    panel.expect();
    assert.equal(desk.disk.dump().wills.length, 0);
  });
});

Deno.test("Broker.step() withholds a delayed Will when its client is back in time and the store takes longer to answer [MQTT-3.1.3-9]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await watch(desk);
    for (const isLetIn of [true, false]) {
      await (await desk.keep("a", 5, { will: delayed })).hangUp();
      await desk.pass(9);
      desk.hold(true);
      const back = await desk.keep("a");
      await desk.pass(3);
      // It was never there: the Will is due.
      if (!isLetIn) await desk.feed({ type: "kick", clientId: "a", reason: 0x98 });
      await desk.letGo();
      await desk.pass(100);
      panel.expect(...(isLetIn ? [] : GONE));
      assert.equal(desk.disk.dump().wills.length, 0);
      if (isLetIn) await back.hangUp();
    }
  });
});

Deno.test("Broker.step() publishes a delayed Will when its client is back with Clean Start, which ends the session", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await watch(desk);
    await (await desk.keep("a", 5, { will: delayed })).hangUp();
    await desk.connect("a");
    panel.expect(...GONE);
  });
});

Deno.test("Broker.step() tells a takeover with delay from one without [MQTT-3.1.2-8] [MQTT-3.1.3-9]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await watch(desk);
    await desk.keep("a", 5, { will: delayed });
    await desk.keep("a", 5, { will });
    await desk.pass(100);
    panel.expect();
    await desk.keep("a", 5);
    panel.expect(...GONE);
  });
});

Deno.test("Broker.step() goes by the Session Expiry Interval of DISCONNECT when that asks for the Will", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await watch(desk);
    const a = await desk.keep("a", 5, { will: delayed });
    await a.send(disconnectPacket(0x04, 3));
    await desk.pass(2.9);
    panel.expect();
    await desk.pass(0.1);
    panel.expect(...GONE);
  });
});

Deno.test("Broker.step() refuses a CONNECT whose Will may not be published, and says so", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await watch(desk);
    await panel.send(subscribePacket(2, ["$SYS/#", 0]));
    panel.take();
    const caller = await desk.connect("a", { will: willOf("$SYS/a", "x") });
    assert.equal(caller.connack.reasonCode, 0x87);
    assert.equal(caller.closed, true);
    panel.expect();
    assert.ok(desk.facts.some((fact) => fact.type === "refused" && fact.clientId === "a"));
  });
});

Deno.test("Broker.step() publishes the Wills of clients that were connected when the broker went down, after their delay", async () => {
  await Desk.with({}, async (desk) => {
    await watch(desk);
    await desk.connect("a", { will: willOf("will/a", "a", { qos: 1 }) });
    await desk.keep("b", 5, { will: willOf("will/b", "b", { qos: 1, willDelayInterval: 10 }) });
    await (await desk.keep("c", 5, {
      will: willOf("will/c", "c", { qos: 1, willDelayInterval: 20 }),
    })).hangUp();
    await desk.keep("d", 4, { will: willOf("will/d", "d", { qos: 1 }) });
    await desk.pass(5);
    await desk.restart(5);
    const panel = await desk.keep("panel");
    panel.rewind();
    const topics = (from: Caller) => from.publishes().map((publish) => publish.topic).sort();
    assert.deepEqual(topics(panel), ["will/a", "will/d"]);
    await desk.pass(9.9);
    assert.deepEqual(topics(panel), []);
    await desk.pass(0.1); // c: 20 s after it left; b: 10 s after the start
    assert.deepEqual(topics(panel), ["will/b", "will/c"]);
    assert.equal(desk.disk.dump().wills.length, 0);
    await desk.restart();
    assert.deepEqual(topics(await desk.keep("panel")).length, 0, "once only");
  });
});

Deno.test("Broker.step() publishes a delayed Will at the start when the end of its session became durable and the Will's publication did not [MQTT-3.1.3-9]", async () => {
  await Desk.with({}, async (desk) => {
    await watch(desk);
    const will = willOf("will/a", "gone", { qos: 1, willDelayInterval: 10 });
    await (await desk.keep("a", 5, { will })).hangUp();
    assert.equal(desk.disk.dump().wills.length, 1);
    desk.disk.commit([{ type: "deleteSession", clientId: "a" }]); // the next batch was lost
    await desk.restart();
    const panel = await desk.keep("panel");
    panel.rewind();
    assert.deepEqual(panel.publishes().map(({ topic }) => topic), ["will/a"]);
    assert.equal(desk.disk.dump().wills.length, 0);
    assert.equal(desk.tables.deadlines.size, 0, "nothing is due of a session that is gone");
  });
});

Deno.test("Broker.step() shortens the Will Delay Interval to willDelayMaximum", async () => {
  await Desk.with({ limits: { willDelayMaximum: 5 } }, async (desk) => {
    const panel = await watch(desk);
    await (await desk.keep("a", 5, { will: delayed })).hangUp();
    await desk.pass(5);
    panel.expect(...GONE);
  });
});

Deno.test("Broker.step() publishes a Will below $delayed after that delay", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await watch(desk);
    await (await desk.connect("a", { will: willOf("$delayed/5/will/a", "gone") })).hangUp();
    await desk.pass(4);
    panel.expect();
    await desk.pass(1);
    panel.expect(...GONE);
    await panel.send(publishPacket("will/b", "still here"));
    panel.expect("publish will/b q0 still here");
  });
});
