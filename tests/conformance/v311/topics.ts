/** Rows for MQTT 3.1.1 section 4.7: Topic Names and Topic Filters. */

import { publishPacket, subscribePacket } from "../../broker/packets.ts";
import { frame, hex, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { closes } from "./shorthand.ts";

const subscribe = (filter: string) => frame(0x82, "00 01", s("ok"), "00", s(filter), "00");
const unsubscribe = (filter: string) => frame(0xa2, "00 01", s("ok"), s(filter));

/** A SUBSCRIBE or PUBLISH whose one string has 65,535 bytes. */
function longest(first: number, before: string, after: string): Uint8Array {
  const [head, tail] = [hex(before), hex(after)];
  const size = head.length + 2 + 65_535 + tail.length;
  const length = [(size & 0x7f) | 0x80, ((size >> 7) & 0x7f) | 0x80, size >> 14];
  const text = new Uint8Array(65_535).fill(0x61);
  return Uint8Array.from([first, ...length, ...head, 0xff, 0xff, ...text, ...tail]);
}

export const topics311: readonly Row[] = [
  closes(
    "MQTT-4.7.1-1",
    "wildcard characters in a Topic Name close the connection, in a filter they do not",
    [frame(0x30, s("a/+"), "78"), frame(0x30, s("#"), "78"), frame(0x32, s("a#"), "00 01")],
    [subscribe("a/+"), subscribe("#"), subscribe("+/a/#"), frame(0x30, s("a/*"), "78")],
  ),
  closes(
    "MQTT-4.7.1-2",
    "a # that does not stand alone at the end closes the connection",
    ["a/#/b", "a#", "#/a", "##", "a/b#", "a/##", "#a", "/#/"].flatMap((
      filter,
    ) => [subscribe(filter), unsubscribe(filter)]),
    ["#", "a/#", "/#", "a/b/#", "//#"].flatMap((
      filter,
    ) => [subscribe(filter), unsubscribe(filter)]),
  ),
  closes(
    "MQTT-4.7.1-3",
    "a + that does not fill its level closes the connection",
    ["a+", "+a", "a/+b", "a/b+/c", "++", "a/++/b", "+#"].flatMap((
      filter,
    ) => [subscribe(filter), unsubscribe(filter)]),
    ["+", "+/+", "/+", "+/", "a/+/b", "+/a/#"].flatMap((
      filter,
    ) => [subscribe(filter), unsubscribe(filter)]),
  ),
  closes(
    "MQTT-4.7.1-2",
    "a Shared Subscription out of form closes the connection",
    ["$share//x", "$share/g+/x", "$share/g#/x", "$share/g", "$share/g/", "$share/g/a#"].map(
      subscribe,
    ),
    [subscribe("$share/g/x"), subscribe("$share/g/#"), subscribe("$shared/x")],
  ),
  holds(
    "3.1.1",
    "MQTT-4.7.2-1",
    "a wildcard at the beginning does not match what begins with $",
    async (at) => {
      const wild = await at.client("wild");
      await wild.subscribes("#", "+/a", "+/#", "+");
      const exact = await at.client("exact");
      await exact.subscribes("$x/#", "$x/+", "$x/a", "$y");
      const pump = await at.client("pump");
      await pump.sends(publishPacket("$x/a", "1", { retain: true }), publishPacket("$y", "2"));
      wild.getsNothing();
      exact.gets({ type: "publish", topic: "$x/a" });
      exact.takes();
      const late = await at.client("late"); // what is retained is no different
      await late.subscribes("#", "+/a");
      late.getsNothing();
      await late.subscribes("$x/+");
      late.gets({ type: "publish", topic: "$x/a", retain: true });
      await pump.sends(publishPacket("a/$x", "3"));
      wild.gets({ type: "publish", topic: "a/$x" }); // a $ further behind is nothing special
    },
  ),
  closes(
    "MQTT-4.7.3-1",
    "an empty Topic Name or Topic Filter closes the connection",
    [
      frame(0x30, s(""), "78"),
      frame(0x32, s(""), "00 01 78"),
      frame(0x30, s("")),
      subscribe(""),
      unsubscribe(""),
    ],
    [frame(0x30, s("/"), "78"), frame(0x30, s(" "), "78"), subscribe("/"), unsubscribe(" ")],
  ),
  closes(
    "MQTT-4.7.3-2",
    "U+0000 in a Topic Name or Topic Filter closes the connection",
    [frame(0x30, s("a\0"), "78"), subscribe("a/\0/b"), unsubscribe("\0")],
    [frame(0x30, s("a\u0001"), "78")],
  ),
  holds(
    "3.1.1",
    "MQTT-4.7.3-3",
    "Topic Names and Topic Filters of 65,535 bytes are taken",
    async (at) => {
      const panel = await at.client("panel");
      await panel.sends(longest(0x82, "00 01", "01"));
      panel.gets("90 03 00 01 01");
      const pump = await at.client("pump");
      await pump.sends(longest(0x30, "", "78"));
      const got = panel.gets({ type: "publish", payload: "x" });
      at.expects(got.topic === "a".repeat(65_535), `a topic of ${got.topic.length} has come`);
      await panel.sends(longest(0xa2, "00 02", ""));
      panel.gets("b0 02 00 02");
    },
  ),
  holds("3.1.1", "MQTT-4.7.3-4", "topics are neither normalised nor changed", async (at) => {
    const names = [
      "a",
      "A",
      "a ",
      " a",
      "/a",
      "a/",
      "a//b",
      "a/b",
      "a/./b",
      "a/../b",
      "é", // U+00E9
      "e\u0301", // the same to a reader, of two characters
      "ﬁ",
      "fi",
      "a%2fb",
      "a\\b",
      "ß",
      "ss",
      "a\u00a0",
    ];
    const pump = await at.client("pump");
    for (const filter of names) {
      const panel = await at.client("panel");
      await panel.sends(subscribePacket(1, [filter, 0]));
      panel.gets("90 03 00 01 00");
      await pump.sends(...names.map((name) => publishPacket(name, "x")));
      panel.gets(frame(0x30, s(filter), "78"));
      panel.getsNothing();
    }
  }),
];
