/** Section 2.1 and 2.2.1: packet types, flags, Remaining Lengths, trailing bytes, Packet Identifier 0. */

import { frame, hex, s, variableByteInteger } from "../../packet/bytes_of.ts";
import type { Answer, Case, Subject, Version } from "./cases.ts";
import type { Good } from "./packets.ts";
import { connect, goodPackets, props, publish, withWill } from "./packets.ts";

/** A Remaining Length that does not fit a packet of four bytes, and those that are longer than need be. */
const LENGTHS: readonly (readonly [what: string, bytes: string])[] = [
  ["five bytes", "30 ff ff ff ff 01"],
  ["five bytes of 0", "c0 80 80 80 80 00"],
  ["four bytes that go on", "30 ff ff ff ff"],
  ["two bytes for 0", "c0 80 00"],
  ["three bytes for 0", "c0 80 80 00"],
  ["four bytes for 0", "c0 80 80 80 00"],
  ["two bytes for 4", "30 84 00 00 01 74 00"],
  ["three bytes for 4", "30 84 80 00 00 01 74 00"],
  ["three bytes for 128", "30 80 81 00"],
];

/** The packet with another first byte, or with a body in hexadecimal. */
function packet(
  { first, body }: Good,
  changes: { first?: number; body?: string } = {},
): Uint8Array {
  return frame(changes.first ?? first, changes.body ?? body);
}

/** Every end of a packet before its own, but those at which it may end as well. */
function cuts(version: Version, good: Good): Case[] {
  const bytes = hex(good.body);
  return Array.from(bytes, (_, length): Case => {
    const body = bytes.subarray(0, length);
    const empty = good.empties?.includes(length) === true;
    return {
      what: `${good.name} that ends after ${length} bytes`,
      bytes: Uint8Array.from([good.first, ...variableByteInteger(length), ...body]),
      answer: empty && version === 5 ? 0x82 : 0x81,
    };
  }).filter((_, length) => !good.endsAt.includes(length));
}

const SERVER_ONLY: readonly (readonly [what: string, of: Readonly<Record<Version, string>>])[] = [
  ["CONNACK", { 4: "20 02 00 00", 5: "20 03 00 00 00" }],
  ["SUBACK", { 4: "90 03 0001 00", 5: "90 04 0001 00 00" }],
  ["UNSUBACK", { 4: "b0 02 0001", 5: "b0 04 0001 00 00" }],
  ["PINGRESP", { 4: "d0 00", 5: "d0 00" }],
];

export const framingSubjects: readonly Subject[] = [
  {
    what: "a Remaining Length in too many bytes, first on a connection too",
    cases: () =>
      LENGTHS.flatMap(([what, bytes]): Case[] => [
        { what, bytes, answer: 0x81 },
        { what: `${what} at first`, bytes, answer: "closed", first: true },
      ]),
  },
  {
    what: "every packet with every other flags, QoS 3 and the reserved packet types",
    cases: (version) => [
      ...goodPackets(version).filter(({ first }) => first >> 4 !== 3).flatMap((good) =>
        Array.from({ length: 16 }, (_, flags) => (good.first & 0xf0) | flags)
          .filter((first) => first !== good.first)
          .map((first): Case => ({
            what: `${good.name} with the first byte ${first}`,
            bytes: packet(good, { first }),
            answer: 0x81,
          }))
      ),
      ...[0x36, 0x37, 0x3e, 0x3f].map((first): Case => ({
        what: `PUBLISH with QoS 3, first byte ${first}`,
        bytes: frame(first, s("t"), "0001", props(version)),
        answer: 0x81,
      })),
      ...[0x38, 0x39].map((first): Case => ({
        what: `PUBLISH of QoS 0 with DUP, first byte ${first}`,
        bytes: frame(first, s("t"), props(version)),
        answer: 0x81,
      })),
      ...Array.from({ length: 15 }, (_, flags): Case => ({
        what: `DISCONNECT with the flags ${flags + 1}`,
        bytes: Uint8Array.of(0xe1 + flags, 0),
        answer: 0x81,
      })),
      ...Array.from({ length: 16 }, (_, flags): Case => ({
        what: `packet type 0 with the flags ${flags}`,
        bytes: Uint8Array.of(flags, 0),
        answer: 0x81,
      })),
      ...Array.from({ length: 15 }, (_, flags): Case => ({
        what: `packet type 15 with the flags ${flags + 1}`,
        bytes: Uint8Array.of(0xf1 + flags, 0),
        answer: 0x81,
      })),
      ...Array.from({ length: 15 }, (_, flags): Case => {
        const bytes = connect(version);
        bytes[0] = 0x11 + flags;
        return { what: `CONNECT with the flags ${flags + 1}`, bytes, answer: 0x81, first: true };
      }),
    ],
  },
  {
    what: "a packet that only a server sends",
    cases: (version) =>
      SERVER_ONLY.flatMap(([what, of]): Case[] => [
        { what, bytes: of[version], answer: 0x82 },
        { what: `${what} at first`, bytes: of[version], answer: "closed", first: true },
      ]),
  },
  {
    what: "a packet that is shorter than its kind",
    cases: (version) => [
      ...goodPackets(version).flatMap((good) => cuts(version, good)),
      ...connectCuts(version),
    ],
  },
  {
    what: "a packet with bytes behind its end",
    cases: (version) => [
      ...goodPackets(version).filter(({ first }) => first >> 4 !== 3).flatMap((good): Case[] =>
        ["00", "61", "0001", "0000 0001"].map((more) => ({
          what: `${good.name} with ${more} behind it`,
          bytes: packet(good, { body: good.body + more }),
          answer: 0x81,
        }))
      ),
      {
        what: "DISCONNECT with a byte behind it",
        bytes: version === 5 ? "e0 03 00 00 00" : "e0 01 00",
        answer: 0x81,
      },
      ...["00", "0001 61"].map((more): Case => ({
        what: `CONNECT with ${more} behind it`,
        bytes: connect(version, { payload: s("first") + more }),
        answer: 0x81,
        first: true,
      })),
    ],
  },
  {
    what: "the same packets as they should be are taken",
    cases: (version) =>
      goodPackets(version).map((good) => ({
        what: good.name,
        bytes: packet(good),
        answer: answerTo(good.name, version),
      })),
  },
  {
    what: "Packet Identifier 0 in every packet that has one",
    cases: (version) => {
      const none = props(version);
      const bodies: readonly (readonly [what: string, first: number, body: string])[] = [
        ["PUBLISH QoS 1", 0x32, s("t") + "0000" + none],
        ["PUBLISH QoS 2", 0x34, s("t") + "0000" + none],
        ["PUBLISH QoS 2 again", 0x3c, s("t") + "0000" + none],
        ["PUBACK", 0x40, "0000"],
        ["PUBREC", 0x50, "0000"],
        ["PUBREL", 0x62, "0000"],
        ["PUBCOMP", 0x70, "0000"],
        ["SUBSCRIBE", 0x82, "0000" + none + s("f") + "00"],
        ["UNSUBSCRIBE", 0xa2, "0000" + none + s("f")],
      ];
      return bodies.map(([what, first, body]) => ({
        what,
        bytes: frame(first, body),
        answer: 0x82,
      }));
    },
  },
  {
    what: "a packet above the Maximum Packet Size, by its fixed header alone",
    cases: (version) => [
      { what: "PUBLISH of 1,048,577 bytes", bytes: "30 fd ff 3f", answer: 0x95 },
      { what: "PUBLISH of the largest length", bytes: "30 ff ff ff 7f", answer: 0x95 },
      { what: "SUBSCRIBE", bytes: "82 80 80 80 01", answer: 0x95 },
      { what: "PUBACK", bytes: "40 80 80 80 01", answer: 0x95 },
      { what: "PINGREQ", bytes: "c0 80 80 80 01", answer: 0x95 },
      { what: "CONNECT", bytes: "10 80 80 80 01", answer: "closed", first: true },
      {
        what: "PUBLISH of 1,048,576 bytes, to be waited for",
        bytes: "30 fc ff 3f",
        answer: { gets: "" },
      },
      { what: "PUBLISH that is small", bytes: publish(version, s("t")), answer: { gets: "" } },
    ],
  },
];

/** A CONNECT that has all that it may have, cut at every place behind its version. */
function connectCuts(version: Version): Case[] {
  const whole = withWill(version, { flags: "06" });
  return Array.from(whole.subarray(2), (_, length): Case => ({
    what: `CONNECT that ends after ${length} bytes`,
    bytes: Uint8Array.from([0x10, length, ...whole.subarray(2, 2 + length)]),
    // Who cannot say which version it is gets no CONNACK.
    answer: length < 7 ? "closed" : 0x81,
    first: true,
  }));
}

function answerTo(name: string, version: Version): Answer {
  const five = version === 5;
  switch (name) {
    case "PUBLISH QoS 1":
      return { gets: five ? "40 03 0001 10" : "40 02 0001" };
    case "PUBLISH QoS 2":
      return { gets: five ? "50 03 0001 10" : "50 02 0001" };
    case "PUBREC":
      return { gets: five ? "62 03 0009 92" : "62 02 0009" };
    case "PUBREL":
      return { gets: five ? "70 03 0009 92" : "70 02 0009" };
    case "SUBSCRIBE":
      return { gets: five ? "90 05 0001 00 0001" : "90 04 0001 0001" };
    case "UNSUBSCRIBE":
      return { gets: five ? "b0 05 0001 00 1111" : "b0 02 0001" };
    case "PINGREQ":
      return { gets: "d0 00" };
    default:
      return { gets: "" };
  }
}
