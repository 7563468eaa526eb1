/** MQTT 5.0 sections 3.1 and 3.1.2: CONNECT comes first and once, and names its protocol. */

import { willOf } from "../../broker/packets.ts";
import { frame, hex, p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { connectBytes, ends, raw, turnsAway } from "../raw5.ts";
import { listener } from "./answers.ts";

export const connect5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.1.0-1",
    "any other packet before CONNECT closes the connection without a word, and does nothing",
    async (at) => {
      const panel = await listener(at);
      const others = [
        frame(0x20, "00 00 00"),
        frame(0x30, s("t"), p(), raw("x")),
        frame(0x32, s("t"), "0001", p(), raw("x")),
        frame(0x34, s("t"), "0001", p(), raw("x")),
        frame(0x40, "0001"),
        frame(0x50, "0001"),
        frame(0x62, "0001"),
        frame(0x70, "0001"),
        frame(0x82, "0001", p(), s("f"), "00"),
        frame(0x90, "0001", p(), "00"),
        frame(0xa2, "0001", p(), s("f")),
        frame(0xb0, "0001", p(), "00"),
        frame(0xc0),
        frame(0xd0),
        frame(0xe0),
        frame(0xf0),
        frame(0xf0, "18", p("15", s("SCRAM-SHA-256"))),
        "00 00",
        hex(raw(`GET / HTTP/1.1\r\nHost: ${"x".repeat(60)}\r\n\r\n`)), // by its flags no PUBACK
      ];
      for (const bytes of others) {
        const peer = await at.open();
        await peer.sends(bytes);
        peer.isClosed();
        const behind = await at.open();
        await behind.sendsAtOnce(bytes, connectBytes()); // a CONNECT behind it does not heal it
        behind.isClosed();
      }
      panel.getsNothing();
      const good = await at.open();
      await good.sends(connectBytes());
      good.gets({ type: "connack", reasonCode: 0 });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.0-1",
    "a connection is let in byte by byte as in one piece, and nothing is answered before its CONNECT is whole",
    async (at) => {
      const peer = await at.open();
      const bytes = connectBytes();
      for (const byte of bytes.subarray(0, -1)) {
        await peer.sends(Uint8Array.of(byte));
        peer.getsNothing();
      }
      await peer.sends(bytes.subarray(-1));
      peer.gets({ type: "connack", reasonCode: 0 });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.0-2",
    "a second CONNECT is a protocol error (0x82) and closes, in a piece of its own or in the same one",
    async (at) => {
      const panel = await listener(at);
      await ends(await at.client("sender"), connectBytes(), 0x82);
      await ends(await at.client("raw"), connectBytes(), 0x82); // the same client id
      await ends(await at.client("sender"), connectBytes({ level: "04", properties: "" }), 0x82);
      const both = await at.open();
      await both.sendsAtOnce(connectBytes(), connectBytes(), "c0 00");
      both.gets({ type: "connack", reasonCode: 0 });
      both.gets({ type: "disconnect", reasonCode: 0x82 });
      both.isClosed();
      const willing = await at.client("willing", { will: willOf("gone", "bye") });
      await ends(willing, connectBytes(), 0x82);
      panel.gets({ type: "publish", topic: "gone" });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-1",
    "another Protocol Name is answered with CONNACK 0x84, and the connection is closed",
    async (at) => {
      const names = [
        "MQTt",
        "mqtt",
        "MQT",
        "MQTTX",
        "MQTT ",
        "",
        "MQIsdp",
        "AMQP",
        "x".repeat(9000),
      ];
      for (const name of names) await turnsAway(at, connectBytes({ name: s(name) }), 0x84);
      const good = await at.open();
      await good.sends("10 10 00 04 4d 51 54 54 05 02 00 00 00 00 03 72 61 77");
      good.gets({ type: "connack", reasonCode: 0 });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-1",
    "a Protocol Name of 65,535 bytes is answered as any other wrong one",
    async (at) => {
      const name = new Uint8Array(65_535).fill(0x41);
      const peer = await at.open();
      // 65,535 and two of its length, eight that follow: 65,545 is 89 80 04.
      await peer.sends("10 89 80 04 ff ff", name, "05 02 00 00 00 00 01 63");
      peer.gets({ type: "connack", reasonCode: 0x84 });
      peer.isClosed();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-1",
    "a Protocol Name that is longer than its packet closes the connection",
    async (at) => {
      for (const bytes of ["10 00", "10 01 00", "10 02 00 04", "10 05 00 04 4d 51 54"]) {
        const peer = await at.open();
        await peer.sends(bytes);
        peer.isClosed();
      }
      const short = await at.open();
      await short.sends("10 06 00 04 4d 51 54 54"); // ends before its Protocol Version
      short.isClosed();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-2",
    "Protocol Version 6 and above is answered with CONNACK 0x84, below 3 with return code 1, and closed",
    async (at) => {
      for (const level of ["06", "07", "7f", "85", "fe", "ff"]) {
        await turnsAway(at, connectBytes({ level }), 0x84);
      }
      for (const level of ["00", "01", "02", "03", "80", "84"]) {
        const peer = await at.open(4);
        await peer.sends(connectBytes({ level }));
        peer.gets("20 02 00 01"); // what a client of an older version reads
        peer.isClosed();
      }
      const unreadable = await at.open(); // what follows the version is not looked at
      await unreadable.sends(frame(0x10, s("MQTT"), "06", "ff"));
      unreadable.gets({ type: "connack", reasonCode: 0x84 });
      unreadable.isClosed();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-3",
    "the reserved bit of the Connect Flags is malformed (0x81), whatever the other bits are",
    async (at) => {
      const payload = s("c") + p() + s("w") + s("m") + s("u") + s("p");
      await turnsAway(at, connectBytes({ flags: "03" }), 0x81);
      await turnsAway(at, connectBytes({ flags: "01" }), 0x81);
      await turnsAway(at, connectBytes({ flags: "c7", payload }), 0x81);
      await turnsAway(at, connectBytes({ flags: "ef", payload }), 0x81);
      for (const flags of ["02", "00"]) {
        const peer = await at.open();
        await peer.sends(connectBytes({ flags }));
        peer.gets({ type: "connack", reasonCode: 0 });
      }
    },
  ),
];
