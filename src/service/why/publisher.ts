/**
 * Whether the publisher of a message gets it into the broker: what the guards of a PUBLISH and the room that is
 * left would say. MQTT 5.0 sections 3.3 and 3.4.2.1.
 */

import { delayedIsFull } from "../../broker/delayed.ts";
import { noRoomFor } from "../../broker/room.ts";
import type { Client, Tables } from "../../broker/tables.ts";
import { finalTopic } from "../../connection/permitted.ts";
import { encodePublish } from "../../packet/publish_frame.ts";
import { isControl, ONLY_NOW } from "../../policy/control_topic.ts";
import { permits } from "../../policy/permits.ts";
import type { Message } from "../../session/message.ts";
import { publishOf } from "../../session/message.ts";
import { dropReasons } from "../../session/reason_words.ts";
import { parseDelayed } from "../../topic/delayed.ts";
import { unmountName } from "../../topic/mount_point.ts";
import { topicNameProblem } from "../../topic/topic_name.ts";
import type { Fate } from "./fate.ts";
import { refusal } from "./fate.ts";

/** Why it does not; or the rule of access that lets it, in words. */
export function taken(
  tables: Readonly<Tables>,
  publisher: Client,
  message: Message,
): Fate | string {
  const { live } = publisher;
  const rules = live?.rules ?? publisher.rules;
  const identity = live?.connection.identity ?? publisher.session.owner;
  const version = versionOf(publisher);
  const { topic, qos, retain } = message;
  const written = unmountName(live?.connection.mountPoint ?? "", topic);
  if (written === undefined) {
    return refusal("outsideMountPoint", "its publisher sees only topics below its mount point");
  }
  const most = live?.connection.announced.maximumPacketSize ?? rules.limits.maximumPacketSize;
  const delivery = { message: { ...message, topic: written }, qos, retain, ...NO_HOP };
  const { length } = encodePublish(publishOf(delivery, 1, false, tables.now), version).bytes;
  if (length > most) {
    return refusal("packetTooLarge", `the packet has ${length} bytes, the broker takes ${most}`);
  }
  const problem = topicNameProblem(topic, rules.limits.topicLevels, rules.limits.topicLength);
  if (problem !== undefined) return refusal("topicNameInvalid", problem);
  if (topic.startsWith("$delayed/")) {
    const delayed = parseDelayed(topic, rules.limits.maximumDelay);
    if (typeof delayed === "string") return refusal("topicNameInvalid", delayed);
  }
  const final = finalTopic(topic);
  const decision = final !== topic && isControl(final)
    ? ONLY_NOW
    : permits(rules, identity, "publish", final, qos, retain);
  if (!decision.permitted) {
    return refusal("notAuthorized", `its publisher may not publish it: ${decision.rule}`);
  }
  if (version === 5 && qos > 0) {
    if (tables.storeFull) return refusal("quotaExceeded", "the store has no room for now");
    const full = final !== topic
      ? delayedIsFull(tables, message) ? "delayedFull" : undefined
      : isControl(topic)
      ? undefined
      : noRoomFor(tables, message);
    if (full !== undefined) return refusal(full, `Reason Code 0x97: ${dropReasons[full]}`);
  }
  return `its publisher may publish it: ${decision.rule}`;
}

/** Of the connection, or the one that it spoke last. */
export function versionOf({ live, session }: Client): 3 | 4 | 5 {
  return live?.connection.version ?? session.owner.version ?? 5;
}

const NO_HOP = { subscriptionIdentifiers: undefined, group: undefined } as const;
