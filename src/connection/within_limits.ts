/**
 * What a PUBLISH may not be, whoever sends it. MQTT 5.0 sections 3.3.2.1, 3.3.4 and 4.7.
 */

import type { Publish } from "../packet/packet.ts";
import { Reason } from "../packet/reason_code.ts";
import type { Rules } from "../policy/rules.ts";
import { parseDelayed } from "../topic/delayed.ts";
import { topicNameProblem } from "../topic/topic_name.ts";
import type { Passage, Refusal } from "./guard.ts";

/** Runs when the topic is known. */
export function withinLimits(
  passage: Passage<Publish>,
  rules: Rules,
): Passage<Publish> | Refusal {
  const { connection, packet } = passage;
  if (packet.properties?.subscriptionIdentifiers !== undefined) { // [MQTT-3.3.4-6]
    return {
      reason: Reason.protocolError,
      answer: "disconnect",
      detail: "a PUBLISH from a client carries no Subscription Identifier",
      connection,
    };
  }
  const { topicLevels, topicLength } = rules.limits;
  const problem = topicNameProblem(packet.topic, topicLevels, topicLength);
  if (problem !== undefined) {
    return { reason: Reason.topicNameInvalid, answer: "disconnect", detail: problem, connection };
  }
  if (packet.topic.charCodeAt(0) === 0x24 && packet.topic.startsWith("$delayed/")) {
    const delayed = parseDelayed(packet.topic, rules.limits.maximumDelay);
    if (typeof delayed === "string") {
      return {
        reason: Reason.topicNameInvalid,
        answer: "acknowledge",
        detail: delayed,
        connection,
      };
    }
  }
  return passage;
}
