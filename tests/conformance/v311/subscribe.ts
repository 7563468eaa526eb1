/** Rows for MQTT 3.1.1 sections 3.8 and 3.9: SUBSCRIBE and SUBACK. */

import { publishPacket, subscribePacket } from "../../broker/packets.ts";
import { frame, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { otherFlags } from "./fixed_header.ts";
import { closes } from "./shorthand.ts";

const GOOD = frame(0x82, "00 01", s("a"), "01");

export const subscribe311: readonly Row[] = [
  closes(
    "MQTT-3.8.1-1",
    "SUBSCRIBE with other flags than 0010 closes the connection",
    otherFlags(0x82).map((first) => frame(first, "00 01", s("a"), "01")),
    [GOOD],
  ),
  closes(
    "MQTT-3.8.3-1",
    "a filter that is no UTF-8 or is cut off closes the connection",
    [
      frame(0x82, "00 01 00 02 c3 28 00"),
      frame(0x82, "00 01 00 05 61 62"),
      frame(0x82, "00 01", s("a"), "00", "00"),
      frame(0x82, "00 01", s("a"), "00", s("b")), // the second one has no QoS
    ],
    [frame(0x82, "00 01 00 02 c3 a4 00"), frame(0x82, "00 01", s("a"), "00", s("b"), "02")],
  ),
  holds(
    "3.1.1",
    "MQTT-3.8.3-2",
    "wildcards are supported, so no filter is refused for one",
    async (at) => {
      const panel = await at.client("panel");
      await panel.sends(subscribePacket(1, ["#", 0], ["+", 1], ["a/+/#", 2]));
      panel.gets("90 05 00 01 00 01 02");
    },
  ),
  closes(
    "MQTT-3.8.3-3",
    "SUBSCRIBE without a filter, or with a filter and no QoS, closes the connection",
    ["82 02 00 01", frame(0x82, "00 01", s("a")), frame(0x82, "00 01", s("a"), "01", s("b"))],
    [GOOD],
  ),
  closes(
    "MQTT-3.8.3-4",
    "a QoS byte above 2 closes the connection",
    [0x03, 0x04, 0x05, 0x08, 0x10, 0x20, 0x40, 0x80, 0x82, 0xff].map((options) =>
      frame(0x82, "00 01", s("ok"), "00", s("a"), options.toString(16).padStart(2, "0"))
    ),
    [0, 1, 2].map((qos) => frame(0x82, "00 01", s("ok"), "00", s("a"), `0${qos}`)),
  ),
  holds(
    "3.1.1",
    ["MQTT-3.8.4-1", "MQTT-3.8.4-2"],
    "every SUBSCRIBE is answered, each by its identifier",
    async (at) => {
      const panel = await at.client("panel");
      await panel.sends(
        subscribePacket(0xffff, ["a", 0]),
        subscribePacket(1, ["a", 0]),
        subscribePacket(1, ["b", 1]),
        subscribePacket(0x0102, ["c", 2]),
      );
      panel.gets("90 03 ff ff 00");
      panel.gets("90 03 00 01 00");
      panel.gets("90 03 00 01 01");
      panel.gets("90 03 01 02 02");
      panel.getsNothing();
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.8.4-3",
    "subscribing again replaces the QoS, sends retained again, loses nothing",
    async (at) => {
      const pump = await at.client("pump");
      await pump.publishes("t", "kept", { packetId: 1, retain: true });
      const panel = await at.client("panel");
      await panel.sends(subscribePacket(1, ["t", 2]));
      panel.gets("90 03 00 01 02");
      panel.gets({ type: "publish", payload: "kept", qos: 1, retain: true });
      await pump.publishes("t", "before", { packetId: 2 });
      await panel.sends(subscribePacket(2, ["t", 0]));
      await pump.publishes("t", "after", { packetId: 3 });
      panel.gets({ type: "publish", payload: "before", qos: 1, retain: false });
      panel.gets("90 03 00 02 00");
      panel.gets({ type: "publish", payload: "kept", qos: 0, retain: true });
      panel.gets({ type: "publish", payload: "after", qos: 0, retain: false });
      panel.getsNothing(); // one subscription: each came once
      await panel.sends(subscribePacket(3, ["+", 1])); // matches the same, but is another filter
      panel.gets("90 03 00 03 01");
      panel.gets({ type: "publish", payload: "kept", retain: true });
      panel.getsNothing();
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.8.4-4",
    "several filters are handled like that many packets",
    async (at) => {
      const pump = await at.client("pump");
      await pump.publishes("a", "retained a", { retain: true });
      await pump.publishes("b", "retained b", { retain: true });
      const panel = await at.client("panel");
      await panel.sends(subscribePacket(1, ["a", 0], ["b", 1], ["a", 2]));
      panel.gets("90 05 00 01 00 01 02");
      const kept = panel.takes().map((each) => each.type === "publish" ? each.topic : each.type);
      at.expects(
        ["a", "b"].every((topic) => kept.includes(topic)),
        `got ${kept} of what is retained`,
      );
      await pump.publishes("a", "live", { packetId: 1, qos: 2 });
      panel.gets({ type: "publish", topic: "a", payload: "live", qos: 2 });
      await pump.publishes("b", "live", { packetId: 2, qos: 2 });
      panel.gets({ type: "publish", topic: "b", payload: "live", qos: 1 });
      panel.getsNothing();
    },
  ),
  holds(
    "3.1.1",
    ["MQTT-3.8.4-5", "MQTT-3.9.3-1"],
    "SUBACK has the codes in the order of the filters",
    async (at) => {
      at.configure({ limits: { subscriptionsPerSession: 3 } });
      const panel = await at.client("panel");
      await panel.sends(subscribePacket(1, ["a", 2], ["b", 0], ["c", 1], ["d", 1], ["a", 1]));
      panel.gets("90 07 00 01 02 00 01 80 01");
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.8.4-6",
    "a message goes with the lower of its QoS and the QoS granted",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["0", 0], ["1", 1], ["2", 2]);
      const pump = await at.client("pump");
      for (const granted of [0, 1, 2] as const) {
        for (const qos of [0, 1, 2] as const) {
          const packetId = qos === 0 ? 0 : 10 + granted * 3 + qos;
          await pump.sends(publishPacket(`${granted}`, "x", { qos, packetId }));
          const lower = Math.min(granted, qos) as 0 | 1 | 2;
          panel.gets({ type: "publish", topic: `${granted}`, qos: lower });
        }
      }
      panel.getsNothing();
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.9.3-2",
    "SUBACK codes are 0, 1, 2 or 0x80, whatever the refusal",
    async (at) => {
      at.configure({
        sharedSubscriptions: false,
        limits: { filtersPerSubscribe: 4, subscriptionsPerSession: 3 },
      });
      const panel = await at.client("panel");
      await panel.sends(
        subscribePacket(1, ["$share/g/t", 1], ["a", 2], ["b", 1], ["c", 0]),
        subscribePacket(2, ["d", 2]),
        subscribePacket(3, ["a", 0], ["a", 0], ["a", 0], ["a", 0], ["a", 0]),
      );
      panel.gets("90 06 00 01 80 02 01 00");
      panel.gets("90 03 00 02 80");
      panel.gets("90 07 00 03 80 80 80 80 80");
      panel.isOpen();
    },
  ),
];
