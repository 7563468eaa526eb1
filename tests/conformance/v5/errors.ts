/** Handling errors in MQTT 5.0, section 4.13. */

import { publishPacket, willOf } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { isRefused, serves } from "./answers.ts";

/** What a client that was let in may not send, with the Reason Code that answers it. */
const WRONG: readonly (readonly [what: string, bytes: Uint8Array | string, reasonCode: number])[] =
  [
    ["a reserved packet type", "00 00", 0x81],
    ["a Remaining Length of five bytes", "30 80 80 80 80 01", 0x81],
    ["a Remaining Length that is too long for its value", "c0 80 00", 0x81],
    ["a PUBLISH with QoS 3", frame(0x36, s("t"), "0001", "00"), 0x81],
    ["a PUBLISH that ends in its topic", "30 03 0004 74", 0x81],
    ["a PUBLISH without its properties", frame(0x32, s("t"), "0001"), 0x81],
    ["a PUBLISH with a property that is none", frame(0x30, s("t"), p("2b 00")), 0x81],
    ["a PUBLISH with a property of CONNECT", frame(0x30, s("t"), p("21 0001")), 0x81],
    ["a PUBLISH with a property twice", frame(0x30, s("t"), p("01 00", "01 00")), 0x82],
    ["a PUBLISH with a Subscription Identifier", frame(0x30, s("t"), p("0b 01")), 0x82],
    ["a PUBLISH with Payload Format Indicator 2", frame(0x30, s("t"), p("01 02")), 0x82],
    ["a PUBLISH with Topic Alias 0", frame(0x30, s("t"), p("23 0000")), 0x82],
    ["a PUBLISH with a Topic Alias above the maximum", frame(0x30, s("t"), p("23 ffff")), 0x94],
    ["a PUBLISH with a wildcard", frame(0x30, s("t/#"), "00"), 0x90],
    ["a PUBACK of one byte", "40 01 00", 0x81],
    ["a PUBREC with flags", "51 02 0001", 0x81],
    ["a PUBREL with Packet Identifier 0", "62 02 0000", 0x82],
    ["a PUBCOMP with a Reason Code of SUBACK", "70 03 0001 01", 0x82],
    ["a SUBSCRIBE without flags", frame(0x80, "0001", p(), s("t"), "00"), 0x81],
    ["a SUBSCRIBE without a filter", frame(0x82, "0001", p()), 0x82],
    [
      "a SUBSCRIBE with Subscription Identifier 0",
      frame(0x82, "0001", p("0b 00"), s("t"), "00"),
      0x82,
    ],
    ["a SUBSCRIBE with bytes too many", frame(0x82, "0001", p(), s("t"), "00", "0005"), 0x81],
    ["an UNSUBSCRIBE without a filter", frame(0xa2, "0001", p()), 0x82],
    ["a SUBACK", "90 04 0001 00 00", 0x82],
    ["an UNSUBACK", "b0 04 0001 00 00", 0x82],
    ["a PINGREQ with a body", "c0 01 00", 0x81],
    ["a PINGRESP", "d0 00", 0x82],
    ["a CONNACK", "20 03 00 00 00", 0x82],
    ["a second CONNECT", frame(0x10, s("MQTT"), "05 02 0000", p(), s("x")), 0x82],
    ["a DISCONNECT with flags", "e4 00", 0x81],
    ["an AUTH that nobody asked for", "f0 00", 0x82],
    ["a packet above the Maximum Packet Size", "30 ff ff ff 7f", 0x95],
  ];

export const errors5: readonly Row[] = [
  holds("5.0", "MQTT-4.13.1-1", "what is malformed or against the protocol closes", async (at) => {
    const heir = await at.client("heir");
    await heir.subscribes(["t", 1]);
    for (const [what, bytes, reasonCode] of WRONG) {
      const peer = await at.client(what, { will: willOf("t", what) });
      // What goes before it counts, what comes behind it does not.
      await peer.sends(publishPacket("t", "before"), bytes, publishPacket("t", "behind"));
      isRefused(peer, reasonCode);
      heir.gets({ type: "publish", payload: "before" });
      heir.gets({ type: "publish", payload: what });
      heir.getsNothing();
    }
  }),
  holds("5.0", "MQTT-4.13.1-1", "whole or byte by byte, and others go on", async (at) => {
    const other = await at.client("other");
    for (const [what, bytes, reasonCode] of WRONG) {
      if (typeof bytes === "string") continue;
      const peer = await at.client(what);
      for (const byte of bytes) await peer.sends(Uint8Array.of(byte));
      isRefused(peer, reasonCode);
      await serves(other);
    }
  }),
  holds("5.0", "MQTT-4.13.1-1", "before the CONNECT there is nobody to tell", async (at) => {
    for (const [what, bytes] of WRONG) {
      if (what === "a second CONNECT") continue; // here it is the first
      const peer = await at.open();
      await peer.sends(bytes);
      peer.isClosed();
    }
    const connects: readonly (readonly [Uint8Array, number])[] = [
      [frame(0x10, s("MQTT"), "05 01 0000", p(), s("x")), 0x81],
      [frame(0x10, s("MQTT"), "05 02 0000", p("21 0000"), s("x")), 0x82],
      [frame(0x10, s("MQTT"), "05 02 0000", p("01 00"), s("x")), 0x81],
      [frame(0x10, s("MQTT"), "05 1e 0000", p(), s("x"), p(), s("t"), "0000"), 0x81],
      [frame(0x10, s("MQTT"), "05 06 0000", p(), s("x"), p(), s("t/+"), "0000"), 0x90],
      [frame(0x10, s("MQTT"), "06 02 0000", p(), s("x")), 0x84],
      [frame(0x10, s("MQTT"), "05 02 0000", p(), s("x"), "00"), 0x81],
    ];
    for (const [bytes, reasonCode] of connects) {
      const peer = await at.open();
      await peer.sends(bytes);
      peer.gets({ type: "connack", reasonCode, sessionPresent: false });
      peer.isClosed();
    }
  }),
  holds("5.0", "MQTT-4.13.1-1", "an acknowledgement of the wrong kind closes", async (at) => {
    const pump = await at.client("pump");
    for (
      const [qos, wrong] of [
        [1, ["50 02 0001", "70 02 0001"]],
        [2, ["40 02 0001", "70 02 0001"]],
      ] as const
    ) {
      for (const bytes of wrong) {
        const panel = await at.client("panel");
        await panel.subscribes(["t", 2]);
        await pump.publishes("t", "x", { packetId: 1, qos });
        panel.gets({ type: "publish", packetId: 1 });
        await panel.sends(bytes);
        isRefused(panel, 0x82);
        await pump.sends("62 02 0001");
      }
    }
    const panel = await at.client("panel");
    await panel.subscribes(["t", 2]);
    await pump.publishes("t", "x", { packetId: 1, qos: 2 });
    panel.gets({ type: "publish", packetId: 1 });
    await panel.sends("50 02 0001");
    panel.gets({ type: "pubrel" });
    await panel.sends("40 02 0001");
    isRefused(panel, 0x82);
  }),
  holds("5.0", "MQTT-4.13.2-1", "a CONNACK of 0x80 or above is followed by the end", async (at) => {
    at.configure({ limits: { maximumSessions: 2 } });
    const first = await at.client("first", { username: "one" });
    const [thief, refused] = await at.asks("first", { username: "another" });
    at.expects(refused?.type === "connack" && refused.reasonCode === 0x87, "0x87 Not authorized");
    thief.isClosed();
    await at.client("second");
    const [third, full] = await at.asks("third");
    at.expects(full?.type === "connack" && full.reasonCode === 0x97, "0x97 Quota exceeded");
    third.isClosed();
    const unknown = await at.open();
    await unknown.sends(frame(0x10, s("MQTT"), "07 02 0000", p(), s("x")), "c0 00");
    unknown.gets({ type: "connack", reasonCode: 0x84 });
    unknown.isClosed();
    await serves(first);
  }),
  holds("5.0", "MQTT-4.13.2-1", "also where the CONNACK is too large to be sent", async (at) => {
    for (const size of ["01", "02", "04", "05", "0f"]) {
      const peer = await at.open();
      const properties = p(`27 000000${size}`);
      await peer.sends(frame(0x10, s("MQTT"), "05 02 0000", properties, s("x")));
      if (Number.parseInt(size, 16) >= 5) peer.gets("20 03 00 95 00");
      peer.isClosed(); // and nothing that is larger has come
    }
    const peer = await at.open();
    await peer.sends(frame(0x10, s("MQTT"), "05 02 0000", p("27 00000010"), s("x")));
    peer.gets({ type: "connack", reasonCode: 0 });
    await serves(peer);
  }),
  holds("5.0", "MQTT-4.13.2-1", "a DISCONNECT of 0x80 or above is, sent or not", async (at) => {
    const heir = await at.client("heir");
    await heir.subscribes("will");
    for (const stalls of [false, true]) {
      for (const [what, bytes, reasonCode] of WRONG) {
        const peer = await at.client(what, { will: willOf("will", what) });
        if (stalls) await peer.stalls(true);
        await peer.sends(bytes);
        heir.gets({ type: "publish", payload: what });
        await at.passes(10_000);
        if (stalls) {
          peer.takes();
          peer.isClosed();
        } else {
          isRefused(peer, reasonCode);
        }
      }
    }
    for (const code of ["80", "81", "82", "83", "90", "93", "94", "95", "96", "97", "98", "99"]) {
      const peer = await at.client("peer", { will: willOf("will", code) });
      await peer.sends(`e0 01 ${code}`); // from the client
      peer.isClosed();
      heir.gets({ type: "publish", payload: code });
    }
  }),
];
