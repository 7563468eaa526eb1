/** Section 1.5: ill-formed UTF-8 and U+0000 in every string of every packet that a client sends. */

import { frame, s } from "../../packet/bytes_of.ts";
import type { Bytes, Case, Subject, Version } from "./cases.ts";
import { connect, props, publish, sized, subscribe, unsubscribe, withWill } from "./packets.ts";
import { OWNERS, PROPERTIES, withProperty } from "./properties.ts";

const BAD: readonly (readonly [what: string, content: string])[] = [
  ["a surrogate", "61 eda080"],
  ["the last surrogate", "edbfbf 61"],
  ["a pair of surrogates", "eda080 edb080"],
  ["an overlong U+0000", "c080"],
  ["an overlong slash", "61 c0af"],
  ["an overlong U+07FF", "e09fbf"],
  ["an overlong U+FFFF", "f08fbfbf"],
  ["a character above U+10FFFF", "f4908080"],
  ["a character that is cut off", "61 e282"],
  ["a continuation alone", "80"],
  ["0xFF behind a long text", "61".repeat(80) + "ff"],
  ["U+0000", "00"],
  ["U+0000 within a long text", "61".repeat(80) + "00 61"],
];
/** The last characters before the forbidden ones and the first behind them. */
const GOOD = "01 7f c280 dfbf e0a080 ed9fbf ee8080 efbfbf f0908080 f48fbfbf";

/** Where a string stands, with the packet that has this string (its length included) there. */
type Place = readonly [where: string, bytes: (text: string) => Bytes, first?: boolean];

/** The strings of both versions. */
function places(version: Version): readonly Place[] {
  return [
    ["Protocol Name", (text) => connect(version, { name: text }), true],
    ["Client Identifier", (text) => connect(version, { payload: text }), true],
    ["Will Topic", (text) => withWill(version, { topic: text }), true],
    ["User Name", (text) => connect(version, { flags: "82", payload: s("first") + text }), true],
    ["Topic Name", (text) => publish(version, text)],
    ["Topic Name of QoS 2", (text) => frame(0x34, text, "0001", props(version))],
    ["Topic Filter of SUBSCRIBE", (text) => subscribe(version, s("a"), "00", text, "00")],
    ["Topic Filter of UNSUBSCRIBE", (text) => unsubscribe(version, s("a"), text)],
  ];
}

/** The strings that are properties, in all packets that may have them. */
function propertyPlaces(): readonly Place[] {
  return OWNERS.flatMap((owner) =>
    PROPERTIES.filter(({ owners }) => owners.includes(owner.name)).flatMap((row): Place[] => {
      const put = (value: string) => withProperty(owner, row.id + value);
      const first = owner.first;
      if (row.type === "string") return [[`${row.name} of ${owner.name}`, put, first]];
      if (row.type !== "pair") return [];
      return [
        [`name of a User Property of ${owner.name}`, (text) => put(text + s("value")), first],
        [`value of a User Property of ${owner.name}`, (text) => put(s("name") + text), first],
      ];
    })
  );
}

function bad([where, bytes, first = false]: Place): Case[] {
  // What an unknown protocol is called is not looked at before its version is known.
  const answer = where === "Protocol Name" ? "closed" : 0x81;
  return BAD.filter(([what]) => answer === 0x81 || !what.startsWith("U+0000")).map(
    ([what, content]) => ({
      what: `${what} in the ${where}`,
      bytes: bytes(sized(content)),
      answer,
      first,
    }),
  );
}

export const stringSubjects: readonly Subject[] = [
  {
    what: "ill-formed UTF-8 and U+0000 in every string",
    cases: (version) => places(version).flatMap(bad),
  },
  {
    what: "the characters next to the forbidden ones are taken",
    cases: (version) => [
      ...places(version).slice(1, 4).map(([where, bytes]): Case => ({
        what: where,
        bytes: bytes(sized(GOOD)),
        answer: "welcome",
        first: true,
      })),
      { what: "Topic Name", bytes: publish(version, sized(GOOD)), answer: { gets: "" } },
      {
        what: "Topic Filters",
        bytes: subscribe(version, s("a"), "00", sized(GOOD), "00"),
        answer: { gets: version === 5 ? "90 05 0001 00 0000" : "90 04 0001 0000" },
      },
    ],
  },
];

export const propertyStringSubjects: readonly Subject[] = [
  {
    what: "ill-formed UTF-8 and U+0000 in every string of every property",
    cases: () => propertyPlaces().flatMap(bad),
  },
];
