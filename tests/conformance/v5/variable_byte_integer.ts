/** MQTT 5.0 section 1.5.5: Variable Byte Integers, read and written. */

import { publishPacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { connectBytes, ends, int, turnsAway } from "../raw5.ts";

export const variableByteInteger5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-1.5.5-1",
    "a Remaining Length in more bytes than it needs, or in more than four, is malformed (0x81)",
    async (at) => {
      const bad = ["c0 80 00", "c0 80 80 00", "c0 80 80 80 00", "30 84 00 00 01 74 00"]
        .concat(["30 84 80 80 00 00 01 74 00", "c0 80 80 80 80 00", "c0 ff ff ff ff 01"]);
      for (const bytes of bad) await ends(await at.client("sender"), bytes, 0x81);
      const late = await at.client("late");
      await late.sends("c0 80");
      late.getsNothing(); // not known yet
      await ends(late, "00", 0x81);
      const first = await at.open();
      await first.sends("10 91 00 00 04 4d 51 54 54 05 02 00 00 00 00 04 6c 61 74 65 72");
      first.isClosed();
    },
  ),
  holds(
    "5.0",
    "MQTT-1.5.5-1",
    "a Property Length, Property Identifier or Subscription Identifier in more bytes than it needs is malformed",
    async (at) => {
      await turnsAway(at, connectBytes({ properties: "8000" }), 0x81);
      await turnsAway(at, connectBytes({ properties: "8500 1100000001" }), 0x81);
      await turnsAway(at, connectBytes({ properties: "06 9100 00000001" }), 0x81);
      await turnsAway(
        at,
        connectBytes({ flags: "06", payload: s("c") + "8000" + s("w") + s("m") }),
        0x81,
      );
      const bad = [
        frame(0x30, s("t"), "8000"),
        frame(0x30, s("t"), "808000"),
        frame(0x30, s("t"), "80808000"),
        frame(0x30, s("t"), "8080808000"), // more than four bytes
        frame(0x30, s("t"), "8200 0101"),
        frame(0x30, s("t"), p("8100 01")),
        frame(0x82, "0001", "8000", s("f"), "00"),
        frame(0x82, "0001", p("0b 8100"), s("f"), "00"),
        frame(0x82, "0001", p("0b ff8000"), s("f"), "00"),
        frame(0x82, "0001", p("0b 8080808001"), s("f"), "00"),
        frame(0xa2, "0001", "8000", s("f")),
        frame(0x40, "0001 00 8000"),
        frame(0xe0, "00 8000"),
      ];
      for (const bytes of bad) await ends(await at.client("sender"), bytes, 0x81);
      const good = await at.client("good");
      const identifiers = ["01", "7f", "8001", "ff7f", "808001", "ffff7f", "80808001", "ffffff7f"];
      for (const [index, identifier] of identifiers.entries()) {
        await good.sends(frame(0x82, int(index + 1, 2), p("0b", identifier), s("f"), "00"));
        good.gets({ type: "suback", reasonCodes: [0] });
        await good.sends(frame(0x30, s("f"), p()));
        good.gets(frame(0x30, s("f"), p("0b", identifier)));
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-1.5.5-1",
    "what the broker sends has a Remaining Length and a Property Length in the fewest bytes",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("t");
      const pump = await at.client("pump");
      // Topic Name and Property Length take four bytes of the Remaining Length.
      for (
        const [length, bytes] of [
          [4, "04"],
          [127, "7f"],
          [128, "8001"],
          [16_383, "ff7f"],
          [16_384, "808001"],
          [300_000, "e0a712"],
        ] as const
      ) {
        await pump.sends(publishPacket("t", new Uint8Array(length - 4)));
        const frame = panel.takesBytes();
        const header = bytes.length / 2 + 1;
        const found = Array.from(frame!.subarray(1, header), (byte) => int(byte, 1)).join("");
        at.expects(found === bytes, `a Remaining Length of ${length} is ${found}`);
        at.expects(frame!.length === header + length, "and is that of the packet");
      }
      for (const [size, bytes] of [[127, "7f"], [128, "8001"], [16_383, "ff7f"]] as const) {
        const type = "x".repeat(size - 3);
        await pump.sends(publishPacket("t", "", { properties: { contentType: type } }));
        const frame = panel.takesBytes()!;
        const from = frame.length - size - bytes.length / 2;
        const found = Array.from(frame.subarray(from, -size), (byte) => int(byte, 1)).join("");
        at.expects(found === bytes, `a Property Length of ${size} is ${found}`);
      }
    },
  ),
];
