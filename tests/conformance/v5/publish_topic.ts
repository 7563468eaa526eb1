/** MQTT 5.0 sections 3.3.2.1 and 3.3.2.3.4: the Topic Name of a PUBLISH, and its Topic Alias. */

import { publishPacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import { excuse, holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, connectBytes, ends, int, KEPT, raw, sized } from "../raw5.ts";

/** A PUBLISH of QoS 0 with an alias. */
function aliased(topic: string, alias: number): Uint8Array {
  return frame(0x30, s(topic), p("23", int(alias, 2)), raw("x"));
}

/** A client that gets everything that is published. */
async function listener(at: Bench) {
  const panel = await at.client("panel");
  await panel.subscribes(["#", 1]);
  return panel;
}

export const publishTopic5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.3.2-1",
    "the topic is read first; one that is cut, longer than the packet or ill-formed is malformed (0x81)",
    async (at) => {
      const panel = await listener(at);
      const bad = [
        "30 00",
        "30 01 00",
        "30 02 00 01",
        "30 03 00 05 74",
        "32 04 00 01 74 00", // ends within its Packet Identifier
        "32 03 00 01 74",
        frame(0x30, "ffff 74 00"),
        frame(0x30, p(), s("t")), // properties first: a topic of 116 or more bytes
        frame(0x30, sized("c328"), p()),
        frame(0x30, sized("eda080"), p()),
        frame(0x32, sized("7400"), "0001", p()),
      ];
      for (const bytes of bad) await ends(await at.client("pump"), bytes, 0x81);
      panel.getsNothing();
      const pump = await at.client("pump");
      await pump.sends(frame(0x30, s("größe/\u{1f986}"), p(), raw("x")));
      panel.gets(frame(0x30, s("größe/\u{1f986}"), p(), raw("x")));
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-1",
    "a Topic Name of 65,535 bytes goes through unchanged, in both directions",
    async (at) => {
      const panel = await listener(at);
      const topic = "\u4e2d".repeat(21_845); // three bytes each
      const pump = await at.client("pump");
      await pump.publishes(topic, "x");
      const bytes = panel.takesBytes()!;
      // The fixed header takes four bytes, two of length come before the topic, 0 and `x` behind it.
      at.expects(bytes.length === 4 + 2 + 65_535 + 2, `${bytes.length} bytes`);
      at.expects(bytes[4] === 0xff && bytes[5] === 0xff, "the length of the topic");
      const found = new TextDecoder().decode(bytes.subarray(6, 6 + 65_535));
      at.expects(found === topic, "the topic");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-2",
    "a topic with + or # anywhere ends the connection with 0x90, for every QoS, and goes to nobody",
    async (at) => {
      const panel = await listener(at);
      for (const topic of ["#", "+", "a/#", "a/+", "a/+/b", "+/a", "a#", "a+b", "#/a", "$SYS/#"]) {
        await ends(await at.client("pump"), frame(0x30, s(topic), p(), raw("x")), 0x90);
        await ends(await at.client("pump"), frame(0x32, s(topic), "0001", p(), raw("x")), 0x90);
        await ends(await at.client("pump"), frame(0x35, s(topic), "0001", p(), raw("x")), 0x90);
        await ends(await at.client("pump"), aliased(topic, 1), 0x90);
      }
      const long = "a".repeat(100) + "+";
      await ends(await at.client("pump"), frame(0x30, s(long), p()), 0x90);
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-3",
    "a subscriber gets the topics that match its filter, and no other",
    async (at) => {
      const pump = await at.client("pump");
      const topics = ["a", "A", "a/b", "a/b/c", "/a", "a/", "b", "a b", "$a/b", "/", "a//c", "ab"];
      const matching: Readonly<Record<string, string>> = {
        "a": "a",
        "A": "A",
        "a/b": "a/b",
        "+": "a A b a b ab",
        "a/+": "a/b a/",
        "a/#": "a a/b a/b/c a/ a//c",
        "+/+": "a/b /a a/ /",
        "#": "a A a/b a/b/c /a a/ b a b / a//c ab",
        "$a/+": "$a/b",
        "+/b": "a/b",
        "/+": "/a /",
        "a/+/c": "a/b/c a//c",
        "a/b/#": "a/b a/b/c",
      };
      for (const [filter, expected] of Object.entries(matching)) {
        const panel = await at.client("panel");
        await panel.subscribes(filter);
        for (const topic of topics) await pump.publishes(topic, "x");
        const found = panel.takes().map((packet) => packet.type === "publish" ? packet.topic : "?");
        at.expects(found.join(" ") === expected, `${filter} gets ${found.join(" ")}`);
      }
    },
  ),
  holds(
    "5.0",
    ["MQTT-3.3.2-7"],
    "an alias stands for its topic on its connection only: not on another, nor on the client's next one",
    async (at) => {
      const panel = await listener(at);
      const first = await at.client("pump", KEPT);
      await first.sends(aliased("t", 1), aliased("", 1));
      panel.gets(frame(0x30, s("t"), p(), raw("x")));
      panel.gets(frame(0x30, s("t"), p(), raw("x")));
      const other = await at.client("other");
      await ends(other, aliased("", 1), 0x82);
      await first.drops();
      await ends(await comes(at, "pump", true), aliased("", 1), 0x82);
      const third = await comes(at, "pump", true);
      await third.sends(aliased("u", 1), aliased("", 1));
      panel.gets({ type: "publish", topic: "u" });
      panel.gets({ type: "publish", topic: "u" });
      const fourth = await comes(at, "pump", true); // takes it over
      await ends(fourth, aliased("", 1), 0x82);
      third.gets({ type: "disconnect", reasonCode: 0x8e });
      panel.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-7",
    "the broker's own aliases end with the connection too: the next one begins with the topic again",
    async (at) => {
      const properties = { sessionExpiryInterval: 3600, topicAliasMaximum: 5 };
      const first = await comes(at, "panel", false, { properties });
      await first.subscribes(["t", 1]);
      const pump = await at.client("pump");
      await pump.publishes("t", "x");
      await pump.publishes("t", "x", { packetId: 1 });
      first.gets({ type: "publish", topic: "t", properties: { topicAlias: 1 } });
      const { packetId } = first.gets({
        type: "publish",
        topic: "",
        properties: { topicAlias: 1 },
      });
      await first.drops();
      const second = await comes(at, "panel", true, { properties });
      second.gets({ type: "publish", topic: "t", packetId, dup: true });
      await second.drops();
      const third = await comes(at, "panel", true, { properties: { sessionExpiryInterval: 9 } });
      third.gets({ type: "publish", topic: "t", packetId, dup: true, properties: undefined });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-8",
    "a PUBLISH with Topic Alias 0 is a protocol error (0x82), and the broker never sends one",
    async (at) => {
      const panel = await listener(at);
      await ends(await at.client("pump"), aliased("t", 0), 0x82);
      await ends(await at.client("pump"), aliased("", 0), 0x82);
      panel.getsNothing();
      const looker = await at.client("looker", { properties: { topicAliasMaximum: 3 } });
      await looker.subscribes("#");
      const pump = await at.client("pump");
      for (const topic of ["a", "b", "c", "d", "a", "b", "c", "d"]) {
        await pump.publishes(topic, "x");
      }
      const aliases = looker.takes().map((each) =>
        each.type === "publish" ? each.properties?.topicAlias : 0
      );
      at.expects(aliases.length === 8 && !aliases.includes(0), `the aliases are ${aliases}`);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-8",
    "a PUBLISH without a topic and without an alias, or with one that was not set, is a protocol error",
    async (at) => {
      const panel = await listener(at);
      await ends(await at.client("pump"), frame(0x30, s(""), p(), raw("x")), 0x82);
      await ends(await at.client("pump"), frame(0x32, s(""), "0001", p(), raw("x")), 0x82);
      await ends(await at.client("pump"), aliased("", 3), 0x82);
      const pump = await at.client("pump");
      await pump.sends(aliased("t", 1));
      panel.gets({ type: "publish", topic: "t" });
      await ends(pump, aliased("", 2), 0x82);
      panel.getsNothing();
    },
  ),
  excuse(
    "5.0",
    "MQTT-3.3.2-10",
    "binds the client: that it accepts every alias within the maximum it announced no server can show; " +
      "that the broker stays within it is held by MQTT-3.3.2-11",
  ),
  ...[1, 32, 65_535].map((topicAliasMaximum) =>
    holds(
      "5.0",
      "MQTT-3.3.2-12",
      `every alias from 1 to ${topicAliasMaximum} is accepted, may be used again and set anew`,
      async (at) => {
        at.configure({ limits: { topicAliasMaximum } });
        const panel = await listener(at);
        const pump = await at.open();
        await pump.sends(connectBytes());
        const { properties } = pump.gets({ type: "connack", reasonCode: 0 });
        at.expects(properties?.topicAliasMaximum === topicAliasMaximum, "what is announced");
        const step = Math.max(1, Math.floor(topicAliasMaximum / 40));
        const aliases: number[] = [topicAliasMaximum];
        for (let alias = 1; alias < topicAliasMaximum; alias += step) aliases.push(alias);
        for (const name of ["one", "two"]) {
          for (const alias of aliases) {
            await pump.sends(aliased(`${name}/${alias}`, alias));
            panel.gets({ type: "publish", topic: `${name}/${alias}`, properties: undefined });
          }
          for (const alias of aliases) {
            await pump.sends(aliased("", alias));
            panel.gets({ type: "publish", topic: `${name}/${alias}`, properties: undefined });
          }
        }
        pump.isOpen();
      },
    )
  ),
  holds(
    "5.0",
    "MQTT-3.3.2-12",
    "an alias works for every QoS, and is set even by a PUBLISH that is refused",
    async (at) => {
      const panel = await listener(at);
      const pump = await at.client("pump");
      await pump.publishes("$delayed/x", "x", { packetId: 1, properties: { topicAlias: 2 } });
      pump.gets({ type: "puback", reasonCode: 0x90 });
      await pump.publishes("", "x", { packetId: 1, properties: { topicAlias: 2 } });
      pump.gets({ type: "puback", reasonCode: 0x90 });
      await pump.publishes("t", "x", { packetId: 2, qos: 2, properties: { topicAlias: 2 } });
      pump.gets({ type: "pubrec", packetId: 2, reasonCode: 0 });
      await pump.sends(publishPacket("", "y", { packetId: 3, properties: { topicAlias: 2 } }));
      pump.gets({ type: "puback", packetId: 3, reasonCode: 0 });
      panel.gets({ type: "publish", topic: "t", payload: "x" });
      panel.gets({ type: "publish", topic: "t", payload: "y" });
    },
  ),
];
