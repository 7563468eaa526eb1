/** MQTT 5.0 section 2.2.2: the Property Length, and which properties a packet may have. */

import { publishPacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
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
      const unknown = ["00", "04", "05", "06", "07", "0a", "0c", "10", "14", "1b", "1d", "20", "2b"]
        .concat(["7f", "8001", "ffff7f"]);
      for (const id of unknown) {
        await turnsAway(at, connectBytes({ properties: p(id, "00000000") }), 0x81);
        await ends(await at.client("sender"), frame(0x30, s("t"), p(id, "00000000")), 0x81);
      }
      const all = Object.entries(EVERY);
      for (const [owner, allowed] of Object.entries(ALLOWED)) {
        for (const [id, value] of all) {
          if (allowed.includes(id)) continue;
          const property = p(id, value);
          if (owner === "connect") {
            await turnsAway(at, connectBytes({ properties: property }), 0x81);
          } else if (owner === "will") {
            const payload = s("c") + property + s("w") + s("m");
            await turnsAway(at, connectBytes({ flags: "06", payload }), 0x81);
          } else await ends(await at.client("sender"), packetWith(owner, property), 0x81);
        }
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-2.2.2-1",
    "a property that stands twice is a protocol error (0x82), but for User Properties",
    async (at) => {
      for (const [owner, allowed] of Object.entries(ALLOWED)) {
        for (const id of allowed) {
          if (id === "26" || owner === "publish" && id === "0b") continue;
          // Without its method, Authentication Data are an error of their own, of the same code.
          const property = p(id, EVERY[id]!, id, EVERY[id]!);
          if (owner === "connect") {
            await turnsAway(at, connectBytes({ properties: property }), 0x82);
          } else if (owner === "will") {
            const payload = s("c") + property + s("w") + s("m");
            await turnsAway(at, connectBytes({ flags: "06", payload }), 0x82);
          } else await ends(await at.client("sender"), packetWith(owner, property), 0x82);
        }
      }
    },
  ),
];

/** Every property with a value that is good where it may stand. */
const EVERY: Readonly<Record<string, string>> = {
  "01": "01",
  "02": "0000000a",
  "03": s("text/plain"),
  "08": s("answers"),
  "09": "0001 ff",
  "0b": "07",
  "11": "0000000a",
  "12": s("assigned"),
  "13": "000a",
  "15": s("method"),
  "16": "0001 ff",
  "17": "01",
  "18": "0000000a",
  "19": "01",
  "1a": s("info"),
  "1c": s("other"),
  "1f": s("why"),
  "21": "000a",
  "22": "000a",
  "23": "0001",
  "24": "01",
  "25": "01",
  "26": s("name") + s("value"),
  "27": "00010000",
  "28": "01",
  "29": "01",
  "2a": "01",
};

/** Table 2-4 for what a client sends. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  connect: ["11", "15", "16", "17", "19", "21", "22", "26", "27"],
  will: ["01", "02", "03", "08", "09", "18", "26"],
  publish: ["01", "02", "03", "08", "09", "0b", "23", "26"],
  puback: ["1f", "26"],
  pubrec: ["1f", "26"],
  pubrel: ["1f", "26"],
  pubcomp: ["1f", "26"],
  subscribe: ["0b", "26"],
  unsubscribe: ["26"],
  disconnect: ["11", "1c", "1f", "26"],
};

/** A packet of a client that was let in, with these properties. */
function packetWith(owner: string, properties: string): Uint8Array {
  switch (owner) {
    case "publish":
      return frame(0x30, s("t"), properties);
    case "puback":
      return frame(0x40, "0001 00", properties);
    case "pubrec":
      return frame(0x50, "0001 00", properties);
    case "pubrel":
      return frame(0x62, "0001 00", properties);
    case "pubcomp":
      return frame(0x70, "0001 00", properties);
    case "subscribe":
      return frame(0x82, "0001", properties, s("f"), "00");
    case "unsubscribe":
      return frame(0xa2, "0001", properties, s("f"));
    default:
      return frame(0xe0, "00", properties);
  }
}

/** A Packet Identifier as two bytes with a blank between. */
function hexId(id: number): string {
  const digits = id.toString(16).padStart(4, "0");
  return `${digits.slice(0, 2)} ${digits.slice(2)}`;
}
