/** MQTT 5.0 sections 3.1.2.5 to 3.1.2.7 and 3.1.3.3: the flags, topic and properties of a Will. */

import { willOf } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, connectBytes, int, raw, sized, turnsAway } from "../raw5.ts";
import { BYE, heir, WILL } from "./wills.ts";

export const willFields5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.1.2-9",
    "with the Will Flag, a CONNECT without Will Properties, Topic or Payload is malformed (0x81)",
    async (at) => {
      for (
        const payload of [
          s("c"),
          s("c") + p(),
          s("c") + p() + s("w"),
          s("c") + p() + s("w") + "0005 61",
          s("c") + s("w") + s("m"), // no Will Properties
        ]
      ) await turnsAway(at, connectBytes({ flags: "06", payload }), 0x81);
      await turnsAway(at, connectBytes({ flags: "86", payload: s("c") + s("u") }), 0x81);
      // Without the flag they are bytes too many.
      await turnsAway(at, connectBytes({ payload: s("c") + p() + s("w") + s("m") }), 0x81);
      const panel = await heir(at);
      const empty = await at.open();
      await empty.sends(connectBytes({ flags: "06", payload: s("c") + p() + s("w") + s("") }));
      empty.gets({ type: "connack", reasonCode: 0 });
      await empty.drops();
      panel.gets({ type: "publish", topic: "w", payload: "" });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-11",
    "a Will QoS without the Will Flag is malformed (0x81)",
    async (at) => {
      for (const flags of ["0a", "08", "12", "10", "1a"]) {
        await turnsAway(at, connectBytes({ flags }), 0x81);
      }
      await turnsAway(at, connectBytes({ flags: "8a", payload: s("c") + s("u") }), 0x81);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-12",
    "Will QoS 3 is malformed (0x81); 0, 1 and 2 are what the Will goes out with",
    async (at) => {
      const panel = await heir(at);
      const payload = s("c") + p() + s("gone") + s("bye");
      await turnsAway(at, connectBytes({ flags: "1e", payload }), 0x81);
      await turnsAway(at, connectBytes({ flags: "3e", payload }), 0x81);
      await turnsAway(at, connectBytes({ flags: "1a" }), 0x81);
      for (const [flags, qos] of [["06", 0], ["0e", 1], ["16", 2]] as const) {
        const peer = await at.open();
        await peer.sends(connectBytes({ flags, payload }));
        peer.gets({ type: "connack", reasonCode: 0 });
        await peer.drops();
        panel.gets({ ...BYE, qos });
      }
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-13",
    "Will Retain without the Will Flag is malformed (0x81)",
    async (at) => {
      await turnsAway(at, connectBytes({ flags: "22" }), 0x81);
      await turnsAway(at, connectBytes({ flags: "20" }), 0x81);
      await turnsAway(at, connectBytes({ flags: "a2", payload: s("c") + s("u") }), 0x81);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-14",
    "a Will with Will Retain 0 goes out with RETAIN 0 and leaves the retained message as it is",
    async (at) => {
      const panel = await heir(at);
      const first = await at.client("pump", { will: WILL });
      await first.drops();
      panel.gets({ ...BYE, retain: false });
      const late = await at.client("late");
      await late.subscribes("gone");
      late.getsNothing();
      await late.publishes("gone", "kept", { retain: true });
      late.gets({ type: "publish", payload: "kept" });
      const second = await at.client("pump", { will: WILL });
      await second.drops();
      late.gets(BYE);
      await late.subscribes("gone");
      late.gets({ type: "publish", payload: "kept", retain: true });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-15",
    "a Will with Will Retain 1 becomes the retained message, and removes it when its payload is empty",
    async (at) => {
      const panel = await heir(at);
      const first = await at.client("pump", { will: { ...WILL, retain: true, qos: 1 } });
      await first.drops();
      panel.gets({ ...BYE, retain: true });
      const late = await at.client("late");
      await late.subscribes(["gone", 2]);
      late.gets({ ...BYE, retain: true, qos: 1 });
      const second = await at.client("pump", { will: willOf("gone", "", { retain: true }) });
      await second.drops();
      late.gets({ type: "publish", topic: "gone", payload: "", retain: false });
      await late.subscribes(["gone", 2]);
      late.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-10",
    "a Will goes out with its User Properties in their order, and with its other properties",
    async (at) => {
      const panel = await heir(at);
      const pairs = "26" + s("b") + s("1") + "26" + s("a") + s("2") + "26" + s("b") + s("3") +
        "26" + s("b") + s("1");
      const rest = "03" + s("text/plain") + "08" + s("answers") + "09" + sized("00ff") + "01 01";
      const peer = await at.open();
      await peer.sends(
        connectBytes({ flags: "06", payload: s("c") + p(pairs, rest) + s("gone") + s("bye") }),
      );
      peer.gets({ type: "connack", reasonCode: 0 });
      await peer.drops();
      const bytes = panel.takesBytes()!;
      const first = Array.from(bytes.subarray(8), (byte) => int(byte, 1)).join("");
      const [, ...properties] = [p(pairs, rest), pairs, "03" + s("text/plain")]
        .concat(["08" + s("answers"), "09" + sized("00ff"), "0101"])
        .map((each) => each.replaceAll(" ", ""));
      for (const each of properties) at.expects(first.includes(each), `${each} stands in ${first}`);
      const length = properties.join("").length / 2;
      at.expects(first.length / 2 === 1 + length + 3, "there is no other property");
      await panel.publishes("other", "");
      panel.gets({ type: "publish", topic: "other" });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-10",
    "the order is kept through a delay and a restart",
    async (at) => {
      await heir(at);
      const peer = await at.open();
      const inside = "26" + s("b") + s("1") + "18 00000005" + "26" + s("a") + s("2") + "26" +
        s("b") + s("0");
      await peer.sends(connectBytes({
        flags: "0e",
        properties: p("11 00000064"),
        payload: s("c") + p(inside) + s("gone") + s("bye"),
      }));
      peer.gets({ type: "connack", reasonCode: 0 });
      await peer.drops();
      await at.restarts();
      await at.passes(6_000);
      const panel = await comes(at, "panel", true);
      const pairs = ["26" + s("b") + s("1"), "26" + s("a") + s("2"), "26" + s("b") + s("0")];
      panel.gets(frame(0x32, s("gone"), "0001", p(...pairs), raw("bye")));
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.3-11",
    "a Will Topic of ill-formed UTF-8 or with U+0000 is malformed (0x81); a good one is published to",
    async (at) => {
      const will = (topic: string) =>
        connectBytes({ flags: "06", payload: s("c") + p() + topic + s("m") });
      for (const topic of ["eda080", "c080", "ff", "6100", "c3"]) {
        await turnsAway(at, will(sized(topic)), 0x81);
      }
      const panel = await heir(at);
      const peer = await at.open();
      await peer.sends(will(s("größe/\u{1f986}")));
      peer.gets({ type: "connack", reasonCode: 0 });
      await peer.drops();
      panel.gets(frame(0x30, s("größe/\u{1f986}"), p(), "6d"));
    },
  ),
];
