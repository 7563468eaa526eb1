/** Rows for MQTT 3.1.1 sections 3.4 to 3.7 and 4.3: PUBACK, PUBREC, PUBREL, PUBCOMP and the hand-shakes. */

import { acknowledgement, publishPacket } from "../../broker/packets.ts";
import { frame, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { otherFlags } from "./fixed_header.ts";
import { closes } from "./shorthand.ts";

const NAMES: readonly (readonly [name: string, first: number])[] = [
  ["PUBACK", 0x40],
  ["PUBREC", 0x50],
  ["PUBREL", 0x62],
  ["PUBCOMP", 0x70],
];

export const acknowledgements311: readonly Row[] = [
  closes(
    "MQTT-3.6.1-1",
    "PUBREL with other flags than 0010 closes the connection",
    otherFlags(0x62).map((first) => frame(first, "00 09")),
    ["62 02 00 09"],
  ),
  ...NAMES.map(([name, first]) =>
    closes(
      "MQTT-4.8.0-1",
      `${name} with Packet Identifier 0 or another length than 2 closes the connection`,
      [
        frame(first, "00 00"),
        frame(first),
        frame(first, "01"),
        frame(first, "00 01 00"),
        frame(first, "00 01 00 00"),
      ],
      [frame(first, "00 01")],
    )
  ),
  holds(
    "3.1.1",
    "MQTT-4.3.2-1",
    "QoS 1 out: a fresh identifier, DUP 0, owed until PUBACK",
    async (at) => {
      const panel = await at.client("panel", { cleanStart: false });
      await panel.subscribes(["t", 1]);
      const pump = await at.client("pump");
      await pump.publishes("t", "1", { packetId: 9 });
      await pump.publishes("t", "2", { packetId: 9 });
      const one = panel.gets({ type: "publish", payload: "1", qos: 1, dup: false });
      const two = panel.gets({ type: "publish", payload: "2", qos: 1, dup: false });
      at.expects(one.packetId !== 0 && two.packetId !== 0, "an identifier is 0");
      at.expects(one.packetId !== two.packetId, "the identifier is in use");
      await panel.sends(acknowledgement("puback", two.packetId));
      await panel.sends(acknowledgement("puback", 4711)); // for nothing
      await panel.drops();
      const again = await at.client("panel", { cleanStart: false });
      again.gets({ type: "publish", payload: "1", packetId: one.packetId, dup: true });
      again.getsNothing();
      await again.sends(acknowledgement("puback", one.packetId));
      await again.drops();
      const last = await at.client("panel", { cleanStart: false });
      last.getsNothing();
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.3.2-2",
    "QoS 1 in: PUBACK, and then the identifier stands for a new message",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", 0]);
      const pump = await at.client("pump");
      for (const [payload, dup] of [["1", false], ["2", false], ["3", true]] as const) {
        await pump.publishes("t", payload, { packetId: 7, dup });
        pump.gets("40 02 00 07");
        pump.getsNothing();
        panel.gets({ type: "publish", payload });
      }
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.3.2-2",
    "PUBACK does not come before the message is durable",
    async (at) => {
      const panel = await at.client("panel", { cleanStart: false });
      await panel.subscribes(["t", 1]);
      await panel.drops();
      const pump = await at.client("pump");
      const desk = await at.desk();
      desk.hold(true);
      await pump.publishes("t", "1", { packetId: 7 });
      pump.getsNothing();
      await desk.letGo();
      pump.gets("40 02 00 07");
      await at.restarts();
      const again = await at.client("panel", { cleanStart: false });
      again.gets({ type: "publish", payload: "1" });
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.3.3-1",
    "QoS 2 out: PUBREL after PUBREC, never PUBLISH again, owed until PUBCOMP",
    async (at) => {
      const panel = await at.client("panel", { cleanStart: false });
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump");
      await pump.publishes("t", "1", { packetId: 9, qos: 2 });
      await pump.publishes("t", "2", { packetId: 8, qos: 2 });
      const one = panel.gets({ type: "publish", payload: "1", qos: 2, dup: false }).packetId;
      const two = panel.gets({ type: "publish", payload: "2", qos: 2, dup: false }).packetId;
      at.expects(one !== 0 && two !== 0 && one !== two, `identifiers ${one} and ${two}`);
      await panel.sends(acknowledgement("pubrec", one));
      panel.gets({ type: "pubrel", packetId: one });
      panel.getsNothing();
      await panel.sends(acknowledgement("pubrec", one)); // once more
      panel.gets({ type: "pubrel", packetId: one });
      await panel.drops();
      const again = await at.client("panel", { cleanStart: false });
      again.getsInAnyOrder(
        { type: "pubrel", packetId: one },
        { type: "publish", payload: "2", packetId: two, dup: true },
      );
      again.getsNothing();
      await again.sends(acknowledgement("pubcomp", one));
      await again.sends(acknowledgement("pubrec", two));
      again.gets({ type: "pubrel", packetId: two });
      await at.restarts();
      const third = await at.client("panel", { cleanStart: false });
      third.gets({ type: "pubrel", packetId: two });
      await third.sends(acknowledgement("pubcomp", two));
      await third.drops();
      const last = await at.client("panel", { cleanStart: false });
      last.getsNothing();
    },
  ),
  holds("3.1.1", "MQTT-4.3.3-1", "PUBACK does not end a QoS 2 delivery", async (at) => {
    const panel = await at.client("panel", { cleanStart: false });
    await panel.subscribes(["t", 2]);
    await panel.publishes("t", "1", { packetId: 9, qos: 2 });
    panel.gets({ type: "pubrec" });
    const { packetId } = panel.gets({ type: "publish", qos: 2 });
    await panel.sends(acknowledgement("puback", packetId));
    await panel.drops();
    const again = await at.client("panel", { cleanStart: false });
    again.gets({ type: "publish", payload: "1", packetId, dup: true });
  }),
  holds(
    "3.1.1",
    "MQTT-4.3.3-2",
    "QoS 2 in: PUBREC each time, passed on once, PUBCOMP, then the identifier is free",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["t", 0]);
      const pump = await at.client("pump", { cleanStart: false });
      await pump.publishes("t", "1", { packetId: 7, qos: 2 });
      pump.gets("50 02 00 07");
      panel.gets({ type: "publish", payload: "1" });
      await pump.publishes("t", "1", { packetId: 7, qos: 2, dup: true });
      pump.gets("50 02 00 07");
      await pump.drops();
      const again = await at.client("pump", { cleanStart: false });
      await again.publishes("t", "1", { packetId: 7, qos: 2, dup: true });
      again.gets("50 02 00 07");
      panel.getsNothing();
      await again.sends("62 02 00 07");
      again.gets("70 02 00 07");
      await again.sends("62 02 00 07"); // once more: it is answered, though the identifier is free
      again.gets("70 02 00 07");
      panel.getsNothing();
      await again.publishes("t", "2", { packetId: 7, qos: 2 });
      again.gets("50 02 00 07");
      panel.gets({ type: "publish", payload: "2" });
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.3.3-2",
    "a QoS 2 message is passed on once, also over a crash",
    async (at) => {
      const panel = await at.client("panel", { cleanStart: false });
      await panel.subscribes(["t", 1]);
      await panel.drops();
      const pump = await at.client("pump", { cleanStart: false });
      await pump.publishes("t", "1", { packetId: 7, qos: 2 });
      pump.gets("50 02 00 07");
      await at.restarts();
      const again = await at.client("pump", { cleanStart: false });
      await again.publishes("t", "1", { packetId: 7, qos: 2, dup: true });
      again.gets("50 02 00 07");
      await again.sends("62 02 00 07");
      again.gets("70 02 00 07");
      const reader = await at.client("panel", { cleanStart: false });
      reader.gets({ type: "publish", payload: "1" });
      reader.getsNothing();
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.3.3-2",
    "PUBREC does not come before the message is durable",
    async (at) => {
      const pump = await at.client("pump", { cleanStart: false });
      const desk = await at.desk();
      desk.hold(true);
      await pump.sends(publishPacket("t", "1", { packetId: 7, qos: 2 }));
      pump.getsNothing();
      await desk.letGo();
      pump.gets("50 02 00 07");
      desk.hold(true);
      await pump.sends("62 02 00 07");
      pump.getsNothing();
      await desk.letGo();
      pump.gets("70 02 00 07");
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.4.0-1",
    "what is unacknowledged is sent again with its identifiers",
    async (at) => {
      const panel = await at.client("panel", { cleanStart: false });
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump");
      for (let i = 1; i <= 6; i++) {
        await pump.publishes("t", `${i}`, { packetId: i, qos: i % 2 === 0 ? 2 : 1 });
      }
      const ids = panel.takes().map((each) => each.type === "publish" ? each.packetId : 0);
      await panel.sends(
        acknowledgement("puback", ids[0]!),
        acknowledgement("pubrec", ids[1]!),
        acknowledgement("pubrec", ids[3]!),
        acknowledgement("pubcomp", ids[1]!),
      );
      panel.gets({ type: "pubrel", packetId: ids[1]! });
      panel.gets({ type: "pubrel", packetId: ids[3]! });
      for (const crash of [false, true]) {
        await (crash ? at.restarts() : panel.drops());
        const again = await at.client("panel", { cleanStart: false });
        again.getsInAnyOrder(
          { type: "publish", payload: "3", packetId: ids[2]!, qos: 1, dup: true },
          { type: "pubrel", packetId: ids[3]! },
          { type: "publish", payload: "5", packetId: ids[4]!, qos: 1, dup: true },
          { type: "publish", payload: "6", packetId: ids[5]!, qos: 2, dup: true },
        );
        again.getsNothing();
        if (!crash) await again.drops();
      }
    },
  ),
  holds(
    "3.1.1",
    "MQTT-4.5.0-1",
    "a message is added to every session with a matching subscription",
    async (at) => {
      const live = await at.client("live");
      await live.subscribes(["a/+", 2]);
      const low = await at.client("low");
      await low.subscribes(["a/#", 0]);
      const absent = await at.client("absent", { cleanStart: false });
      await absent.subscribes(["#", 1]);
      await absent.drops();
      const other = await at.client("other");
      await other.subscribes(["b/#", 2]);
      const pump = await at.client("pump", { cleanStart: false });
      await pump.subscribes(["a/b", 1]); // its own message comes to the publisher too
      await pump.sends(frame(0x34, s("a/b"), "00 01 78"));
      live.gets({ type: "publish", topic: "a/b", payload: "x", qos: 2 });
      low.gets({ type: "publish", topic: "a/b", payload: "x", qos: 0 });
      pump.getsInAnyOrder({ type: "pubrec", packetId: 1 }, {
        type: "publish",
        topic: "a/b",
        qos: 1,
      });
      other.getsNothing();
      const back = await at.client("absent", { cleanStart: false });
      back.gets({ type: "publish", topic: "a/b", payload: "x", qos: 1 });
    },
  ),
];
