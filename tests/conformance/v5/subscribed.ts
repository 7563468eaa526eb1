/** What the broker does with a SUBSCRIBE of MQTT 5.0, section 3.8.4. */

import type { QoS } from "../../../src/packet/packet.ts";
import { acknowledgement, subscribePacket, unsubscribePacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import type { Peer } from "../peer.ts";
import { refuses, serves } from "./answers.ts";

/** A retained message of QoS 1 on `t`, and a client that published it. */
async function withRetained(at: Bench): Promise<Peer> {
  const pump = await at.client("pump");
  await pump.publishes("t", "kept", { packetId: 1, retain: true });
  pump.gets({ type: "puback" });
  return pump;
}

export const subscribed5: readonly Row[] = [
  holds("5.0", "MQTT-3.8.4-1", "every SUBSCRIBE is answered with a SUBACK", async (at) => {
    at.configure({ sharedSubscriptions: false });
    const panel = await at.client("panel");
    const wanted = ["t", "t", "+/#", "a/#/b", "$share/g/t", "$SYS/#", "/", "x".repeat(60_000)];
    for (const [index, filter] of wanted.entries()) {
      await panel.sends(subscribePacket(index + 1, [filter, 1]));
      panel.gets({ type: "suback", packetId: index + 1 });
      panel.getsNothing();
    }
    await panel.sends(...wanted.map((filter, at) => subscribePacket(at + 1, [filter, 1])));
    for (const index of wanted.keys()) panel.gets({ type: "suback", packetId: index + 1 });
    await serves(panel);
  }),
  holds("5.0", "MQTT-3.8.4-1", "a SUBACK goes before what its subscription brings", async (at) => {
    await withRetained(at);
    const panel = await at.client("panel");
    await panel.sends(subscribePacket(1, ["t", 1]));
    panel.gets({ type: "suback" });
    panel.gets({ type: "publish", retain: true, payload: "kept" });
  }),
  holds("5.0", "MQTT-3.8.4-1", "also where it waits for the store", async (at) => {
    await at.client("pump").then((pump) => pump.publishes("t", "kept", { retain: true }));
    const panel = await at.client("panel", { properties: { sessionExpiryInterval: 60 } });
    await panel.subscribes(["u", 1]);
    await panel.publishes("u", "x", { packetId: 1 });
    panel.gets({ type: "puback" });
    panel.gets({ type: "publish", packetId: 1 });
    const desk = await at.desk();
    desk.hold(true);
    await panel.sends(subscribePacket(1, ["t", 0]));
    await panel.sends("40 02 0001"); // there is quota again, and a retained message to send
    panel.getsNothing();
    await at.act(() => desk.hold(false));
    panel.gets({ type: "suback", packetId: 1 });
    panel.gets({ type: "publish", retain: true, payload: "kept" });
  }),
  holds(
    "5.0",
    "MQTT-3.8.4-2",
    "a SUBACK has the Packet Identifier of its SUBSCRIBE",
    async (at) => {
      const panel = await at.client("panel");
      for (const packetId of ["0001", "00ff", "0100", "1234", "ffff"]) {
        await panel.sends(frame(0x82, packetId, p(), s("t"), "01"));
        panel.gets(`90 04 ${packetId} 00 01`);
      }
      await refuses(at, frame(0x82, "0000", p(), s("t"), "01"), 0x82);
      // Identifiers of the two directions are independent: 1 is inflight to the client as well.
      await panel.publishes("t", "x", { packetId: 9 });
      panel.gets({ type: "puback", packetId: 9 });
      panel.gets({ type: "publish", packetId: 1 });
      await panel.sends(frame(0x82, "0001", p(), s("u"), "00"));
      panel.gets("90 04 0001 00 00");
    },
  ),

  holds("5.0", "MQTT-3.8.4-3", "the same filter again replaces the subscription", async (at) => {
    const pump = await at.client("pump");
    const panel = await at.client("panel", { properties: { sessionExpiryInterval: 60 } });
    await panel.subscribes(["t", { qos: 2, subscriptionIdentifier: 7 }]);
    await panel.subscribes(["t", { qos: 1, retainAsPublished: true, subscriptionIdentifier: 8 }]);
    await pump.publishes("t", "x", { packetId: 1, qos: 2, retain: true });
    const properties = { subscriptionIdentifiers: [8] };
    panel.gets({ type: "publish", qos: 1, retain: true, packetId: 1, properties });
    panel.getsNothing();
    await panel.sends("40 02 0001");
    await panel.subscribes(["t", { qos: 0, retainHandling: 2 }]);
    await pump.publishes("t", "y", { packetId: 2, qos: 2, retain: true });
    panel.gets({ type: "publish", qos: 0, retain: false, properties: undefined });
    panel.getsNothing();
    await panel.drops();
    const again = await at.client("panel", { cleanStart: false });
    await again.subscribes(["t", { qos: 1, noLocal: true, retainHandling: 2 }]);
    await pump.publishes("t", "z", { packetId: 3, qos: 2 });
    again.gets({ type: "publish", qos: 1, payload: "z" });
    again.getsNothing();
    await again.publishes("t", "own");
    again.getsNothing();
    await again.sends(frame(0xa2, "0001", p(), s("t")));
    again.gets("b0 04 0001 00 00");
    await pump.publishes("t", "gone");
    again.getsNothing();
  }),
  holds("5.0", "MQTT-3.8.4-3", "other filters for the same topics do not replace", async (at) => {
    const panel = await at.client("panel");
    const filters = ["a/b", "a/+", "+/b", "a/b/#", "$share/g/a/b", "$share/h/a/b"];
    await panel.subscribes(...filters.map((filter) => [filter, 1] as const));
    for (const [index, filter] of filters.entries()) {
      await panel.sends(frame(0xa2, "0001", p(), s(filter)));
      panel.gets("b0 04 0001 00 00");
      await panel.publishes("a/b", String(index));
      if (index < 3) panel.gets({ type: "publish" });
      const shared = Math.min(2, 5 - index);
      for (let i = 0; i < shared; i++) panel.gets({ type: "publish" });
      panel.getsNothing();
    }
  }),
  holds(
    "5.0",
    "MQTT-3.8.4-4",
    "a replacement with Retain Handling 0 sends retained again",
    async (at) => {
      await withRetained(at);
      const panel = await at.client("panel");
      for (const retainHandling of [0, 0, 1, 2, 0, 1, 2] as const) {
        await panel.sends(subscribePacket(1, ["t", { qos: 0, retainHandling }]));
        panel.gets({ type: "suback", reasonCodes: [0] });
        if (retainHandling === 0) panel.gets({ type: "publish", retain: true, payload: "kept" });
        panel.getsNothing();
      }
    },
  ),
  holds("5.0", "MQTT-3.8.4-4", "a replacement loses no message", async (at) => {
    const pump = await at.client("pump");
    const panel = await at.client("panel", { properties: { receiveMaximum: 1 } });
    await panel.subscribes(["t", 1]);
    for (let i = 1; i <= 6; i++) {
      await pump.publishes("t", String(i), { packetId: i });
      // Of these the first is inflight and the others are queued.
      if (i === 3) await panel.sends(subscribePacket(7, ["t", { qos: 2, retainHandling: 0 }]));
    }
    panel.gets({ type: "publish", payload: "1", packetId: 1 });
    panel.gets({ type: "suback" });
    for (let i = 2; i <= 6; i++) {
      await panel.sends(acknowledgement("puback", i - 1));
      panel.gets({ type: "publish", payload: String(i), packetId: i, dup: false });
    }
    panel.getsNothing();
  }),

  holds("5.0", "MQTT-3.8.4-5", "many filters do what as many SUBSCRIBE packets do", async (at) => {
    const pump = await withRetained(at);
    const one = await at.client("one");
    const many = await at.client("many");
    const wanted = [["t", 1], ["a/#/b", 1], ["u", { qos: 2, retainAsPublished: true }]] as const;
    const again = [["t", { qos: 2, retainHandling: 1 }], ["v", 0], ["u", 0]] as const;
    const all = [...wanted, ...again];
    for (const [index, each] of all.entries()) await many.sends(subscribePacket(index + 1, each));
    await one.sends(subscribePacket(9, ...all));
    const codes = [1, 0x8f, 2, 2, 0, 0];
    one.gets({ type: "suback", packetId: 9, reasonCodes: codes });
    one.gets({ type: "publish", topic: "t", retain: true, qos: 1 });
    one.getsNothing();
    many.gets({ type: "suback", packetId: 1, reasonCodes: [1] });
    many.gets({ type: "publish", topic: "t", retain: true, qos: 1 });
    for (let i = 1; i < 6; i++) {
      many.gets({ type: "suback", packetId: i + 1, reasonCodes: codes.slice(i, i + 1) });
    }
    many.getsNothing();
    const granted = [["t", 2], ["u", 0], ["v", 0]] as const;
    for (const [index, [topic, qos]] of granted.entries()) {
      await pump.publishes(topic, "x", { packetId: 20 + index, qos: 2 });
      for (const each of [one, many]) each.gets({ type: "publish", topic, qos, retain: false });
    }
    one.getsNothing();
    many.getsNothing();
    for (const each of [one, many]) {
      await each.sends(unsubscribePacket(1, "t", "u", "v", "w"));
      each.gets({ type: "unsuback", reasonCodes: [0, 0, 0, 0x11] });
    }
  }),
  holds("5.0", "MQTT-3.8.4-6", "a SUBACK has one Reason Code for each filter", async (at) => {
    const panel = await at.client("panel");
    for (const count of [1, 2, 7, 60, 500]) {
      const filters = Array.from({ length: count }, (_, n) => [`t/${n % 50}`, 1] as const);
      await panel.sends(subscribePacket(1, ...filters));
      panel.gets({ type: "suback", reasonCodes: filters.map(() => 1) });
      const bad = Array.from({ length: count }, () => ["a#", 1] as const);
      await panel.sends(subscribePacket(1, ...bad));
      panel.gets({ type: "suback", reasonCodes: bad.map(() => 0x8f) });
    }
    await panel.sends(frame(0x82, "0001", p(), s("a"), "00", s("a"), "00", s("a+"), "00"));
    panel.gets("90 06 0001 00 00 00 8f");
  }),
  holds("5.0", "MQTT-3.8.4-7", "a Reason Code is the QoS granted, or why not", async (at) => {
    const panel = await at.client("panel");
    await panel.sends(frame(0x82, "0001", p(), s("a"), "00", s("b"), "01", s("c"), "02"));
    panel.gets("90 06 0001 00 00 01 02");
    await panel.sends(frame(0x82, "0002", p(), s("d"), "02", s("a/#b"), "01", s("e"), "01"));
    panel.gets("90 06 0002 00 02 8f 01");
    const pump = await at.client("pump");
    for (const [topic, qos] of [["a", 0], ["b", 1], ["c", 2], ["d", 2], ["e", 1]] as const) {
      await pump.publishes(topic, "x", { packetId: topic.charCodeAt(0), qos: 2 });
      panel.gets({ type: "publish", topic, qos });
    }
    await pump.publishes("a/", "x"); // a filter that was refused brings nothing
    panel.getsNothing();
  }),
  holds("5.0", "MQTT-3.8.4-8", "a message comes with the lower of both QoS", async (at) => {
    const pump = await at.client("pump");
    for (const granted of [0, 1, 2] as const) {
      const panel = await at.client(`panel ${granted}`);
      await panel.subscribes(["t", granted]);
      const sent: number[] = [0, 0, 0];
      for (const published of [0, 1, 2] as const) {
        const qos = Math.min(granted, published);
        sent[qos]! += 1;
        const packetId = qos === 0
          ? ""
          : published === 2 && granted === 2
          ? "0002"
          : `000${published}`;
        const body = [s("t"), packetId, "00", "78"];
        await pump.publishes("t", "x", { packetId: 3 * published + granted, qos: published });
        panel.gets(frame(0x30 | (qos << 1), ...body));
      }
      panel.getsNothing();
    }
  }),
  holds("5.0", "MQTT-3.8.4-8", "so do retained and queued messages", async (at) => {
    const pump = await at.client("pump");
    const keeps = { cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    for (const granted of [0, 1, 2] as const) {
      const name = `panel ${granted}`;
      for (const qos of [0, 1, 2] as const) {
        await pump.publishes(`r${granted}/${qos}`, "x", {
          packetId: 7 * granted + qos,
          qos,
          retain: true,
        });
      }
      const panel = await at.client(name, keeps);
      await panel.subscribes([`r${granted}/+`, granted]);
      const published = [0, 1, 2] as const;
      panel.getsInAnyOrder(...published.map((qos) => ({
        type: "publish" as const,
        topic: `r${granted}/${qos}`,
        qos: Math.min(qos, granted) as QoS,
        retain: true,
      })));
      await panel.subscribes([`q${granted}/+`, granted]);
      await panel.drops();
      for (const qos of [1, 2] as const) {
        await pump.publishes(`q${granted}/${qos}`, "x", { packetId: 50 + 7 * granted + qos, qos });
      }
      const again = await at.client(name, keeps);
      const late = again.takes().filter((each) => each.type === "publish")
        .filter(({ topic }) => topic.startsWith("q"));
      const wanted = granted === 0 ? [] : [1, Math.min(2, granted)];
      at.expects(
        JSON.stringify(late.map(({ qos }) => qos)) === JSON.stringify(wanted),
        `queued messages of QoS 1 and 2 come with ${wanted} where ${granted} was granted`,
      );
    }
  }),
];
