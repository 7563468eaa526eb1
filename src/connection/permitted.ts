/**
 * Whether the client may publish to that topic, and whether the payload is what it is said to be.
 * MQTT 5.0 sections 3.3.2.3.2 and 5.4.2.
 */

import type { Publish } from "../packet/packet.ts";
import { Reason } from "../packet/reason_code.ts";
import { isControl, ONLY_NOW } from "../policy/control_topic.ts";
import { permits } from "../policy/permits.ts";
import type { Rules } from "../policy/rules.ts";
import { parseDelayed } from "../topic/delayed.ts";
import type { Passage, Refusal } from "./guard.ts";

/** Runs when the topic is known. A delayed PUBLISH is judged by the topic that it ends up at. */
export function permitted(
  passage: Passage<Publish>,
  rules: Rules,
): Passage<Publish> | Refusal {
  const { connection, packet } = passage;
  const { topic, qos, retain } = packet;
  const { identity, version } = connection;
  const final = finalTopic(topic);
  const decision = final !== topic && isControl(final)
    ? ONLY_NOW
    : permits(rules, identity, "publish", final, qos, retain);
  if (decision.permitted) return passage;
  return {
    reason: Reason.notAuthorized,
    answer: version !== 5 && rules.deniedPublish === "disconnect" ? "disconnect" : "acknowledge",
    detail: decision.rule,
    told: "the client may not publish to that topic",
    connection,
  };
}

/** Refuses a payload that is announced as UTF-8 and is not, where the configuration asks for it. */
export function payloadFormat(
  passage: Passage<Publish>,
  rules: Rules,
): Passage<Publish> | Refusal {
  const { connection, packet } = passage;
  if (!rules.validatePayloadFormat || packet.properties?.payloadFormatIndicator !== 1) {
    return passage;
  }
  try {
    UTF8.decode(packet.payload);
    return passage;
  } catch {
    return {
      reason: Reason.payloadFormatInvalid,
      answer: "acknowledge",
      detail: "the payload is announced as UTF-8 and is not well-formed",
      connection,
    };
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** What a delayed PUBLISH ends up at, though a delay stand in a delay; any other topic as it is. */
export function finalTopic(topic: string): string {
  let end = topic;
  while (end.charCodeAt(0) === 0x24 && end.startsWith("$delayed/")) {
    const delayed = parseDelayed(end, Infinity);
    if (typeof delayed === "string") break;
    end = delayed.topic;
  }
  return end;
}
