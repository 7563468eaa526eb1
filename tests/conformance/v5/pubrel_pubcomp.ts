/** PUBREL and PUBCOMP of MQTT 5.0, sections 3.6 and 3.7: their bytes and Reason Codes. */

import { publishPacket } from "../../broker/packets.ts";
import { frame } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { isRefused, refuses, serves } from "./answers.ts";
import { awaited, NOT_OF_PUBREL, PROPERTIES, takesProperties } from "./awaited.ts";

export const pubrelPubcomp5: readonly Row[] = [
  holds("5.0", "MQTT-3.6.1-1", "a PUBREL with flags other than 0010 closes", async (at) => {
    for (let flags = 0; flags < 16; flags++) {
      const pump = await at.client("pump");
      await pump.publishes("t", "x", { packetId: 1, qos: 2 });
      pump.gets({ type: "pubrec", packetId: 1 });
      await pump.sends(Uint8Array.of(0x60 | flags, 2, 0, 1));
      if (flags !== 2) isRefused(pump, 0x81);
      else pump.gets("70 02 0001");
    }
  }),
  holds("5.0", "MQTT-3.6.1-1", "a PUBREL of the broker has the flags 0010", async (at) => {
    const [panel] = await awaited(at, "panel", 2);
    await panel.sends("50 02 0001");
    panel.gets("62 02 0001");
    await panel.sends("50 02 0102"); // a Packet Identifier that it does not know
    panel.gets("62 03 0102 92");
  }),
  holds("5.0", "MQTT-3.6.2-1", "a PUBREL of the broker has 0x00, or 0x92 where due", async (at) => {
    const [panel] = await awaited(at, "panel", 2);
    await panel.sends("50 02 0001");
    panel.gets("62 02 0001");
    await panel.sends("50 02 0009");
    panel.gets("62 03 0009 92");
    await serves(panel);
  }),
  holds("5.0", "MQTT-3.6.2-1", "a PUBREL with 0x00 or 0x92 is answered", async (at) => {
    for (const end of ["62 02 0001", "62 03 0001 00", "62 04 0001 00 00", "62 03 0001 92"]) {
      const pump = await at.client("pump");
      await pump.publishes("t", "x", { packetId: 1, qos: 2 });
      pump.gets({ type: "pubrec" });
      await pump.sends(end);
      pump.gets("70 02 0001");
    }
  }),
  holds("5.0", "MQTT-3.6.2-1", "a PUBREL with a code of no table closes", async (at) => {
    for (const code of NOT_OF_PUBREL) {
      await refuses(at, Uint8Array.of(0x62, 3, 0, 1, code), 0x82);
    }
  }),
  holds("5.0", ["MQTT-3.6.2-2", "MQTT-3.6.2-3"], "a PUBREL is bare, so fits always", async (at) => {
    for (const maximumPacketSize of [30, 65_536]) {
      const panel = await at.client("panel", { properties: { maximumPacketSize } });
      await panel.subscribes(["t", 2]);
      const properties = { userProperties: [["k", "v"]] as const };
      await panel.publishes("t", "x", { packetId: 1, qos: 2, properties });
      panel.gets("50 02 0001");
      panel.gets({ type: "publish", qos: 2, packetId: 1, properties });
      await panel.sends(frame(0x50, "0001 00", PROPERTIES), "50 02 0009");
      panel.gets("62 02 0001");
      panel.gets("62 03 0009 92");
    }
  }),
  holds("5.0", ["MQTT-3.6.2-2", "MQTT-3.6.2-3"], "a PUBREL's properties are read", async (at) => {
    const pump = await at.client("pump");
    await pump.publishes("t", "x", { packetId: 1, qos: 2 });
    pump.gets({ type: "pubrec" });
    await takesProperties(at, pump, 0x62, 1);
    pump.gets("70 02 0001");
  }),

  holds(
    "5.0",
    "MQTT-3.7.2-1",
    "a PUBCOMP of the broker has 0x00, or 0x92 where due",
    async (at) => {
      const pump = await at.client("pump");
      await pump.sends(publishPacket("t", "x", { packetId: 1, qos: 2 }), "62 02 0001");
      pump.gets({ type: "pubrec", packetId: 1 });
      pump.gets("70 02 0001");
      await pump.sends("62 02 0001", "62 02 ffff");
      pump.gets("70 03 0001 92");
      pump.gets("70 03 ffff 92");
      await serves(pump);
    },
  ),
  holds("5.0", "MQTT-3.7.2-1", "a PUBCOMP with 0x00 or 0x92 ends the delivery", async (at) => {
    for (const end of ["70 02 0001", "70 03 0001 00", "70 04 0001 00 00", "70 03 0001 92"]) {
      const [panel] = await awaited(at, "panel", 2);
      await panel.sends("50 02 0001");
      panel.gets("62 02 0001");
      await panel.sends(end);
      panel.gets({ type: "publish", payload: "2" });
    }
  }),
  holds("5.0", "MQTT-3.7.2-1", "a PUBCOMP with a code of no table closes", async (at) => {
    for (const code of NOT_OF_PUBREL) {
      await refuses(at, Uint8Array.of(0x70, 3, 0, 1, code), 0x82);
    }
  }),
  holds(
    "5.0",
    ["MQTT-3.7.2-2", "MQTT-3.7.2-3"],
    "a PUBCOMP is bare, so fits always",
    async (at) => {
      for (const maximumPacketSize of [30, 65_536]) {
        const pump = await at.client("pump", { properties: { maximumPacketSize } });
        const properties = { userProperties: [["k", "v"]] as const };
        await pump.publishes("t", "x", { packetId: 1, qos: 2, properties });
        pump.gets("50 03 0001 10");
        await pump.sends(frame(0x62, "0001 00", PROPERTIES), frame(0x62, "0002 92", PROPERTIES));
        pump.gets("70 02 0001");
        pump.gets("70 03 0002 92");
      }
    },
  ),
  holds("5.0", ["MQTT-3.7.2-2", "MQTT-3.7.2-3"], "a PUBCOMP's properties are read", async (at) => {
    const [panel] = await awaited(at, "panel", 2);
    await panel.sends("50 02 0001");
    panel.gets("62 02 0001");
    await takesProperties(at, panel, 0x70, 1);
    panel.gets({ type: "publish", payload: "2" });
  }),
];
