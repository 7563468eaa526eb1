/** Rows for MQTT 3.1.1 section 1.5.3: UTF-8 Encoded Strings. */

import { publishPacket, subscribePacket, unsubscribePacket } from "../../broker/packets.ts";
import { frame, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import type { Bytes } from "./shorthand.ts";
import { closes, closesAtOnce, ILL_FORMED, raw } from "./shorthand.ts";

const NUL = "61 00 62";
const BAD = ILL_FORMED.map(([, bytes]) => bytes);
/** In every length of UTF-8, and the last characters of each. */
const GOOD = "61 7f c2 80 df bf e0 a0 80 ed 9f bf ee 80 80 ef bf bd f0 90 80 80 f4 8f bf bf";

/** Every string of a packet that a client sends: where it stands, and a packet with these bytes there. */
const AFTER_CONNECT: readonly (readonly [string, (text: string) => Bytes])[] = [
  ["Topic Name of PUBLISH", (text) => frame(0x30, raw(text), "78")],
  ["Topic Filter of SUBSCRIBE", (text) => frame(0x82, "00 01", s("ok"), "00", raw(text), "00")],
  ["Topic Filter of UNSUBSCRIBE", (text) => frame(0xa2, "00 01", s("ok"), raw(text))],
];
const HEAD = `${s("MQTT")}04`;
const IN_CONNECT: readonly (readonly [string, (text: string) => Bytes])[] = [
  ["Client Identifier", (text) => frame(0x10, HEAD, "02 00 00", raw(text))],
  ["Will Topic", (text) => frame(0x10, HEAD, "06 00 00", s("a"), raw(text), s("gone"))],
  ["User Name", (text) => frame(0x10, HEAD, "82 00 00", s("a"), raw(text))],
];

export const dataRepresentation: readonly Row[] = [
  ...AFTER_CONNECT.map(([where, packet]) =>
    closes(
      "MQTT-1.5.3-1",
      `ill-formed UTF-8 in the ${where} closes the connection`,
      BAD.map(packet),
      [packet(GOOD)],
    )
  ),
  ...IN_CONNECT.map(([where, packet]) =>
    closesAtOnce(
      "MQTT-1.5.3-1",
      `ill-formed UTF-8 in the ${where} of CONNECT closes the connection`,
      BAD.map(packet),
      [packet(GOOD)],
    )
  ),
  closesAtOnce(
    "MQTT-1.5.3-1",
    "ill-formed UTF-8 in the Protocol Name closes the connection",
    [frame(0x10, raw("4d 51 54 ed a0 80"), "04 02 00 00", s("a"))],
    [frame(0x10, HEAD, "02 00 00", s("a"))],
  ),
  ...AFTER_CONNECT.map(([where, packet]) =>
    closes("MQTT-1.5.3-2", `U+0000 in the ${where} closes the connection`, [
      packet(NUL),
      packet("00"),
    ], [packet("61 01 62")])
  ),
  ...IN_CONNECT.map(([where, packet]) =>
    closesAtOnce("MQTT-1.5.3-2", `U+0000 in the ${where} of CONNECT closes the connection`, [
      packet(NUL),
      packet("00"),
    ], [packet("61 01 62")])
  ),
  holds("3.1.1", "MQTT-1.5.3-3", "U+FEFF is kept wherever it stands in a topic", async (at) => {
    const panel = await at.client("panel");
    await panel.subscribes("\ufeffa\ufeff", "a", "b\ufeff/+");
    const pump = await at.client("pump");
    await pump.sends(frame(0x30, raw("ef bb bf 61 ef bb bf"), "78"));
    panel.gets(frame(0x30, raw("ef bb bf 61 ef bb bf"), "78"));
    await pump.sends(publishPacket("\ufeffa", "not asked for"), publishPacket("b\ufeff/c", "y"));
    panel.gets({ type: "publish", topic: "b\ufeff/c", payload: "y" });
    panel.getsNothing();
  }),
  holds("3.1.1", "MQTT-1.5.3-3", "U+FEFF tells two Client Identifiers apart", async (at) => {
    const plain = await at.client("a");
    const marked = await at.client("\ufeffa");
    plain.isOpen();
    marked.isOpen();
    await marked.sends(subscribePacket(1, ["\ufeff", 0]), unsubscribePacket(2, "\ufeff"));
    marked.gets("90 03 00 01 00");
    marked.gets("b0 02 00 02");
  }),
];
