/** PUBACK and PUBREC of MQTT 5.0, sections 3.4 and 3.5: their bytes and Reason Codes. */

import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { isRefused, serves } from "./answers.ts";
import {
  awaited,
  NOT_OF_PUBLISH,
  noUserProperty,
  OF_PUBLISH,
  reasonsOf,
  takesProperties,
  wordsAreLeftOut,
} from "./awaited.ts";

export const pubackPubrec5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.4.2-1",
    "a PUBACK of the broker has a Reason Code of its table",
    async (at) => {
      await reasonsOf(at, "40");
      const pump = await at.client("pump 2");
      await pump.publishes("nobody", "x", { packetId: 9, qos: 2 });
      pump.gets({ type: "pubrec", packetId: 9 });
      await pump.publishes("nobody", "x", { packetId: 9, qos: 1 });
      pump.gets("40 03 0009 91"); // the Packet Identifier awaits its PUBREL
    },
  ),
  holds(
    "5.0",
    "MQTT-3.4.2-1",
    "a PUBACK with a code of the table ends the delivery",
    async (at) => {
      for (const code of OF_PUBLISH) {
        const [panel] = await awaited(at, `p${code}`, 1);
        await panel.sends(Uint8Array.of(0x40, 3, 0, 1, code));
        panel.gets({ type: "publish", payload: "2" });
        await serves(panel);
      }
      const [panel] = await awaited(at, "short", 1);
      await panel.sends("40 02 0001");
      panel.gets({ type: "publish", payload: "2" });
    },
  ),
  holds("5.0", "MQTT-3.4.2-1", "a PUBACK with a code of no table closes", async (at) => {
    for (const code of NOT_OF_PUBLISH) {
      const [panel] = await awaited(at, `p${code}`, 1);
      await panel.sends(Uint8Array.of(0x40, 3, 0, 1, code));
      isRefused(panel, 0x82);
    }
  }),
  holds(
    "5.0",
    "MQTT-3.4.2-2",
    "the Reason String of a PUBACK never goes over Maximum Packet Size",
    (at) => wordsAreLeftOut(at, "puback"),
  ),
  holds("5.0", "MQTT-3.4.2-3", "a PUBACK of the broker has no User Property", (at) => {
    return noUserProperty(at, "puback");
  }),
  holds("5.0", ["MQTT-3.4.2-2", "MQTT-3.4.2-3"], "a PUBACK's properties are read", async (at) => {
    const [panel] = await awaited(at, "panel", 1);
    await takesProperties(at, panel, 0x40, 1);
    panel.gets({ type: "publish", payload: "2" });
  }),

  holds("5.0", "MQTT-3.5.2-1", "a PUBREC of the broker has a Reason Code of its table", (at) => {
    return reasonsOf(at, "50");
  }),
  holds("5.0", "MQTT-3.5.2-1", "a PUBREC with a code of the table is taken", async (at) => {
    for (const code of OF_PUBLISH) {
      const [panel] = await awaited(at, `p${code}`, 2);
      await panel.sends(Uint8Array.of(0x50, 3, 0, 1, code));
      if (code < 0x80) panel.gets("62 02 0001");
      else panel.gets({ type: "publish", payload: "2" });
      await serves(panel);
    }
  }),
  holds("5.0", "MQTT-3.5.2-1", "a PUBREC with a code of no table closes", async (at) => {
    for (const code of NOT_OF_PUBLISH) {
      const [panel] = await awaited(at, `p${code}`, 2);
      await panel.sends(Uint8Array.of(0x50, 3, 0, 1, code));
      isRefused(panel, 0x82);
    }
  }),
  holds(
    "5.0",
    "MQTT-3.5.2-2",
    "the Reason String of a PUBREC never goes over Maximum Packet Size",
    (at) => wordsAreLeftOut(at, "pubrec"),
  ),
  holds("5.0", "MQTT-3.5.2-3", "a PUBREC of the broker has no User Property", (at) => {
    return noUserProperty(at, "pubrec");
  }),
  holds("5.0", ["MQTT-3.5.2-2", "MQTT-3.5.2-3"], "a PUBREC's properties are read", async (at) => {
    const [panel] = await awaited(at, "panel", 2);
    await takesProperties(at, panel, 0x50, 1);
    panel.gets("62 02 0001");
  }),
];
