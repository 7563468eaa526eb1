/** MQTT 5.0 section 3.3.4: overlapping subscriptions and Subscription Identifiers. */

import { acknowledgement, publishPacket, unsubscribePacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import type { Peer } from "../peer.ts";
import { comes, ends, KEPT, raw } from "../raw5.ts";

/** A subscription with an identifier. */
function named(filter: string, subscriptionIdentifier: number, qos: 0 | 1 | 2 = 0) {
  return [filter, { qos, subscriptionIdentifier }] as const;
}

/** Subscribes to each in a SUBSCRIBE of its own, as one has a single identifier for all its filters. */
async function subscribesEach(peer: Peer, ...wanted: readonly ReturnType<typeof named>[]) {
  for (const each of wanted) await peer.subscribes(each);
}

/** The Subscription Identifiers of the next PUBLISH, which must be of that topic. */
function identifiers(peer: Peer, topic: string): string {
  const { properties } = peer.gets({ type: "publish", topic });
  return [...properties?.subscriptionIdentifiers ?? []].sort((a, b) => a - b).join();
}

export const publishActions5: readonly Row[] = [
  holds(
    "5.0",
    "MQTT-3.3.4-2",
    "a client with several matching subscriptions gets one copy, with the highest QoS among them",
    async (at) => {
      const pump = await at.client("pump");
      // Others with one subscription each: a copy of theirs is none of this client's.
      for (const qos of [0, 1, 2] as const) {
        await (await at.client(`other${qos}`)).subscribes(["a/b", qos]);
      }
      const filters = ["a/b", "a/+", "a/#", "#", "+/b"];
      for (
        const granted of [[0, 1, 2, 0, 1], [2, 0, 0, 0, 0], [0, 0, 0, 0, 1], [1, 1, 0, 0, 0], [
          0,
          0,
        ]]
      ) {
        const panel = await at.client("panel");
        await panel.subscribes(
          ...granted.map((qos, i) => [filters[i]!, qos as 0 | 1 | 2] as const),
        );
        for (const qos of [0, 1, 2] as const) {
          await pump.sends(publishPacket("a/b", "x", { qos, packetId: qos }));
          if (qos === 2) await pump.sends(acknowledgement("pubrel", 2));
          const highest = Math.min(qos, Math.max(...granted)) as 0 | 1 | 2;
          panel.gets({ type: "publish", topic: "a/b", qos: highest });
          panel.getsNothing();
        }
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-2",
    "the others still count when the highest of them is taken away, and for a client that is absent",
    async (at) => {
      const pump = await at.client("pump");
      const first = await at.client("panel", KEPT);
      await first.subscribes(["t", 0], ["+", 2], ["#", 1]);
      await first.sends(unsubscribePacket(1, "+"));
      first.gets({ type: "unsuback", reasonCodes: [0] });
      await pump.publishes("t", "x", { packetId: 1, qos: 2 });
      first.gets({ type: "publish", qos: 1 });
      await first.drops();
      await pump.publishes("t", "y", { packetId: 2, qos: 2 });
      const second = await comes(at, "panel", true);
      second.gets({ type: "publish", payload: "x", qos: 1 });
      second.gets({ type: "publish", payload: "y", qos: 1 });
      second.getsNothing();
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-3",
    "the identifier of the subscription that matched comes with the message, whatever its QoS",
    async (at) => {
      const panel = await at.client("panel");
      await subscribesEach(panel, named("a", 1), named("b", 268_435_455, 1), named("c/#", 128, 2));
      await panel.subscribes("d"); // without one
      const pump = await at.client("pump");
      await pump.publishes("a", "x");
      panel.gets(frame(0x30, s("a"), p("0b 01"), raw("x")));
      await pump.publishes("b", "x");
      panel.gets(frame(0x30, s("b"), p("0b ff ff ff 7f"), raw("x")));
      await pump.publishes("b", "x", { packetId: 1 });
      panel.gets(frame(0x32, s("b"), "0001", p("0b ff ff ff 7f"), raw("x")));
      await pump.publishes("c/d", "x", { packetId: 2, qos: 2 });
      panel.gets(frame(0x34, s("c/d"), "0002", p("0b 80 01"), raw("x")));
      await pump.publishes("d", "x");
      panel.gets(frame(0x30, s("d"), p(), raw("x")));
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-3",
    "it comes with retained messages, queued ones and those sent again; it is that of the newest SUBSCRIBE",
    async (at) => {
      const pump = await at.client("pump");
      await pump.publishes("t", "kept", { retain: true });
      const first = await at.client("panel", KEPT);
      await first.subscribes(named("t", 7, 1));
      at.expects(identifiers(first, "t") === "7", "with the retained message");
      await pump.publishes("t", "sent", { packetId: 1 });
      at.expects(identifiers(first, "t") === "7", "at once");
      await first.drops();
      await pump.publishes("t", "queued", { packetId: 2 });
      await at.restarts();
      const second = await comes(at, "panel", true);
      at.expects(identifiers(second, "t") === "7", "sent again");
      at.expects(identifiers(second, "t") === "7", "from the queue");
      const again = await at.client("pump");
      await second.subscribes(["t", { qos: 1, subscriptionIdentifier: 8, retainHandling: 2 }]);
      await again.publishes("t", "x");
      at.expects(identifiers(second, "t") === "8", "the newest");
      await second.subscribes(["t", { qos: 1, retainHandling: 2 }]);
      await again.publishes("t", "x");
      at.expects(identifiers(second, "t") === "", "the newest has none");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-3",
    "each client gets the identifiers of its own subscriptions",
    async (at) => {
      const pump = await at.client("pump");
      const peers: Peer[] = [];
      for (let i = 1; i <= 5; i++) {
        const peer = await at.client(`panel${i}`);
        if (i < 5) await peer.subscribes(named("t", i, i % 2 === 0 ? 1 : 0));
        else await peer.subscribes(["t", 1]);
        peers.push(peer);
      }
      for (const packetId of [0, 1]) {
        await pump.publishes("t", "x", { packetId });
        for (const [index, peer] of peers.entries()) {
          const expected = index === 4 ? "" : String(index + 1);
          at.expects(identifiers(peer, "t") === expected, `panel${index + 1}`);
        }
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-4",
    "the single copy for several subscriptions has the identifiers of all that matched and no other",
    async (at) => {
      const panel = await at.client("panel");
      await subscribesEach(panel, named("a/b", 11, 1), named("a/+", 12), named("#", 300, 2));
      await subscribesEach(panel, named("+/b", 11), named("other", 99));
      await panel.subscribes("+/+"); // without one
      const pump = await at.client("pump");
      for (const packetId of [0, 1]) {
        await pump.publishes("a/b", "x", { packetId });
        const found = identifiers(panel, "a/b");
        at.expects(found === "11,11,12,300" || found === "11,12,300", `identifiers ${found}`);
        await pump.publishes("a/c", "x", { packetId });
        at.expects(identifiers(panel, "a/c") === "12,300", "of those that match");
        await pump.publishes("c", "x", { packetId });
        at.expects(identifiers(panel, "c") === "300", "of the one that matches");
        panel.getsNothing();
      }
      await panel.sends(unsubscribePacket(1, "a/+"));
      panel.gets({ type: "unsuback", reasonCodes: [0] });
      await pump.publishes("a/c", "x");
      at.expects(identifiers(panel, "a/c") === "300", "not of one that was taken away");
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-5",
    "a copy by a shared subscription and one by a subscription of its own each have the identifier of theirs",
    async (at) => {
      const panel = await at.client("panel");
      await subscribesEach(panel, named("t", 1, 1), named("$share/g/t", 2, 1));
      await subscribesEach(panel, named("$share/h/+", 3, 1));
      const pump = await at.client("pump");
      for (const packetId of [0, 1]) {
        await pump.publishes("t", "x", { packetId });
        const found = [identifiers(panel, "t"), identifiers(panel, "t"), identifiers(panel, "t")];
        at.expects(found.sort().join(" ") === "1 2 3", `identifiers ${found}`);
        panel.getsNothing();
      }
    },
  ),
  holds(
    "5.0",
    "MQTT-3.3.4-6",
    "a PUBLISH of a client with a Subscription Identifier is a protocol error (0x82), and is not published",
    async (at) => {
      const panel = await at.client("panel");
      await panel.subscribes("#");
      for (const property of ["0b 01", "0b ffffff7f", "0b 01 0b 02", "0b 00"]) {
        await ends(await at.client("pump"), frame(0x30, s("t"), p(property)), 0x82);
        await ends(await at.client("pump"), frame(0x33, s("t"), "0001", p(property)), 0x82);
      }
      panel.getsNothing();
      await panel.subscribes("t");
      panel.getsNothing(); // nothing was retained
    },
  ),
];
