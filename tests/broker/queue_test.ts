/** The offline queue: its limits, its policies, QoS 0 in it. */

import assert from "node:assert/strict";
import type { Caller } from "./caller.ts";
import type { DeskOptions } from "./desk.ts";
import { Desk } from "./desk.ts";
import type { QueuePolicy } from "../../src/policy/rules.ts";
import { acknowledgement, publishPacket, subscribePacket } from "./packets.ts";

async function absent(desk: Desk, clientId = "panel", qos: 0 | 1 | 2 = 1): Promise<void> {
  const panel = await desk.keep(clientId);
  await panel.send(subscribePacket(1, ["t", qos]));
  await panel.hangUp();
}

async function publish(pump: Caller, ...texts: readonly string[]): Promise<readonly string[]> {
  for (const [at, text] of texts.entries()) {
    await pump.send(publishPacket("t", text, { packetId: at + 1 }));
  }
  return pump.lines();
}

async function drain(desk: Desk, clientId = "panel"): Promise<string> {
  const panel = await desk.keep(clientId);
  panel.rewind();
  const got = await panel.drink();
  await panel.hangUp();
  return got.map((each) => new TextDecoder().decode(each.payload)).join(" ");
}

const FULL: readonly (readonly [QueuePolicy, string, boolean])[] = [
  ["dropOldest", "3 4 5", false],
  ["dropNewest", "1 2 3", false],
  ["reject", "1 2 3", true],
];

for (const [queuePolicy, left, told] of FULL) {
  const bounds: readonly (readonly [string, DeskOptions["limits"], string])[] = [
    ["queuedMessagesPerSession", { queuedMessagesPerSession: 3 }, "queueFull"],
    ["queuedBytesPerSession", { queuedBytesPerSession: 650 }, "queueFull"],
    ["queuedMessagesPerIdentity", { queuedMessagesPerIdentity: 3 }, "identityQueueFull"],
    ["queuedBytesPerIdentity", { queuedBytesPerIdentity: 650 }, "identityQueueFull"],
    ["queuedMessages", { queuedMessages: 3 }, "brokerQueueFull"],
    ["queuedBytes", { queuedBytes: 650 }, "brokerQueueFull"],
  ];
  for (const [name, limits, reason] of bounds) {
    Deno.test(`Broker.step() keeps within ${name} and counts every drop when the policy is ${queuePolicy}`, async () => {
      await Desk.with({ queuePolicy, limits: limits! }, async (desk) => {
        await absent(desk);
        const pump = await desk.connect("pump");
        const answers = await publish(pump, "1", "2", "3", "4", "5");
        const no = told ? " 0x97" : "";
        assert.deepEqual(answers, [
          "puback #1",
          "puback #2",
          "puback #3",
          `puback #4${no}`,
          `puback #5${no}`,
        ]);
        assert.deepEqual(desk.drops, { [reason]: 2 });
        assert.equal(desk.tables.queuedMessages, 3);
        assert.equal(await drain(desk), left);
        assert.deepEqual([desk.tables.queuedMessages, desk.tables.queuedBytes], [0, 0]);
      });
    });
  }
}

Deno.test("Broker.step() takes a refused QoS 2 message anew when there is room again [MQTT-4.3.3-9]", async () => {
  await Desk.with(
    { queuePolicy: "reject", limits: { queuedMessagesPerSession: 1 } },
    async (desk) => {
      await absent(desk, "panel", 2);
      const pump = await desk.keep("pump");
      pump.take();
      const two = (text: string, packetId: number) =>
        publishPacket("t", text, { qos: 2, packetId });
      await pump.send(two("a", 1), two("b", 2));
      pump.expect("pubrec #1", "pubrec #2 0x97");
      assert.equal(await drain(desk), "a");
      await pump.send(two("b", 2));
      pump.expect("pubrec #2");
      assert.equal(await drain(desk), "b");
    },
  );
});

Deno.test("Broker.step() acknowledges a 3.1.1 publisher when the queue is full under reject, and counts the drop", async () => {
  await Desk.with(
    { queuePolicy: "reject", limits: { queuedMessagesPerSession: 1 } },
    async (desk) => {
      await absent(desk);
      const pump = await desk.connect("pump", { protocolVersion: 4 });
      assert.deepEqual(await publish(pump, "1", "2"), ["puback #1", "puback #2"]);
      assert.deepEqual(desk.drops, { queueFull: 1 });
    },
  );
});

Deno.test("Broker.step() queues QoS 0 for absent sessions when queueQos0 is on, in their order", async () => {
  for (const queueQos0 of [true, false]) {
    await Desk.with({ queueQos0 }, async (desk) => {
      await absent(desk);
      const pump = await desk.connect("pump");
      await pump.send(
        publishPacket("t", "a"),
        publishPacket("t", "b", { packetId: 1 }),
        publishPacket("t", "c"),
      );
      assert.equal(await drain(desk), queueQos0 ? "a b c" : "b");
      assert.deepEqual(desk.drops, queueQos0 ? {} : { absentQoS0: 2 });
      assert.equal(desk.disk.dump().sessions[0]!.queued.length, 0);
    });
  }
});

Deno.test("Broker.step() gives a queue of QoS 0 messages out in full when it is more than an outbox holds", async () => {
  const limits = {
    outboxCongested: 20_000,
    outboxDrained: 5_000,
    outboxMaximum: 100_000,
    sendWindowBytes: 50_000,
  };
  await Desk.with({ queueQos0: true, limits }, async (desk) => {
    await absent(desk);
    const pump = await desk.connect("pump");
    for (let i = 0; i < 30; i++) await pump.send(publishPacket("t", "x".repeat(10_000)));
    await pump.send(publishPacket("t", "y".repeat(10_000), { packetId: 1 }));
    const panel = await desk.keep("panel");
    panel.rewind();
    assert.equal((await panel.drink()).length, 31);
    assert.equal(panel.closed, false);
    assert.equal(desk.outboxDropped, 0);
    assert.equal(desk.nextIn, undefined);
  });
});

Deno.test("Broker.step() gives a long queue out by its window when the store holds most of it, also after a start", async () => {
  const limits = { queueHead: 4, sendWindow: 3 };
  await Desk.with({ limits }, async (desk) => {
    await absent(desk);
    const pump = await desk.connect("pump");
    const texts = Array.from({ length: 25 }, (_, at) => String(at + 1));
    await publish(pump, ...texts);
    await desk.restart();
    assert.equal(desk.tables.queuedMessages, 25);
    const panel = await desk.keep("panel");
    panel.rewind();
    assert.equal(panel.publishes().length, 3);
    await panel.hangUp();
    assert.equal(await drain(desk), texts.join(" "));
    assert.equal(desk.tables.queuedMessages, 0);
    assert.equal(desk.disk.dump().sessions[0]!.queued.length, 0);
  });
});

Deno.test("Broker.step() resumes a session whose queue is larger than an outbox, window by window", async () => {
  const limits = { outboxMaximum: 100_000, outboxCongested: 50_000, sendWindowBytes: 50_000 };
  await Desk.with({ limits }, async (desk) => {
    await absent(desk);
    const pump = await desk.connect("pump");
    for (let i = 1; i <= 40; i++) {
      await pump.send(publishPacket("t", String(i).padEnd(10_000), { packetId: i }));
    }
    const got = (await drain(desk)).split(/ +/).filter((text) => text !== "").map(Number);
    assert.deepEqual(got, Array.from({ length: 40 }, (_, at) => at + 1));
    assert.equal(desk.endOf("panel"), "linkLost");
  });
});

Deno.test("Broker.step() drops the oldest of a connected client's queue when it does not acknowledge, and closes nobody", async () => {
  await Desk.with({ limits: { queuedMessagesPerSession: 2 } }, async (desk) => {
    const panel = await desk.connect("panel", { properties: { receiveMaximum: 1 } });
    await panel.send(subscribePacket(1, ["t", 1]));
    panel.take();
    const pump = await desk.connect("pump");
    await publish(pump, "1", "2", "3", "4", "5");
    panel.expect("publish t q1 #1 1");
    await panel.send(acknowledgement("puback", 1));
    panel.expect("publish t q1 #2 4");
    assert.deepEqual(desk.drops, { queueFull: 2 });
  });
});

Deno.test("Broker.step() gives the room of a session back when that ends", async () => {
  await Desk.with({ limits: { queuedMessages: 2 } }, async (desk) => {
    await absent(desk, "a");
    const pump = await desk.connect("pump");
    await publish(pump, "1", "2");
    await desk.pass(3600);
    assert.deepEqual([desk.tables.queuedMessages, desk.tables.queuedBytes], [0, 0]);
    await absent(desk, "b");
    await publish(pump, "3", "4");
    assert.equal(await drain(desk, "b"), "3 4");
    assert.deepEqual(desk.drops, {});
  });
});

Deno.test("Broker.step() delivers to nobody what it refuses when one queue of several is full under reject", async () => {
  await Desk.with(
    { queuePolicy: "reject", limits: { queuedMessagesPerSession: 1 } },
    async (desk) => {
      await absent(desk);
      const here = await desk.connect("here");
      await here.send(subscribePacket(1, ["t", 1]));
      here.take();
      const pump = await desk.connect("pump");
      assert.deepEqual(await publish(pump, "1", "2"), ["puback #1", "puback #2 0x97"]);
      here.expect("publish t q1 #1 1");
    },
  );
});

Deno.test("Broker.step() tells 5.0 publishers 0x97 when the store is full, and QoS 0 flows", async () => {
  await Desk.with({}, async (desk) => {
    const here = await desk.connect("here");
    await here.send(subscribePacket(1, ["t", 0]));
    here.take();
    await desk.feed({ type: "store", full: true, detail: "disk full" });
    const pump = await desk.connect("pump");
    assert.deepEqual(await publish(pump, "1"), ["puback #1 0x97"]);
    await pump.send(publishPacket("t", "now"));
    here.expect("publish t q0 now");
    await desk.feed({ type: "store", full: false, detail: "" });
    assert.deepEqual(await publish(pump, "2"), ["puback #1"]);
  });
});
