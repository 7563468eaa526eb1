/** MQTT 5.0 section 2.2.1: Packet Identifiers, those of clients and those of the broker. */

import { acknowledgement, publishPacket, subscribePacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import type { ClientOptions } from "../bench.ts";
import { ends, int, raw } from "../raw5.ts";
import { usedUpTo } from "./used_ids.ts";

export const packetIds5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-2.2.1-2",
    "behind the topic of a QoS 0 PUBLISH come the properties at once, in both directions",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump");
      await pump.sends("30 06 00 01 74 00 68 69");
      panel.gets("30 06 00 01 74 00 68 69");
      // Two bytes that would be a Packet Identifier are a Property Length and a property.
      await ends(pump, "30 07 00 01 74 00 07 00 68".replace("00 07", "07 00"), 0x81);
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.1-2",
    "a QoS 1 message to a subscription of QoS 0 loses its Packet Identifier",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", 0]);
      const pump = await at.client("pump");
      await pump.publishes("t", "a", { packetId: 9 });
      pump.gets("40 02 00 09");
      panel.gets("30 05 00 01 74 00 61");
      await pump.publishes("t", "b", { packetId: 10, qos: 2 });
      pump.gets("50 02 00 0a");
      panel.gets("30 05 00 01 74 00 62");
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.1-3",
    "Packet Identifier 0 in PUBLISH, SUBSCRIBE or UNSUBSCRIBE ends the connection with 0x82",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("#");
      const bad = [
        frame(0x32, s("t"), "0000", p(), raw("x")),
        frame(0x34, s("t"), "0000", p(), raw("x")),
        frame(0x82, "0000", p(), s("f"), "00"),
        frame(0xa2, "0000", p(), s("f")),
        frame(0x40, "0000"),
        frame(0x50, "0000"),
        frame(0x62, "0000"),
        frame(0x70, "0000"),
      ];
      for (const bytes of bad) await ends(await at.client("sender"), bytes, 0x82);
      panel.getsNothing();
      const good = await at.client("good");
      for (const id of ["0001", "7fff", "8000", "ffff"]) {
        await good.sends(frame(0x32, s("t"), id, p()));
        good.gets(`40 02 ${id}`);
        panel.gets({ type: "publish", topic: "t" });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.1-3",
    "a Packet Identifier that is in use for QoS 2 is refused with 0x91 for other packets",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("#");
      const pump = await at.client("pump");
      await pump.publishes("t", "first", { packetId: 7, qos: 2 });
      pump.gets({ type: "pubrec", packetId: 7, reasonCode: 0 });
      panel.gets({ type: "publish", payload: "first" });
      await pump.publishes("t", "second", { packetId: 7, qos: 1 });
      pump.gets({ type: "puback", packetId: 7, reasonCode: 0x91 });
      await pump.sends(subscribePacket(7, ["a", 0], ["b", 1]));
      pump.gets({ type: "suback", packetId: 7, reasonCodes: [0x91, 0x91] });
      panel.getsNothing();
      await pump.sends(acknowledgement("pubrel", 7));
      pump.gets({ type: "pubcomp", packetId: 7, reasonCode: 0 });
      await pump.publishes("t", "third", { packetId: 7, qos: 1 });
      pump.gets({ type: "puback", packetId: 7, reasonCode: 0 });
      panel.gets({ type: "publish", payload: "third" });
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.1-4",
    "messages in flight have identifiers of their own, and one that is acknowledged is free again",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump");
      const used = new Set<number>();
      for (let i = 0; i < 100; i++) {
        await pump.publishes("t", String(i), { packetId: 1, qos: i % 2 === 0 ? 1 : 2 });
        if (i % 2 === 1) await pump.sends(acknowledgement("pubrel", 1));
        const { packetId } = panel.gets({ type: "publish", payload: String(i) });
        at.expects(packetId !== 0 && !used.has(packetId), `${packetId} is not free`);
        used.add(packetId);
      }
      const [free] = used;
      await panel.sends(acknowledgement("puback", free!));
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.1-4",
    "behind 65,535 the identifiers begin anew at 1, past the one that is still in use",
    async (at) => {
      const pump = await at.client("pump");
      // To one all of them go out at once, to the other half of them come from the queue.
      for (const [name, receiveMaximum] of [["wide", 65_535], ["narrow", 101]] as const) {
        const options: ClientOptions = {
          cleanStart: false,
          properties: { sessionExpiryInterval: 3600, receiveMaximum },
        };
        const before = await at.client(name, options);
        await before.subscribes([name, 1]);
        await pump.publishes(name, "held", { packetId: 1 });
        const held = before.gets({ type: "publish", payload: "held" }).packetId;
        await before.drops();
        await usedUpTo(at, name, 65_435);
        const peer = await at.client(name, options);
        peer.gets({ type: "publish", payload: "held", packetId: held, dup: true });
        peer.gets({ type: "publish", payload: "held", packetId: 65_435, dup: true });
        await peer.sends(acknowledgement("puback", 65_435));
        const round = Array.from(
          { length: 200 },
          (_, i) => publishPacket(name, String(i), { packetId: i + 2 }),
        );
        await pump.sends(...round);
        pump.takes();
        const found: number[] = [];
        while (found.length < round.length) {
          const { packetId } = peer.gets({ type: "publish", payload: String(found.length) });
          found.push(packetId);
          await peer.sends(acknowledgement("puback", packetId));
        }
        // 100 to the end, then from 1 on, but for the one that is held.
        const wanted = Array.from({ length: 100 }, (_, i) => 65_436 + i);
        for (let id = 1; wanted.length < 200; id++) if (id !== held) wanted.push(id);
        at.expects(found.join() === wanted.join(), `${name}: the identifiers are ${found}`);
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.1-5",
    "PUBACK, PUBREC and PUBCOMP of the broker repeat the identifier of the PUBLISH",
    async (at) => {
      await (await at.client("panel")).subscribes("t"); // else PUBACK has Reason Code 0x10
      const pump = await at.client("pump");
      for (const id of ["0001", "00ff", "0100", "1234", "ffff"]) {
        await pump.sends(frame(0x32, s("t"), id, p()));
        pump.gets(`40 02 ${id}`);
        await pump.sends(frame(0x34, s("t"), id, p()));
        pump.gets(`50 02 ${id}`);
        await pump.sends(frame(0x62, id));
        pump.gets(`70 02 ${id}`);
        await pump.sends(frame(0x62, id)); // not known any more
        pump.gets(`70 03 ${id} 92`);
      }
      await pump.sends(frame(0x32, s("t"), "0005", p()), frame(0x32, s("t"), "0003", p()));
      pump.gets("40 02 00 05");
      pump.gets("40 02 00 03");
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.1-5",
    "PUBREL of the broker repeats the identifier of its PUBLISH, and only that acknowledges it",
    async (at) => {
      const panel = await at.client("panel", { properties: { receiveMaximum: 2 } });
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump");
      for (const packetId of [1, 2, 3]) await pump.publishes("t", "x", { packetId, qos: 2 });
      const first = panel.gets({ type: "publish", qos: 2 }).packetId;
      const second = panel.gets({ type: "publish", qos: 2 }).packetId;
      await panel.sends(acknowledgement("pubrec", second));
      panel.gets(`62 02 ${int(second, 2)}`);
      await panel.sends(acknowledgement("pubrec", first));
      panel.gets(`62 02 ${int(first, 2)}`);
      panel.getsNothing();
      await panel.sends(acknowledgement("pubcomp", 999)); // of nothing: no quota comes free
      panel.getsNothing();
      await panel.sends(acknowledgement("pubcomp", second));
      panel.gets({ type: "publish", qos: 2 });
      await panel.sends(acknowledgement("pubrec", 999));
      panel.gets("62 03 03e7 92");
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.1-6",
    "SUBACK and UNSUBACK repeat the identifier of the request, granted or not",
    async (at) => {
      const panel = await at.client("panel");
      for (const id of ["0001", "00ff", "0100", "1234", "ffff"]) {
        await panel.sends(frame(0x82, id, p(), s("f"), "01"));
        panel.gets(`90 04 ${id} 00 01`);
        await panel.sends(frame(0x82, id, p(), s("a/#/b"), "00"));
        panel.gets({ type: "suback", packetId: parseInt(id, 16), reasonCodes: [0x8f] });
        await panel.sends(frame(0xa2, id, p(), s("f")));
        panel.gets(`b0 04 ${id} 00 00`);
        await panel.sends(frame(0xa2, id, p(), s("f")));
        panel.gets(`b0 04 ${id} 00 11`);
      }
      await panel.sends(
        frame(0x82, "0009", p(), s("a"), "00"),
        frame(0xa2, "0003", p(), s("a")),
        frame(0x82, "0007", p(), s("b"), "02"),
      );
      panel.gets("90 04 0009 00 00");
      panel.gets("b0 04 0003 00 00");
      panel.gets("90 04 0007 00 02");
    },
  ),
];
