/** MQTT 5.0 section 2.1: the flags of the fixed header, and reserved packet types. */

import {
  acknowledgement,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
} from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { connectBytes, ends, int } from "../raw5.ts";

/** A good packet of a client, and the flags in its first byte. */
const PACKETS: readonly (readonly [what: string, good: Uint8Array])[] = [
  ["PUBACK", frame(0x40, "0001")],
  ["PUBREC", frame(0x50, "0001")],
  ["PUBREL", frame(0x62, "0001")],
  ["PUBCOMP", frame(0x70, "0001")],
  ["SUBSCRIBE", frame(0x82, "0001", p(), s("f"), "00")],
  ["UNSUBSCRIBE", frame(0xa2, "0001", p(), s("f"))],
  ["PINGREQ", frame(0xc0)],
  ["DISCONNECT", frame(0xe0)],
  ["DISCONNECT with Will", frame(0xe0, "04")],
  ["AUTH", frame(0xf0)],
];

export const fixedHeader5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-2.1.3-1",
    "every packet but PUBLISH is malformed (0x81) with any other flags than those of the table",
    async (at) => {
      for (const [, good] of PACKETS) {
        for (let flags = 0; flags < 16; flags++) {
          if (flags === (good[0]! & 0x0f)) continue;
          const bytes = good.slice();
          bytes[0] = (good[0]! & 0xf0) | flags;
          await ends(await at.client("sender"), bytes, 0x81);
        }
      }
      for (let flags = 1; flags < 16; flags++) {
        const bytes = connectBytes();
        bytes[0] = 0x10 | flags;
        const peer = await at.open();
        await peer.sends(bytes);
        const connack = peer.takesNext();
        at.expects(
          connack === undefined || connack.type === "connack" && connack.reasonCode === 0x81,
          `a CONNECT with the flags ${flags} is not let in`,
        );
        peer.isClosed();
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-2.1.3-1",
    "what the broker sends has the flags of the table, byte for byte",
    async (at) => {
      const panel = await at.open();
      await panel.sends(connectBytes());
      const firsts: number[] = [];
      const note = () => {
        for (let bytes = panel.takesBytes(); bytes !== undefined; bytes = panel.takesBytes()) {
          firsts.push(bytes[0]!);
        }
      };
      note();
      await panel.sends(subscribePacket(1, ["t", 2]), { type: "pingreq" });
      await panel.sends(publishPacket("u", "x", { packetId: 5 }));
      await panel.sends(publishPacket("u", "x", { packetId: 6, qos: 2 }));
      await panel.sends(acknowledgement("pubrel", 6));
      await panel.sends(unsubscribePacket(2, "u"));
      note();
      await panel.sends(publishPacket("t", "x", { packetId: 7, qos: 2 }));
      note();
      await panel.sends(acknowledgement("pubrec", 1));
      note();
      await panel.sends("00 00");
      note();
      const expected = [0x20, 0x90, 0xd0, 0x40, 0x50, 0x70, 0xb0, 0x34, 0x50, 0x62, 0xe0];
      const same = [...firsts].sort().join() === [...expected].sort().join();
      at.expects(same, `the first bytes are ${firsts.map((byte) => int(byte, 1))}`);
    },
  ),
  holds(
    "5.0",
    "MQTT-2.1.3-1",
    "packet type 0, and those that only a server sends, end the connection",
    async (at) => {
      await ends(await at.client("sender"), "00 00", 0x81);
      await ends(await at.client("sender"), "0f 02 00 01", 0x81);
      await ends(await at.client("sender"), "20 03 00 00 00", 0x82);
      await ends(await at.client("sender"), "90 04 00 01 00 00", 0x82);
      await ends(await at.client("sender"), "b0 04 00 01 00 00", 0x82);
      await ends(await at.client("sender"), "d0 00", 0x82);
    },
  ),
];
