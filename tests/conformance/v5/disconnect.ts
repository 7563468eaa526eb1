/** DISCONNECT of MQTT 5.0, sections 3.14.0 to 3.14.2. */

import type { Packet } from "../../../src/packet/packet.ts";
import { publishPacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Row } from "../harness.ts";
import { holds } from "../harness.ts";
import { isRefused, refuses, takes } from "./answers.ts";
import { connectOf, NOT_IN_TABLE, OF_BROKER, TABLE, withWill } from "./disconnect_values.ts";

export const disconnect5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.14.0-1",
    "no DISCONNECT goes before the CONNACK that lets in",
    async (at) => {
      const before: readonly (Packet | Uint8Array | string)[] = [
        "c0 00",
        "e0 00",
        "e1 00",
        "f0 00",
        "00 00",
        "30 ff ff ff 7f",
        publishPacket("t", "x"),
        frame(0x82, "0001", p(), s("t"), "00"),
      ];
      for (const each of before) {
        const peer = await at.open();
        await peer.sends(each);
        peer.isClosed(); // and nothing has come
      }
      const late = await at.open();
      await at.passes(10_000);
      late.isClosed();
      // A CONNECT that is turned away gets its CONNACK, and no DISCONNECT behind it.
      const unknown = await at.open();
      await unknown.sends(connectOf("09"), "c0 00");
      unknown.gets({ type: "connack", reasonCode: 0x84 });
      unknown.isClosed();
      const malformed = await at.open();
      await malformed.sends(frame(0x10, s("MQTT"), "05 03 0000", p(), s("x")));
      malformed.gets({ type: "connack", reasonCode: 0x81 });
      malformed.isClosed();
    },
  ),
  holds("5.0", "MQTT-3.14.0-1", "nor while its CONNACK waits for the store", async (at) => {
    const desk = await at.desk();
    desk.hold(true);
    const keeps = { properties: { sessionExpiryInterval: 60 } };
    const [waiting, connack] = await at.asks("pump", keeps);
    at.expects(connack === undefined, "the CONNACK waits");
    const [other] = await at.asks("pump", keeps); // takes over
    waiting.isClosed();
    other.getsNothing();
    await at.act(() => desk.hold(false));
    other.gets({ type: "connack", reasonCode: 0 });
    await at.client("pump"); // and takes over again
    other.gets({ type: "disconnect", reasonCode: 0x8e });
    other.isClosed();
  }),
  holds(
    "5.0",
    "MQTT-3.14.1-1",
    "a DISCONNECT with reserved flags is answered with 0x81",
    async (at) => {
      for (let flags = 1; flags < 16; flags++) {
        await refuses(at, Uint8Array.of(0xe0 | flags, 0), 0x81);
      }
      await refuses(at, "e8 01 00", 0x81);
      const { dying, heir } = await withWill(at);
      await dying.sends("e2 00"); // it is no DISCONNECT, so the Will goes
      isRefused(dying, 0x81);
      heir.gets({ type: "publish", payload: "last words" });
      const pump = await at.client("pump");
      await pump.sends("e0 00");
      pump.isClosed();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.14.2-1",
    "a DISCONNECT of the broker has a Reason Code of its table",
    async (at) => {
      at.configure({ limits: { receiveMaximum: 1, topicAliasMaximum: 32 } });
      for (const [code, of, send] of OF_BROKER) {
        const peer = await at.client(of);
        await peer.sends(send);
        const bytes = takes(at, peer, 0xe0);
        at.expects(bytes[2] === code, `the Reason Code for ${of} is ${code}, found is ${bytes[2]}`);
        peer.isClosed();
      }
      const eager = await at.client("eager");
      await eager.publishes("t", "x", { packetId: 1, qos: 2 });
      eager.gets({ type: "pubrec" });
      await eager.publishes("t", "x", { packetId: 2, qos: 2 });
      isRefused(eager, 0x93); // Receive Maximum exceeded
      const silent = await at.client("silent", { keepAlive: 1 });
      await at.passes(1_500);
      isRefused(silent, 0x8d); // Keep Alive timeout
      const first = await at.client("twice");
      const second = await at.client("twice");
      isRefused(first, 0x8e); // Session taken over
      const desk = await at.desk();
      await at.act(() => void desk.feed({ type: "kick", clientId: "twice", reason: 0x98 }));
      isRefused(second, 0x98); // Administrative action
      const last = await at.client("last");
      await at.act(() => void desk.feed({ type: "shutdown" }));
      isRefused(last, 0x8b); // Server shutting down
    },
  ),
  holds(
    "5.0",
    "MQTT-3.14.2-1",
    "a DISCONNECT with a code of the table ends the connection",
    async (at) => {
      for (const code of TABLE) {
        const { dying, heir } = await withWill(at);
        await dying.sends(Uint8Array.of(0xe0, 1, code));
        dying.isClosed();
        if (code !== 0) heir.gets({ type: "publish", payload: "last words" });
        heir.getsNothing();
      }
    },
  ),
  holds("5.0", "MQTT-3.14.2-1", "a DISCONNECT with a code of no table is refused", async (at) => {
    for (const code of NOT_IN_TABLE) {
      await refuses(at, Uint8Array.of(0xe0, 1, code), 0x82);
    }
  }),
  holds(
    "5.0",
    "MQTT-3.14.2-2",
    "the broker's DISCONNECT has no Session Expiry Interval",
    async (at) => {
      const properties = { sessionExpiryInterval: 600 };
      for (const [reasonCode, , send] of OF_BROKER) {
        const peer = await at.client("peer", { properties });
        await peer.sends(send);
        const packet = peer.gets({ type: "disconnect", reasonCode });
        at.expects(
          packet.properties?.sessionExpiryInterval === undefined,
          "it has no Session Expiry Interval",
        );
      }
      const quiet = await at.client("quiet", {
        properties: { ...properties, requestProblemInformation: 0 },
      });
      await quiet.sends("f0 00");
      const bytes = takes(at, quiet, 0xe0);
      const tail = bytes.slice(3);
      at.expects(bytes[2] === 0x82, "DISCONNECT 0x82 comes");
      at.expects(tail.every((byte) => byte === 0), "and nothing is behind its Reason Code");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.14.2-2",
    "a client's may have one, not above 0 where it had 0",
    async (at) => {
      for (const properties of [undefined, { sessionExpiryInterval: 0 }]) {
        const { dying, heir } = await withWill(at, { properties });
        await dying.sends(frame(0xe0, "00", p("11 0000003c")));
        isRefused(dying, 0x82);
        heir.gets({ type: "publish" });
      }
      const properties = { sessionExpiryInterval: 60 };
      for (const [asked, there] of [["00000000", false], ["00000064", true]] as const) {
        const peer = await at.client("peer", { properties });
        await peer.sends(frame(0xe0, "00", p(`11 ${asked}`)));
        peer.isClosed();
        await at.passes(90_000);
        const [, connack] = await at.asks("peer", { cleanStart: false });
        at.expects(
          connack?.type === "connack" && connack.sessionPresent === there,
          `after 90 s with an interval of 0x${asked} s the session is there: ${there}`,
        );
      }
      await refuses(at, frame(0xe0, "00", p("11 00000000", "11 00000000")), 0x82);
      await refuses(at, frame(0xe0, "00", p("11 0000")), 0x81);
      await refuses(at, frame(0xe0, "00", p("21 0001")), 0x81);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.14.2-3",
    "a Reason String never goes over Maximum Packet Size",
    async (at) => {
      for (const maximumPacketSize of [30, 64, 1023, 1024, undefined]) {
        const properties = maximumPacketSize === undefined ? undefined : { maximumPacketSize };
        for (const [code, of, send] of OF_BROKER) {
          const peer = await at.client(of, { properties });
          await peer.sends(send);
          const bytes = takes(at, peer, 0xe0);
          const limit = maximumPacketSize ?? Infinity;
          at.expects(
            bytes[2] === code,
            `DISCONNECT ${code} comes`,
          );
          at.expects(bytes.length <= limit, `it has ${bytes.length} bytes, ${limit} are taken`);
          peer.isClosed();
          if (limit === Infinity) {
            at.expects(
              bytes.includes(0x1f),
              "with room it has a Reason String",
            );
          }
        }
        const long = await at.client("long", { properties });
        // A second CONNECT, and the words about it quote its Protocol Name.
        const name = "Q".repeat(4000);
        await long.sends(frame(0x10, s(name), "09 02 0000 00", s("x")));
        const bytes = takes(at, long, 0xe0);
        at.expects(
          bytes.length <= (maximumPacketSize ?? 1024),
          "the Reason String that quotes 4000 bytes is cut",
        );
      }
    },
  ),
  holds("5.0", "MQTT-3.14.2-4", "the broker's DISCONNECT has no User Property", async (at) => {
    for (const maximumPacketSize of [30, 65_536]) {
      const userProperties = [["k", "v"]] as const;
      for (const [reasonCode, of, send] of OF_BROKER) {
        const peer = await at.client(of, { properties: { maximumPacketSize, userProperties } });
        await peer.sends(send);
        const { properties } = peer.gets({ type: "disconnect", reasonCode });
        at.expects(properties?.userProperties === undefined, "it has no User Property");
      }
    }
  }),
  holds("5.0", ["MQTT-3.14.2-3", "MQTT-3.14.2-4"], "a client's properties are read", async (at) => {
    const { dying, heir } = await withWill(at);
    await dying.sends(
      frame(0xe0, "00", p("1f", s("bye"), "26", s("k"), s("v"), "26", s("k"), s(""))),
    );
    dying.isClosed();
    heir.getsNothing();
    await refuses(at, frame(0xe0, "00", p("1f", s("a"), "1f", s("b"))), 0x82);
    await refuses(at, frame(0xe0, "00", p("1f", "0002 c080")), 0x81);
    await refuses(at, frame(0xe0, "00", p(), "00"), 0x81);
  }),
];
