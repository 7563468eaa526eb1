/**
 * The one question of authorization: may this identity do that to this topic? Asked in one place per
 * action: connect when the identity is proven, publish in the guard, subscribe in `onSubscribe`, receive
 * when a match is built and again when a message leaves a queue. MQTT 5.0 section 5.4.2.
 */

import type { QoS } from "../packet/packet.ts";
import type { Action } from "./access_rule.ts";
import type { Decision } from "./compiled_rule.ts";
import type { Identity } from "./identity.ts";
import { isControl, mayControl } from "./control_topic.ts";
import { BROKER } from "./identity.ts";
import type { Rules } from "./rules.ts";

const BY_DEFAULT: Decision = {
  permitted: true,
  rule: "no access rules: everything is permitted",
  at: -1,
};
const RESERVED: Decision = {
  permitted: false,
  rule: "built in: only the broker publishes below $SYS",
  at: -1,
};
const NOT_ABOUT: Decision = {
  permitted: true,
  rule: "no rules are about unsubscribe",
  at: -1,
};
const THE_BROKER: Decision = { permitted: true, rule: "built in: the broker itself", at: -1 };

/** Topics that a client cannot publish to, whatever the rules say. */
function reserved(topic: string): boolean {
  return topic.startsWith("$SYS/") || topic === "$SYS";
}

/**
 * Decides from the rules alone; the same arguments always give the same answer.
 *
 * @param topic a good Topic Name; for subscribe a good filter without `$share/{ShareName}/`
 * @param qos of the PUBLISH from the client or to it, or the one asked for in SUBSCRIBE
 * @param retain of that PUBLISH
 * @param full of subscribe the filter with its `$share/{ShareName}/`, which dynamic rules look at
 */
export function permits(
  rules: Rules,
  identity: Identity,
  action: Action,
  topic: string,
  qos: QoS = 0,
  retain = false,
  full = topic,
): Decision {
  if (topic.charCodeAt(0) === 0x24 && identity !== BROKER && action !== "connect") {
    if (isControl(topic)) return mayControlBy(rules, identity, action, topic, qos, retain, full);
    if (action === "publish" && reserved(topic)) return RESERVED;
  }
  if (identity === BROKER) return THE_BROKER;
  if (rules.dynamic !== undefined) {
    const decision = rules.dynamic.decide(identity, action, topic, full);
    if (!decision.permitted || isSilent(rules, identity)) return decision;
  } else if (isSilent(rules, identity)) return BY_DEFAULT;
  return rules.access.decide(identity, action, topic, qos, retain);
}

/** Whether the client may publish to and receive whatever does not begin with `$`: no rule could be about it. */
export function permitsAll(rules: Rules, identity: Identity): boolean {
  return identity === BROKER || rules.dynamic === undefined && isSilent(rules, identity);
}

/** The configuration has no rule that could be about the client. */
function isSilent({ access }: Rules, identity: Identity): boolean {
  return access.isEmpty && identity.rules === undefined;
}

/**
 * Decides about UNSUBSCRIBE, which only dynamic rules are about.
 *
 * @param filter a good filter, without `$share/{ShareName}/`
 * @param full the same with it
 */
export function permitsUnsubscribe(
  { dynamic }: Rules,
  identity: Identity,
  filter: string,
  full = filter,
): Decision {
  if (dynamic === undefined || identity === BROKER) return NOT_ABOUT;
  return dynamic.decide(identity, "unsubscribe", filter, full);
}

/**
 * Below `$CONTROL` an ACL of the dynamic rules decides; where there is none, who is named elsewhere may. A rule
 * of the configuration that denies it holds in every case.
 */
function mayControlBy(
  rules: Rules,
  identity: Identity,
  action: Action,
  topic: string,
  qos: QoS,
  retain: boolean,
  full = topic,
): Decision {
  const decision = rules.dynamic?.decide(identity, action, topic, full);
  const byAcl = decision !== undefined &&
    (decision.at >= 0 || action === "receive" && decision.permitted); // a reply to its own request
  if (byAcl && !decision.permitted) return decision;
  const otherwise = mayControl(rules, identity, action, topic, qos, retain);
  if (otherwise.permitted || !byAcl) return otherwise;
  return otherwise.at >= 0 ? otherwise : decision;
}

/**
 * Whether the client may receive messages of that topic: all of them, none, or some, of which each has to be
 * asked about with its QoS and RETAIN flag.
 */
export function receives(
  rules: Rules,
  identity: Identity,
  topic: string,
): "all" | "none" | "some" {
  if (identity === BROKER) return "all";
  if (isControl(topic)) return receivesControl(rules, identity, topic);
  const { access, dynamic } = rules;
  if (dynamic !== undefined && !dynamic.decide(identity, "receive", topic).permitted) return "none";
  if (access.isEmpty && identity.rules === undefined) return "all";
  return access.receives(identity, topic);
}

/** Of the few topics of services every kind of message is asked about. */
function receivesControl(rules: Rules, identity: Identity, topic: string): "all" | "none" | "some" {
  let permitted = 0;
  for (const qos of [0, 1, 2] as const) {
    for (const retain of [false, true]) {
      if (mayControlBy(rules, identity, "receive", topic, qos, retain).permitted) permitted += 1;
    }
  }
  return permitted === 6 ? "all" : permitted === 0 ? "none" : "some";
}
