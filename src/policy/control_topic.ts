/**
 * Who may ask the services of the broker, whose topics are below `$CONTROL`: who is named for it, and nobody
 * else. Pure.
 *
 * An administrator of the configuration may ask everything. Anybody else needs a rule of access that names
 * `$CONTROL`: a rule about every topic, and there being no rules at all, grant nothing here. So what was
 * open before there were services stays closed to them.
 */

import type { QoS } from "../packet/packet.ts";
import { AccessList } from "./access_list.ts";
import type { AccessRule, Action, Who } from "./access_rule.ts";
import type { Decision } from "./compiled_rule.ts";
import type { Identity } from "./identity.ts";
import type { Predicate } from "./who.ts";
import { whoMatches } from "./who.ts";

const NOT_NAMED: Decision = {
  permitted: false,
  rule: "built in: below $CONTROL only who is an administrator, or is named by a rule of access",
  at: -1,
};
/** What `permits` is not asked about: a Will, or a PUBLISH that was to come later. */
export const ONLY_NOW: Decision = {
  permitted: false,
  rule: "built in: a request below $CONTROL is made by a PUBLISH, not by a Will nor with a delay",
  at: -1,
};
const ADMINISTRATOR: Decision = {
  permitted: true,
  rule: "administrators of the configuration",
  at: -1,
};

/** Whether the topic is one of the broker's services, or below one. */
export function isControl(topic: string): boolean {
  return topic.startsWith("$CONTROL/") || topic === "$CONTROL";
}

/** What of the rules decides here. */
interface Named {
  readonly access: AccessList;
  readonly administrators: readonly Who[];
}

/**
 * Decides about a topic for which `isControl` holds, for an identity that is not the broker's.
 *
 * @param topic for subscribe a good filter
 */
export function mayControl(
  { access, administrators }: Named,
  identity: Identity,
  action: Action,
  topic: string,
  qos: QoS,
  retain: boolean,
): Decision {
  if (isAdministrator(administrators, identity)) return ADMINISTRATOR;
  if (access.isEmpty && identity.rules === undefined) return NOT_NAMED;
  return namingList(access).decide(namingIdentity(identity), action, topic, qos, retain);
}

/** Whether the configuration names it as one who may do everything below `$CONTROL`. */
export function isAdministrator(administrators: readonly Who[], identity: Identity): boolean {
  if (administrators.length === 0) return false;
  let predicates = compiled.get(administrators);
  if (predicates === undefined) {
    predicates = administrators.filter((who) => Object.keys(who).length > 0)
      .map((who) => whoMatches(who)!);
    compiled.set(administrators, predicates);
  }
  return predicates.some((is) => is(identity));
}

/** Memories of pure functions: what they keep goes with what it was made of. */
const compiled = new WeakMap<readonly Who[], readonly Predicate[]>();
const lists = new WeakMap<AccessList, AccessList>();
const identities = new WeakMap<Identity, Identity>();

/** The rules in their places, those that allow without naming a topic being about none. */
function naming(rules: readonly AccessRule[]): AccessRule[] {
  return rules.map((rule) =>
    rule.permission === "allow" && rule.topics === undefined ? { ...rule, topics: [] } : rule
  );
}

function namingList(access: AccessList): AccessList {
  let list = lists.get(access);
  if (list === undefined) {
    lists.set(access, list = new AccessList(naming(access.rules), access.ahead));
  }
  return list;
}

function namingIdentity(identity: Identity): Identity {
  if (identity.rules === undefined) return identity;
  let named = identities.get(identity);
  if (named === undefined) {
    identities.set(identity, named = { ...identity, rules: naming(identity.rules) });
  }
  return named;
}
