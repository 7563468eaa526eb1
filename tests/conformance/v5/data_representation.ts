/** MQTT 5.0 sections 1.5.4 and 1.5.7: strings and string pairs, wherever a client may send one. */

import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { connectBytes, ends, raw, sized, turnsAway } from "../raw5.ts";

/** Strings that are no UTF-8, in hexadecimal. */
const ILL_FORMED: readonly string[] = [
  "eda080", // U+D800
  "61edafbf62", // U+DBFF between letters
  "edb080", // U+DC00
  "edbfbf", // U+DFFF
  "eda080edb080", // a surrogate pair, each half encoded
  "c080", // U+0000 in two bytes
  "c1bf", // U+007F in two bytes
  "e09fbf", // U+07FF in three bytes
  "f08fbfbf", // U+FFFF in four bytes
  "f4908080", // above U+10FFFF
  "80", // a continuation without a beginning
  "61c3", // a beginning without its continuation
  "e282", // the same with three bytes
  "fe",
  "ff",
  "61".repeat(60) + "ff", // behind what a short string has
];

/** Well-formed strings that contain U+0000. */
const WITH_NULL: readonly string[] = ["00", "006162", "616200", "61620063", "61".repeat(70) + "00"];

/** A packet with a string (its length included) in one place. */
type Place = readonly [what: string, bytes: (text: string) => Uint8Array];

const IN_CONNECT: readonly Place[] = [
  ["Client Identifier", (text) => connectBytes({ payload: text })],
  ["Will Topic", (text) => connectBytes({ flags: "06", payload: s("c") + p() + text + s("m") })],
  ["User Name", (text) => connectBytes({ flags: "82", payload: s("u") + text })],
  ["Authentication Method", (text) => connectBytes({ properties: p("15", text) })],
  ["Content Type of the Will", (text) => will(p("03", text))],
  ["Response Topic of the Will", (text) => will(p("08", text))],
];

const AFTER_CONNECT: readonly Place[] = [
  ["Topic Name", (text) => frame(0x30, text, p())],
  ["Topic Name of QoS 2", (text) => frame(0x34, text, "0001", p(), raw("payload"))],
  ["Response Topic", (text) => frame(0x30, s("t"), p("08", text))],
  ["Content Type", (text) => frame(0x30, s("t"), p("03", text))],
  ["Topic Filter of SUBSCRIBE", (text) => frame(0x82, "0001", p(), text, "00")],
  ["the second one", (text) => frame(0x82, "0001", p(), s("good"), "00", text, "00")],
  ["Topic Filter of UNSUBSCRIBE", (text) => frame(0xa2, "0001", p(), text)],
  ["Reason String of PUBACK", (text) => frame(0x40, "0001 00", p("1f", text))],
  ["Reason String of PUBREC", (text) => frame(0x50, "0001 00", p("1f", text))],
  ["Reason String of PUBREL", (text) => frame(0x62, "0001 00", p("1f", text))],
  ["Reason String of PUBCOMP", (text) => frame(0x70, "0001 00", p("1f", text))],
  ["Reason String of DISCONNECT", (text) => frame(0xe0, "00", p("1f", text))],
];

/** Where a User Property may stand: the packet with these properties. */
const PAIRS_IN_CONNECT: readonly Place[] = [
  ["CONNECT", (pair) => connectBytes({ properties: p(pair) })],
  ["Will", (pair) => will(p(pair))],
];

const PAIRS_AFTER_CONNECT: readonly Place[] = [
  ["PUBLISH", (pair) => frame(0x30, s("t"), p(pair))],
  ["SUBSCRIBE", (pair) => frame(0x82, "0001", p(pair), s("f"), "00")],
  ["UNSUBSCRIBE", (pair) => frame(0xa2, "0001", p(pair), s("f"))],
  ["PUBACK", (pair) => frame(0x40, "0001 00", p(pair))],
  ["PUBREC", (pair) => frame(0x50, "0001 00", p(pair))],
  ["PUBREL", (pair) => frame(0x62, "0001 00", p(pair))],
  ["PUBCOMP", (pair) => frame(0x70, "0001 00", p(pair))],
  ["DISCONNECT", (pair) => frame(0xe0, "00", p(pair))],
];

function will(properties: string): Uint8Array {
  return connectBytes({ flags: "06", payload: s("c") + properties + s("w") + s("m") });
}

async function refusesEverywhere(
  at: Bench,
  strings: readonly string[],
  inConnect: readonly Place[],
  afterConnect: readonly Place[],
): Promise<void> {
  for (const string of strings) {
    for (const [, bytes] of inConnect) await turnsAway(at, bytes(sized(string)), 0x81);
    for (const [, bytes] of afterConnect) {
      await ends(await at.client("sender"), bytes(sized(string)), 0x81);
    }
  }
}

/** The same places accept a good string, so that it is the string that is refused above. */
async function acceptsEverywhere(at: Bench, string: string): Promise<void> {
  for (const [what, bytes] of IN_CONNECT) {
    if (what === "Authentication Method") continue; // answered with 0x8C, not by its bytes
    const peer = await at.open();
    await peer.sends(bytes(sized(string)));
    peer.gets({ type: "connack", reasonCode: 0 });
  }
  for (const [what, bytes] of AFTER_CONNECT) {
    if (what.endsWith("DISCONNECT")) continue;
    const peer = await at.client("sender");
    await peer.sends(bytes(sized(string)), "c0 00");
    const packets = peer.takes();
    at.expects(packets.at(-1)?.type === "pingresp", `${what}: the packet is taken`);
    peer.isOpen();
  }
}

const EDGES = "\u0001\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}";

export const dataRepresentation5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-1.5.4-1",
    "surrogates, overlong and cut sequences are malformed (0x81) in every string of every packet",
    (at) => refusesEverywhere(at, ILL_FORMED, IN_CONNECT, AFTER_CONNECT),
  ),
  holds(
    "5.0",
    "MQTT-1.5.4-1",
    "the characters next to the forbidden ones pass, and go out byte for byte as they came",
    async (at) => {
      await acceptsEverywhere(at, raw(EDGES));
      const panel = await at.client("panel");
      await panel.subscribes("#");
      const pump = await at.client("pump");
      const body = `${s(EDGES)} ${p("03", s(EDGES), "26", s(EDGES), s("v"))} ${raw("m")}`;
      await pump.sends(frame(0x30, body));
      panel.gets(frame(0x30, body));
    },
  ),
  holds(
    "5.0",
    "MQTT-1.5.4-1",
    "a Protocol Name of ill-formed UTF-8 closes the connection",
    async (at) => {
      for (const name of ILL_FORMED) {
        const peer = await at.open();
        await peer.sends(connectBytes({ name: sized(name) }));
        peer.isClosed();
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-1.5.4-2",
    "U+0000 is malformed (0x81) in every string of every packet, at any place of it",
    async (at) => {
      await refusesEverywhere(at, WITH_NULL, IN_CONNECT, AFTER_CONNECT);
      await acceptsEverywhere(at, "01");
    },
  ),
  holds(
    "5.0",
    "MQTT-1.5.4-2",
    "U+0000 in a payload, a password or Correlation Data is data as any other",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("t");
      const pump = await at.open();
      await pump.sends(connectBytes({ flags: "c2", payload: s("c") + s("u") + sized("6100ff") }));
      pump.gets({ type: "connack", reasonCode: 0 });
      await pump.sends(frame(0x30, s("t"), p("09", sized("00ff00")), "00ed a080"));
      panel.gets(frame(0x30, s("t"), p("09", sized("00ff00")), "00ed a080"));
    },
  ),
  holds(
    "5.0",
    "MQTT-1.5.4-3",
    "EF BB BF is kept in topics, filters, properties and client ids, leading or not",
    async (at) => {
      const marked = sized("efbbbf" + raw("t"));
      const panel = await at.client("panel");
      await panel.subscribes(["\ufefft", 0], ["t", 0], ["a/\ufeff/b", 0]);
      const pump = await at.client("pump");
      const body = `${marked} ${p("03", marked, "26", marked, marked)} ${raw("m")}`;
      await pump.sends(frame(0x30, body));
      panel.gets(frame(0x30, body));
      panel.getsNothing(); // neither a second one by the filter without the mark
      await pump.sends(frame(0x30, s("t"), p()));
      panel.gets(frame(0x30, s("t"), p()));
      const inner = sized(raw("a/") + "efbbbf" + raw("/b"));
      await pump.sends(frame(0x30, inner, p()));
      panel.gets(frame(0x30, inner, p()));
      const long = sized("efbbbf" + "61".repeat(100));
      await panel.subscribes("\ufeff" + "a".repeat(100));
      await pump.sends(frame(0x30, long, p()));
      const came = panel.gets({ type: "publish", topic: "\ufeff" + "a".repeat(100) });
      at.expects(came.topic.length === 101, "the mark counts for a character");
      await at.client("pump\ufeff");
      await at.client("\ufeffpump");
      pump.isOpen(); // theirs are other client ids than its own
    },
  ),
  holds(
    "5.0",
    "MQTT-1.5.7-1",
    "name and value of a User Property are each refused (0x81) when ill-formed or with U+0000",
    async (at) => {
      const bad = [...ILL_FORMED, ...WITH_NULL].slice(0, 20);
      const pairs = bad.flatMap((text) => [
        "26" + sized(text) + s("value"),
        "26" + s("name") + sized(text),
        "26" + s("name") + s("value") + "26" + s("name") + sized(text), // the second of two
      ]);
      for (const pair of pairs) {
        const [, inConnect] = PAIRS_IN_CONNECT[pairs.indexOf(pair) % PAIRS_IN_CONNECT.length]!;
        await turnsAway(at, inConnect(pair), 0x81);
      }
      for (const [index, pair] of pairs.entries()) {
        const [, bytes] = PAIRS_AFTER_CONNECT[index % PAIRS_AFTER_CONNECT.length]!;
        await ends(await at.client("sender"), bytes(pair), 0x81);
      }
      for (const [, bytes] of PAIRS_AFTER_CONNECT) {
        for (const pair of ["26" + sized("00") + s("v"), "26" + s("n") + sized("eda080")]) {
          await ends(await at.client("sender"), bytes(pair), 0x81);
        }
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-1.5.7-1",
    "a User Property of a name without a value, or longer than its packet, is malformed (0x81)",
    async (at) => {
      for (const pair of ["26" + s("name"), "26" + s("name") + "0004 61", "26 0009 61", "26"]) {
        for (const [, bytes] of PAIRS_IN_CONNECT) await turnsAway(at, bytes(pair), 0x81);
        for (const [, bytes] of PAIRS_AFTER_CONNECT) {
          await ends(await at.client("sender"), bytes(pair), 0x81);
        }
      }
      const empty = "26" + s("") + s("");
      for (const [what, bytes] of PAIRS_IN_CONNECT) {
        const peer = await at.open();
        await peer.sends(bytes(empty));
        const connack = peer.gets({ type: "connack" });
        at.expects(connack.reasonCode === 0, `${what}: both may be empty`);
      }
      for (const [what, bytes] of PAIRS_AFTER_CONNECT) {
        if (what === "DISCONNECT") continue;
        const peer = await at.client("sender");
        await peer.sends(bytes(empty), "c0 00");
        at.expects(peer.takes().at(-1)?.type === "pingresp", `${what}: both may be empty`);
      }
    },
  ),
];
