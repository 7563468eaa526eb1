/** SUBSCRIBE of MQTT 5.0, sections 3.8.1 to 3.8.3. */

import { willOf } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { refuses, serves, sized } from "./answers.ts";

/** Strings that are no well-formed UTF-8, or have U+0000 in them, in hexadecimal; without their length. */
const ILL_FORMED = ["ff", "c3", "c080", "e08080", "eda080", "edbfbf", "f4908080", "6100 62", "00"];

export const subscribe5: readonly Row[] = [
  holds("5.0", "MQTT-3.8.1-1", "a SUBSCRIBE with flags other than 0010 closes", async (at) => {
    for (let flags = 0; flags < 16; flags++) {
      const bytes = frame(0x80 | flags, "0001", p(), s("t"), "00");
      if (flags !== 2) {
        await refuses(at, bytes, 0x81);
        continue;
      }
      const panel = await at.client("panel");
      await panel.sends(bytes);
      panel.gets("90 04 0001 00 00");
      await serves(panel);
    }
  }),
  holds("5.0", "MQTT-3.8.3-1", "a filter of ill-formed UTF-8 closes", async (at) => {
    for (const filter of ILL_FORMED) {
      await refuses(at, frame(0x82, "0001", p(), sized(filter), "00"), 0x81);
      const hidden = [s("a/b"), "00", sized(filter), "00", s("c"), "00"];
      await refuses(at, frame(0x82, "0001", p(), ...hidden), 0x81);
    }
    await refuses(at, frame(0x82, "0001", p(), "0005", "61", "00"), 0x81); // ends within it
    const panel = await at.client("panel");
    await panel.sends(frame(0x82, "0001", p(), s("ä/€/😀/\ufeff/\ufffe"), "00"));
    panel.gets("90 04 0001 00 00");
    await panel.publishes("ä/€/😀/\ufeff/\ufffe", "x");
    panel.gets({ type: "publish", topic: "ä/€/😀/\ufeff/\ufffe" });
  }),
  holds(
    "5.0",
    "MQTT-3.8.3-2",
    "a SUBSCRIBE without a filter, or its options, closes",
    async (at) => {
      await refuses(at, frame(0x82, "0001", p()), 0x82);
      await refuses(at, frame(0x82, "0001", p("0b 05")), 0x82);
      await refuses(at, frame(0x82, "0001", p(), s("t")), 0x81);
      await refuses(at, frame(0x82, "0001", p(), s("t"), "00", s("u")), 0x81);
      await refuses(at, frame(0x82, "0001", p(), "00"), 0x81);
      await refuses(at, frame(0x82, "0001"), 0x81);
      await refuses(at, "82 00", 0x81);
      const panel = await at.client("panel");
      await panel.sends(frame(0x82, "0001", p(), s("t"), "00", s("u"), "01"));
      panel.gets("90 05 0001 00 00 01");
    },
  ),

  holds(
    "5.0",
    "MQTT-3.8.3-3",
    "No Local keeps a client's messages from itself only",
    async (at) => {
      const chat = await at.client("chat");
      const other = await at.client("other");
      for (const each of [chat, other]) await each.subscribes(["t", { qos: 2, noLocal: true }]);
      for (const qos of [0, 1, 2] as const) {
        await chat.publishes("t", `q${qos}`, { packetId: qos, qos });
        other.gets({ type: "publish", qos, payload: `q${qos}` });
      }
      chat.gets({ type: "puback" });
      chat.gets({ type: "pubrec" });
      chat.getsNothing();
      await other.publishes("t", "from other");
      chat.gets({ type: "publish", payload: "from other" });
      other.getsNothing();
      await other.subscribes(["+", 0]); // another subscription without No Local
      await other.publishes("t", "by the other one");
      other.gets({ type: "publish", qos: 0, payload: "by the other one" });
      chat.gets({ type: "publish", payload: "by the other one" });
    },
  ),
  holds("5.0", "MQTT-3.8.3-3", "No Local goes by the client id, not the connection", async (at) => {
    const keeps = { cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const chat = await at.client("chat", { ...keeps, will: willOf("t", "will", { qos: 1 }) });
    const other = await at.client("other");
    await chat.subscribes(["t", { qos: 1, noLocal: true }]);
    await other.subscribes(["t", 1]);
    await chat.publishes("t", "1", { packetId: 1 });
    chat.gets({ type: "puback" });
    await chat.drops();
    const again = await at.client("chat", keeps);
    again.getsNothing();
    for (const payload of ["1", "will"]) other.gets({ type: "publish", payload });
  }),
  holds(
    "5.0",
    "MQTT-3.8.3-3",
    "No Local keeps a client's own retained messages back",
    async (at) => {
      const chat = await at.client("chat");
      const other = await at.client("other");
      await chat.publishes("t/own", "x", { retain: true });
      await other.publishes("t/other", "x", { retain: true });
      for (const qos of [0, 1] as const) {
        await chat.subscribes(["t/+", { qos, noLocal: true }]);
        chat.gets({ type: "publish", topic: "t/other" });
        chat.getsNothing();
      }
      await other.subscribes(["t/+", { noLocal: true }]);
      other.gets({ type: "publish", topic: "t/own", retain: true });
      other.getsNothing();
      await chat.subscribes(["t/own", 0]);
      chat.gets({ type: "publish", topic: "t/own" });
    },
  ),
  holds("5.0", "MQTT-3.8.3-4", "No Local on a shared subscription closes", async (at) => {
    for (const options of ["04", "05", "06", "0c", "2e"]) {
      await refuses(at, frame(0x82, "0001", p(), s("$share/g/t"), options), 0x82);
    }
    await refuses(at, frame(0x82, "0001", p(), s("t"), "04", s("$share/g/t"), "04"), 0x82);
    const panel = await at.client("panel");
    const rest = [s("t"), "04", s("$share/g/t"), "0a", s("share/g/t"), "04"];
    await panel.sends(frame(0x82, "0001", p(), ...rest));
    panel.gets("90 06 0001 00 00 02 00");
  }),
  holds("5.0", "MQTT-3.8.3-5", "reserved bits in Subscription Options close", async (at) => {
    for (const options of ["40", "80", "c0", "41", "82", "6e"]) {
      await refuses(at, frame(0x82, "0001", p(), s("t"), options), 0x81);
      await refuses(at, frame(0x82, "0001", p(), s("t"), "00", s("u"), options), 0x81);
    }
    // QoS 3 and Retain Handling 3 are Protocol Errors.
    for (const options of ["03", "30", "3f"]) {
      await refuses(at, frame(0x82, "0001", p(), s("t"), options), 0x82);
    }
    const panel = await at.client("panel");
    for (const options of ["00", "04", "08", "0c", "10", "1c", "20", "2c"]) {
      await panel.sends(frame(0x82, "0001", p(), s("t"), options));
      panel.gets("90 04 0001 00 00");
    }
  }),
];
