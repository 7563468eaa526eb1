/** MQTT 5.0 sections 3.1.2.11.5 to 3.1.2.11.7: what else the properties of CONNECT ask for. */

import { acknowledgement, subscribePacket, unsubscribePacket } from "../../broker/packets.ts";
import { frame, p, s } from "../../packet/bytes_of.ts";
import { holds } from "../harness.ts";
import type { Row } from "../harness.ts";
import { connectBytes } from "../raw5.ts";

export const connectProperties5: readonly Row[] = [
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
