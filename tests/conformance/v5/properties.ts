/** MQTT 5.0 section 2.2.2: the Property Length, and which properties a packet may have. */

import { publishPacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { runCases } from "../hostile/cases.ts";
import {
  misplacedProperties,
  repeatedProperties,
  unknownProperties,
} from "../hostile/properties.ts";
import { connectBytes, ends, raw, turnsAway } from "../raw5.ts";

export const properties5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-2.2.2-1",
    "what the broker sends without properties has a Property Length of 0",
    async (at) => {
      const panel = await at.client("panel");
      await panel.sends(frame(0x82, "0001", p(), s("t"), "00"));
      panel.gets("90 04 00 01 00 00");
      await panel.sends(frame(0xa2, "0002", p(), s("u")));
      panel.gets("b0 04 00 02 00 11");
      const pump = await at.client("pump");
      await pump.publishes("t", "x");
      panel.gets("30 05 00 01 74 00 78");
      const old = await at.client("old", { version: 4 });
      await old.sends(publishPacket("t", "y"));
      panel.gets("30 05 00 01 74 00 79");
      const closed = await at.client("closed", { properties: { requestProblemInformation: 0 } });
      await closed.sends("00 00");
      const bytes = closed.takesBytes()!;
      at.expects(bytes[0] === 0xe0 && bytes[2] === 0x81, "DISCONNECT 0x81");
      at.expects(bytes[1] === 1 || bytes[1] === 2 && bytes[3] === 0, "with no property");
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.2-1",
    "a packet that ends without its Property Length is malformed (0x81)",
    async (at) => {
      await turnsAway(at, connectBytes({ properties: "", payload: "" }), 0x81);
      await turnsAway(at, connectBytes({ flags: "06", payload: s("c") }), 0x81);
      await ends(await at.client("sender"), frame(0x30, s("t")), 0x81);
      await ends(await at.client("sender"), frame(0x32, s("t"), "0001"), 0x81);
      await ends(await at.client("sender"), frame(0x82, "0001"), 0x81);
      await ends(await at.client("sender"), frame(0xa2, "0001"), 0x81);
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.2-1",
    "a Property Length that is left out or wrong makes what follows be read as properties",
    async (at) => {
      // The client id `raw` in the place of properties: 0 is their length, 3 is no property.
      await turnsAway(at, connectBytes({ properties: "" }), 0x81);
      await turnsAway(at, connectBytes({ properties: "05 1100000001 00" }), 0x81);
      await turnsAway(at, connectBytes({ properties: "04 1100000001" }), 0x81);
      await turnsAway(at, connectBytes({ properties: "06 1100000001" }), 0x81);
      await turnsAway(at, connectBytes({ properties: "7f 1100000001" }), 0x81);
      await ends(await at.client("sender"), frame(0x30, s("t"), raw("payload")), 0x81);
      await ends(await at.client("sender"), frame(0x30, s("t"), "01 01"), 0x81);
      await ends(await at.client("sender"), frame(0x30, s("t"), "03 0101"), 0x81);
      await ends(await at.client("sender"), frame(0x82, "0001", s("f"), "00"), 0x81);
      await ends(await at.client("sender"), frame(0xa2, "0001", "05", s("f")), 0x81);
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.2-1",
    "PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT are taken with a Property Length of 0 and without one",
    async (at) => {
      const panel = await at.client("panel", { properties: { receiveMaximum: 1 } });
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump");
      const forms = ["", " 00", " 00 00"];
      let id = 0;
      for (const form of forms) {
        const length = 2 + form.length / 3;
        await pump.publishes("t", "1", { packetId: ++id });
        const one = panel.gets({ type: "publish", payload: "1" });
        await panel.sends(`40 0${length} ${hexId(one.packetId)}${form}`);
        await pump.publishes("t", "2", { packetId: ++id, qos: 2 });
        const two = panel.gets({ type: "publish", payload: "2" }); // the quota is free: PUBACK counted
        await panel.sends(`50 0${length} ${hexId(two.packetId)}${form}`);
        panel.gets({ type: "pubrel", packetId: two.packetId });
        await panel.sends(`70 0${length} ${hexId(two.packetId)}${form}`);
        pump.gets({ type: "puback", packetId: id - 1 });
        pump.gets({ type: "pubrec", packetId: id });
        await pump.sends(`62 0${length} ${hexId(id)}${form}`);
        pump.gets({ type: "pubcomp", packetId: id, reasonCode: 0 });
      }
      for (const bytes of ["e0 00", "e0 01 00", "e0 02 00 00"]) {
        const peer = await at.client("leaver");
        await peer.sends(bytes);
        peer.isClosed(); // without a DISCONNECT in answer
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.2-1",
    "a property that is unknown or belongs to another packet is malformed (0x81)",
    async (at) => {
      await runCases(at, unknownProperties);
      await runCases(at, misplacedProperties);
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.2-1",
    "a property that stands twice is a protocol error (0x82), but for User Properties",
    (at) => runCases(at, repeatedProperties),
  ),
];

/** A Packet Identifier as two bytes with a blank between. */
function hexId(id: number): string {
  const digits = id.toString(16).padStart(4, "0");
  return `${digits.slice(0, 2)} ${digits.slice(2)}`;
}
