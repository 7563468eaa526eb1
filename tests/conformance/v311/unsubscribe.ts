/** Rows for MQTT 3.1.1 sections 3.10 and 3.11: UNSUBSCRIBE and UNSUBACK. */

import { acknowledgement, unsubscribePacket } from "../../broker/packets.ts";
import { frame, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { otherFlags } from "./fixed_header.ts";
import { closes } from "./shorthand.ts";

const GOOD = frame(0xa2, "00 01", s("a"));

export const unsubscribe311: readonly Row[] = [
  closes(
    "MQTT-3.10.1-1",
    "UNSUBSCRIBE with other flags than 0010 closes the connection",
    otherFlags(0xa2).map((first) => frame(first, "00 01", s("a"))),
    [GOOD],
  ),
  closes(
    "MQTT-3.10.3-1",
    "a filter that is no UTF-8, is cut off or has bytes behind it closes the connection",
    [
      frame(0xa2, "00 01 00 02 c3 28"),
      frame(0xa2, "00 01 00 05 61 62"),
      frame(0xa2, "00 01", s("a"), "00"),
      frame(0xa2, "00 01", s("a"), "00 02 61"),
    ],
    [frame(0xa2, "00 01 00 02 c3 a4"), frame(0xa2, "00 01", s("a"), s("b"))],
  ),
  closes("MQTT-3.10.3-2", "UNSUBSCRIBE without a filter closes the connection", ["a2 02 00 01"], [
    GOOD,
  ]),
  holds("3.1.1", "MQTT-3.10.4-1", "only the identical filter is removed", async (at) => {
    const panel = await at.client("panel");
    await panel.subscribes("a/b", "a/+", "a/#", "A/b");
    const others = ["a", "a/b/", "/a/b", "+/b", "#", "a/B", "+/+", "a/+/#"];
    await panel.sends(unsubscribePacket(1, ...others));
    panel.gets("b0 02 00 01");
    await panel.sends(unsubscribePacket(2, "a/+"));
    panel.gets("b0 02 00 02");
    const pump = await at.client("pump");
    await pump.publishes("a/c", "by a/# only");
    await pump.publishes("A/b", "by A/b");
    panel.gets({ type: "publish", topic: "a/c" });
    panel.gets({ type: "publish", topic: "A/b" });
    await panel.sends(unsubscribePacket(3, "a/#"));
    panel.gets("b0 02 00 03");
    await pump.publishes("a/c", "by none");
    await pump.publishes("a/b", "by a/b");
    panel.gets({ type: "publish", topic: "a/b" });
    panel.getsNothing();
  }),
  holds("3.1.1", "MQTT-3.10.4-2", "nothing new is queued after unsubscribing", async (at) => {
    const panel = await at.client("panel", { cleanStart: false });
    await panel.subscribes(["t", 1], ["u", 1]);
    await panel.sends(unsubscribePacket(1, "t"));
    panel.gets("b0 02 00 01");
    const pump = await at.client("pump");
    await pump.publishes("t", "live", { packetId: 1 });
    panel.getsNothing();
    await panel.drops();
    await pump.publishes("t", "absent", { packetId: 2 });
    await at.restarts();
    const late = await at.client("late");
    await late.publishes("t", "after a restart", { packetId: 3 });
    await late.publishes("u", "the other one", { packetId: 4 });
    const again = await at.client("panel", { cleanStart: false });
    again.gets({ type: "publish", topic: "u" });
    again.getsNothing();
  }),
  holds("3.1.1", "MQTT-3.10.4-3", "deliveries that have begun are completed", async (at) => {
    const panel = await at.client("panel", { cleanStart: false });
    await panel.subscribes(["t", 2]);
    const pump = await at.client("pump");
    await pump.publishes("t", "one", { packetId: 1 });
    await pump.publishes("t", "two", { packetId: 2, qos: 2 });
    const one = panel.gets({ type: "publish", payload: "one" });
    const two = panel.gets({ type: "publish", payload: "two" });
    await panel.sends(unsubscribePacket(1, "t"));
    panel.gets("b0 02 00 01");
    await panel.drops();
    const again = await at.client("panel", { cleanStart: false });
    again.gets({ type: "publish", payload: "one", packetId: one.packetId, dup: true });
    again.gets({ type: "publish", payload: "two", packetId: two.packetId, dup: true });
    await again.sends(acknowledgement("puback", one.packetId));
    await again.sends(acknowledgement("pubrec", two.packetId));
    again.gets({ type: "pubrel", packetId: two.packetId });
    await again.sends(acknowledgement("pubcomp", two.packetId));
    await again.drops();
    const last = await at.client("panel", { cleanStart: false });
    last.getsNothing();
  }),
  holds(
    "3.1.1",
    "MQTT-3.10.4-3",
    "a delivery that has begun is tried again after a time",
    async (at) => {
      at.configure({ limits: { retryInterval: 20 } });
      const panel = await at.client("panel");
      await panel.subscribes(["t", 1], ["u", 2]);
      await panel.publishes("t", "one", { packetId: 1 });
      await panel.publishes("u", "two", { packetId: 2 });
      panel.takes();
      await panel.sends(unsubscribePacket(1, "t", "u"));
      panel.gets("b0 02 00 01");
      await at.passes(21_000);
      panel.gets({ type: "publish", payload: "one", packetId: 1, dup: true });
      panel.gets({ type: "publish", payload: "two", packetId: 2, dup: true });
      await panel.sends(acknowledgement("puback", 1), acknowledgement("puback", 2));
      await at.passes(60_000);
      panel.getsNothing();
    },
  ),
  holds(
    "3.1.1",
    ["MQTT-3.10.4-4", "MQTT-3.10.4-5"],
    "UNSUBACK comes with the identifier, also for nothing",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("t");
      await panel.sends(
        unsubscribePacket(0xffff, "t"),
        unsubscribePacket(0x0100, "t"),
        unsubscribePacket(1, "never/#"),
      );
      panel.gets("b0 02 ff ff");
      panel.gets("b0 02 01 00");
      panel.gets("b0 02 00 01");
      panel.getsNothing();
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.10.4-6",
    "several filters are handled like that many packets, with one UNSUBACK",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("a", "b", "c");
      await panel.sends(unsubscribePacket(7, "a", "none", "c", "a"));
      panel.gets("b0 02 00 07");
      panel.getsNothing();
      const pump = await at.client("pump");
      for (const topic of ["a", "b", "c"]) await pump.publishes(topic, "x");
      panel.gets({ type: "publish", topic: "b" });
      panel.getsNothing();
    },
  ),
];
