/** UNSUBSCRIBE and UNSUBACK of MQTT 5.0, sections 3.10 and 3.11. */

import {
  acknowledgement,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
} from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { isRefused, refuses, serves, sized } from "./answers.ts";

/** Strings that are no well-formed UTF-8, or have U+0000 in them, in hexadecimal; without their length. */
const ILL_FORMED = ["ff", "c3", "c080", "e08080", "eda080", "f4908080", "6100 62", "00"];

export const unsubscribe5: readonly Row[] = [
  holds("5.0", "MQTT-3.10.1-1", "an UNSUBSCRIBE with flags other than 0010 closes", async (at) => {
    for (let flags = 0; flags < 16; flags++) {
      const bytes = frame(0xa0 | flags, "0001", p(), s("t"));
      if (flags !== 2) {
        await refuses(at, bytes, 0x81);
        continue;
      }
      const panel = await at.client("panel");
      await panel.sends(bytes);
      panel.gets("b0 04 0001 00 11");
      await serves(panel);
    }
  }),
  holds("5.0", "MQTT-3.10.3-1", "a filter of ill-formed UTF-8 closes", async (at) => {
    for (const filter of ILL_FORMED) {
      await refuses(at, frame(0xa2, "0001", p(), sized(filter)), 0x81);
      await refuses(at, frame(0xa2, "0001", p(), s("a/b"), sized(filter), s("c")), 0x81);
    }
    await refuses(at, frame(0xa2, "0001", p(), "0005", "61"), 0x81); // ends within it
    const panel = await at.client("panel");
    await panel.subscribes("ä/€/😀");
    await panel.sends(frame(0xa2, "0001", p(), s("ä/€/😀")));
    panel.gets("b0 04 0001 00 00");
  }),
  holds("5.0", "MQTT-3.10.3-2", "an UNSUBSCRIBE without a filter closes", async (at) => {
    await refuses(at, frame(0xa2, "0001", p()), 0x82);
    await refuses(at, frame(0xa2, "0001", p("26", s("k"), s("v"))), 0x82);
    await refuses(at, frame(0xa2, "0001"), 0x81);
    await refuses(at, "a2 00", 0x81);
    const panel = await at.client("panel");
    await panel.sends(frame(0xa2, "0001", p("26", s("k"), s("v")), s("t"), s("u")));
    panel.gets("b0 05 0001 00 11 11");
  }),

  holds("5.0", "MQTT-3.10.4-1", "only the very same filter is deleted", async (at) => {
    const panel = await at.client("panel");
    const filters = ["a/b", "a/+", "a/#", "A/b", "a/b/", "/a/b", "ä", "a\u0308", "$share/g/a/b"];
    await panel.subscribes(...filters.map((filter) => [filter, 1] as const));
    for (const other of ["a", "a/b/c", "+/b", "#", "a/B", " a/b", "$share/h/a/b", "$share/g/a/+"]) {
      await panel.sends(frame(0xa2, "0001", p(), s(other)));
      panel.gets("b0 04 0001 00 11");
    }
    for (const filter of filters) {
      await panel.sends(frame(0xa2, "0001", p(), s(filter)));
      panel.gets("b0 04 0001 00 00");
      await panel.sends(frame(0xa2, "0001", p(), s(filter)));
      panel.gets("b0 04 0001 00 11");
    }
    const pump = await at.client("pump");
    for (const topic of ["a/b", "a/c", "A/b", "a/b/", "/a/b", "ä"]) {
      await pump.publishes(topic, "x");
    }
    panel.getsNothing();
  }),
  holds("5.0", "MQTT-3.10.4-1", "another client's subscription stays", async (at) => {
    const panel = await at.client("panel");
    const other = await at.client("other");
    for (const each of [panel, other]) await each.subscribes("t");
    await panel.sends(unsubscribePacket(1, "t"));
    panel.gets({ type: "unsuback", reasonCodes: [0] });
    await panel.publishes("t", "x");
    other.gets({ type: "publish" });
    panel.getsNothing();
  }),
  holds("5.0", "MQTT-3.10.4-1", "what is deleted stays so in the stored session", async (at) => {
    const keeps = { cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const panel = await at.client("panel", keeps);
    await panel.subscribes("t", "u");
    await panel.sends(unsubscribePacket(1, "t"));
    panel.gets({ type: "unsuback", reasonCodes: [0] });
    await at.restarts();
    const again = await at.client("panel", keeps);
    await again.sends(publishPacket("t", "x"), publishPacket("u", "x"));
    again.gets({ type: "publish", topic: "u" });
    again.getsNothing();
  }),
  holds("5.0", "MQTT-3.10.4-2", "after UNSUBACK nothing new comes or is queued", async (at) => {
    const keeps = {
      cleanStart: false,
      properties: { sessionExpiryInterval: 60, receiveMaximum: 1 },
    };
    const pump = await at.client("pump");
    const panel = await at.client("panel", keeps);
    await panel.subscribes(["t", 1]);
    for (let i = 1; i <= 3; i++) await pump.publishes("t", String(i), { packetId: i });
    panel.gets({ type: "publish", payload: "1" });
    await panel.sends(unsubscribePacket(1, "t"));
    panel.gets({ type: "unsuback", reasonCodes: [0] });
    for (let i = 4; i <= 6; i++) await pump.publishes("t", String(i), { packetId: i });
    await pump.publishes("t", "retained", { packetId: 7, retain: true });
    await panel.drops();
    await pump.publishes("t", "8", { packetId: 8 });
    const again = await at.client("panel", keeps);
    // What was queued before may come; section 3.10.4 allows it.
    for (let i = 1; i <= 3; i++) {
      const publish = again.gets({ type: "publish", topic: "t", payload: String(i) });
      await again.sends(acknowledgement("puback", publish.packetId));
    }
    again.getsNothing();
  }),
  holds(
    "5.0",
    "MQTT-3.10.4-2",
    "nor by a shared subscription, while others share it",
    async (at) => {
      const panel = await at.client("panel");
      const other = await at.client("other");
      for (const each of [panel, other]) await each.subscribes(["$share/g/t", 1]);
      await panel.sends(unsubscribePacket(1, "$share/g/t"));
      panel.gets({ type: "unsuback", reasonCodes: [0] });
      const pump = await at.client("pump");
      for (let i = 1; i <= 5; i++) {
        await pump.publishes("t", String(i), { packetId: i });
        other.gets({ type: "publish", payload: String(i) });
      }
      panel.getsNothing();
    },
  ),
  holds("5.0", "MQTT-3.10.4-3", "deliveries begun are completed after UNSUBSCRIBE", async (at) => {
    const keeps = { cleanStart: false, properties: { sessionExpiryInterval: 60 } };
    const pump = await at.client("pump");
    const panel = await at.client("panel", keeps);
    await panel.subscribes(["t", 2]);
    for (const [packetId, qos] of [[1, 1], [2, 2], [3, 2]] as const) {
      await pump.publishes("t", `m${packetId}`, { packetId, qos });
      panel.gets({ type: "publish", qos, packetId, payload: `m${packetId}` });
    }
    await panel.sends("50 02 0003");
    panel.gets("62 02 0003");
    await panel.sends(unsubscribePacket(9, "t"));
    panel.gets({ type: "unsuback", reasonCodes: [0] });
    await panel.sends("50 02 0002"); // the hand-shake of the second goes on
    panel.gets("62 02 0002");
    await panel.sends("70 02 0002");
    await panel.drops();
    const again = await at.client("panel", keeps);
    again.gets({ type: "publish", dup: true, packetId: 1, qos: 1, payload: "m1" });
    again.gets("62 02 0003");
    await again.sends("40 02 0001", "70 02 0003");
    await again.drops();
    const last = await at.client("panel", keeps);
    await serves(last);
  }),
  holds("5.0", "MQTT-3.10.4-4", "every UNSUBSCRIBE is answered with an UNSUBACK", async (at) => {
    const panel = await at.client("panel");
    await panel.subscribes("t", "$share/g/t");
    const filters = ["t", "t", "+/#", "a/#/b", "$share/g/t", "$share/g", "/", "x".repeat(60_000)];
    for (const [index, filter] of filters.entries()) {
      await panel.sends(unsubscribePacket(index + 1, filter));
      panel.gets({ type: "unsuback", packetId: index + 1 });
      panel.getsNothing();
    }
    await panel.sends(...filters.map((filter, index) => unsubscribePacket(index + 1, filter)));
    for (const index of filters.keys()) panel.gets({ type: "unsuback", packetId: index + 1 });
    await serves(panel);
  }),
  holds(
    "5.0",
    "MQTT-3.10.4-5",
    "an UNSUBACK has its Packet Identifier, deleted or not",
    async (at) => {
      const panel = await at.client("panel");
      for (const packetId of ["0001", "00ff", "0100", "1234", "ffff"]) {
        await panel.subscribes("t");
        await panel.sends(frame(0xa2, packetId, p(), s("t")));
        panel.gets(`b0 04 ${packetId} 00 00`);
        await panel.sends(frame(0xa2, packetId, p(), s("t")));
        panel.gets(`b0 04 ${packetId} 00 11`);
      }
      await refuses(at, frame(0xa2, "0000", p(), s("t")), 0x82);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.10.4-6",
    "many filters do what as many UNSUBSCRIBE packets do",
    async (at) => {
      const one = await at.client("one");
      const many = await at.client("many");
      const filters = ["a", "never", "b", "a", "a/#/b", "c/+", "$share/g/a"];
      const codes = [0x00, 0x11, 0x00, 0x11, 0x8f, 0x00, 0x00];
      for (const each of [one, many]) {
        await each.subscribes("a", "b", "c/+", "c", "$share/g/a");
      }
      await one.sends(unsubscribePacket(1, ...filters));
      one.gets({ type: "unsuback", packetId: 1, reasonCodes: codes });
      one.getsNothing();
      await many.sends(...filters.map((filter, index) => unsubscribePacket(index + 1, filter)));
      for (const [index, code] of codes.entries()) {
        many.gets({ type: "unsuback", packetId: index + 1, reasonCodes: [code] });
      }
      const pump = await at.client("pump");
      for (const topic of ["a", "b", "c/d", "c"]) await pump.publishes(topic, "x");
      for (const each of [one, many]) {
        each.gets({ type: "publish", topic: "c" });
        each.getsNothing();
      }
    },
  ),

  holds(
    "5.0",
    ["MQTT-3.11.2-1", "MQTT-3.11.2-2"],
    "an UNSUBACK is bare, so no word is too much",
    async (at) => {
      for (const maximumPacketSize of [30, 65_536]) {
        const panel = await at.client("panel", { properties: { maximumPacketSize } });
        await panel.subscribes("t");
        await panel.sends(frame(0xa2, "0001", p("26", s("k"), s("v")), s("t"), s("t"), s("a+")));
        panel.gets("b0 06 0001 00 00 11 8f");
      }
    },
  ),
  holds("5.0", "MQTT-3.1.2-24", "who cannot take its UNSUBACK is closed with 0x95", async (at) => {
    const panel = await at.client("panel", { properties: { maximumPacketSize: 30 } });
    await panel.sends(unsubscribePacket(1, ...Array<string>(25).fill("t")));
    panel.gets({ type: "unsuback" });
    await panel.sends(unsubscribePacket(1, ...Array<string>(26).fill("t")));
    isRefused(panel, 0x95);
  }),
  holds(
    "5.0",
    "MQTT-3.11.3-1",
    "the codes of an UNSUBACK stand in the order of the filters",
    async (at) => {
      const panel = await at.client("panel");
      const filters = ["a", "x", "b", "a#", "c", "y"];
      const codes = [0, 0x11, 0, 0x8f, 0, 0x11];
      for (let turn = 0; turn < filters.length; turn++) {
        await panel.subscribes("a", "b", "c");
        const turned = [...filters.slice(turn), ...filters.slice(0, turn)];
        await panel.sends(unsubscribePacket(1, ...turned));
        const reasonCodes = [...codes.slice(turn), ...codes.slice(0, turn)];
        panel.gets({ type: "unsuback", reasonCodes });
      }
      await panel.sends(unsubscribePacket(1, ...Array<string>(300).fill("t"), "t+"));
      panel.gets({ type: "unsuback", reasonCodes: [...Array<number>(300).fill(0x11), 0x8f] });
    },
  ),
  holds("5.0", "MQTT-3.11.3-2", "an UNSUBACK says what its table has", async (at) => {
    at.configure({ limits: { filtersPerSubscribe: 4 } });
    const panel = await at.client("panel");
    await panel.subscribes("t");
    const packetId = "0001";
    await panel.sends(frame(0xa2, packetId, p(), s("t"), s("t"), s("a+"), s("$share//t")));
    panel.gets("b0 07 0001 00 00 11 8f 8f");
    await panel.sends(frame(0xa2, packetId, p(), s("t"), s("t"), s("a+"), s("t"), s("t")));
    panel.gets("b0 08 0001 00 83 83 83 83 83"); // more filters than the broker takes
    await panel.sends(subscribePacket(1, ["t", 0]), unsubscribePacket(2, "t"));
    panel.gets("90 04 0001 00 00");
    panel.gets("b0 04 0002 00 00");
    await serves(panel);
  }),
  holds("5.0", "MQTT-3.11.3-2", "an UNSUBACK from a client closes", async (at) => {
    await refuses(at, "b0 04 0001 00 00", 0x82);
    await refuses(at, "b0 04 0001 00 01", 0x82);
  }),
];
