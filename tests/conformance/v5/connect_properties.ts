/** MQTT 5.0 sections 3.1.2.10 and 3.1.2.11: Keep Alive and what the properties of CONNECT ask for. */

import { ANONYMOUS } from "../../../src/policy/identity.ts";
import {
  acknowledgement,
  connectPacket,
  disconnectPacket,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
  willOf,
} from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import type { Bench } from "../bench.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import type { Peer } from "../peer.ts";
import { comes, connectBytes, int, KEPT } from "../raw5.ts";

/** The sizes of all packets that have come, which are taken. */
function sizes(peer: Peer): readonly number[] {
  const found: number[] = [];
  for (let bytes = peer.takesBytes(); bytes !== undefined; bytes = peer.takesBytes()) {
    found.push(bytes.length);
  }
  return found;
}

/** A client that takes packets of so many bytes, and has these subscriptions. */
async function small(at: Bench, clientId: string, maximumPacketSize: number, qos: 0 | 1 | 2) {
  const peer = await at.client(clientId, { properties: { maximumPacketSize } });
  await peer.subscribes(["t", qos]);
  return peer;
}

export const connectProperties5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.1.2-22",
    "silence of one and a half times the Keep Alive ends the connection, and not before",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("gone");
      for (const keepAlive of [1, 10, 65_535]) {
        const peer = await at.client("pump", { keepAlive, will: willOf("gone", "bye") });
        await at.passes(keepAlive * 1500 - 1);
        peer.getsNothing();
        await at.passes(1);
        peer.gets({ type: "disconnect", reasonCode: 0x8d });
        peer.isClosed();
        panel.gets({ type: "publish", topic: "gone" });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-22",
    "every packet of the client begins the time anew, and no packet of the broker does",
    async (at) => {
      const pump = await at.client("pump");
      const peer = await at.client("peer", { keepAlive: 10 });
      const packets = [
        { type: "pingreq" },
        publishPacket("u", "x"),
        publishPacket("u", "x", { packetId: 1 }),
        subscribePacket(2, ["t", 1]),
        unsubscribePacket(3, "v"),
        acknowledgement("puback", 77),
      ] as const;
      for (const packet of packets) {
        await at.passes(14_999);
        await peer.sends(packet);
        peer.isOpen();
      }
      peer.takes();
      await at.passes(10_000);
      await pump.publishes("t", "x", { packetId: 1 });
      peer.gets({ type: "publish", topic: "t" });
      await at.passes(4_999);
      peer.getsNothing();
      await at.passes(1);
      peer.gets({ type: "disconnect", reasonCode: 0x8d });
      peer.isClosed();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-22",
    "Keep Alive 0 turns the mechanism off",
    async (at) => {
      const peer = await at.client("pump", { keepAlive: 0 });
      await at.passes(1_000_000_000);
      peer.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-23",
    "with a Session Expiry Interval the session is kept for that long after the connection has ended",
    async (at) => {
      const ends: readonly ((peer: Peer) => Promise<unknown>)[] = [
        (peer) => peer.drops(),
        (peer) => peer.sends(disconnectPacket()),
        (peer) => peer.sends(disconnectPacket(0x04)),
        (peer) => peer.sends("00 00"),
        () => at.restarts(),
      ];
      const properties = { sessionExpiryInterval: 100 };
      for (const [index, end] of ends.entries()) {
        const id = `pump${index}`;
        const first = await comes(at, id, false, { properties });
        await first.subscribes(["t", 1]);
        await end(first);
        await at.passes(99_999);
        const second = await comes(at, id, true, { properties });
        await (await at.client("sender")).publishes("t", "x");
        second.gets({ type: "publish", topic: "t" });
        await end(second);
        await at.passes(100_000);
        await comes(at, id, false, { properties });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-23",
    "the time of a client that is away goes on while the broker is down, and ends after a restart too",
    async (at) => {
      const properties = { sessionExpiryInterval: 100 };
      for (
        const [index, [down, sessionPresent]] of ([[59_000, true], [61_000, false]] as const)
          .entries()
      ) {
        const id = `pump${index}`;
        const first = await comes(at, id, false, { properties });
        await first.drops();
        await at.passes(10_000);
        await at.restarts(20_000);
        await at.passes(10_000);
        await at.restarts(down);
        await comes(at, id, sessionPresent, { properties });
        const other = await comes(at, `${id} again`, false, { properties });
        await other.drops();
        await at.restarts();
        await at.passes(100_001);
        await comes(at, `${id} again`, false, { properties });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-23",
    "without one, or with 0, the session ends with the connection; DISCONNECT may set another one",
    async (at) => {
      for (const properties of [undefined, { sessionExpiryInterval: 0 }]) {
        const peer = await comes(at, "none", false, { properties });
        await peer.drops();
        await (await comes(at, "none", false, { properties })).drops();
      }
      const kept = { sessionExpiryInterval: 100 };
      const shorter = await comes(at, "kept", false, { properties: kept });
      await shorter.sends(disconnectPacket(0, 10));
      await at.passes(9_999);
      const longer = await comes(at, "kept", true, { properties: kept });
      await longer.sends(disconnectPacket(0, 1000));
      await at.passes(999_999);
      const ending = await comes(at, "kept", true, { properties: kept });
      await ending.sends(disconnectPacket(0, 0));
      await comes(at, "kept", false, { properties: kept });
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-23",
    "the interval is that of the newest CONNECT, and 0xFFFFFFFF is for ever where the broker lets it",
    async (at) => {
      at.configure({ limits: { maximumSessionExpiryInterval: 0xffff_ffff } });
      const properties = { sessionExpiryInterval: 0xffff_ffff };
      const first = await comes(at, "pump", false, { properties });
      await first.drops();
      await at.passes(5_000_000_000_000); // more than 158 years
      const second = await comes(at, "pump", true, { properties: { sessionExpiryInterval: 5 } });
      await second.drops();
      await at.passes(5_001);
      await comes(at, "pump", false);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-23",
    "a broker that keeps sessions for a shorter time says so in CONNACK, and keeps them for that time",
    async (at) => {
      at.configure({ limits: { maximumSessionExpiryInterval: 50 } });
      const first = await at.open();
      await first.sends(connectPacket("pump", KEPT));
      first.gets({ type: "connack", properties: { sessionExpiryInterval: 50 } });
      await first.drops();
      await at.passes(49_999);
      const second = await comes(at, "pump", true);
      await second.drops();
      await at.passes(50_001);
      await comes(at, "pump", false);
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-24",
    "a PUBLISH of exactly the Maximum Packet Size is sent, one byte more is not, for every QoS and retained",
    async (at) => {
      const pump = await at.client("pump");
      for (const qos of [0, 1, 2] as const) {
        const panel = await small(at, `panel${qos}`, 100, qos);
        const header = 2 + 3 + (qos === 0 ? 0 : 2) + 1;
        for (const [payload, comes] of [[100 - header, true], [101 - header, false]] as const) {
          await pump.publishes("t", "x".repeat(payload), { qos, packetId: qos === 0 ? 0 : 5 });
          if (qos === 2) await pump.sends(acknowledgement("pubrel", 5));
          const found = sizes(panel);
          at.expects(found.join() === (comes ? "100" : ""), `QoS ${qos}: sizes ${found}`);
        }
        for (const [payload, comes] of [[100 - header, true], [101 - header, false]] as const) {
          await pump.publishes("t", "x".repeat(payload), { qos, packetId: 6, retain: true });
          if (qos === 2) await pump.sends(acknowledgement("pubrel", 6));
          sizes(panel);
          await panel.subscribes(["t", qos]); // takes its SUBACK
          const found = sizes(panel);
          at.expects(found.join() === (comes ? "100" : ""), `retained ${qos}: sizes ${found}`);
        }
        await pump.publishes("t", "", { retain: true });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-24",
    "properties that the broker adds count: Subscription Identifier, Message Expiry Interval, Topic Alias",
    async (at) => {
      const pump = await at.client("pump");
      const options = { qos: 0, subscriptionIdentifier: 300 } as const; // three bytes
      for (
        const [properties, added] of [[{}, 3], [{ messageExpiryInterval: 9 }, 8]] as const
      ) {
        for (const topicAliasMaximum of [0, 5]) {
          const panel = await at.client("panel", {
            properties: { maximumPacketSize: 60, topicAliasMaximum },
          });
          await panel.subscribes(["t", options]);
          for (let size = 40; size <= 62; size++) {
            await pump.publishes("t", "x".repeat(size - 6 - added), { properties });
            const found = sizes(panel);
            at.expects(found.every((each) => each <= 60), `sizes ${found}`);
            at.expects(found.length === (size <= 60 ? 1 : 0), `${size} bytes come or not`);
          }
        }
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-24",
    "what was queued or unacknowledged when the client took larger packets is measured when it is sent",
    async (at) => {
      const first = await at.client("panel", KEPT);
      await first.subscribes(["t", 2]);
      const pump = await at.client("pump");
      const large = "x".repeat(200);
      await pump.publishes("t", large, { packetId: 1 });
      await pump.publishes("t", "small", { packetId: 2, qos: 2 });
      first.takes();
      await first.drops();
      await pump.publishes("t", large, { packetId: 3 });
      await pump.publishes("t", "queued", { packetId: 4 });
      const second = await at.client("panel", {
        cleanStart: false,
        properties: { sessionExpiryInterval: 3600, maximumPacketSize: 100 },
      });
      second.gets({ type: "publish", payload: "small", dup: true });
      second.gets({ type: "publish", payload: "queued" });
      second.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-24",
    "CONNACK is within it too: a client that takes none gets what fits, or nothing, and is closed",
    async (at) => {
      at.configure({
        authenticator: {
          verify: ({ username }) =>
            username === "bad"
              ? { type: "refused", reason: 0x86, detail: "x".repeat(30) }
              : { type: "accepted", identity: ANONYMOUS },
        },
      });
      for (let maximumPacketSize = 1; maximumPacketSize <= 80; maximumPacketSize++) {
        for (const name of ["good", "bad"]) {
          const peer = await at.open();
          const properties = p("27", int(maximumPacketSize, 4));
          await peer.sends(connectBytes({ flags: "82", properties, payload: s("") + s(name) }));
          const connack = peer.takesBytes();
          at.expects((connack?.length ?? 0) <= maximumPacketSize, `${connack?.length} bytes`);
          at.expects(peer.waiting === 0, "one CONNACK at most");
          if (connack === undefined || connack[3] !== 0) peer.isClosed();
          else peer.isOpen();
        }
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-24",
    "no other packet is above it either: acknowledgements with words, SUBACK, UNSUBACK, DISCONNECT",
    async (at) => {
      for (const maximumPacketSize of [16, 20, 64, 300, 1023, 1024, 1100]) {
        const properties = { maximumPacketSize };
        const long = `$delayed/x/${"\u4e2d".repeat(2_000)}`; // no number: refused, and quoted
        const talker = await at.client("talker", { properties });
        await talker.publishes(long, "", { packetId: 1 });
        await talker.publishes(long, "", { packetId: 2, qos: 2 });
        await talker.publishes("t", "", { packetId: 3, qos: 2 });
        await talker.sends(acknowledgement("pubrel", 9), { type: "pingreq" });
        const answers = sizes(talker);
        at.expects(answers.length === 5, `${answers.length} answers`);
        at.expects(answers.every((size) => size <= maximumPacketSize), `answers of ${answers}`);
        const filters = Array.from({ length: 2 * maximumPacketSize }, (_, i) => `f/${i}`);
        for (
          const packet of [
            subscribePacket(1, ...filters.map((each) => [each, 0] as const)),
            unsubscribePacket(1, ...filters),
            publishPacket("\u4e2d".repeat(2000) + "/".repeat(200), ""),
          ]
        ) {
          const asker = await at.client("asker", { properties });
          await asker.sends(packet);
          const found = sizes(asker);
          at.expects(found.every((size) => size <= maximumPacketSize), `answers of ${found}`);
        }
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-25",
    "a message too large for a client is gone for it as if delivered: no quota is held, the next one comes",
    async (at) => {
      const panel = await at.client("panel", {
        properties: { maximumPacketSize: 100, receiveMaximum: 1 },
      });
      await panel.subscribes(["t", 2]);
      const other = await at.client("other");
      await other.subscribes(["t", 2]);
      const pump = await at.client("pump");
      for (const qos of [1, 2] as const) {
        for (let i = 0; i < 3; i++) {
          await pump.publishes("t", "x".repeat(200), { packetId: 10 + i, qos });
          const receipt = pump.takesNext();
          const type = qos === 1 ? "puback" : "pubrec";
          at.expects(receipt?.type === type && receipt.reasonCode === 0, "the publisher's receipt");
          if (qos === 2) await pump.sends(acknowledgement("pubrel", 10 + i));
          pump.takes();
          other.gets({ type: "publish", topic: "t", qos });
          panel.getsNothing();
        }
        await pump.publishes("t", "small", { packetId: 20 });
        pump.takes();
        const { packetId } = panel.gets({ type: "publish", payload: "small", qos: 1 });
        await panel.sends(acknowledgement("puback", packetId));
        other.gets({ type: "publish", payload: "small" });
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-25",
    "it does not come later either, when the client is back and takes larger packets",
    async (at) => {
      const pump = await at.client("pump");
      const small = { sessionExpiryInterval: 3600, maximumPacketSize: 100 };
      const first = await comes(at, "panel", false, { properties: small });
      await first.subscribes(["t", 2]);
      await pump.publishes("t", "x".repeat(200), { packetId: 1 }); // while it is there
      await first.drops();
      await pump.publishes("t", "y".repeat(200), { packetId: 2 }); // while it is away
      await pump.publishes("t", "small", { packetId: 3 });
      const second = await comes(at, "panel", true, { properties: small });
      const { packetId } = second.gets({ type: "publish", payload: "small" });
      second.getsNothing();
      await second.sends(acknowledgement("puback", packetId));
      await second.drops();
      (await comes(at, "panel", true)).getsNothing();
    },
  ),
  holds(
    "5.0",
    ["MQTT-3.1.2-26", "MQTT-3.3.2-11"],
    "the broker uses aliases from 1 to the client's Topic Alias Maximum and no other, whatever the QoS",
    async (at) => {
      at.configure({ limits: { outgoingTopicAliases: 100 } });
      const pump = await at.client("pump");
      for (const topicAliasMaximum of [1, 2, 7]) {
        const panel = await at.client("panel", { properties: { topicAliasMaximum } });
        await panel.subscribes(["a/#", 1]);
        const names = Array.from({ length: 10 }, (_, i) => `a/${i}`);
        const stands = new Map<number, string>();
        let aliased = 0;
        for (const [index, topic] of [...names, ...names, ...names].entries()) {
          await pump.publishes(topic, topic, { packetId: index % 2 });
          const { topic: sent, properties } = panel.gets({ type: "publish", payload: topic });
          const alias = properties?.topicAlias;
          if (alias === undefined) {
            at.expects(sent === topic, "without an alias the topic is there");
            continue;
          }
          aliased += 1;
          at.expects(alias >= 1 && alias <= topicAliasMaximum, `alias ${alias}`);
          if (sent !== "") stands.set(alias, sent);
          at.expects(stands.get(alias) === topic, `alias ${alias} stands for ${topic}`);
        }
        at.expects(aliased > 0, "aliases are used at all");
        panel.getsNothing();
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-27",
    "without a Topic Alias Maximum, or with 0, every PUBLISH has its topic and no alias",
    async (at) => {
      const pump = await at.client("pump");
      for (const properties of [p(), p("22 0000")]) {
        const panel = await at.open();
        await panel.sends(connectBytes({ properties, payload: s("panel") }));
        panel.gets({ type: "connack", reasonCode: 0 });
        await panel.subscribes(["t", 1]);
        for (let i = 0; i < 3; i++) {
          await pump.publishes("t", "x");
          panel.gets("30 05 00 01 74 00 78");
        }
        await pump.publishes("t", "x", { properties: { topicAlias: 1 } });
        panel.gets("30 05 00 01 74 00 78"); // the publisher's alias is its own
        await pump.sends(frame(0x30, "0000", p("23 0001"), "78"));
        panel.gets("30 05 00 01 74 00 78");
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-28",
    "Response Information is given only to a client that asks with Request Response Information 1",
    async (at) => {
      at.configure({ responseInformation: "answers" });
      for (
        const [properties, given] of [[p(), false], [p("19 00"), false], [
          p("19 01"),
          true,
        ]] as const
      ) {
        const peer = await at.open();
        await peer.sends(connectBytes({ properties }));
        const connack = peer.gets({ type: "connack", reasonCode: 0 });
        const found = connack.properties?.responseInformation;
        at.expects((found !== undefined) === given, `Response Information is ${found}`);
        if (given) at.expects(found!.startsWith("answers"), "it is what was configured");
        await peer.drops();
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-29",
    "with Request Problem Information 0 acknowledgements have no Reason String and no User Property",
    async (at) => {
      const worded = await at.client("worded");
      await worded.publishes("$delayed/x", "", { packetId: 1 });
      const puback = worded.gets({ type: "puback", packetId: 1, reasonCode: 0x90 });
      at.expects(puback.properties?.reasonString !== undefined, "with 1 there are words");
      const properties = { requestProblemInformation: 0 } as const;
      const peer = await at.client("terse", { properties });
      await peer.publishes("$delayed/x", "", { packetId: 1 });
      peer.gets("40 03 00 01 90");
      await peer.publishes("$delayed/x", "", { packetId: 2, qos: 2 });
      peer.gets("50 03 00 02 90");
      await peer.sends(acknowledgement("pubrel", 9));
      peer.gets("70 03 00 09 92");
      await peer.sends(acknowledgement("pubrec", 9));
      peer.gets("62 03 00 09 92");
      await peer.sends(subscribePacket(3, ["a/#/b", 0]));
      peer.gets("90 04 00 03 00 8f");
      await peer.sends(unsubscribePacket(4, "none"));
      peer.gets("b0 04 00 04 00 11");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.1.2-29",
    "User Properties of a PUBLISH reach such a client all the same",
    async (at) => {
      const properties = { requestProblemInformation: 0 } as const;
      const panel = await at.client("panel", { properties });
      await panel.subscribes(["t", 1]);
      const pump = await at.client("pump", { properties });
      const body = `${s("t")} ${p("26", s("name"), s("value"))} 78`;
      await pump.sends(frame(0x30, body));
      panel.gets(frame(0x30, body));
    },
  ),
];
