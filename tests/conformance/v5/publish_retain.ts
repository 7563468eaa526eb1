/** MQTT 5.0 section 3.3.1.3: the RETAIN flag, and who gets retained messages when. */

import { acknowledgement, publishPacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import type { Peer } from "../peer.ts";
import { comes, int, KEPT, raw } from "../raw5.ts";

/** What a new subscriber of `#` gets: each as topic, payload and QoS. */
async function retained(at: Bench, filter = "#"): Promise<readonly string[]> {
  const peer = await at.client("looker");
  await peer.subscribes([filter, 2]);
  const lines = peer.takes().map((packet) => {
    if (packet.type !== "publish") return packet.type;
    at.expects(packet.retain, `${packet.topic} comes with RETAIN 1`);
    return `${packet.topic} ${new TextDecoder().decode(packet.payload)} q${packet.qos}`;
  });
  await peer.drops();
  return lines.sort();
}

/** Publishes with RETAIN 1 and takes what the broker answers. */
async function retains(pump: Peer, topic: string, payload: string, qos: 0 | 1 | 2 = 0) {
  await pump.publishes(topic, payload, { retain: true, qos, packetId: qos === 0 ? 0 : 1 });
  if (qos === 2) await pump.sends(acknowledgement("pubrel", 1));
  pump.takes();
}

export const publishRetain5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.3.1-5",
    "a PUBLISH with RETAIN 1 replaces the retained message of its topic, with its QoS, for every QoS",
    async (at) => {
      const pump = await at.client("pump");
      await retains(pump, "a", "first", 1);
      await retains(pump, "b", "other", 2);
      at.expects((await retained(at)).join() === "a first q1,b other q2", "both are there");
      await retains(pump, "a", "second", 2);
      at.expects((await retained(at)).join() === "a second q2,b other q2", "a is replaced");
      await retains(pump, "a", "third", 0);
      at.expects((await retained(at)).join() === "a third q0,b other q2", "by QoS 0 too");
      await at.restarts();
      at.expects((await retained(at)).join() === "a third q0,b other q2", "after a restart too");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-5",
    "the properties of the retained message are those of the newest, byte for byte",
    async (at) => {
      const pump = await at.client("pump");
      const newest = `${s("t")} ${p("03", s("new"), "26", s("n"), s("2"))} ${raw("x")}`;
      await pump.sends(frame(0x31, s("t"), p("03", s("old"), "26", s("n"), s("1")), raw("x")));
      await pump.sends(frame(0x31, newest));
      const panel = await at.client("panel");
      await panel.subscribes("t");
      panel.gets(frame(0x31, newest));
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-6",
    "an empty payload with RETAIN 1 removes the retained message, for every QoS and across a restart",
    async (at) => {
      const pump = await at.client("pump");
      for (const qos of [0, 1, 2] as const) {
        await retains(pump, "a", "kept");
        await retains(pump, "b", "stays");
        await retains(pump, "a", "", qos);
        at.expects((await retained(at)).join() === "b stays q0", `removed by QoS ${qos}`);
      }
      await retains(pump, "never", "");
      await at.restarts();
      at.expects((await retained(at)).join() === "b stays q0", "and stays removed");
      await retains(await at.client("pump"), "a", "again");
      at.expects((await retained(at)).join() === "a again q0,b stays q0", "and may come back");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-7",
    "an empty message goes to those who subscribe now, and is never kept for those who come later",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["#", { retainAsPublished: true }]);
      const pump = await at.client("pump");
      await retains(pump, "a", "");
      panel.gets(frame(0x31, s("a"), p()));
      at.expects((await retained(at)).length === 0, "nothing is retained");
      await retains(pump, "a", "x");
      await retains(pump, "a", "");
      at.expects((await retained(at, "a")).length === 0, "nothing is retained");
      const properties = p("03", s("type"), "26", s("n"), s("v"));
      await pump.sends(frame(0x31, s("a"), properties)); // empty but for its properties
      at.expects((await retained(at, "a")).length === 0, "nothing is retained");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-8",
    "a PUBLISH without RETAIN is not kept, and neither replaces nor removes a retained message",
    async (at) => {
      const pump = await at.client("pump");
      await pump.publishes("a", "passing");
      await pump.publishes("a", "passing", { packetId: 1 });
      at.expects((await retained(at)).length === 0, "nothing is retained");
      await retains(pump, "a", "kept", 1);
      await pump.publishes("a", "passing");
      await pump.publishes("a", "passing", { packetId: 1 });
      await pump.publishes("a", "passing", { packetId: 2, qos: 2 });
      await pump.publishes("a", "");
      await pump.publishes("a", "", { packetId: 3 });
      at.expects((await retained(at)).join() === "a kept q1", "what was retained is as it was");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-9",
    "Retain Handling 0: matching retained messages are sent on every SUBSCRIBE, behind its SUBACK",
    async (at) => {
      const pump = await at.client("pump");
      await retains(pump, "a/1", "one", 2);
      await retains(pump, "a/2", "two", 1);
      await retains(pump, "b", "no");
      const panel = await at.client("panel");
      for (const qos of [1, 1, 0]) {
        await panel.sends(frame(0x82, "0001", p(), s("a/+"), int(qos, 1)));
        panel.gets(`90 04 00 01 00 ${int(qos, 1)}`);
        panel.getsInAnyOrder(
          { type: "publish", topic: "a/1", payload: "one", retain: true, qos: qos === 1 ? 1 : 0 },
          { type: "publish", topic: "a/2", payload: "two", retain: true, qos: qos === 1 ? 1 : 0 },
        );
        panel.getsNothing();
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-10",
    "Retain Handling 1: they are sent if the subscription is new, and not if it existed",
    async (at) => {
      const pump = await at.client("pump");
      await retains(pump, "t", "kept");
      const first = await at.client("panel", KEPT);
      const once = ["t", { retainHandling: 1 }] as const;
      await first.subscribes(once);
      first.gets({ type: "publish", payload: "kept", retain: true });
      await first.subscribes(once);
      first.getsNothing();
      await first.subscribes(["t", { retainHandling: 1, qos: 1 }]); // with other options
      first.getsNothing();
      await first.subscribes(["+", { retainHandling: 1 }]); // another filter of the same topic
      first.gets({ type: "publish", payload: "kept", retain: true });
      await first.drops();
      const second = await comes(at, "panel", true);
      await second.subscribes(once); // it has existed all the while
      second.getsNothing();
      await at.restarts();
      const third = await comes(at, "panel", true);
      await third.subscribes(once);
      third.getsNothing();
      await third.sends(frame(0xa2, "0001", p(), s("t")));
      third.gets({ type: "unsuback", reasonCodes: [0] });
      await third.subscribes(once);
      third.gets({ type: "publish", payload: "kept", retain: true });
      const fourth = await comes(at, "panel", false, { cleanStart: true });
      await fourth.subscribes(once);
      fourth.gets({ type: "publish", payload: "kept", retain: true });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-11",
    "Retain Handling 2: they are not sent, be the subscription new or not; what is published later is",
    async (at) => {
      const pump = await at.client("pump");
      await retains(pump, "t", "kept");
      const panel = await at.client("panel");
      const never = ["t", { retainHandling: 2, retainAsPublished: true }] as const;
      await panel.subscribes(never);
      panel.getsNothing();
      await panel.subscribes(never);
      panel.getsNothing();
      await retains(pump, "t", "newer");
      panel.gets({ type: "publish", payload: "newer", retain: true });
      await panel.subscribes(["t", { retainHandling: 0 }], ["u", { retainHandling: 2 }]);
      panel.gets({ type: "publish", payload: "newer", retain: true });
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-12",
    "Retain As Published 0: a forwarded message has RETAIN 0, whatever the publisher set",
    async (at) => {
      // Those who want it as published are there before and behind this one: each gets its own bytes.
      await (await at.client("before")).subscribes(["t", { qos: 2, retainAsPublished: true }]);
      const panel = await at.client("panel");
      await panel.subscribes(["t", { qos: 2, retainAsPublished: false }]);
      await (await at.client("behind")).subscribes(["t", { qos: 2, retainAsPublished: true }]);
      const pump = await at.client("pump");
      for (const retain of [true, false]) {
        await pump.publishes("t", "x", { retain });
        panel.gets(frame(0x30, s("t"), p(), raw("x")));
        await pump.publishes("t", "x", { retain, packetId: 1 });
        panel.gets({ type: "publish", qos: 1, retain: false });
        await pump.publishes("t", "x", { retain, packetId: 2, qos: 2 });
        panel.gets({ type: "publish", qos: 2, retain: false });
        await pump.sends(acknowledgement("pubrel", 2));
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-12",
    "this holds for a message that waited for its client as well",
    async (at) => {
      const first = await at.client("panel", KEPT);
      await first.subscribes(["t", { qos: 1 }], ["u", { qos: 1, retainAsPublished: true }]);
      await first.drops();
      const pump = await at.client("pump");
      await retains(pump, "t", "x", 1);
      await retains(pump, "u", "y", 1);
      const second = await comes(at, "panel", true);
      second.gets({ type: "publish", topic: "t", retain: false });
      second.gets({ type: "publish", topic: "u", retain: true });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.1-13",
    "Retain As Published 1: a forwarded message has the RETAIN of its publisher, 0 or 1",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", { qos: 2, retainAsPublished: true }]);
      const plain = await at.client("plain");
      await plain.subscribes(["t", { qos: 2 }]);
      const pump = await at.client("pump");
      for (const retain of [true, false]) {
        for (const qos of [0, 1, 2] as const) {
          const packetId = qos === 0 ? 0 : 1;
          await pump.sends(publishPacket("t", "x", { retain, qos, packetId }));
          if (qos === 2) await pump.sends(acknowledgement("pubrel", 1));
          panel.gets({ type: "publish", qos, retain });
          plain.gets({ type: "publish", qos, retain: false }); // each as its own subscription says
        }
      }
    },
  ),
];
