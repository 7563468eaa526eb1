/**
 * `why`: what becomes of a message for a client if it were published now, and why; and what that client has
 * missed of late. Nothing is published.
 */

import * as z from "zod";
import type { QoS } from "../../packet/packet.ts";
import { dropReasons } from "../../session/reason_words.ts";
import { topicNameProblem } from "../../topic/topic_name.ts";
import type { View } from "../service.ts";
import { answer } from "../why/answer.ts";
import { clientId, command, refuse, text } from "./command.ts";
import { timeOf } from "./rows.ts";

/** Bytes that Correlation Data takes in a packet at most. */
const MOST_PROPERTIES = 65_538;

export const why = command({
  name: "why",
  help:
    "says whether a message would reach a client now and why, and what the client missed of late",
  changes: false,
  example: { clientId: "panel-1", topic: "plant/1/temperature", qos: 1, publisher: "pump-7" },
  shape: {
    clientId,
    topic: text.optional().describe(
      "The Topic Name, as it is without mount points. Without it: only what was missed of late.",
    ),
    qos: z.int().min(0).max(2).default(0).describe("Of the PUBLISH."),
    retain: z.boolean().default(false).describe("The RETAIN flag of the PUBLISH."),
    publisher: text.optional().describe(
      "The client identifier of its publisher, whose access rules are asked. Default: the broker.",
    ),
    payloadSize: z.int().min(0).max(268_435_455).default(0).describe("Bytes of the payload."),
    propertiesSize: z.int().min(0).max(MOST_PROPERTIES).default(0).describe(
      "Bytes of its properties in a packet of MQTT 5.0.",
    ),
    messageExpiryInterval: z.int().min(0).max(4_294_967_295).optional().describe(
      "Seconds after which it is of no use.",
    ),
    limit: z.int().min(1).max(100_000).default(20).describe("Drops at most in the reply."),
  },
  run({ topic, limit, ...question }, { view }) {
    const { broker } = view;
    const { clientId, publisher } = question;
    const drops = dropsOf(view, clientId, limit);
    if (topic === undefined) return { data: { clientId, drops } };
    const { limits } = broker.rules;
    const problem = topicNameProblem(topic, limits.topicLevels, limits.topicLength);
    if (problem !== undefined) return refuse("badRequest", `topic: ${problem}`);
    const by = publisher === undefined ? undefined : broker.clients.get(publisher);
    if (publisher !== undefined && by === undefined) {
      return refuse("notFound", `the publisher ${JSON.stringify(publisher)} has no session`);
    }
    if (question.payloadSize > limits.maximumPacketSize) {
      return {
        data: {
          clientId,
          topic,
          outcome: "refused",
          reason: "packetTooLarge",
          words: `the payload alone is above maximumPacketSize, ${limits.maximumPacketSize} bytes`,
          paths: [],
          notes: [],
          drops,
        },
      };
    }
    const asked = {
      ...question,
      topic,
      qos: question.qos as QoS,
      publisher,
      messageExpiryInterval: question.messageExpiryInterval,
    };
    // The tables are as of the last event: time has passed since.
    const tables = { ...broker, now: view.now };
    const { outcome, reason, words, paths, notes } = answer(
      tables,
      asked,
      by,
      limits.managementPage,
    );
    return { data: { clientId, topic, outcome, reason, words, paths, notes, drops } };
  },
});

/** What the client has missed of late, and shared subscriptions that it is a member of; the latest first. */
function dropsOf({ broker, world }: View, clientId: string, limit: number) {
  const keys = new Set([clientId]);
  for (const { key } of broker.clients.get(clientId)?.groups ?? []) keys.add(key);
  const most = Math.min(limit, broker.rules.limits.managementPage);
  return world.recentDrops.of(keys, most).map((row) => ({
    topic: row.topic === "" ? null : row.topic,
    group: row.clientId === clientId ? null : row.clientId.slice(1),
    reason: row.reason,
    words: dropReasons[row.reason],
    count: row.count,
    first: timeOf(row.first),
    last: timeOf(row.last),
  }));
}
