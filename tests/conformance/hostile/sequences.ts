/** Sections 2.2.1, 3.3.2.3.4, 4.3 and 4.12: packets that are right by themselves and wrong where they come. */

import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Case, Subject, Version } from "./cases.ts";
import { props, publish } from "./packets.ts";

/** PUBLISH with QoS 1 or 2 and packet id 7. */
function seven(version: Version, qos: 1 | 2): Uint8Array {
  return frame(0x30 | (qos << 1), s("t"), "0007", props(version));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** By version: what goes out for it. */
function gets(version: Version, of: Readonly<Record<Version, string>>): Case["answer"] {
  return { gets: of[version] };
}

export const sequenceSubjects: readonly Subject[] = [
  {
    what: "a Packet Identifier in use",
    cases: (version) => {
      const held = seven(version, 2);
      const none = props(version);
      return [
        {
          what: "by the same PUBLISH of QoS 2: once more acknowledged",
          bytes: joined(held, held),
          answer: gets(version, { 4: "50020007 50020007", 5: "5003000710 50020007" }),
        },
        {
          what: "for a PUBLISH of QoS 1",
          bytes: joined(held, seven(version, 1)),
          answer: gets(version, { 4: "50020007 40020007", 5: "5003000710 4003000791" }),
        },
        {
          what: "for a SUBSCRIBE",
          bytes: joined(held, frame(0x82, "0007", none, s("f"), "00")),
          answer: gets(version, { 4: "50020007 9003000700", 5: "5003000710 900400070091" }),
        },
        {
          what: "for an UNSUBSCRIBE",
          bytes: joined(held, frame(0xa2, "0007", none, s("f"))),
          answer: gets(version, { 4: "50020007 b0020007", 5: "5003000710 b00400070091" }),
        },
      ];
    },
  },
  {
    what: "acknowledgements of nothing",
    cases: (version) => [
      {
        what: "PUBREL for an unknown id",
        bytes: "62 02 0009",
        answer: gets(version, { 4: "70020009", 5: "7003000992" }),
      },
      {
        what: "PUBREL twice",
        bytes: joined(seven(version, 2), frame(0x62, "0007"), frame(0x62, "0007")),
        answer: gets(version, {
          4: "50020007 70020007 70020007",
          5: "5003000710 70020007 7003000792",
        }),
      },
      {
        what: "PUBREC for an unknown id",
        bytes: "50 02 0009",
        answer: gets(version, { 4: "62020009", 5: "6203000992" }),
      },
      { what: "PUBACK for an unknown id", bytes: "40 02 0009", answer: { gets: "" } },
      { what: "PUBCOMP for an unknown id", bytes: "70 02 0009", answer: { gets: "" } },
    ],
  },
  {
    what: "AUTH out of turn",
    cases: (version) => {
      const answer = version === 5 ? 0x82 : 0x81;
      return [
        { what: "of no exchange", bytes: "f0 00", answer },
        { what: "that goes on", bytes: frame(0xf0, "18", p("15", s("M"))), answer },
        { what: "that begins anew", bytes: frame(0xf0, "19", p("15", s("M"))), answer },
        { what: "with an unknown Reason Code", bytes: frame(0xf0, "01", p("15", s("M"))), answer },
        {
          what: "at first",
          bytes: frame(0xf0, "18", p("15", s("M"))),
          answer: "closed",
          first: true,
        },
      ];
    },
  },
];

/** What 3.1.1 has not. */
export const aliasSubjects: readonly Subject[] = [
  {
    what: "a Topic Alias of 0, above the maximum of 32, or that stands for nothing",
    cases: () => [
      { what: "0", bytes: publish(5, s("t"), "23 0000"), answer: 0x82 },
      { what: "33", bytes: publish(5, s("t"), "23 0021"), answer: 0x94 },
      { what: "65,535", bytes: publish(5, s("t"), "23 ffff"), answer: 0x94 },
      { what: "33 without a topic", bytes: publish(5, s(""), "23 0021"), answer: 0x94 },
      { what: "1 that was not set", bytes: publish(5, s(""), "23 0001"), answer: 0x82 },
      {
        what: "1 that was set on it, and 2 that was not",
        bytes: joined(publish(5, s("t"), "23 0001"), publish(5, s(""), "23 0002")),
        answer: 0x82,
      },
      {
        what: "32 that was set",
        bytes: joined(publish(5, s("t"), "23 0020"), publish(5, s(""), "23 0020")),
        answer: { gets: "" },
      },
    ],
  },
];
