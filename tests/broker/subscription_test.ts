/** Subscriptions and their options; what reaches whom. Sections 3.8, 3.10, 3.3.4 and 4.7. */

import assert from "node:assert/strict";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import { Desk } from "./desk.ts";
import { acknowledgement, publishPacket, subscribePacket, unsubscribePacket } from "./packets.ts";

for (const protocolVersion of [3, 4, 5] as readonly ProtocolVersion[]) {
  Deno.test(`Broker.step() delivers by wildcards and keeps $-topics out of leading ones when ${protocolVersion} subscribes [MQTT-3.3.2-3] [MQTT-4.7.2-1] [MQTT-4.7.3-4]`, async () => {
    await Desk.with({}, async (desk) => {
      const pump = await desk.connect("pump");
      const rows: readonly (readonly [filter: string, topic: string, matches: boolean])[] = [
        ["a/+/c", "a/b/c", true],
        ["a/+/c", "a/b/b/c", false],
        ["a/#", "a", true],
        ["a/#", "a/b/c", true],
        ["+", "/a", false],
        ["+/+", "/a", true],
        ["#", "$x/a", false],
        ["+/a", "$x/a", false],
        ["$x/#", "$x/a", true],
        ["A", "a", false],
        ["a/", "a", false],
      ];
      for (const [filter, topic, matches] of rows) {
        const panel = await desk.connect("panel", { protocolVersion });
        await panel.send(subscribePacket(1, [filter, 0]));
        panel.expect("suback #1 0");
        await pump.send(publishPacket(topic, "m"));
        panel.expect(...matches ? [`publish ${topic} q0 m`] : []);
      }
    });
  });

  Deno.test(`Broker.step() sends one copy with the highest QoS when subscriptions of ${protocolVersion} overlap [MQTT-3.3.4-2]`, async () => {
    await Desk.with({}, async (desk) => {
      const panel = await desk.connect("panel", { protocolVersion });
      await panel.send(subscribePacket(1, ["a/#", 0], ["a/+", 2], ["a/b", 1]));
      panel.take();
      const pump = await desk.connect("pump");
      await pump.send(
        publishPacket("a/b", "m", { packetId: 1, qos: 2 }),
        publishPacket("a/b", "z"),
      );
      assert.deepEqual([...panel.lines()].sort(), [
        "publish a/b q0 z",
        "publish a/b q2 #1 m",
      ]);
    });
  });

  Deno.test(`Broker.step() ends deliveries when ${protocolVersion} unsubscribes, and completes those begun [MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT-3.10.4-3] [MQTT-3.10.4-5] [MQTT-3.10.4-6]`, async () => {
    await Desk.with({}, async (desk) => {
      const panel = await desk.keep("panel", protocolVersion);
      await panel.send(subscribePacket(1, ["t/a", 2], ["t/+", 0]));
      const pump = await desk.connect("pump");
      await pump.send(publishPacket("t/a", "m", { packetId: 1, qos: 2 }));
      panel.take();
      await panel.send(unsubscribePacket(2, "t/a", "t/+", "t/#"));
      panel.expect(protocolVersion === 5 ? "unsuback #2 0 0 0x11" : "unsuback #2");
      await pump.send(publishPacket("t/a", "n", { packetId: 2, qos: 2 }));
      await panel.send(acknowledgement("pubrec", 1));
      panel.expect("pubrel #1");
      await panel.hangUp();
      const again = await desk.keep("panel", protocolVersion);
      assert.deepEqual(again.packets.slice(1).map((each) => each.type), ["pubrel"]);
      assert.equal(desk.disk.dump().sessions[0]!.subscriptions.length, 0);
    });
  });
}

Deno.test("Broker.step() sends UNSUBACK when it is durable that there is no subscription, whoever ended it", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.keep("panel");
    await panel.send(subscribePacket(1, ["t", 1]));
    panel.take();
    desk.hold(true);
    await desk.feed({ type: "unsubscribeFor", clientId: "panel", filters: ["t"] });
    await panel.send(unsubscribePacket(2, "t"));
    panel.expect();
    await desk.letGo();
    panel.expect("unsuback #2 0x11");
    assert.equal(desk.disk.dump().sessions[0]!.subscriptions.length, 0);
  });
});

Deno.test("Broker.step() keeps a message from its publisher when the subscription has No Local [MQTT-3.8.3-3]", async () => {
  await Desk.with({}, async (desk) => {
    const chat = await desk.connect("chat");
    const other = await desk.connect("other");
    for (const each of [chat, other]) {
      await each.send(subscribePacket(1, ["t", { qos: 1, noLocal: true }]));
      each.take();
    }
    await chat.send(publishPacket("t", "q1", { packetId: 1 }), publishPacket("t", "q0"));
    chat.expect("puback #1");
    assert.deepEqual([...other.lines()].sort(), ["publish t q0 q0", "publish t q1 #1 q1"]);
    // By a subscription without No Local it does come, with the options of that one.
    await chat.send(subscribePacket(2, ["+", 0]));
    chat.take();
    await chat.send(publishPacket("t", "q1", { packetId: 2 }), publishPacket("t", "q0"));
    assert.deepEqual([...chat.lines()].sort(), ["puback #2", "publish t q0 q0", "publish t q0 q1"]);
  });
});

Deno.test("Broker.step() keeps a Will from the client's own session when that has No Local", async () => {
  await Desk.with({}, async (desk) => {
    const will = {
      topic: "t",
      payload: new Uint8Array(1),
      qos: 1 as const,
      retain: false,
      willDelayInterval: 0,
      properties: undefined,
    };
    const chat = await desk.keep("chat", 5, { will });
    await chat.send(subscribePacket(1, ["t", { qos: 1, noLocal: true }]));
    await chat.hangUp();
    const again = await desk.keep("chat");
    assert.equal(again.packets.length, 1);
  });
});

Deno.test("Broker.step() sends RETAIN 0 or as published, as Retain As Published says [MQTT-3.3.1-12] [MQTT-3.3.1-13]", async () => {
  await Desk.with({}, async (desk) => {
    const plain = await desk.connect("plain");
    const faithful = await desk.connect("faithful");
    const old = await desk.connect("old", { protocolVersion: 4 });
    await plain.send(subscribePacket(1, ["t", 1]));
    await old.send(subscribePacket(1, ["t", 1]));
    await faithful.send(subscribePacket(1, ["t", { qos: 1, retainAsPublished: true }]));
    const pump = await desk.connect("pump");
    for (const [each, flag] of [[plain, ""], [old, ""], [faithful, " retain"]] as const) {
      each.take();
      await pump.send(publishPacket("t", "m", { packetId: 1, retain: true }));
      await pump.send(publishPacket("t", "n", { retain: true }), publishPacket("t", "o"));
      const lines = each.lines().slice(-3).map((line) => line.replace(/ #\d+/, ""));
      assert.deepEqual(lines, [
        `publish t q1${flag} m`,
        `publish t q0${flag} n`,
        "publish t q0 o",
      ]);
    }
  });
});

Deno.test("Broker.step() sends all matching Subscription Identifiers and none to others [MQTT-3.3.4-3] [MQTT-3.3.4-4]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.connect("panel");
    await panel.send(subscribePacket(1, ["a/#", { qos: 1, subscriptionIdentifier: 1 }]));
    await panel.send(subscribePacket(2, ["a/+", { qos: 0, subscriptionIdentifier: 268_435_455 }]));
    await panel.send(subscribePacket(3, ["+/b", 1]));
    await panel.send(subscribePacket(4, ["x", { qos: 1, subscriptionIdentifier: 9 }]));
    const old = await desk.connect("old", { protocolVersion: 4 });
    await old.send(subscribePacket(1, ["a/#", 1]));
    panel.take();
    old.take();
    const pump = await desk.connect("pump");
    await pump.send(publishPacket("a/b", "m", { packetId: 1 }), publishPacket("a/b", "z"));
    for (const publish of panel.publishes()) {
      const identifiers = [...publish.properties!.subscriptionIdentifiers!];
      assert.deepEqual(identifiers.sort((a, b) => a - b), [1, 268_435_455]);
    }
    await pump.send(publishPacket("c/b", "m", { packetId: 1 }));
    assert.equal(panel.publishes()[0]!.properties, undefined);
    assert.equal(old.publishes().length, 2);
    await panel.send(subscribePacket(5, ["a/#", 1])); // replaced without one
    panel.take();
    await pump.send(publishPacket("a/c/d", "m", { packetId: 1 }));
    assert.equal(panel.publishes()[0]!.properties, undefined);
  });
});

Deno.test("Broker.step() replaces the subscription when the filter is subscribed again [MQTT-3.8.4-3]", async () => {
  await Desk.with({}, async (desk) => {
    const panel = await desk.connect("panel");
    const pump = await desk.connect("pump");
    await panel.send(subscribePacket(1, ["t", 2], ["t", 1]));
    panel.expect("suback #1 2 1"); // [MQTT-3.8.4-5] [MQTT-3.8.4-6]
    await pump.send(publishPacket("t", "m", { packetId: 1, qos: 2 }));
    panel.expect("publish t q1 #1 m");
    await panel.send(subscribePacket(2, ["t", 0]));
    await pump.send(publishPacket("t", "m", { packetId: 2, qos: 2 }));
    panel.expect("suback #2 0", "publish t q0 m");
  });
});

Deno.test("Broker.step() refuses a filter that is none with 0x8F, and closes 3.1.1 connections", async () => {
  await Desk.with({}, async (desk) => {
    const five = await desk.connect("five");
    await five.send(subscribePacket(1, ["a/#/b", 1], ["ok", 1], ["a+", 1], ["$share/g", 0]));
    five.expect("suback #1 0x8f 1 0x8f 0x8f");
    const four = await desk.connect("four", { protocolVersion: 4 });
    await four.send(subscribePacket(1, ["a/#/b", 1]));
    four.expect();
    assert.equal(four.closed, true);
  });
});

Deno.test("Broker.step() refuses with 0x97, or 0x80 in 3.1.1, when a session has subscriptionsPerSession already", async () => {
  await Desk.with({ limits: { subscriptionsPerSession: 2 } }, async (desk) => {
    for (const [protocolVersion, code] of [[5, "0x97"], [4, "0x80"]] as const) {
      const panel = await desk.connect("panel", { protocolVersion });
      await panel.send(subscribePacket(1, ["a", 0], ["b", 1], ["c", 2], ["a", 2]));
      panel.expect(`suback #1 0 1 ${code} 2`);
    }
  });
});

Deno.test("Broker.step() sends SUBACK and then the retained messages when SUBSCRIBE packets come in one piece and the store is slow", async () => {
  await Desk.with({ limits: { retainedPerTurn: 1 } }, async (desk) => {
    const pump = await desk.connect("pump");
    for (const topic of ["a/1", "a/2", "a/3", "b/1"]) {
      await pump.send(publishPacket(topic, "r", { retain: true }));
    }
    for (const held of [false, true]) {
      const panel = await desk.keep("panel", 5, { cleanStart: true });
      desk.hold(held);
      await panel.send(subscribePacket(1, ["a/#", 0]), subscribePacket(2, ["b/#", 0]));
      await desk.letGo();
      const lines = panel.lines();
      const at = (line: string) => lines.indexOf(line);
      assert.equal(lines.length, 6);
      assert.ok(at("suback #1 0") < at("publish a/1 q0 retain r"), lines.join());
      assert.ok(at("suback #2 0") < at("publish b/1 q0 retain r"), lines.join());
    }
  });
});
