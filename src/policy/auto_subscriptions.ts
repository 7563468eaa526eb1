/**
 * What the rules of auto-subscribe subscribe a client to, and what they do not and why. Pure; asked when a
 * client connects, when rules change, and when it unsubscribes.
 *
 * Of two rules that lead to the same filter the first one makes the subscription.
 */

import type { SubscriptionOptions } from "../packet/packet.ts";
import { mountFilter } from "../topic/mount_point.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import { parseTopicFilter } from "../topic/topic_filter.ts";
import type { SkipReason, Values } from "./auto_template.ts";
import { fill } from "./auto_template.ts";
import type { CompiledAuto, CompiledFilter } from "./auto_subscribe.ts";
import { captureFirst } from "./auto_subscribe.ts";
import type { Captures } from "./capture.ts";
import type { Identity } from "./identity.ts";
import { permits } from "./permits.ts";
import type { Rules } from "./rules.ts";

/** A subscription that a rule makes. */
export interface AutoSubscription {
  /** As a client would subscribe to it, below its mount point. */
  readonly full: TopicFilter;
  readonly filter: TopicFilter;
  readonly shareName: string | undefined;
  readonly options: SubscriptionOptions;
  /** The rule's name. */
  readonly rule: string;
  readonly pinned: boolean;
}

/** A filter of a rule about the client that makes no subscription. */
export interface Skipped {
  readonly rule: string;
  /** As written. */
  readonly filter: string;
  readonly why: SkipReason;
  readonly detail: string;
}

export interface AutoSubscriptions {
  /** By full filter, in the order of the rules. */
  readonly wanted: ReadonlyMap<TopicFilter, AutoSubscription>;
  readonly skipped: readonly Skipped[];
}

const NONE: AutoSubscriptions = { wanted: new Map(), skipped: [] };

/** Roles of a client that are looked at for `${role}`: each makes a filter of its own. */
const MOST_ROLES = 64;

/**
 * What the rules come to for the client.
 *
 * @param rules those for the client, see client_limits.ts
 * @param identity as it is connected, see connected_as.ts: what is not known of it matches no pattern
 * @param judged whether the rules of access are asked: they are when the client is known
 */
export function autoSubscriptions(
  rules: Rules,
  identity: Identity,
  judged = true,
): AutoSubscriptions {
  if (rules.autoSubscribe.isEmpty) return NONE;
  const found = { wanted: new Map<TopicFilter, AutoSubscription>(), skipped: [] as Skipped[] };
  for (const rule of rules.autoSubscribe.compiled) {
    if (rule.who !== undefined && !rule.who(identity)) continue;
    const captures = capturesOf(rule, identity);
    if (captures === undefined) continue;
    for (const filter of rule.filters) {
      for (const values of valuesFor(rule, filter, identity, captures)) {
        subscribe(found, rules, rule, filter, identity, values, judged);
      }
    }
  }
  return found;
}

/** What the rule's patterns keep; undefined where one of them does not match after all. */
function capturesOf(rule: CompiledAuto, identity: Identity): Captures | undefined {
  const { capturing } = rule;
  if (capturing.length === 0) return {};
  const all: Record<string, string> = {};
  for (const each of capturing) {
    const found = captureFirst(each, each.of(identity));
    if (found === undefined) return undefined;
    Object.assign(all, found);
  }
  return all;
}

/** One set of values, or one for each role where the filter speaks of roles. */
function valuesFor(
  { roles, roleNames }: CompiledAuto,
  { template }: CompiledFilter,
  identity: Identity,
  captures: Captures,
): readonly Values[] {
  if (!template.names.some((name) => roleNames.has(name))) return [{ role: undefined, captures }];
  const all: Values[] = [];
  for (const role of identity.roles.slice(0, MOST_ROLES)) {
    const found = roles === undefined ? {} : captureFirst({ patterns: roles }, [role]);
    if (found !== undefined) all.push({ role, captures: { ...captures, ...found } });
  }
  return all.length === 0 ? [{ role: undefined, captures }] : all;
}

function subscribe(
  found: { readonly wanted: Map<TopicFilter, AutoSubscription>; readonly skipped: Skipped[] },
  rules: Rules,
  { name, pinned }: CompiledAuto,
  { template, options }: CompiledFilter,
  identity: Identity,
  values: Values,
  judged: boolean,
): void {
  const skip = (why: SkipReason, detail: string) => {
    found.skipped.push({ rule: name, filter: template.written, why, detail });
  };
  const filled = fill(template, identity, values);
  if (typeof filled !== "string") return skip(filled.why, filled.detail);
  const parsed = parseTopicFilter(mountFilter(rules.mountPoint, filled), rules.limits.topicLevels);
  if (typeof parsed === "string") return skip("invalidFilter", parsed);
  const { full, filter, shareName } = parsed;
  if (found.wanted.has(full)) return;
  if (shareName !== undefined && !rules.sharedSubscriptions) {
    return skip("sharedSubscriptionsOff", "sharedSubscriptions is off");
  }
  if (judged) {
    const decision = permits(rules, identity, "subscribe", filter, options.qos, false, full);
    if (!decision.permitted) return skip("notPermitted", decision.rule);
  }
  if (found.wanted.size >= rules.limits.autoSubscribeFilters) {
    return skip("tooManyFilters", "more filters for one client than autoSubscribeFilters");
  }
  found.wanted.set(full, { full, filter, shareName, options, rule: name, pinned });
}
