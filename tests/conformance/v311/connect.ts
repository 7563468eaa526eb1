/** Rows for MQTT 3.1.1 sections 3.1.0, 3.1.2.1 to 3.1.2.3, 3.1.3 and 3.1.4: CONNECT but for session and Will. */

import { Reason } from "../../../src/packet/reason_code.ts";
import { publishPacket, subscribePacket } from "../../broker/packets.ts";
import { frame, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { excuse, holds } from "../harness.ts";
import { closesAtOnce, connect } from "./shorthand.ts";

const MQTT = s("MQTT");
const GOOD = frame(0x10, MQTT, "04 02 00 00", s("a"));
/** A CONNECT with these Connect Flags and what else is in its payload. */
const withFlags = (flags: string, ...rest: string[]) =>
  frame(0x10, MQTT, "04", flags, "00 00", s("a"), ...rest);

/** Packets that a client sends, none of which may come first. */
const NOT_FIRST: readonly (readonly [string, string | Uint8Array])[] = [
  ["PUBLISH", frame(0x30, s("t"), "78")],
  ["PUBLISH with QoS 1", frame(0x32, s("t"), "00 01 78")],
  ["PUBACK", "40 02 00 01"],
  ["PUBREC", "50 02 00 01"],
  ["PUBREL", "62 02 00 01"],
  ["PUBCOMP", "70 02 00 01"],
  ["SUBSCRIBE", frame(0x82, "00 01", s("t"), "00")],
  ["UNSUBSCRIBE", frame(0xa2, "00 01", s("t"))],
  ["PINGREQ", "c0 00"],
  ["DISCONNECT", "e0 00"],
  ["CONNACK", "20 02 00 00"],
  ["AUTH", "f0 00"],
];

export const connect311: readonly Row[] = [
  ...NOT_FIRST.map(([name, bytes]) =>
    closesAtOnce("MQTT-3.1.0-1", `${name} before CONNECT closes the connection`, [bytes], [GOOD])
  ),
  holds("3.1.1", "MQTT-3.1.0-1", "a client without CONNECT is not waited for", async (at) => {
    at.configure({ limits: { connectTimeout: 10 } });
    const silent = await at.open();
    const slow = await at.open();
    await slow.sends(GOOD.subarray(0, 5));
    await at.passes(6000);
    await slow.sends(GOOD.subarray(5, 9)); // a byte now and then does not help
    await at.passes(3990);
    silent.isOpen();
    slow.isOpen();
    await at.passes(20);
    silent.isClosed();
    slow.isClosed();
  }),
  holds("3.1.1", "MQTT-3.1.0-2", "a second CONNECT closes the connection", async (at) => {
    const panel = await at.client("panel");
    await panel.subscribes("#");
    for (const id of ["pump", "other"]) {
      const pump = await at.client("pump");
      await pump.sends(connect(id), publishPacket("t", "behind it"));
      pump.isClosed();
    }
    panel.getsNothing();
  }),
  ...["MQTX", "mqtt", "MQT", "MQTT ", "", "MQIsdp"].map((name) =>
    holds(
      "3.1.1",
      "MQTT-3.1.2-1",
      `the protocol name ${JSON.stringify(name)} with level 4 is not served as 3.1.1`,
      async (at) => {
        const panel = await at.client("panel");
        await panel.subscribes("#");
        const link = await at.open();
        const will = [s("gone"), s("x")];
        await link.sends(
          frame(0x10, s(name), "04 06 00 00", s("a"), ...will),
          publishPacket("t", "x"),
        );
        const said = link.takes();
        at.expects(
          said.every((each) => each.type === "connack" && each.reasonCode !== 0),
          "let in",
        );
        link.isClosed();
        panel.getsNothing();
      },
    )
  ),
  ...[0, 1, 2, 3, 0x83, 0x84].map((level) =>
    holds(
      "3.1.1",
      ["MQTT-3.1.2-2", "MQTT-3.2.2-5"],
      `the protocol level ${level} is answered with CONNACK 1 and the end`,
      async (at) => {
        const link = await at.open();
        const byte = level.toString(16).padStart(2, "0");
        await link.sends(frame(0x10, MQTT, `${byte} 02 00 00`, s("a")));
        link.gets("20 02 00 01");
        link.isClosed();
      },
    )
  ),
  closesAtOnce(
    "MQTT-3.1.2-3",
    "the reserved bit of the Connect Flags closes the connection",
    [withFlags("03"), withFlags("01")],
    [withFlags("02"), withFlags("00")],
  ),
  closesAtOnce(
    ["MQTT-3.1.2-18", "MQTT-3.1.2-20"],
    "User Name or Password in the payload without its flag closes the connection",
    [withFlags("02", s("ada")), withFlags("82", s("ada"), s("secret"))],
    [withFlags("82", s("ada"))],
  ),
  closesAtOnce(
    ["MQTT-3.1.2-19", "MQTT-3.1.2-21"],
    "a flag without its User Name or Password in the payload closes the connection",
    [
      withFlags("82"),
      withFlags("c2", s("ada")),
      withFlags("82", "00"),
      withFlags("82", "00 05 61"),
    ],
    [withFlags("c2", s("ada"), s("")), frame(0x10, MQTT, "04 82 00 00", s("b"), s(""))],
  ),
  closesAtOnce(
    "MQTT-3.1.2-22",
    "the Password Flag without the User Name Flag closes the connection",
    [withFlags("42", s("secret")), withFlags("42", s("a"), s("secret"))],
    [withFlags("c2", s("a"), s("secret"))],
  ),
  excuse(
    "3.1.1",
    "MQTT-3.1.2-23",
    "binds the client: only it knows that it has nothing else to send; PINGREQ is MQTT-3.12.4-1",
  ),
  holds("3.1.1", "MQTT-3.1.3-1", "the payload is read in the order of the standard", async (at) => {
    at.configure({
      authenticator: {
        verify: ({ clientId, username, password }) => {
          const right = clientId === "one" && username === "four" &&
            new TextDecoder().decode(password) === "five";
          if (right) return { type: "accepted", identity: { user: username, roles: [] } };
          return { type: "refused", reason: Reason.badUserNameOrPassword, detail: "" };
        },
      },
    });
    const fields = ["one", "two", "three", "four", "five"].map(s);
    const link = await at.open();
    await link.sends(frame(0x10, MQTT, "04 c6 00 00", ...fields));
    link.gets("20 02 00 00");
    await link.sends(subscribePacket(1, ["two", 0]));
    link.gets("90 03 00 01 00");
    const again = await at.open();
    await again.sends(frame(0x10, MQTT, "04 c6 00 00", ...fields)); // takes over: the Will goes
    again.gets("20 02 00 00");
    const wrong = await at.open();
    await wrong.sends(frame(0x10, MQTT, "04 c6 00 00", ...fields.toReversed()));
    wrong.gets("20 02 00 04");
    wrong.isClosed();
  }),
  closesAtOnce(
    ["MQTT-3.1.3-3", "MQTT-3.1.3-4"],
    "a CONNECT that ends before or within its Client Identifier closes the connection",
    [
      frame(0x10, MQTT, "04 02 00 00"),
      frame(0x10, MQTT, "04 02 00 00 00"),
      frame(0x10, MQTT, "04 02 00 00 00 02 61"),
      frame(0x10, MQTT, "04 02 00 00 00 02 c3 28"),
    ],
    [frame(0x10, MQTT, "04 02 00 00 00 02 61 62")],
  ),
  holds("3.1.1", "MQTT-3.1.3-5", "ids of 1 to 23 digits and letters are let in", async (at) => {
    const letters = "abcdefghijklmnopqrstuvwxyz";
    const all = `0123456789${letters}${letters.toUpperCase()}`;
    const ids = [...all, all.slice(0, 23), all.slice(23, 46), all.slice(39), "a".repeat(23)];
    for (const id of ids) {
      const link = await at.open();
      await link.sends(connect(id));
      link.gets("20 02 00 00");
      link.isOpen();
    }
  }),
  holds("3.1.1", "MQTT-3.1.3-6", "an empty id becomes one that nobody else has", async (at) => {
    const peers = [];
    for (let i = 0; i < 5; i++) {
      const link = await at.open();
      await link.sends(frame(0x10, MQTT, "04 02 00 00 00 00"));
      link.gets("20 02 00 00");
      await link.subscribes(["t", 1]);
      peers.push(link);
    }
    await peers[0]!.publishes("t", "x", { packetId: 1 });
    peers[0]!.getsInAnyOrder({ type: "puback", packetId: 1 }, { type: "publish", payload: "x" });
    for (const peer of peers.slice(1)) {
      peer.gets({ type: "publish", payload: "x", qos: 1 });
      peer.isOpen();
    }
  }),
  holds(
    "3.1.1",
    ["MQTT-3.1.3-8", "MQTT-3.1.3-7", "MQTT-3.1.3-9", "MQTT-3.2.2-5"],
    "an empty Client Identifier with Clean Session 0 is answered with CONNACK 2 and the end",
    async (at) => {
      const link = await at.open();
      await link.sends(frame(0x10, MQTT, "04 00 00 00 00 00"));
      link.gets("20 02 00 02");
      link.isClosed();
    },
  ),
  closesAtOnce(
    "MQTT-3.1.3-11",
    "a User Name that is cut off or no UTF-8 closes the connection",
    [withFlags("82", "00 03 61 62"), withFlags("82", "00 02 c3 28")],
    [withFlags("82", "00 02 c3 a4")],
  ),
  closesAtOnce(
    ["MQTT-3.1.4-1", "MQTT-3.2.2-6"],
    "a malformed CONNECT is met with the end and no CONNACK",
    [
      "10 00",
      "10 01 00",
      frame(0x10, MQTT),
      frame(0x10, MQTT, "04"),
      frame(0x10, MQTT, "04 02"),
      frame(0x10, MQTT, "04 02 00"),
      frame(0x10, MQTT, "04 02 00 00", s("a"), "00"),
      frame(0x10, MQTT, "04 02 00 00", s("a"), s("b")),
      frame(0x10, "00 ff", "4d 51 54 54 04 02 00 00", s("a")),
      frame(0x12, MQTT, "04 02 00 00", s("a")),
      "10 ff ff ff ff 7f",
      "10 8d 00 00 04 4d 51 54 54 04 02 00 00 00 01 61",
    ],
    [GOOD],
  ),
  holds("3.1.1", "MQTT-3.1.4-2", "a second client with the id throws the first out", async (at) => {
    for (const cleanStart of [true, false]) {
      const first = await at.client("pump", { cleanStart });
      const second = await at.client("pump", { cleanStart });
      first.isClosed();
      await second.sends("c0 00");
      second.gets("d0 00");
      const third = await at.open();
      await third.sends(connect("pump", { cleanStart }));
      second.isClosed();
      third.gets({ type: "connack", reasonCode: 0, sessionPresent: !cleanStart });
      third.isOpen();
    }
  }),
  holds("3.1.1", "MQTT-3.1.4-4", "a valid CONNECT is answered with CONNACK 0", async (at) => {
    const bodies = [
      `${MQTT} 04 02 00 00 ${s("a")}`,
      `${MQTT} 04 00 ff ff ${s("b")}`,
      `${MQTT} 04 f6 00 0a ${s("c")} ${s("gone")} ${s("")} ${s("ada")} 00 03 00 ff 01`,
      `${MQTT} 04 2e 00 01 ${s("d")} ${s("gone")} 00 02 00 00`,
      `${MQTT} 04 82 00 00 ${s("é/+#$ 漢")} ${s("ada")}`,
    ];
    for (const body of bodies) {
      const link = await at.open();
      await link.sends(frame(0x10, body));
      link.gets("20 02 00 00");
      link.getsNothing();
    }
  }),
  holds("3.1.1", "MQTT-3.1.4-5", "what follows a rejected CONNECT is not processed", async (at) => {
    at.configure({
      authenticator: {
        verify: ({ username }) =>
          username === "mallory"
            ? { type: "refused", reason: Reason.notAuthorized, detail: "mallory" }
            : { type: "accepted", identity: { user: username, roles: [] } },
      },
    });
    const panel = await at.client("panel");
    await panel.subscribes("#");
    const behind = [
      publishPacket("t", "x", { packetId: 1 }),
      publishPacket("t", "y", { retain: true }),
    ];
    const rejected = [
      frame(0x10, MQTT, "04 00 00 00 00 00"),
      frame(0x10, MQTT, "03 02 00 00", s("a")),
      frame(0x10, MQTT, "04 82 00 00", s("a"), s("mallory")),
    ];
    for (const bytes of rejected) {
      const link = await at.open();
      await link.sends(bytes, ...behind);
      const [connack] = link.takes();
      at.expects(connack?.type === "connack" && connack.reasonCode !== 0, "it is not rejected");
      link.isClosed();
    }
    panel.getsNothing();
    const late = await at.client("late");
    await late.subscribes("#");
    late.getsNothing();
  }),
  holds(
    "3.1.1",
    "MQTT-3.1.4-5",
    "what follows an accepted CONNECT at once is processed",
    async (at) => {
      const link = await at.open();
      await link.sends(
        connect("pump"),
        subscribePacket(1, ["t", 0]),
        publishPacket("t", "x"),
        "c0 00",
      );
      link.gets("20 02 00 00");
      link.getsInAnyOrder( // a PUBLISH may come before the SUBACK (section 3.8.4)
        { type: "suback", packetId: 1, reasonCodes: [0] },
        { type: "publish", payload: "x" },
        { type: "pingresp" },
      );
    },
  ),
];
