/** Section 3.1: CONNECT with what it may not have, anything before it, and a second one. */

import { frame, s } from "../../packet/bytes_of.ts";
import type { Case, Subject, Version } from "./cases.ts";
import { connect, goodPackets, props, withWill } from "./packets.ts";

/** A case for the first packet of a connection. */
function first(what: string, bytes: Uint8Array, answer: Case["answer"]): Case {
  return { what, bytes, answer, first: true };
}

function flags(version: Version): Case[] {
  const plain = (value: string, payload = s("first")) =>
    connect(version, { flags: value, payload });
  const none = props(version);
  const will = s("first") + none + s("will") + s("gone");
  return [
    first("the reserved flag", plain("03"), 0x81),
    first("the reserved flag and a Will", plain("07", will), 0x81),
    first("Will QoS 3", withWill(version, { flags: "1e" }), 0x81),
    first("Will QoS 3 and Will Retain", withWill(version, { flags: "3e" }), 0x81),
    first("Will QoS 1 without a Will", plain("0a"), 0x81),
    first("Will QoS 3 without a Will", plain("1a"), 0x81),
    first("Will Retain without a Will", plain("22"), 0x81),
    first("a user name that is not there", plain("82"), 0x81),
    first("a password that is not there", plain("c2", s("first") + s("user")), 0x81),
    first("a Will that is not there", plain("06"), 0x81),
  ];
}

/** 0x84 is told to 3.1.1 as well, by return code 1: the one refusal that it gets for wrong bytes. */
function protocols(version: Version): Case[] {
  const unknown = ["MQTT2", "mqtt", "MQT", "", "MQIsdp", "x".repeat(65_535)].map((name) =>
    [
      `the protocol name ${name.slice(0, 10)}`,
      connect(version, { name: s(name) }),
    ] as const
  );
  const levels = version === 5 ? ["06", "7f", "85", "ff"] : ["00", "01", "02", "03", "84"];
  const all = [
    ...unknown,
    ...levels.map((level) => [`the version ${level}`, connect(version, { level })] as const),
  ];
  return all.map(([what, bytes]) => first(what, bytes, version === 5 ? 0x84 : UNACCEPTABLE));
}

/** CONNACK with return code 1, and then the end. */
const UNACCEPTABLE = { getsLast: "20 02 00 01" } as const;

/** Long enough to be a whole packet by its second byte. */
const HTTP =
  "GET / HTTP/1.1\r\nHost: broker.example:1883\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\n\r\n";

export const connectSubjects: readonly Subject[] = [
  {
    what: "CONNECT with flags that contradict themselves or what follows, Will QoS 3",
    cases: flags,
  },
  { what: "CONNECT of a protocol or version that is not known", cases: protocols },
  {
    what: "CONNECT with a Will Topic that is empty or has wildcards",
    cases: (version) => [
      first("none", withWill(version, { topic: s("") }), 0x81),
      ...["a/+", "+", "#", "a/#", "a#b", "a+"].map((topic) =>
        first(topic, withWill(version, { topic: s(topic) }), 0x90)
      ),
    ],
  },
  {
    what: "any other packet before CONNECT",
    cases: (version) => [
      ...goodPackets(version).map(({ name, first: byte, body }) =>
        first(name, frame(byte, body), "closed")
      ),
      first("DISCONNECT", Uint8Array.of(0xe0, 0), "closed"),
      first("AUTH", Uint8Array.of(0xf0, 0), "closed"),
      first("AUTH that begins", frame(0xf0, "19", "04 15", s("M")), "closed"),
      first(
        "text of another protocol",
        new TextEncoder().encode(HTTP),
        "closed",
      ),
      first("a greeting of TLS", frame(0x16, "0301 0200 0100 01fc 0303"), "closed"),
    ],
  },
  {
    what: "a second CONNECT, whatever is in it",
    cases: (version) => [
      { what: "the same", bytes: connect(version, { payload: s("hostile") }), answer: 0x82 },
      { what: "of another client", bytes: connect(version), answer: 0x82 },
      { what: "of 3.1.1", bytes: connect(4), answer: 0x82 },
      { what: "of 5.0", bytes: connect(5), answer: 0x82 },
      { what: "of an unknown version", bytes: connect(version, { level: "7f" }), answer: 0x82 },
      {
        what: "of an unknown protocol",
        bytes: connect(version, { name: s("HTTP") }),
        answer: 0x82,
      },
      { what: "with the reserved flag", bytes: connect(version, { flags: "03" }), answer: 0x82 },
    ],
  },
  {
    what: "an empty client id without Clean Session",
    cases: (version) => [
      version === 5
        ? first("is given one", connect(5, { flags: "00", payload: s("") }), "welcome")
        : first("is refused", connect(4, { flags: "00", payload: s("") }), {
          getsLast: "20 02 00 02",
        }),
    ],
  },
];
