/** MQTT 5.0 section 3.1.2.10: Keep Alive. */

import {
  acknowledgement,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
  willOf,
} from "../../broker/packets.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";

export const keepAlive5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.1.2-22",
    "silence of one and a half times the Keep Alive ends the connection, and not before",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("gone");
      for (const keepAlive of [1, 10, 65_535]) {
        const peer = await at.client("pump", { keepAlive, will: willOf("gone", "bye") });
        await at.passes(keepAlive * 1500 - 1);
        peer.getsNothing();
        await at.passes(1);
        peer.gets({ type: "disconnect", reasonCode: 0x8d });
        peer.isClosed();
        panel.gets({ type: "publish", topic: "gone" });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-22",
    "every packet of the client begins the time anew, and no packet of the broker does",
    async (at) => {
      const pump = await at.client("pump");
      const peer = await at.client("peer", { keepAlive: 10 });
      const packets = [
        { type: "pingreq" },
        publishPacket("u", "x"),
        publishPacket("u", "x", { packetId: 1 }),
        subscribePacket(2, ["t", 1]),
        unsubscribePacket(3, "v"),
        acknowledgement("puback", 77),
      ] as const;
      for (const packet of packets) {
        await at.passes(14_999);
        await peer.sends(packet);
        peer.isOpen();
      }
      peer.takes();
      await at.passes(10_000);
      await pump.publishes("t", "x", { packetId: 1 });
      peer.gets({ type: "publish", topic: "t" });
      await at.passes(4_999);
      peer.getsNothing();
      await at.passes(1);
      peer.gets({ type: "disconnect", reasonCode: 0x8d });
      peer.isClosed();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-22",
    "Keep Alive 0 turns the mechanism off",
    async (at) => {
      const peer = await at.client("pump", { keepAlive: 0 });
      await at.passes(1_000_000_000);
      peer.getsNothing();
    },
  ),
];
