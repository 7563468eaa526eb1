/**
 * The guards of a PUBLISH, in the order in which they run. Every other packet has the stage table as
 * its only guard: what it may do is decided per filter or per Packet Identifier, by the session.
 *
 * The Topic Alias comes first: it is set even by a PUBLISH that is then refused [MQTT-3.3.2-12].
 */

import type { Publish } from "../packet/packet.ts";
import type { Rules } from "../policy/rules.ts";
import type { Guard, Passage, Refusal } from "./guard.ts";
import { isRefusal } from "./guard.ts";
import { mounted } from "./mount_point.ts";
import { payloadFormat, permitted } from "./permitted.ts";
import { topicAlias } from "./topic_alias.ts";
import { withinLimits } from "./within_limits.ts";

const PUBLISH: readonly Guard<Publish>[] = [
  topicAlias,
  mounted,
  withinLimits,
  permitted,
  payloadFormat,
];

/** The passage after all guards, or the first refusal. */
export function passGuards(
  passage: Passage<Publish>,
  rules: Rules,
): Passage<Publish> | Refusal {
  let current = passage;
  for (let i = 0; i < PUBLISH.length; i++) {
    const result = PUBLISH[i]!(current, rules);
    if (isRefusal(result)) return result;
    current = result;
  }
  return current;
}
