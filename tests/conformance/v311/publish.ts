/** Rows for MQTT 3.1.1 section 3.3 but for RETAIN: DUP, QoS, the Topic Name, who gets a message. */

import { acknowledgement, publishPacket } from "../../broker/packets.ts";
import { frame, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { closes, raw } from "./shorthand.ts";

export const publish311: readonly Row[] = [
  holds("3.1.1", "MQTT-3.3.1-1", "DUP is 1 on what is sent again after a reconnect", async (at) => {
    const panel = await at.client("panel", { cleanStart: false });
    await panel.subscribes(["t", 2]);
    const pump = await at.client("pump");
    await pump.publishes("t", "1", { packetId: 1 });
    await pump.publishes("t", "2", { packetId: 2, qos: 2 });
    panel.gets(frame(0x32, s("t"), "00 01 31"));
    panel.gets(frame(0x34, s("t"), "00 02 32"));
    for (const crash of [false, true]) {
      await (crash ? at.restarts() : panel.drops());
      const again = await at.client("panel", { cleanStart: false });
      again.gets(frame(0x3a, s("t"), "00 01 31"));
      again.gets(frame(0x3c, s("t"), "00 02 32"));
      again.getsNothing();
      if (!crash) await again.drops();
    }
  }),
  holds("3.1.1", "MQTT-3.3.1-1", "DUP is 1 on what is sent again after a time", async (at) => {
    at.configure({ limits: { retryInterval: 20 } });
    const panel = await at.client("panel");
    await panel.subscribes(["t", 2]);
    await panel.publishes("t", "1", { packetId: 1 });
    await panel.publishes("t", "2", { packetId: 2, qos: 2 });
    panel.gets({ type: "puback" });
    panel.gets(frame(0x32, s("t"), "00 01 31"));
    panel.gets({ type: "pubrec" });
    panel.gets(frame(0x34, s("t"), "00 02 32"));
    await at.passes(41_000);
    const again = panel.takes().filter((packet) => packet.type === "publish");
    at.expects(again.length >= 2, "nothing was sent again");
    at.expects(again.every((packet) => packet.type === "publish" && packet.dup), "DUP is 0");
  }),
  closes(
    "MQTT-3.3.1-2",
    "a QoS 0 PUBLISH with DUP closes the connection",
    [frame(0x38, s("t"), "78"), frame(0x39, s("t"), "78")],
    [frame(0x30, s("t"), "78"), frame(0x31, s("t"), "78")],
  ),
  holds(
    "3.1.1",
    ["MQTT-3.3.1-2", "MQTT-4.3.1-1"],
    "QoS 0 goes out with QoS 0 and DUP 0",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes(["two/#", 2], ["zero/#", 0]);
      const pump = await at.client("pump");
      await pump.publishes("two/a", "1");
      panel.gets(frame(0x30, s("two/a"), "31"));
      await pump.publishes("zero/a", "2", { packetId: 1, qos: 1, dup: true });
      panel.gets(frame(0x30, s("zero/a"), "32"));
      await pump.publishes("zero/a", "3", { packetId: 2, qos: 2, dup: true });
      panel.gets(frame(0x30, s("zero/a"), "33"));
    },
  ),
  holds(
    "3.1.1",
    "MQTT-3.3.1-3",
    "DUP of the publisher does not reach the subscriber",
    async (at) => {
      const panel = await at.client("panel", { cleanStart: false });
      await panel.subscribes(["t", 2]);
      const pump = await at.client("pump");
      await pump.publishes("t", "1", { packetId: 1, dup: true });
      panel.gets(frame(0x32, s("t"), "00 01 31"));
      await pump.publishes("t", "2", { packetId: 2, qos: 2, dup: true });
      panel.gets(frame(0x34, s("t"), "00 02 32"));
      await panel.drops();
      await pump.publishes("t", "3", { packetId: 3, dup: true });
      const again = await at.client("panel", { cleanStart: false });
      again.gets(frame(0x3a, s("t"), "00 01 31")); // sent before, though its publisher sent it once
      again.gets(frame(0x3c, s("t"), "00 02 32"));
      again.gets(frame(0x32, s("t"), "00 03 33")); // never sent before
    },
  ),
  closes(
    "MQTT-3.3.1-4",
    "QoS 3 closes the connection",
    [0x36, 0x37, 0x3e, 0x3f].map((first) => frame(first, s("t"), "00 01 78")),
    [frame(0x34, s("t"), "00 01 78"), frame(0x3d, s("t"), "00 01 78")],
  ),
  closes(
    "MQTT-3.3.2-1",
    "a PUBLISH that ends before or within its Topic Name closes the connection",
    ["30 00", "30 01 00", "30 02 00 01", "30 03 00 02 61", frame(0x30, "ff ff", "61")],
    ["30 03 00 01 61"],
  ),
  holds("3.1.1", "MQTT-3.3.2-1", "the Topic Name comes first and is UTF-8", async (at) => {
    const panel = await at.client("panel");
    await panel.subscribes(["#", 1]);
    const topic = raw("c3 a4 2f f0 9f 90 9f");
    const pump = await at.client("pump");
    await pump.sends(frame(0x30, topic, "78"), frame(0x32, topic, "00 07 79"));
    panel.gets(frame(0x30, topic, "78"));
    panel.gets(frame(0x32, topic, "00 01 79"));
  }),
  closes(
    "MQTT-3.3.2-2",
    "a wildcard character in a Topic Name closes the connection",
    ["#", "+", "a/#", "a/+/b", "a#", "a+b", "/+"].flatMap((topic) => [
      frame(0x30, s(topic), "78"),
      frame(0x34, s(topic), "00 01 78"),
    ]),
    [frame(0x30, s("a/b"), "78")],
  ),
  holds(
    "3.1.1",
    "MQTT-3.3.2-3",
    "a subscriber gets what matches its filter, and nothing else",
    async (at) => {
      // [filter, topics that match, topics that do not]: the examples of section 4.7
      const rows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
        ["s/t/p/#", ["s/t/p", "s/t/p/r", "s/t/p/s/w"], ["s/t", "s/t/pp", "s"]],
        ["s/#", ["s", "s/t"], ["ss", "/s"]],
        ["s/t/+", ["s/t/p", "s/t/"], ["s/t/p/r", "s/t"]],
        ["s/+", ["s/", "s/t"], ["s", "s/t/"]],
        ["+/+", ["/f", "a/b", "/"], ["f", "/f/"]],
        ["/+", ["/f", "/"], ["f", "a/f"]],
        ["+", ["f"], ["/f", "f/"]],
        ["+/t/#", ["s/t", "/t/p"], ["t", "s/p/t"]],
        ["a/b", ["a/b"], ["a/b/", "/a/b", "a/B", "a"]],
        ["#", ["s", "/", "a/b/c"], []],
      ];
      const pump = await at.client("pump");
      for (const [filter, matching, others] of rows) {
        const panel = await at.client("panel");
        await panel.subscribes(filter);
        await pump.sends(...[...matching, ...others].map((topic) => publishPacket(topic, "x")));
        for (const topic of matching) panel.gets({ type: "publish", topic });
        panel.getsNothing();
      }
    },
  ),
  holds("3.1.1", "MQTT-3.3.4-1", "a PUBLISH is answered as its QoS demands", async (at) => {
    const pump = await at.client("pump");
    await pump.publishes("t", "0");
    pump.getsNothing();
    await pump.publishes("t", "1", { packetId: 1 });
    pump.gets("40 02 00 01");
    await pump.publishes("t", "2", { packetId: 2, qos: 2 });
    pump.gets("50 02 00 02");
    pump.getsNothing();
  }),
  holds(
    "3.1.1",
    "MQTT-3.3.5-1",
    "overlapping subscriptions deliver with their highest QoS",
    async (at) => {
      const filters = [["t/a", 0], ["t/+", 1], ["t/#", 2]] as const;
      const pump = await at.client("pump");
      let packetId = 0;
      for (const order of [filters, filters.toReversed(), [filters[1], filters[2], filters[0]]]) {
        const panel = await at.client("panel");
        await panel.subscribes(...order);
        await pump.publishes("t/a", "x", { packetId: ++packetId, qos: 2 });
        const came = panel.takes();
        at.expects(
          came.some((each) => each.type === "publish" && each.qos === 2),
          "not with QoS 2",
        );
        for (const packet of came) {
          if (packet.type === "publish" && packet.qos === 2) {
            await panel.sends(acknowledgement("pubrec", packet.packetId));
            panel.gets({ type: "pubrel" });
          }
        }
      }
    },
  ),
  holds("3.1.1", "MQTT-3.3.5-2", "an unauthorised PUBLISH is acknowledged as usual", async (at) => {
    const panel = await at.client("panel");
    await panel.subscribes(["$SYS/#", 2], ["#", 2]);
    const pump = await at.client("pump");
    await pump.publishes("$SYS/broker", "0");
    await pump.publishes("$SYS/broker", "1", { packetId: 1 });
    pump.gets("40 02 00 01");
    await pump.publishes("$CONTROL/x", "2", { packetId: 2, qos: 2, retain: true });
    pump.gets("50 02 00 02");
    await pump.sends("62 02 00 02");
    pump.gets("70 02 00 02");
    pump.isOpen();
    panel.getsNothing();
  }),
];
