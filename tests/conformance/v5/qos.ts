/** QoS 0 and QoS 1 of MQTT 5.0, sections 4.3.1 and 4.3.2. */

import type { QoS } from "../../../src/packet/packet.ts";
import { frame, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { id, isRefused, serves } from "./answers.ts";
import { KEEPS, pair, publishBytes } from "./parties.ts";

export const qos5: readonly Row[] = [
  holds("5.0", "MQTT-4.3.1-1", "a QoS 0 message goes out with QoS 0 and DUP 0", async (at) => {
    const panels = [await at.client("p0"), await at.client("p1"), await at.client("p2")];
    for (const [qos, panel] of panels.entries()) await panel.subscribes(["t", qos as QoS]);
    const pump = await at.client("pump");
    await pump.sends("30 05 0001 74 00 78");
    await pump.sends("31 05 0001 74 00 79"); // retained
    for (const panel of panels) {
      panel.gets("30 05 0001 74 00 78");
      panel.gets("30 05 0001 74 00 79");
      panel.getsNothing();
    }
    const late = await at.client("late");
    await late.subscribes(["t", 2]);
    late.gets("31 05 0001 74 00 79");
    await pump.sends(frame(0x32, s("t"), "0007", "00", "7a")); // QoS 1, granted is 0
    panels[0]!.gets("30 05 0001 74 00 7a");
  }),
  holds("5.0", "MQTT-4.3.1-1", "QoS 0 with DUP or a Packet Identifier is none", async (at) => {
    const [pump, panel] = await pair(at);
    await pump.sends("38 05 0001 74 00 78");
    isRefused(pump, 0x81);
    panel.getsNothing();
    // Without the bits of a QoS there is no identifier: these bytes are payload.
    const other = await at.client("other");
    await other.sends("30 07 0001 74 00 0005 78");
    panel.gets("30 07 0001 74 00 0005 78");
  }),

  holds("5.0", "MQTT-4.3.2-3", "a QoS 1 message is unacknowledged until its PUBACK", async (at) => {
    const [pump, first] = await pair(at, KEEPS);
    for (const packetId of [1, 2]) await pump.publishes("t", `m${packetId}`, { packetId });
    for (const packetId of [1, 2]) {
      first.gets({ type: "publish", packetId, payload: `m${packetId}` });
    }
    await first.sends("40 02 0009", "c0 00"); // of none, and no acknowledgement at all
    first.gets({ type: "pingresp" });
    await first.drops();
    let panel = await at.client("panel", KEEPS);
    panel.gets({ type: "publish", packetId: 1, dup: true, payload: "m1" });
    panel.gets({ type: "publish", packetId: 2, dup: true, payload: "m2" });
    await panel.sends("40 02 0001");
    await panel.drops();
    await at.restarts();
    panel = await at.client("panel", KEEPS);
    panel.gets({ type: "publish", packetId: 2, dup: true, payload: "m2" });
    await panel.sends("40 02 0002");
    await panel.drops();
    panel = await at.client("panel", KEEPS);
    await serves(panel);
  }),
  holds("5.0", "MQTT-4.3.2-3", "a PUBREC or PUBCOMP does not stand for its PUBACK", async (at) => {
    for (const wrong of ["50 02 0001", "70 02 0001"]) {
      const [pump, first] = await pair(at, KEEPS);
      await pump.publishes("t", "x", { packetId: 1 });
      first.gets({ type: "publish", packetId: 1, qos: 1 });
      await first.sends(wrong);
      isRefused(first, 0x82);
      const panel = await at.client("panel", KEEPS);
      panel.gets({ type: "publish", packetId: 1, dup: true, payload: "x" });
      await panel.sends("40 02 0001", "e0 07 00 05 11 00000000");
      panel.isClosed();
    }
  }),
  holds(
    "5.0",
    "MQTT-4.3.2-4",
    "a QoS 1 message is taken and answered with its PUBACK",
    async (at) => {
      const [pump, panel] = await pair(at);
      for (const packetId of [1, 0x00ff, 0x0100, 0xffff]) {
        await pump.sends(publishBytes(0x32, packetId, `m${packetId}`));
        pump.gets(`40 02 ${id(packetId)}`);
        panel.gets({ type: "publish", qos: 1, payload: `m${packetId}` });
      }
      await pump.sends(publishBytes(0x32, 7, "a"), publishBytes(0x32, 6, "b"));
      for (const answer of ["40 02 0007", "40 02 0006"]) pump.gets(answer);
      await serves(pump);
      const nought = await at.client("nought");
      await nought.sends(publishBytes(0x32, 0, "x"));
      isRefused(nought, 0x82);
    },
  ),
  holds("5.0", "MQTT-4.3.2-4", "a PUBACK waits until the message is kept", async (at) => {
    const desk = await at.desk();
    const panel = await at.client("panel", KEEPS);
    await panel.subscribes(["t", 1]);
    await panel.drops();
    const pump = await at.client("pump");
    desk.hold(true);
    await pump.publishes("t", "x", { packetId: 3 });
    pump.getsNothing();
    await at.act(() => desk.hold(false));
    pump.gets("40 02 0003");
    await at.restarts();
    const again = await at.client("panel", KEEPS);
    again.gets({ type: "publish", payload: "x" });
  }),
  holds("5.0", "MQTT-4.3.2-5", "after PUBACK its identifier is for a new message", async (at) => {
    const [pump, panel] = await pair(at);
    for (const [turn, first] of [0x32, 0x3a, 0x3a, 0x32].entries()) {
      await pump.sends(publishBytes(first, 5, `m${turn}`));
      pump.gets("40 02 0005");
      panel.gets({ type: "publish", qos: 1, dup: false, payload: `m${turn}` });
    }
    const again = await at.client("pump");
    await again.sends(publishBytes(0x3a, 5, "from another connection"));
    again.gets("40 02 0005");
    panel.gets({ type: "publish", payload: "from another connection" });
  }),
];
