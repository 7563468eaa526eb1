/** Topic Names and Topic Filters of MQTT 5.0, section 4.7. */

import { publishPacket, subscribePacket, willOf } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { refuses, serves, sized } from "./answers.ts";

/** A filter, topics that it matches, and topics that it does not. */
type Matching = readonly [filter: string, matches: readonly string[], others: readonly string[]];

/** A new subscription of each filter gets what it matches and nothing else, live and retained. */
async function match(at: Bench, cases: readonly Matching[]): Promise<void> {
  const pump = await at.client("pump");
  for (const [filter, topics, others] of cases) {
    for (const shared of ["", "$share/g/"]) {
      const panel = await at.client("panel");
      await panel.subscribes([shared + filter, 0]);
      for (const topic of topics) {
        await pump.publishes(topic, "x");
        panel.gets({ type: "publish", topic, payload: "x" });
      }
      for (const topic of others) await pump.publishes(topic, "x");
      panel.getsNothing();
    }
    for (const topic of [...topics, ...others]) {
      await pump.publishes(topic, "kept", { retain: true });
    }
    const late = await at.client("panel");
    await late.subscribes([filter, 0]);
    const retained = topics.map((topic) => ({ type: "publish" as const, topic, retain: true }));
    late.getsInAnyOrder(...retained);
    late.getsNothing();
    for (const topic of [...topics, ...others]) await pump.publishes(topic, "", { retain: true });
  }
}

/** Each of these filters is refused with 0x8F, also behind `$share/g/`, and brings nothing. */
async function areNoFilters(at: Bench, filters: readonly string[]): Promise<void> {
  const panel = await at.client("panel");
  for (const filter of filters) {
    for (const full of [filter, `$share/g/${filter}`]) {
      await panel.sends(frame(0x82, "0001", p(), s(full), "01"));
      panel.gets("90 04 0001 00 8f");
      await panel.sends(frame(0xa2, "0002", p(), s(full)));
      panel.gets("b0 04 0002 00 8f");
    }
  }
  const pump = await at.client("pump");
  for (const topic of ["a", "a/b", "a/b/c", "sport/tennis", "ab"]) await pump.publishes(topic, "x");
  await serves(panel);
}

/** A CONNECT with a Will of this topic in hexadecimal, without its length. */
function connectWithWill(topic: string): Uint8Array {
  return frame(0x10, s("MQTT"), "05 06 0000", p(), s("dying"), p(), sized(topic), s("x"));
}

const LONGEST = 65_535;

export const topics5: readonly Row[] = [
  holds("5.0", "MQTT-4.7.0-1", "a Topic Name with a wildcard closes", async (at) => {
    const panel = await at.client("panel");
    await panel.subscribes("#", "+/+", "a/#");
    for (const topic of ["#", "+", "a/#", "a/+", "+/a", "a/+/b", "a+", "a#b", "/#", "$x/+"]) {
      await refuses(at, frame(0x30, s(topic), "00", "78"), 0x90);
      await refuses(at, frame(0x34, s(topic), "0001", "00", "78"), 0x90);
      await refuses(at, frame(0x31, s(topic), p("23 0001"), "78"), 0x90);
      await refuses(at, frame(0x30, s("t"), p("08", s(topic)), "78"), 0x82); // Response Topic
    }
    for (const topic of ["2b", "23", "612f2b", "612f23", "6123"]) {
      const dying = await at.open();
      await dying.sends(connectWithWill(topic));
      dying.gets({ type: "connack", reasonCode: 0x90 });
      dying.isClosed();
    }
    panel.getsNothing();
    await panel.publishes("a/*", "x"); // which is no wildcard
    panel.gets({ type: "publish", topic: "a/*" });
  }),
  holds("5.0", "MQTT-4.7.1-1", "a # that is not the whole last level is refused", async (at) => {
    const bad = ["sport/tennis#", "#/", "a/#/b", "##", "a#", "#a", "a/b#", "#/+", "a/##", "/#/"];
    await areNoFilters(at, bad);
  }),
  holds("5.0", "MQTT-4.7.1-1", "a # at the end matches its parent and all below", async (at) => {
    await match(at, [
      ["#", ["a", "/", "a/b", "/a/", "a/$b"], ["$a", "$a/b"]],
      ["sport/#", ["sport", "sport/", "sport/a", "sport/a/b", "sport//"], [
        "sports",
        "/sport",
        "Sport",
      ]],
      ["a/b/#", ["a/b", "a/b/c", "a/b/"], ["a", "a/", "a/c", "b/a/b"]],
      ["/#", ["/", "/a", "//", "/a/b"], ["a", "a/"]],
      ["+/b/#", ["a/b", "a/b/c", "/b"], ["a/c", "b", "a/a/b"]],
      ["a/+/#", ["a/", "a/b", "a/b/c"], ["a", "b/c"]],
    ]);
  }),
  holds("5.0", "MQTT-4.7.1-2", "a + that is not a whole level is refused", async (at) => {
    await areNoFilters(at, [
      "a+",
      "+a",
      "a/b+",
      "a/+b",
      "++",
      "a/++/b",
      "sport+/x",
      "+#",
      "a/+b/#",
    ]);
  }),
  holds("5.0", "MQTT-4.7.1-2", "a + matches one level, an empty one as well", async (at) => {
    await match(at, [
      ["+", ["a", "ab", " "], ["/", "a/b", "/a", "$a"]],
      ["+/+", ["/", "a/b", "/a", "a/"], ["a", "//", "a/b/c", "$a/b"]],
      ["/+", ["/", "/a"], ["a", "//", "a/b"]],
      ["a/+", ["a/b", "a/", "a/c"], ["a", "a/b/c", "ab/c", "b/a"]],
      ["+/tennis/#", ["a/tennis", "/tennis/x"], ["tennis", "a/b/tennis"]],
      ["sport/+/player1", ["sport/a/player1", "sport//player1"], [
        "sport/player1",
        "sport/a/b/player1",
      ]],
      ["a/+/+/b", ["a/1/2/b", "a///b"], ["a/1/b", "a/1/2/3/b", "a/1/2/B"]],
    ]);
  }),
  holds("5.0", "MQTT-4.7.2-1", "a leading wildcard does not reach names with $", async (at) => {
    await match(at, [
      ["#", ["a"], ["$a", "$", "$a/b", "$/a"]],
      ["+", ["a"], ["$a", "$"]],
      ["+/#", ["a", "a/b", "/$a"], ["$a", "$a/b"]],
      ["+/b", ["a/b", "/b"], ["$a/b"]],
      ["+/+", ["a/$b"], ["$a/$b"]],
      ["$a/#", ["$a", "$a/b", "$a/$b"], ["a", "a/b", "$ab", "$b/a"]],
      ["$a/+", ["$a/b", "$a/"], ["$a", "a/b"]],
      ["$a", ["$a"], ["a", "$A"]],
      ["a/#", ["a/$b", "a/$"], ["$a", "$a/b"]],
    ]);
  }),
  holds("5.0", "MQTT-4.7.3-1", "an empty Topic Name or Topic Filter closes", async (at) => {
    await refuses(at, frame(0x30, "0000", "00", "78"), 0x82);
    await refuses(at, frame(0x32, "0000", "0001", "00"), 0x82);
    await refuses(at, frame(0x30, "0000", p("23 0001")), 0x82); // an alias that stands for none
    await refuses(at, frame(0x82, "0001", p(), "0000", "00"), 0x81);
    await refuses(at, frame(0x82, "0001", p(), s("a"), "00", "0000", "00"), 0x81);
    await refuses(at, frame(0xa2, "0001", p(), "0000"), 0x81);
    const dying = await at.open();
    await dying.sends(connectWithWill(""));
    dying.gets({ type: "connack", reasonCode: 0x81 });
    dying.isClosed();
    const panel = await at.client("panel");
    for (const topic of ["a", "/", " ", "\u0001", "$"]) {
      await panel.subscribes([topic, 0]);
      await panel.publishes(topic, "x");
      panel.gets({ type: "publish", topic });
    }
    await panel.sends(
      frame(0x30, s("a"), p("23 0001"), "79"),
      frame(0x30, "0000", p("23 0001"), "7a"),
    );
    for (const payload of ["y", "z"]) panel.gets({ type: "publish", topic: "a", payload });
  }),
  holds("5.0", "MQTT-4.7.3-2", "U+0000 in a Topic Name or Topic Filter closes", async (at) => {
    for (const text of ["00", "6100", "610062", "612f002f62", "00612f23"]) {
      await refuses(at, frame(0x30, sized(text), "00", "78"), 0x81);
      await refuses(at, frame(0x34, sized(text), "0001", "00", "78"), 0x81);
      await refuses(at, frame(0x30, s("t"), p("08", sized(text))), 0x81);
      await refuses(at, frame(0x82, "0001", p(), sized(text), "00"), 0x81);
      await refuses(at, frame(0x82, "0001", p(), s("a"), "00", sized(text), "00"), 0x81);
      await refuses(at, frame(0xa2, "0001", p(), sized(text)), 0x81);
      const dying = await at.open();
      await dying.sends(connectWithWill(text));
      dying.gets({ type: "connack", reasonCode: 0x81 });
      dying.isClosed();
    }
    await refuses(at, frame(0x30, sized("61c08062"), "00", "78"), 0x81); // written too long
    const panel = await at.client("panel");
    await panel.subscribes("a\u0001\u007f0");
    await panel.publishes("a\u0001\u007f0", "x");
    panel.gets({ type: "publish" });
  }),
  holds("5.0", "MQTT-4.7.3-3", "65,535 bytes are taken, as a name and as a filter", async (at) => {
    const panel = await at.client("panel");
    for (
      const topic of [
        "x".repeat(LONGEST),
        "€".repeat(LONGEST / 3),
        `${"😀".repeat(16_383)}abc`,
        `a/${"x".repeat(LONGEST - 2)}`,
      ]
    ) {
      await panel.subscribes([topic, 1]);
      await panel.publishes(topic, "x", { packetId: 1 });
      panel.gets({ type: "puback", reasonCode: 0 });
      const publish = panel.gets({ type: "publish", topic });
      await panel.publishes(topic, "kept", { retain: true });
      panel.gets({ type: "publish", topic, payload: "kept" });
      const filter = topic.startsWith("a/") ? `a/+` : topic;
      const late = await at.client("late");
      await late.subscribes([filter, 0]);
      late.gets({ type: "publish", topic, retain: true });
      at.expects(publish.topic.length > 0, "the name came whole");
    }
    const shared = "$share/g/".padEnd(LONGEST, "y");
    await panel.subscribes([shared, 0]);
    await panel.publishes(shared.slice("$share/g/".length), "x");
    panel.gets({ type: "publish", topic: shared.slice("$share/g/".length) });
    const dying = await at.client("dying", { will: willOf("x".repeat(LONGEST), "will") });
    await dying.drops();
    panel.gets({ type: "publish", payload: "will" });
  }),
  holds("5.0", "MQTT-4.7.3-3", "a string that its packet is too short for closes", async (at) => {
    await refuses(at, frame(0x30, "ffff", s("x").slice(6)), 0x81);
    await refuses(at, frame(0x82, "0001", p(), "ffff", "61".repeat(100), "00"), 0x81);
    await refuses(at, frame(0xa2, "0001", p(), "ffff", "61".repeat(100)), 0x81);
    const panel = await at.client("panel");
    // More levels than the broker keeps are refused, though the bytes are well within.
    await panel.sends(subscribePacket(1, ["a/".repeat(10_000), 0]));
    panel.gets("90 04 0001 00 8f");
    await refuses(at, publishPacket("a/".repeat(10_000), "x"), 0x90);
  }),
  holds("5.0", "MQTT-4.7.3-4", "names are compared as they are", async (at) => {
    const names = [
      ["ä", "a\u0308", "a", "Ä"],
      ["ﬁ", "fi"],
      ["\ufeffa", "a", "a\ufeff"],
      ["a", "A", "a ", " a"],
      ["a/b", "a//b", "/a/b", "a/b/", "a/./b", "a/c/../b"],
      ["a%2Fb", "a%2fb", "a/b"],
      ["é/É", "É/é", "é/é"],
      ["1", "01", "１"],
    ];
    for (const alike of names) {
      const cases = alike.map((name): Matching => {
        return [name, [name], alike.filter((each) => each !== name)];
      });
      await match(at, cases);
      await match(
        at,
        alike.map((name): Matching => {
          return [
            `t/${name}/#`,
            [`t/${name}`, `t/${name}/`],
            alike.filter((each) => each !== name)
              .map((each) => `t/${each}`)
              .filter((each) => !each.startsWith(`t/${name}/`)),
          ];
        }),
      );
    }
    const panel = await at.client("panel 2");
    await panel.subscribes("\u{1f600}/\ufeff/#");
    await panel.sends(frame(0x30, "0009 f09f9880 2f efbbbf 2f", "00"));
    panel.gets(frame(0x30, "0009 f09f9880 2f efbbbf 2f", "00"));
  }),
];
