/** QoS 2 with the broker as the receiver, MQTT 5.0 section 4.3.3. */

import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { id, isRefused, serves } from "./answers.ts";
import { KEEPS, pair, publishBytes } from "./parties.ts";

export const qos2Receiver5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-4.3.3-8",
    "a QoS 2 message is taken and answered with its PUBREC",
    async (at) => {
      const [pump, panel] = await pair(at);
      for (const packetId of [1, 0x00ff, 0x0100, 0xffff]) {
        await pump.sends(publishBytes(0x34, packetId, `m${packetId}`));
        pump.gets(`50 02 ${id(packetId)}`);
        panel.gets({ type: "publish", qos: 2, payload: `m${packetId}` });
      }
      await pump.sends(publishBytes(0x34, 7, "a"), publishBytes(0x34, 6, "b"));
      for (const answer of ["50 02 0007", "50 02 0006"]) pump.gets(answer);
      await serves(pump);
      const nought = await at.client("nought");
      await nought.sends(publishBytes(0x34, 0, "x"));
      isRefused(nought, 0x82);
    },
  ),
  holds(
    "5.0",
    "MQTT-4.3.3-9",
    "after a PUBREC that refuses, its identifier is for a new one",
    async (at) => {
      const [pump, panel] = await pair(at);
      await pump.publishes("$SYS/t", "refused", { packetId: 5, qos: 2 });
      pump.gets({ type: "pubrec", packetId: 5, reasonCode: 0x87 });
      await pump.sends(publishBytes(0x34, 5, "new"));
      pump.gets("50 02 0005");
      panel.gets({ type: "publish", qos: 2, payload: "new" });
      await pump.sends("62 02 0005");
      pump.gets("70 02 0005");
      await pump.publishes("$SYS/t", "refused", { packetId: 5, qos: 2 });
      pump.gets({ type: "pubrec", packetId: 5, reasonCode: 0x87 });
      await pump.sends("62 02 0005"); // there is nothing to release
      pump.gets("70 03 0005 92");
    },
  ),
  holds("5.0", "MQTT-4.3.3-9", "so too where it was refused for want of room", async (at) => {
    at.configure({ queuePolicy: "reject", limits: { queuedMessagesPerSession: 1 } });
    const [pump, panel] = await pair(at, { properties: { receiveMaximum: 1 } });
    for (const packetId of [1, 2]) await pump.publishes("t", "x", { packetId, qos: 2 });
    for (const packetId of [1, 2]) pump.gets({ type: "pubrec", packetId, reasonCode: 0 });
    await pump.publishes("t", "refused", { packetId: 5, qos: 2 });
    pump.gets({ type: "pubrec", packetId: 5, reasonCode: 0x97 });
    panel.gets({ type: "publish", packetId: 1 });
    await panel.sends("50 02 0001");
    panel.gets("62 02 0001");
    await panel.sends("70 02 0001");
    panel.gets({ type: "publish", payload: "x" });
    await pump.publishes("t", "new", { packetId: 5, qos: 2 });
    pump.gets("50 02 0005");
    await panel.sends("50 03 0002 83");
    panel.gets({ type: "publish", payload: "new" });
    panel.getsNothing();
  }),
  holds(
    "5.0",
    "MQTT-4.3.3-10",
    "until PUBREL a PUBLISH again gets PUBREC and goes nowhere",
    async (at) => {
      const [first, panel] = await pair(at);
      await first.drops();
      let pump = await at.client("pump", KEEPS);
      await pump.sends(publishBytes(0x34, 5, "once"));
      pump.gets("50 02 0005");
      panel.gets({ type: "publish", qos: 2, payload: "once" });
      for (const bytes of [0x3c, 0x34, 0x3c].map((first) => publishBytes(first, 5, "twice"))) {
        await pump.sends(bytes);
        pump.gets("50 02 0005");
        panel.getsNothing();
      }
      await pump.drops();
      pump = await at.client("pump", KEEPS);
      await pump.sends(
        publishBytes(0x3c, 5, "on another connection"),
        publishBytes(0x3c, 6, "other"),
      );
      pump.gets("50 02 0005");
      pump.gets("50 02 0006");
      panel.gets({ type: "publish", payload: "other" });
      panel.getsNothing();
      await at.restarts();
      const reader = await at.client("reader");
      await reader.subscribes(["t", 2]);
      pump = await at.client("pump", KEEPS);
      await pump.sends(publishBytes(0x3c, 5, "after a crash"));
      pump.gets("50 02 0005");
      reader.getsNothing();
      await pump.sends("62 02 0005");
      pump.gets("70 02 0005");
    },
  ),
  holds("5.0", "MQTT-4.3.3-11", "a PUBREL is answered with its PUBCOMP", async (at) => {
    const pump = await at.client("pump");
    const ids = [1, 0x00ff, 0x0100, 0xffff];
    for (const packetId of ids) {
      await pump.publishes("t", "x", { packetId, qos: 2 });
      pump.gets({ type: "pubrec", packetId });
    }
    for (const packetId of ids.reverse()) {
      await pump.sends(frame(0x62, id(packetId)));
      pump.gets(frame(0x70, id(packetId)));
      await pump.sends(frame(0x62, id(packetId))); // again: it is answered again
      pump.gets(frame(0x70, id(packetId), "92"));
    }
    await serves(pump);
  }),
  holds("5.0", "MQTT-4.3.3-12", "after PUBCOMP its identifier is for a new message", async (at) => {
    const [pump, panel] = await pair(at);
    for (const [turn, first] of [0x34, 0x3c, 0x34, 0x3c].entries()) {
      await pump.sends(publishBytes(first, 5, `m${turn}`));
      pump.gets("50 02 0005");
      panel.gets({ type: "publish", qos: 2, dup: false, payload: `m${turn}` });
      await pump.sends("62 02 0005");
      pump.gets("70 02 0005");
    }
    await pump.sends(publishBytes(0x32, 5, "with QoS 1"));
    pump.gets("40 02 0005");
    panel.gets({ type: "publish", qos: 1, payload: "with QoS 1" });
  }),
  holds("5.0", "MQTT-4.3.3-12", "so too on another connection, and after a restart", async (at) => {
    for (const restarts of [false, true]) {
      let pump = await at.client("pump", KEEPS);
      await pump.sends(publishBytes(0x34, 5, "old"), "62 02 0005");
      pump.gets({ type: "pubrec", packetId: 5 });
      pump.gets("70 02 0005");
      await pump.drops();
      if (restarts) await at.restarts();
      const panel = await at.client("panel");
      await panel.subscribes(["t", 2]);
      pump = await at.client("pump", KEEPS);
      await pump.sends(publishBytes(0x3c, 5, "new"));
      pump.gets("50 02 0005");
      panel.gets({ type: "publish", qos: 2, payload: "new" });
      await pump.sends("62 02 0005", "e0 00");
    }
  }),
  holds(
    "5.0",
    "MQTT-4.3.3-13",
    "a message that has expired is acknowledged to its end",
    async (at) => {
      const [first, panel] = await pair(at);
      await first.drops();
      const pump = await at.client("pump", KEEPS);
      const bytes = (dup: number) => frame(0x34 | dup, s("t"), "0005", p("02 00000001"), "78");
      await pump.sends(bytes(0));
      pump.gets("50 02 0005");
      panel.gets({ type: "publish", qos: 2, payload: "x" });
      await at.passes(5_000);
      await pump.sends(bytes(8));
      pump.gets("50 02 0005");
      await pump.drops();
      await at.passes(5_000);
      const again = await at.client("pump", KEEPS);
      await again.sends(bytes(8), "62 02 0005", "62 02 0005");
      again.gets("50 02 0005");
      panel.getsNothing(); // it is the same message still
      again.gets("70 02 0005");
      again.gets("70 03 0005 92");
    },
  ),
];
