/** MQTT 5.0 sections 3.1, 3.1.1 and 3.1.4: CONNECT comes first and once, and what a server does about it. */

import type { Verdict } from "../../../src/policy/identity.ts";
import { ANONYMOUS } from "../../../src/policy/identity.ts";
import {
  acknowledgement,
  connectPacket,
  publishPacket,
  subscribePacket,
  willOf,
} from "../../broker/packets.ts";
import { frame, hex, p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { comes, connectBytes, ends, int, KEPT, raw, turnsAway } from "../raw5.ts";

/** A client that would hear of anything that a connection does which was not let in. */
async function listener(at: Bench) {
  const panel = await at.client("panel");
  await panel.subscribes("#");
  return panel;
}

/** A verdict that is given when the row asks for it. */
function verdictLater() {
  let resolve = (_: Verdict) => {};
  const verify = () => new Promise<Verdict>((each) => resolve = each);
  return { authenticator: { verify }, decide: (verdict: Verdict) => resolve(verdict) };
}

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
  holds(
    "5.0",
    "MQTT-3.1.2-4",
    "Clean Start 1 throws away subscriptions, queued and unacknowledged messages and received identifiers",
    async (at) => {
      const pump = await at.client("pump");
      const first = await comes(at, "panel", false);
      await first.subscribes(["t", 2]);
      await pump.publishes("t", "inflight", { packetId: 1 });
      first.gets({ type: "publish", payload: "inflight" });
      await first.publishes("u", "mine", { packetId: 9, qos: 2 });
      first.gets({ type: "pubrec", packetId: 9 });
      await first.drops();
      await pump.publishes("t", "queued", { packetId: 2 });
      const second = await comes(at, "panel", false, { cleanStart: true });
      second.getsNothing();
      pump.takes();
      await pump.publishes("t", "later", { packetId: 3 });
      pump.gets({ type: "puback", packetId: 3, reasonCode: 0x10 }); // nobody subscribes
      second.getsNothing();
      await second.sends(acknowledgement("pubrel", 9));
      second.gets({ type: "pubcomp", packetId: 9, reasonCode: 0x92 });
      await second.drops();
      (await comes(at, "panel", true)).getsNothing(); // the new one is kept, and is empty
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-4",
    "what Clean Start 1 threw away does not come back with a restart",
    async (at) => {
      const pump = await at.client("pump");
      const first = await comes(at, "panel", false);
      await first.subscribes(["t", 1]);
      await first.drops();
      await pump.publishes("t", "queued", { packetId: 1 });
      const second = await comes(at, "panel", false, { cleanStart: true });
      second.getsNothing();
      await at.restarts();
      const third = await comes(at, "panel", true);
      await (await at.client("pump")).publishes("t", "later");
      third.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-5",
    "Clean Start 0 goes on with subscriptions, unacknowledged and queued messages, in their order",
    async (at) => {
      const pump = await at.client("pump");
      const first = await comes(at, "panel", false);
      await first.subscribes(["t", 2]);
      await pump.publishes("t", "one", { packetId: 1 });
      await pump.publishes("t", "two", { packetId: 2, qos: 2 });
      const one = first.gets({ type: "publish", payload: "one", dup: false });
      const two = first.gets({ type: "publish", payload: "two", dup: false });
      await first.drops();
      await pump.publishes("t", "three", { packetId: 3 });
      const second = await comes(at, "panel", true);
      second.gets({ type: "publish", payload: "one", packetId: one.packetId, dup: true });
      second.gets({ type: "publish", payload: "two", packetId: two.packetId, dup: true });
      second.gets({ type: "publish", payload: "three", dup: false });
      await pump.publishes("t", "four");
      second.gets({ type: "publish", payload: "four" });
      second.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-5",
    "Clean Start 0 goes on after a restart, a takeover and a session that began with Clean Start 1",
    async (at) => {
      const first = await at.client("panel", { ...KEPT, cleanStart: true });
      await first.subscribes(["t", 1]);
      await first.publishes("u", "mine", { packetId: 9, qos: 2 });
      first.gets({ type: "pubrec", packetId: 9 });
      const second = await comes(at, "panel", true);
      first.gets({ type: "disconnect", reasonCode: 0x8e });
      await at.restarts();
      const third = await comes(at, "panel", true);
      await (await at.client("pump")).publishes("t", "x");
      third.gets({ type: "publish", payload: "x" });
      await third.sends(acknowledgement("pubrel", 9));
      third.gets({ type: "pubcomp", packetId: 9, reasonCode: 0 });
      at.expects(second.link.closed, "the second connection went with the broker");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-6",
    "Clean Start 0 without a session begins one: none yet, one that ended with its connection, one that expired",
    async (at) => {
      const first = await comes(at, "panel", false, { properties: undefined });
      await first.subscribes(["t", 1]);
      await first.drops();
      const second = await comes(at, "panel", false);
      await (await at.client("pump")).publishes("t", "x");
      second.getsNothing();
      await second.subscribes(["t", 1]);
      await second.drops();
      await at.passes(3_600_000);
      const third = await comes(at, "panel", false);
      await (await at.client("pump")).publishes("t", "x");
      third.getsNothing();
      await third.subscribes(["t", 1]);
      await third.drops();
      (await comes(at, "panel", true)).isOpen(); // it was a session of its own
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-1",
    "a CONNECT out of form is answered with CONNACK 0x81 and closed",
    async (at) => {
      const whole = connectBytes({
        flags: "c6",
        payload: s("c") + p() + s("w") + s("m") + s("u") + s("p"),
      });
      // Cut anywhere behind its Protocol Version, with the Remaining Length that it then has.
      for (let length = 9; length < whole.length; length++) {
        const cut = whole.slice(0, length);
        cut[1] = length - 2;
        await turnsAway(at, cut, 0x81);
      }
      await turnsAway(at, connectBytes({ payload: s("c") + "00" }), 0x81); // trailing bytes
      await turnsAway(at, connectBytes({ payload: s("c") + s("") }), 0x81);
      await turnsAway(at, connectBytes({ payload: "0005" + raw("four") }), 0x81);
      await turnsAway(
        at,
        connectBytes({ flags: "06", payload: s("c") + p() + s("") + s("m") }),
        0x81,
      );
      const good = await at.open();
      await good.sends(whole);
      good.gets({ type: "connack", reasonCode: 0 });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-1",
    "a CONNECT with values that are not allowed is answered with 0x82 or 0x90 and closed",
    async (at) => {
      for (
        const property of [
          "21 0000", // Receive Maximum 0
          "27 00000000", // Maximum Packet Size 0
          "17 02", // Request Problem Information 2
          "19 02", // Request Response Information 2
          "16 0001 ff", // Authentication Data without Authentication Method
        ]
      ) await turnsAway(at, connectBytes({ properties: p(property) }), 0x82);
      const will = (properties: string, topic: string) =>
        connectBytes({ flags: "06", payload: s("c") + properties + s(topic) + s("m") });
      await turnsAway(at, will(p("01 02"), "w"), 0x82); // Payload Format Indicator 2
      await turnsAway(at, will(p("08", s("a/+")), "w"), 0x82);
      for (const topic of ["a/#", "+", "#", "a/+/b", "a+"]) {
        await turnsAway(at, will(p(), topic), 0x90);
      }
      for (const property of ["21 0001", "27 00000100", "17 01", "17 00", "19 01", "19 00"]) {
        const peer = await at.open();
        await peer.sends(connectBytes({ properties: p(property) }));
        peer.gets({ type: "connack", reasonCode: 0 });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-1",
    "a CONNECT that is refused leaves the older connection of its client id alone, and starts no session",
    async (at) => {
      const first = await at.client("raw");
      await turnsAway(at, connectBytes({ flags: "03" }), 0x81);
      first.getsNothing();
      await turnsAway(
        at,
        connectBytes({ properties: p("11 00000064"), payload: s("x") + "00" }),
        0x81,
      );
      (await comes(at, "x", false)).isOpen();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-2",
    "a client that authentication refuses gets CONNACK with the reason and is closed; nothing of it stays",
    async (at) => {
      let reason = 0x86;
      at.configure({
        authenticator: {
          verify: ({ username }) =>
            username === "bad"
              ? { type: "refused", reason, detail: "no" }
              : { type: "accepted", identity: ANONYMOUS },
        },
      });
      const panel = await listener(at);
      const pump = await at.client("pump");
      for (reason of [0x86, 0x87, 0x8a, 0x88, 0x89]) {
        const peer = await at.open();
        const will = willOf("gone", "bye");
        await peer.sends(connectPacket("pump", { ...KEPT, username: "bad", will }));
        peer.gets({ type: "connack", reasonCode: reason, sessionPresent: false });
        peer.isClosed();
        pump.isOpen();
        await turnsAway(
          at,
          connectBytes({ flags: "80", properties: p("11 0000ffff"), payload: s("new") + s("bad") }),
          reason,
        );
      }
      panel.getsNothing(); // no Will
      pump.getsNothing(); // not taken over
      (await comes(at, "new", false)).isOpen(); // no session was begun
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-2",
    "a client that may not have the session of that client id gets CONNACK 0x87 and is closed",
    async (at) => {
      const owner = await at.client("pump", { ...KEPT, username: "anna" });
      await owner.subscribes(["t", 1]);
      const bytes = connectBytes({ flags: "82", payload: s("pump") + s("bob") });
      await turnsAway(at, bytes, 0x87);
      owner.getsNothing();
      await owner.drops();
      await turnsAway(at, bytes, 0x87); // Clean Start does not help
      (await comes(at, "pump", true, { username: "anna" })).isOpen();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-2",
    "the CONNACK of a refusal can be written however long the client id of which it speaks is",
    async (at) => {
      const clientId = "c".repeat(65_535);
      await at.client(clientId, { username: "anna" });
      const peer = await at.open();
      await peer.sends(connectPacket(clientId, { username: "bob" }));
      peer.gets({ type: "connack", reasonCode: 0x87 });
      peer.isClosed();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-3",
    "the older connection of a client id gets DISCONNECT 0x8E and is closed, its Will goes out",
    async (at) => {
      const panel = await listener(at);
      const first = await at.client("pump", { will: willOf("gone", "bye") });
      const second = await at.client("pump");
      first.gets({ type: "disconnect", reasonCode: 0x8e });
      first.isClosed();
      panel.gets({ type: "publish", topic: "gone", payload: "bye" });
      second.getsNothing();
      const third = await at.open(4);
      await third.sends(connectPacket("pump", { protocolVersion: 4 }));
      third.gets("20 02 00 00");
      second.gets({ type: "disconnect", reasonCode: 0x8e });
      second.isClosed();
      third.getsNothing();
      const quiet = await at.client("quiet", { properties: { requestProblemInformation: 0 } });
      await at.client("quiet");
      quiet.gets("e0 02 8e 00");
      quiet.isClosed();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-4",
    "when a connection is taken over, Clean Start decides whether its session is thrown away",
    async (at) => {
      const pump = await at.client("pump");
      const first = await comes(at, "panel", false);
      await first.subscribes(["t", 1]);
      const second = await comes(at, "panel", true);
      await pump.publishes("t", "kept");
      second.gets({ type: "publish", payload: "kept" });
      const third = await comes(at, "panel", false, { cleanStart: true });
      await pump.publishes("t", "lost");
      third.getsNothing();
      first.gets({ type: "disconnect", reasonCode: 0x8e });
      second.gets({ type: "disconnect", reasonCode: 0x8e });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-5",
    "a valid CONNECT is answered with CONNACK: type 2, no flags, Reason Code 0x00",
    async (at) => {
      for (const flags of ["02", "00"]) {
        const peer = await at.open();
        await peer.sends(connectBytes({ flags }));
        const bytes = peer.takesBytes()!;
        at.expects(bytes[0] === 0x20, "type 2 and flags 0");
        at.expects(bytes[1] === bytes.length - 2, "the Remaining Length");
        at.expects(bytes[2] === 0 && bytes[3] === 0, "no session, Reason Code 0x00");
        at.expects(bytes[4] === bytes.length - 5, "the Property Length");
        peer.getsNothing();
        await peer.drops();
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-6",
    "nothing that comes behind a rejected CONNECT is processed, whatever rejected it",
    async (at) => {
      at.configure({
        authenticator: {
          verify: ({ username }) =>
            username === "bad"
              ? { type: "refused", reason: 0x86, detail: "no" }
              : { type: "accepted", identity: ANONYMOUS },
        },
      });
      const panel = await listener(at);
      const behind = [
        publishPacket("t", "x"),
        publishPacket("t", "y", { packetId: 1, retain: true }),
        subscribePacket(2, ["#", 0]),
        { type: "pingreq" },
      ] as const;
      for (
        const [bytes, reasonCode] of [
          [connectBytes({ flags: "03" }), 0x81],
          [connectBytes({ properties: p("21 0000") }), 0x82],
          [connectBytes({ level: "06" }), 0x84],
          [connectBytes({ flags: "82", payload: s("c") + s("bad") }), 0x86],
        ] as const
      ) {
        const peer = await at.open();
        await peer.sendsAtOnce(bytes, ...behind, connectBytes());
        peer.gets({ type: "connack", reasonCode });
        peer.isClosed();
      }
      panel.getsNothing();
      await panel.subscribes("t");
      panel.getsNothing(); // and nothing is retained
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.4-6",
    "packets that come while authentication is under way wait for it, and are dropped when it refuses",
    async (at) => {
      const { authenticator, decide } = verdictLater();
      at.configure({ authenticator });
      const peer = await at.open();
      await peer.sendsAtOnce(connectBytes(), publishPacket("t", "x", { retain: true }), "c0 00");
      peer.getsNothing();
      decide({ type: "refused", reason: 0x87, detail: "no" });
      await (await at.desk()).turn();
      peer.gets({ type: "connack", reasonCode: 0x87 });
      peer.isClosed();
      const panel = await at.open();
      await panel.sendsAtOnce(connectBytes(), frame(0x82, "0001", p(), s("#"), "00"));
      panel.getsNothing();
      decide({ type: "accepted", identity: ANONYMOUS });
      await (await at.desk()).turn();
      panel.gets({ type: "connack", reasonCode: 0 });
      panel.gets(`90 04 ${int(1, 2)} 00 00`);
      panel.getsNothing(); // no retained message
    },
  ),
];
