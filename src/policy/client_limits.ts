/**
 * Limits that may be others for some clients: whom an entry of `limitsFor` is about, and the rules that
 * then hold. Chosen when a client has proven who it is and kept with its connection and session, so that
 * no message pays for it. Pure, but for a memory of what was derived.
 */

import type { Who } from "./access_rule.ts";
import type { Identity } from "./identity.ts";
import type { Limits } from "./limits.ts";
import { limitsWith } from "./own_limits.ts";
import type { Rules } from "./rules.ts";
import { rulesFor } from "./rules.ts";
import type { Predicate } from "./who.ts";
import { whoMatches } from "./who.ts";

/** In the order of the limits: those that bound one client and nothing that clients share. */
export const clientLimitNames = [
  "maximumPacketSize",
  "connectionsPerUser",
  "maximumKeepAlive",
  "receiveMaximum",
  "sendWindow",
  "topicAliasMaximum",
  "outgoingTopicAliases",
  "subscriptionsPerSession",
  "filtersPerSubscribe",
  "topicLevels",
  "topicLength",
  "queuedMessagesPerSession",
  "queuedBytesPerSession",
  "retainedMessagesPerClient",
  "retainedBytesPerClient",
  "messageRate",
  "messageBurst",
  "byteRate",
  "byteBurst",
  "rateGrace",
] as const satisfies readonly (keyof Limits)[];

export type ClientLimit = (typeof clientLimitNames)[number];

/** An entry of `limitsFor` as it is written. */
export interface LimitsFor {
  /** Whom it is about; undefined: everyone that no earlier entry is about. */
  readonly who?: Who | undefined;
  readonly limits: { readonly [Name in ClientLimit]?: number | undefined };
}

/** An entry of `limitsFor`, compiled. */
export interface Tier {
  /** Undefined: everyone. */
  readonly isAbout: Predicate | undefined;
  readonly limits: LimitsFor["limits"];
  /** What it makes of the rules of each listener: one object for all of its clients. */
  readonly derived: WeakMap<Rules, Rules>;
}

/** Compiles the entries, in their order. Ranges of addresses in them have been found good. */
export function tiersOf(entries: readonly LimitsFor[]): readonly Tier[] {
  return entries.map(({ who, limits }) => ({
    isAbout: whoMatches(who),
    limits,
    derived: new WeakMap(),
  }));
}

/** The rules for a client: those of its listener, with the limits of the first entry that is about it. */
export function rulesForClient(rules: Rules, identity: Identity): Rules {
  const base = rulesFor(rules, { listener: identity.listener ?? "" });
  for (const tier of rules.tiers) {
    if (tier.isAbout === undefined || tier.isAbout(identity)) return derived(tier, base);
  }
  return base;
}

function derived({ limits, derived }: Tier, base: Rules): Rules {
  const known = derived.get(base);
  if (known !== undefined) return known;
  const rules = { ...base, limits: limitsWith(base.limits, limits, clientLimitNames) };
  derived.set(base, rules);
  return rules;
}
