/** MQTT 5.0 section 3.1.2.11.4: the Maximum Packet Size of a client. */

import { ANONYMOUS } from "../../../src/policy/identity.ts";
import {
  acknowledgement,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
} from "../../broker/packets.ts";
import { p, s } from "../../packet/bytes_of.ts";
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

export const maximumPacketSize5: readonly Row[] = [
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
];
