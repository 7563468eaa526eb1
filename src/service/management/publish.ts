/**
 * `publish`: a message in the name of the broker, under no access rules of its own. MQTT 5.0 section 3.3.
 */

import * as z from "zod";
import type { PublishProperties, QoS } from "../../packet/packet.ts";
import { isControl } from "../../policy/control_topic.ts";
import { topicNameProblem } from "../../topic/topic_name.ts";
import { anyText, command, refuse, text } from "./command.ts";
import { payloadBytes, payloadShape } from "./payload.ts";

const pair = z.tuple([anyText, anyText]);

export const publish = command({
  name: "publish",
  help: "publishes a message to whoever subscribes to its topic",
  changes: true,
  example: { topic: "plant/1/notice", payload: "maintenance at noon", qos: 1, retain: false },
  shape: {
    topic: text.describe("The Topic Name."),
    ...payloadShape,
    qos: z.int().min(0).max(2).default(0).describe("The QoS."),
    retain: z.boolean().default(false).describe("Whether it is retained; an empty payload clears."),
    messageExpiryInterval: z.int().min(0).max(4_294_967_295).optional().describe(
      "Seconds after which it is of no use.",
    ),
    contentType: anyText.optional().describe("What the payload is."),
    responseTopic: text.optional().describe("Where answers are expected."),
    userProperties: z.array(pair).max(1_000).optional().describe("Names and values."),
  },
  run({ topic, qos, retain, payload, payloadBase64, ...properties }, { view: { broker } }) {
    const { topicLevels, maximumPacketSize } = broker.rules.limits;
    const problem = topicNameProblem(topic, topicLevels);
    if (problem !== undefined) return refuse("badRequest", `topic: ${problem}`);
    if (isControl(topic) || topic.startsWith("$SYS/") || topic.startsWith("$delayed/")) {
      return refuse(
        "badRequest",
        "topic: nothing is published below $SYS, $CONTROL or $delayed here",
      );
    }
    if (payload !== undefined && payloadBase64 !== undefined) {
      return refuse("badRequest", "payload and payloadBase64 exclude each other");
    }
    const bytes = payloadBytes({ payload, payloadBase64 });
    if (bytes.length > maximumPacketSize) {
      return refuse("limit", `the payload has ${bytes.length} bytes; maximumPacketSize is less`);
    }
    const { responseTopic } = properties;
    if (responseTopic !== undefined && topicNameProblem(responseTopic, topicLevels) !== undefined) {
      return refuse("badRequest", "responseTopic: expected a Topic Name");
    }
    const given = Object.entries(properties).filter(([, value]) => value !== undefined);
    const subscribers = broker.tree.match(topic);
    return {
      data: {
        topic,
        bytes: bytes.length,
        subscribers: subscribers.targets.length + subscribers.groups.length,
        ...(broker.cluster === undefined ? {} : { nodes: subscribers.nodes.length }),
      },
      events: [{
        type: "publishFor",
        publish: {
          topic,
          payload: bytes,
          qos: qos as QoS,
          retain,
          properties: given.length === 0
            ? undefined
            : Object.fromEntries(given) as PublishProperties,
        },
      }],
    };
  },
});
