/**
 * The one question of authorization: may this identity do that to this topic? Asked in one place per
 * action: connect when the identity is proven, publish in the guard, subscribe in `onSubscribe`, receive
 * when a match is built and again when a message leaves a queue. MQTT 5.0 section 5.4.2.
 */

import type { QoS } from "../packet/packet.ts";
import type { Action } from "./access_rule.ts";
import type { Decision } from "./compiled_rule.ts";
import type { Identity } from "./identity.ts";
import { BROKER } from "./identity.ts";
import type { Rules } from "./rules.ts";

const BY_DEFAULT: Decision = {
  permitted: true,
  rule: "no access rules: everything is permitted",
  at: -1,
};
const RESERVED: Decision = {
  permitted: false,
  rule: "built in: only the broker publishes below $SYS and $CONTROL",
  at: -1,
};
const THE_BROKER: Decision = { permitted: true, rule: "built in: the broker itself", at: -1 };

/** Topics that a client cannot publish to, whatever the rules say. */
function reserved(topic: string): boolean {
  return /^\$(?:SYS|CONTROL)(?:\/|$)/.test(topic);
}

/**
 * Decides from the rules alone; the same arguments always give the same answer.
 *
 * @param topic a good Topic Name; for subscribe a good filter without `$share/{ShareName}/`
 * @param qos of the PUBLISH, or the one asked for in SUBSCRIBE
 * @param retain of the PUBLISH
 */
export function permits(
  rules: Rules,
  identity: Identity,
  action: Action,
  topic: string,
  qos: QoS = 0,
  retain = false,
): Decision {
  if (action === "publish" && topic.charCodeAt(0) === 0x24 && identity !== BROKER) {
    if (reserved(topic)) return RESERVED;
  }
  if (rules.access.isEmpty) return BY_DEFAULT;
  if (identity === BROKER) return THE_BROKER;
  return rules.access.decide(identity, action, topic, qos, retain);
}
