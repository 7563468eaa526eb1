/** SUBACK of MQTT 5.0, section 3.9. */

import { publishPacket, subscribePacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { isRefused, refuses } from "./answers.ts";

export const suback5: readonly Row[] = [
  holds(
    "5.0",
    ["MQTT-3.9.2-1", "MQTT-3.9.2-2"],
    "a SUBACK is bare, so no word is too much",
    async (at) => {
      for (const maximumPacketSize of [30, 65_536]) {
        const panel = await at.client("panel", { properties: { maximumPacketSize } });
        await panel.sends(
          frame(0x82, "0001", p("26", s("k"), s("v")), s("t"), "01", s("a+"), "00"),
        );
        panel.gets("90 05 0001 00 01 8f");
      }
    },
  ),
  holds("5.0", "MQTT-3.1.2-24", "who cannot take its SUBACK is closed with 0x95", async (at) => {
    const properties = { maximumPacketSize: 30 };
    const panel = await at.client("panel", { properties });
    const filters = (count: number) =>
      Array.from({ length: count }, (_, index) => [`t/${index}`, 0] as const);
    await panel.sends(subscribePacket(1, ...filters(25)));
    panel.gets({ type: "suback" });
    await panel.sends(subscribePacket(1, ...filters(26)));
    isRefused(panel, 0x95);
  }),
  holds(
    "5.0",
    "MQTT-3.9.3-1",
    "the codes of a SUBACK stand in the order of the filters",
    async (at) => {
      const panel = await at.client("panel");
      const cases = [["a", 0], ["b", 2], ["#/", 1], ["c", 1], ["$share/g", 0], ["d", 2]] as const;
      const codes = [0, 2, 0x8f, 1, 0x8f, 2];
      for (let turn = 0; turn < cases.length; turn++) {
        const turned = [...cases.slice(turn), ...cases.slice(0, turn)];
        await panel.sends(subscribePacket(1, ...turned));
        const reasonCodes = [...codes.slice(turn), ...codes.slice(0, turn)];
        panel.gets({ type: "suback", reasonCodes });
      }
    },
  ),
  holds("5.0", "MQTT-3.9.3-2", "a SUBACK says what its table has", async (at) => {
    at.configure({
      sharedSubscriptions: false,
      limits: { subscriptionsPerSession: 3, filtersPerSubscribe: 4, topicLevels: 5 },
    });
    const panel = await at.client("panel");
    await panel.sends(subscribePacket(1, ["a", 0], ["b", 1], ["c", 2]));
    panel.gets("90 06 0001 00 00 01 02");
    await panel.sends(subscribePacket(1, ["d", 0]));
    panel.gets("90 04 0001 00 97"); // Quota exceeded
    await panel.sends(subscribePacket(1, ["a", 2])); // which takes no more room
    panel.gets("90 04 0001 00 02");
    await panel.sends(subscribePacket(1, ["a", 0], ["a", 0], ["a", 0], ["a", 0], ["a", 0]));
    panel.gets("90 08 0001 00 97 97 97 97 97");
    await panel.sends(subscribePacket(1, ["$share/g/a", 0], ["a/b/c/d/e/f", 0], ["", 0]));
    isRefused(panel, 0x81); // an empty filter is malformed
    const other = await at.client("other");
    await other.sends(subscribePacket(1, ["$share/g/a", 0], ["a/b/c/d/e/f", 0], ["a#", 0]));
    other.gets("90 06 0001 00 9e 8f 8f");
    await other.sends(publishPacket("a", "x", { packetId: 5, qos: 2 }));
    other.gets({ type: "pubrec" });
    await other.sends(subscribePacket(5, ["a", 1])); // the Packet Identifier is in use
    other.gets("90 04 0005 00 91");
  }),
  holds("5.0", "MQTT-3.9.3-2", "a SUBACK from a client closes", async (at) => {
    await refuses(at, "90 04 0001 00 00", 0x82);
    await refuses(at, "90 04 0001 00 03", 0x82);
  }),
];
