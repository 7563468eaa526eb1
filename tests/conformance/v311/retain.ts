/** Rows for MQTT 3.1.1 section 3.3.1.3: RETAIN. */

import { publishPacket, subscribePacket } from "../../broker/packets.ts";
import { frame, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";

export const retain311: readonly Row[] = [
  holds("3.1.1", "MQTT-3.3.1-5", "a retained message is stored with its QoS", async (at) => {
    const pump = await at.client("pump");
    for (const qos of [0, 1, 2] as const) {
      await pump.publishes(`t/${qos}`, "x", { packetId: qos, qos, retain: true });
    }
    const panel = await at.client("panel");
    await panel.subscribes(["t/+", 2]);
    panel.getsInAnyOrder(
      { type: "publish", topic: "t/0", payload: "x", qos: 0 },
      { type: "publish", topic: "t/1", payload: "x", qos: 1 },
      { type: "publish", topic: "t/2", payload: "x", qos: 2 },
    );
    const low = await at.client("low");
    await low.subscribes(["t/2", 1]);
    low.gets({ type: "publish", topic: "t/2", qos: 1 });
  }),
  holds(
    "3.1.1",
    "MQTT-3.3.1-6",
    "a new subscription gets the last one of every topic",
    async (at) => {
      const pump = await at.client("pump");
      for (const topic of ["t/a", "t/b", "t/b/c", "u"]) {
        await pump.publishes(topic, "first", { packetId: 1, retain: true });
        await pump.publishes(topic, `last of ${topic}`, { packetId: 1, retain: true });
      }
      const panel = await at.client("panel");
      await panel.sends(subscribePacket(1, ["t/#", 1]));
      panel.gets({ type: "suback" });
      panel.getsInAnyOrder(
        { type: "publish", topic: "t/a", payload: "last of t/a" },
        { type: "publish", topic: "t/b", payload: "last of t/b" },
        { type: "publish", topic: "t/b/c", payload: "last of t/b/c" },
      );
      panel.getsNothing();
    },
  ),
  holds("3.1.1", "MQTT-3.3.1-7", "QoS 0 discards what was retained before", async (at) => {
    const pump = await at.client("pump");
    await pump.publishes("t", "old", { packetId: 1, qos: 2, retain: true });
    await pump.publishes("t", "new", { retain: true });
    const panel = await at.client("panel");
    await panel.subscribes(["t", 2]);
    panel.gets({ type: "publish", payload: "new", qos: 0 });
    panel.getsNothing();
  }),
  holds("3.1.1", "MQTT-3.3.1-8", "what a subscription brings has RETAIN 1", async (at) => {
    const pump = await at.client("pump");
    await pump.publishes("t", "x", { packetId: 1, retain: true });
    const panel = await at.client("panel");
    await panel.subscribes(["t", 1]);
    panel.gets(frame(0x33, s("t"), "00 01 78"));
    await panel.subscribes(["t", 0]); // again: it is sent again
    panel.gets(frame(0x31, s("t"), "78"));
  }),
  holds("3.1.1", "MQTT-3.3.1-9", "what an existing subscription gets has RETAIN 0", async (at) => {
    const panel = await at.client("panel", { cleanStart: false });
    await panel.subscribes(["t", 1]);
    const pump = await at.client("pump");
    await pump.publishes("t", "0", { retain: true });
    panel.gets(frame(0x30, s("t"), "30"));
    await pump.publishes("t", "1", { packetId: 1, retain: true });
    panel.gets(frame(0x32, s("t"), "00 01 31"));
    await panel.sends("40 02 00 01");
    await panel.drops();
    await pump.publishes("t", "2", { packetId: 2, retain: true });
    const again = await at.client("panel", { cleanStart: false });
    again.gets({ type: "publish", payload: "2", retain: false });
    again.getsNothing();
  }),
  holds(
    "3.1.1",
    "MQTT-3.3.1-10",
    "an empty one is passed on and removes what is retained",
    async (at) => {
      const watcher = await at.client("watcher");
      await watcher.subscribes(["t", 1]);
      const pump = await at.client("pump");
      await pump.publishes("t", "x", { packetId: 1, retain: true });
      watcher.gets({ type: "publish", payload: "x" });
      await pump.publishes("t", "", { packetId: 2, retain: true });
      watcher.gets({ type: "publish", topic: "t", payload: "", qos: 1, retain: false });
      const panel = await at.client("panel");
      await panel.subscribes(["#", 1]);
      panel.getsNothing();
      await at.restarts();
      const late = await at.client("late");
      await late.subscribes(["#", 1]);
      late.getsNothing();
    },
  ),
  holds("3.1.1", "MQTT-3.3.1-11", "an empty message is never retained", async (at) => {
    const pump = await at.client("pump");
    await pump.publishes("a", "", { retain: true });
    await pump.publishes("b", "", { packetId: 1, retain: true });
    await pump.publishes("c", "", { packetId: 2, qos: 2, retain: true });
    const panel = await at.client("panel");
    await panel.subscribes(["#", 2]);
    panel.getsNothing();
    await pump.publishes("a", "");
    panel.gets({ type: "publish", topic: "a", payload: "", retain: false });
  }),
  holds(
    "3.1.1",
    "MQTT-3.3.1-12",
    "a message without RETAIN leaves what is retained",
    async (at) => {
      const pump = await at.client("pump");
      await pump.publishes("t", "kept", { packetId: 1, retain: true });
      await pump.sends(
        publishPacket("t", "other"),
        publishPacket("t", "", { packetId: 2 }),
        publishPacket("u", "not kept", { packetId: 3, qos: 2 }),
      );
      const panel = await at.client("panel");
      await panel.subscribes(["#", 1]);
      panel.gets({ type: "publish", topic: "t", payload: "kept", retain: true });
      panel.getsNothing();
    },
  ),
];
