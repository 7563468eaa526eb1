/** Message receipt and order of MQTT 5.0, sections 4.5 and 4.6. */

import { acknowledgement, publishPacket, unsubscribePacket } from "../../broker/packets.ts";
import type { Row } from "../harness.ts";
import { excuse, holds } from "../harness.ts";
import type { Peer } from "../peer.ts";
import { drinks, inOrder, KEEPS, keeps, numbers, ONLY_CLIENTS, publishAll } from "./drinks.ts";

export const ordering5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-4.5.0-1",
    "a message is added to every matching client's session",
    async (at) => {
      const pump = await at.client("pump");
      const here: Peer[] = [];
      for (const [index, filter] of ["a/b", "a/+", "#", "+/b", "a/b/#"].entries()) {
        const panel = await at.client(`here ${index}`);
        await panel.subscribes([filter, 1]);
        here.push(panel);
        const away = await at.client(`away ${index}`, KEEPS);
        await away.subscribes([filter, 1]);
        await away.drops();
      }
      const busy = await at.client("busy", { properties: { receiveMaximum: 1 } });
      await busy.subscribes(["a/#", 1]);
      const others = await at.client("others");
      await others.subscribes(["a/c", 1], ["b", 1], ["a", 1], ["a/b/+", 1]);
      for (const [packetId, payload] of [[1, "one"], [2, "two"]] as const) {
        await pump.publishes("a/b", payload, { packetId });
        pump.gets({ type: "puback", packetId, reasonCode: 0 });
      }
      for (const panel of here) inOrder(at, await drinks(panel), ["one", "two"]);
      inOrder(at, await drinks(busy), ["one", "two"]);
      others.getsNothing();
      await at.restarts();
      for (let index = 0; index < 5; index++) {
        const back = await at.client(`away ${index}`, KEEPS);
        inOrder(at, await drinks(back), ["one", "two"]);
      }
    },
  ),
  excuse("5.0", "MQTT-4.5.0-2", ONLY_CLIENTS),
  excuse(
    "5.0",
    ["MQTT-4.6.0-1", "MQTT-4.6.0-2", "MQTT-4.6.0-3", "MQTT-4.6.0-4"],
    ONLY_CLIENTS,
  ),

  holds("5.0", "MQTT-4.6.0-5", "messages come in the order of their publisher", async (at) => {
    const panel = await at.client("panel", { properties: { receiveMaximum: 3 } });
    await panel.subscribes(["t", 2]);
    const pumps = [await at.client("p0"), await at.client("p1")];
    for (let turn = 0; turn < 40; turn++) {
      for (const [index, pump] of pumps.entries()) {
        const qos = index === 0 ? 1 : 2;
        await pump.publishes("t", `${index}:${turn}`, { packetId: turn + 1, qos });
      }
    }
    const came = await drinks(panel);
    for (const index of pumps.keys()) {
      const mine = came.filter((each) => each.startsWith(`${index}:`));
      inOrder(at, mine, numbers(40).map((each) => `${index}:${Number(each) - 1}`));
    }
    const one = await at.client("one");
    await one.subscribes(["t", 0]);
    await publishAll(pumps[0]!, "t", numbers(300), 0);
    inOrder(at, await drinks(one), numbers(300));
  }),
  holds("5.0", "MQTT-4.6.0-5", "through queue, store, reconnecting and restart", async (at) => {
    at.configure({ limits: { queueHead: 16, queuedMessagesPerSession: 5_000 } });
    for (const qos of [1, 2] as const) {
      const topic = `t${qos}`;
      let panel = await at.client("panel", keeps(10));
      await panel.subscribes([topic, 2]);
      let pump = await at.client("pump");
      const wanted = numbers(450);
      await publishAll(pump, topic, wanted.slice(0, 50), qos); // 10 inflight, 40 queued
      await panel.drops();
      await publishAll(pump, topic, wanted.slice(50, 200), qos); // all left to the store
      panel = await at.client("panel", keeps(4)); // sends again, with a smaller window
      await publishAll(pump, topic, wanted.slice(200, 300), qos);
      await at.restarts();
      pump = await at.client("pump");
      await publishAll(pump, topic, wanted.slice(300, 350), qos);
      panel = await at.client("panel", keeps(7));
      const came: string[] = [];
      const some = panel.takes().filter((each) => each.type === "publish");
      came.push(...some.map(({ payload }) => new TextDecoder().decode(payload)));
      const first = qos === 1 ? "puback" : "pubrec";
      await panel.sends(...some.map(({ packetId }) => acknowledgement(first, packetId)));
      await publishAll(pump, topic, wanted.slice(350), qos); // while it is read on
      came.push(...await drinks(panel));
      inOrder(at, came, wanted);
      await panel.sends(unsubscribePacket(1, topic));
    }
  }),
  holds("5.0", "MQTT-4.6.0-5", "what is sent again comes before what is new", async (at) => {
    for (const qos of [1, 2] as const) {
      const pump = await at.client("pump");
      const panel = await at.client(`panel ${qos}`, keeps(3));
      await panel.subscribes(["t", 2]);
      await publishAll(pump, "t", numbers(6), qos);
      panel.takes();
      await panel.drops();
      const again = await at.client(`panel ${qos}`, keeps(2));
      await publishAll(pump, "t", ["7", "8"], qos);
      inOrder(at, await drinks(again), numbers(8));
    }
  }),
  holds("5.0", "MQTT-4.6.0-5", "while the queue is read from the store", async (at) => {
    at.configure({ limits: { queueHead: 2 } });
    const pump = await at.client("pump");
    const panel = await at.client("panel", keeps(4));
    await panel.subscribes(["t", 1]);
    await publishAll(pump, "t", numbers(14), 1); // 4 inflight, 2 queued in memory, 8 in the store
    const inflight = panel.takes().filter((each) => each.type === "publish");
    const desk = await at.desk();
    desk.hold(true);
    await panel.sends(...inflight.map(({ packetId }) => acknowledgement("puback", packetId)));
    await publishAll(pump, "t", ["15", "16"], 1);
    panel.getsNothing();
    await at.act(() => desk.hold(false));
    inOrder(at, [...numbers(4), ...await drinks(panel)], numbers(16));
  }),
  holds("5.0", "MQTT-4.6.0-6", "every topic keeps its order, whatever its name", async (at) => {
    const topics = ["t", "/", "a/b/c/d/e", "$other/x", "ä/€", "x".repeat(5_000)];
    const panel = await at.client("panel", { properties: { receiveMaximum: 2 } });
    await panel.subscribes(["#", 2], ["$other/#", 1]);
    const pump = await at.client("pump");
    for (let turn = 0; turn < 12; turn++) {
      for (const [index, topic] of topics.entries()) {
        const packetId = turn * topics.length + index + 1;
        await pump.publishes(topic, `${index}:${turn}`, { packetId, qos: 1 });
      }
    }
    const came = await drinks(panel);
    for (const index of topics.keys()) {
      const mine = came.filter((each) => each.startsWith(`${index}:`));
      inOrder(at, mine, numbers(12).map((each) => `${index}:${Number(each) - 1}`));
    }
  }),
  holds(
    "5.0",
    "MQTT-4.6.0-6",
    "for every subscriber, whatever else it subscribes to",
    async (at) => {
      const panels: Peer[] = [];
      for (let index = 0; index < 6; index++) {
        const panel = await at.client(`panel ${index}`, {
          properties: { receiveMaximum: index + 1, topicAliasMaximum: index % 2 === 0 ? 4 : 0 },
        });
        await panel.subscribes(["t", 1], ["+", 2], ["u", 0]);
        panels.push(panel);
      }
      const pump = await at.client("pump");
      const retained = publishPacket("t", "0", { packetId: 1, retain: true });
      await pump.sends(retained);
      await publishAll(pump, "t", numbers(60), 2);
      for (const panel of panels) inOrder(at, await drinks(panel), ["0", ...numbers(60)]);
    },
  ),
];
