/** Sections 3.3, 3.8, 3.10, 4.7 and 4.8: Topic Names and Topic Filters that are none. */

import { frame, s } from "../../packet/bytes_of.ts";
import type { Case, Subject, Version } from "./cases.ts";
import { props, publish, subscribe, unsubscribe } from "./packets.ts";

/** Filters that no subscription can have. */
const BAD_FILTERS = [
  ...["a/#/b", "#/a", "a#", "#a", "a/b#", "a/#b", "##", "a/##", "#/"],
  ...["a+", "+a", "a/+b", "a/b+/c", "++", "+/+a", "a/++/b"],
  ...["$share//x", "$share/g", "$share/g/", "$share/", "$share", "$share//"],
  ...["$share/g+/x", "$share/+/x", "$share/#/x", "$share/g#/x"],
  ...["$share/g/a/#/b", "$share/g/a+", "$share/g/#/a"],
];
/** Filters that are like them and good. */
const GOOD_FILTERS = [
  "a/+/b",
  "+",
  "#",
  "+/#",
  "/+",
  "a/#",
  "$share/g/#",
  "$share/g//",
  "$SHARE//x",
];

function options(version: Version): readonly (readonly [byte: string, answer: number])[] {
  if (version === 4) return ["03", "04", "08", "40", "80", "ff"].map((byte) => [byte, 0x81]);
  return [["03", 0x82], ["30", 0x82], ["32", 0x82], ["40", 0x81], ["80", 0x81], ["c0", 0x81]];
}

export const topicSubjects: readonly Subject[] = [
  {
    what: "PUBLISH to a topic with wildcards, or to none",
    cases: (version) => [
      ...["+", "#", "a/+", "a/#", "a+b", "a#", "/+/", "$SYS/#"].flatMap((topic): Case[] => [
        { what: topic, bytes: publish(version, s(topic)), answer: 0x90 },
        {
          what: `${topic} with QoS 2`,
          bytes: frame(0x34, s(topic), "0001", props(version)),
          answer: 0x90,
        },
      ]),
      // In 5.0 a topic may be empty with a Topic Alias only.
      { what: "an empty topic", bytes: publish(version, s("")), answer: 0x82 },
    ],
  },
  {
    what: "SUBSCRIBE to a filter that is none",
    cases: (version) => [
      ...BAD_FILTERS.map((filter): Case => ({
        what: filter,
        bytes: subscribe(version, s(filter), "00"),
        answer: version === 5 ? { gets: "90 04 0001 00 8f" } : 0x8f,
      })),
      { what: "an empty filter", bytes: subscribe(version, s(""), "00"), answer: 0x81 },
      ...GOOD_FILTERS.map((filter): Case => ({
        what: filter,
        bytes: subscribe(version, s(filter), "00"),
        answer: { gets: version === 5 ? "90 04 0001 00 00" : "90 03 0001 00" },
      })),
    ],
  },
  {
    what: "UNSUBSCRIBE from a filter that is none",
    cases: (version) => [
      ...BAD_FILTERS.map((filter): Case => ({
        what: filter,
        bytes: unsubscribe(version, s(filter)),
        answer: version === 5 ? { gets: "b0 04 0001 00 8f" } : 0x8f,
      })),
      { what: "an empty filter", bytes: unsubscribe(version, s("")), answer: 0x81 },
    ],
  },
  {
    what: "SUBSCRIBE and UNSUBSCRIBE without a filter, or with options that are none",
    cases: (version) => [
      { what: "SUBSCRIBE without", bytes: subscribe(version), answer: 0x82 },
      { what: "UNSUBSCRIBE without", bytes: unsubscribe(version), answer: 0x82 },
      ...options(version).flatMap(([byte, answer]): Case[] => [
        { what: `the options ${byte}`, bytes: subscribe(version, s("a"), byte), answer },
        {
          what: `the options ${byte} of the second filter`,
          bytes: subscribe(version, s("a"), "00", s("b"), byte),
          answer,
        },
      ]),
      ...(version === 4 ? [] : [{
        what: "No Local on a Shared Subscription",
        bytes: subscribe(5, s("$share/g/a"), "04"),
        answer: 0x82,
      }]),
    ],
  },
];
