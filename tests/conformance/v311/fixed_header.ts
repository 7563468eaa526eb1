/** Rows for MQTT 3.1.1 sections 2.2 and 2.3: flags, Packet Identifiers. */

import type { Packet } from "../../../src/packet/packet.ts";
import {
  acknowledgement,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
} from "../../broker/packets.ts";
import { frame, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { excuse, holds } from "../harness.ts";
import { closes, closesAtOnce } from "./shorthand.ts";

/** [name, the right first byte, the rest of a packet that a client may send at any time] */
const PACKETS: readonly (readonly [name: string, first: number, body: string])[] = [
  ["PUBACK", 0x40, "00 09"],
  ["PUBREC", 0x50, "00 09"],
  ["PUBREL", 0x62, "00 09"],
  ["PUBCOMP", 0x70, "00 09"],
  ["SUBSCRIBE", 0x82, `00 09 ${s("a")} 00`],
  ["UNSUBSCRIBE", 0xa2, `00 09 ${s("a")}`],
  ["PINGREQ", 0xc0, ""],
];

/** Every first byte with the type of this one and other flags. */
export function otherFlags(first: number): readonly number[] {
  const all = Array.from({ length: 16 }, (_, flags) => (first & 0xf0) | flags);
  return all.filter((each) => each !== first);
}

const CONNECT_BODY = `${s("MQTT")} 04 02 00 00 ${s("a")}`;

export const fixedHeader: readonly Row[] = [
  holds(
    "3.1.1",
    "MQTT-2.2.2-1",
    "every packet that is sent has the flags of the table",
    async (at) => {
      const pump = await at.open();
      await pump.sends(frame(0x10, CONNECT_BODY));
      pump.gets("20 02 00 00");
      await pump.sends(subscribePacket(1, ["t", 2]));
      pump.gets("90 03 00 01 02");
      await pump.publishes("x", "1", { packetId: 2 });
      pump.gets("40 02 00 02");
      await pump.publishes("t", "2", { packetId: 3, qos: 2 });
      pump.gets("50 02 00 03");
      pump.gets(frame(0x34, s("t"), "00 01", "32"));
      await pump.sends("62 02 00 03", "50 02 00 01");
      pump.gets("70 02 00 03");
      pump.gets("62 02 00 01");
      await pump.sends("70 02 00 01", unsubscribePacket(4, "t"), "c0 00");
      pump.gets("b0 02 00 04");
      pump.gets("d0 00");
    },
  ),
  ...PACKETS.map(([name, first, body]) =>
    closes(
      "MQTT-2.2.2-2",
      `${name} with any other flags closes the connection`,
      otherFlags(first).map((other) => frame(other, body)),
      [frame(first, body)],
    )
  ),
  closesAtOnce(
    "MQTT-2.2.2-2",
    "CONNECT with any flags closes the connection",
    otherFlags(0x10).map((other) => frame(other, CONNECT_BODY)),
    [frame(0x10, CONNECT_BODY)],
  ),
  closes(
    "MQTT-2.3.1-1",
    "SUBSCRIBE, UNSUBSCRIBE and PUBLISH with QoS 1 or 2 and Packet Identifier 0 close the connection",
    [
      frame(0x82, "00 00", s("a"), "00"),
      frame(0xa2, "00 00", s("a")),
      frame(0x32, s("a"), "00 00"),
      frame(0x34, s("a"), "00 00"),
      frame(0x3a, s("a"), "00 00"),
    ],
    [
      frame(0x82, "00 01", s("a"), "00"),
      frame(0xa2, "ff ff", s("a")),
      frame(0x32, s("a"), "01 00"),
      frame(0x34, s("a"), "00 01"),
    ],
  ),
  closes(
    "MQTT-2.3.1-1",
    "SUBSCRIBE, UNSUBSCRIBE and PUBLISH with QoS 1 that end before a Packet Identifier close the connection",
    ["82 00", "82 01 00", "a2 00", "a2 01 01", frame(0x32, s("a")), frame(0x32, s("a"), "01")],
    [frame(0x32, s("a"), "01 00")],
  ),
  excuse(
    "3.1.1",
    "MQTT-2.3.1-2",
    "binds the client: which identifiers it has in use is its own knowledge",
  ),
  excuse(
    "3.1.1",
    "MQTT-2.3.1-3",
    "binds the client that sends again; what a server does with such a packet is MQTT-4.3.3-2",
  ),
  holds(
    "3.1.1",
    ["MQTT-2.3.1-4", "MQTT-2.3.1-1"],
    "the Packet Identifiers of the server are never 0 and never in use, also after 65,535",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", 1]);
      const pump = await at.client("pump");
      await pump.publishes("t", "kept", { packetId: 1 });
      const kept = panel.gets({ type: "publish", qos: 1 }).packetId;
      at.expects(kept !== 0, "the first Packet Identifier is 0");
      let wrapped = false;
      let last = kept;
      for (let sent = 0; sent < 65_600; sent += 200) {
        const batch = Array.from({ length: 200 }, () => publishPacket("t", "", { packetId: 2 }));
        await pump.sends(...batch);
        const came = panel.takes().map((packet) => packet.type === "publish" ? packet.packetId : 0);
        at.expects(came.length === 200, `${came.length} of 200 have come`);
        at.expects(new Set(came).size === 200, "an identifier is given twice at once");
        for (const id of came) {
          at.expects(id !== 0 && id !== kept, `identifier ${id} is given, ${kept} is in use`);
          wrapped ||= id < last;
          last = id;
        }
        await panel.sends(...came.map((id) => acknowledgement("puback", id)));
      }
      at.expects(wrapped, "the identifiers have not begun anew");
    },
  ),
  holds("3.1.1", "MQTT-2.3.1-5", "QoS 0 goes out without a Packet Identifier", async (at) => {
    const panel = await at.client("panel");
    await panel.subscribes(["t", 2]);
    const pump = await at.client("pump");
    await pump.sends(frame(0x30, s("t"), "00 07 78"));
    panel.gets(frame(0x30, s("t"), "00 07 78"));
    pump.getsNothing();
  }),
  holds(
    "3.1.1",
    "MQTT-2.3.1-6",
    "PUBACK, PUBREC, PUBREL, PUBCOMP repeat the identifier",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump");
      await pump.publishes("t", "a", { packetId: 0xfffe });
      pump.gets("40 02 ff fe");
      await pump.publishes("t", "b", { packetId: 0x0100, qos: 2 });
      pump.gets("50 02 01 00");
      await pump.sends("62 02 01 00");
      pump.gets("70 02 01 00");
      const one = panel.gets({ type: "publish", qos: 1 });
      const two = panel.gets({ type: "publish", qos: 2 });
      at.expects(one.packetId !== two.packetId, "two deliveries have one identifier");
      await panel.sends(acknowledgement("pubrec", two.packetId));
      panel.gets({ type: "pubrel", packetId: two.packetId });
    },
  ),
  holds("3.1.1", "MQTT-2.3.1-7", "SUBACK and UNSUBACK repeat the identifier", async (at) => {
    const panel = await at.client("panel");
    const requests: readonly Packet[] = [
      subscribePacket(0xfffe, ["a", 0]),
      subscribePacket(0x0100, ["b", 1]),
      unsubscribePacket(0xfffe, "a"),
      unsubscribePacket(0x0001, "none"),
    ];
    await panel.sends(...requests);
    panel.gets("90 03 ff fe 00");
    panel.gets("90 03 01 00 01");
    panel.gets("b0 02 ff fe");
    panel.gets("b0 02 00 01");
  }),
];
