/**
 * A session and the rules of auto-subscribe: what they want becomes what it has, and nothing else of it
 * changes. Asked when a client connects, when the rules change, and when a client has other roles.
 *
 * Of each filter a session has one of four: nothing; the client's own subscription, which wins; a rule's; or
 * the word that its client has unsubscribed from the rule's, which a pinned rule does not heed.
 */

import type { AutoSubscription } from "../policy/auto_subscriptions.ts";
import { UNSUBSCRIBED_ORIGIN } from "../policy/auto_subscribe_rule.ts";
import type { SubscriptionOptions } from "../packet/packet.ts";
import type { ClientId } from "../policy/identity.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import type { Session } from "./session.ts";
import { isStored } from "./session.ts";
import type { Subscription } from "./subscription_map.ts";
import {
  allSubscriptions,
  subscriptionOf,
  withoutSubscription,
  withoutUnsubscribed,
  withSubscription,
} from "./subscription_map.ts";
import type { Write } from "./write.ts";

/** A subscription of a rule that is new, or other than it was, or whose retained messages are due. */
export interface Made {
  readonly subscription: Subscription;
  /** There was none. */
  readonly isNew: boolean;
  /** Topics lead to it in another way than before. */
  readonly changed: boolean;
  /** Retained messages go to its client, who is here. */
  readonly retained: boolean;
}

export interface Reconciled {
  readonly session: Session;
  readonly made: readonly Made[];
  readonly removed: readonly Subscription[];
  /** None of a session that is not stored. */
  readonly writes: readonly Write[];
}

/** Where the session's client is: coming in, here already, or away. */
export type Presence = "connecting" | "here" | "away";

/** The session with what the rules want. Nothing changes where they want what is there. */
export function reconcile(
  session: Session,
  wanted: ReadonlyMap<TopicFilter, AutoSubscription>,
  presence: Presence,
): Reconciled {
  const made: Made[] = [];
  const removed: Subscription[] = [];
  const writes: Write[] = [];
  let { subscriptions } = session;
  const { clientId } = session;
  let kept = 0;
  for (const rule of wanted.values()) {
    const existing = subscriptionOf(subscriptions, rule.full);
    if (existing !== undefined && existing.origin === undefined) continue; // the client's own wins
    if (existing === undefined && subscriptions.unsubscribed.has(rule.full)) {
      if (!rule.pinned) continue;
      subscriptions = withoutUnsubscribed(subscriptions, rule.full);
    }
    kept += 1;
    const step = makeOne(existing, rule, presence);
    if (step.made !== undefined) made.push(step.made);
    if (step.subscription === existing) continue;
    subscriptions = withSubscription(subscriptions, step.subscription);
    writes.push(putSubscription(clientId, step.subscription));
  }
  if (subscriptions.made > kept) {
    for (const subscription of allSubscriptions(subscriptions)) {
      if (subscription.origin === undefined || wanted.has(subscription.full)) continue;
      subscriptions = withoutSubscription(subscriptions, subscription.full);
      removed.push(subscription);
      writes.push({ type: "deleteSubscription", clientId, filter: subscription.full });
    }
  }
  if (presence === "connecting" && subscriptions.awaited) {
    subscriptions = { ...subscriptions, awaited: false };
    for (const subscription of allSubscriptions(subscriptions)) {
      if (!subscription.unseen) continue;
      const seen = asSeen(subscription);
      subscriptions = withSubscription(subscriptions, seen);
      made.push({ subscription: seen, isNew: false, changed: false, retained: true });
      writes.push(putSubscription(clientId, seen));
    }
  }
  return {
    session: subscriptions === session.subscriptions ? session : { ...session, subscriptions },
    made,
    removed,
    writes: isStored(session) ? writes : [],
  };
}

/** One subscription of a rule's, and what is to be done about it if anything. */
function makeOne(
  existing: Subscription | undefined,
  rule: AutoSubscription,
  presence: Presence,
): { readonly subscription: Subscription; readonly made: Made | undefined } {
  const { retainHandling } = rule.options;
  const mayRetain = rule.shareName === undefined && retainHandling !== 2; // section 4.8.2
  const isNew = existing === undefined;
  const changed = isNew || !sameOptions(existing.options, rule.options);
  const unseen = presence === "away" && mayRetain && (isNew || existing.unseen === true);
  const due = mayRetain && presence !== "away" && (
    isNew || existing.unseen === true ||
    retainHandling === 0 && (changed || presence === "connecting")
  );
  const isSame = !changed && existing.origin === rule.rule && (existing.unseen === true) === unseen;
  const subscription = isSame ? existing : subscriptionBy(rule, unseen);
  const made = changed || due ? { subscription, isNew, changed, retained: due } : undefined;
  return { subscription, made };
}

/** The subscription that a rule makes. */
export function subscriptionBy(rule: AutoSubscription, unseen = false): Subscription {
  const { full, filter, shareName, options } = rule;
  const subscription = { full, filter, shareName, options, origin: rule.rule };
  return unseen ? { ...subscription, unseen } : subscription;
}

function asSeen({ full, filter, shareName, options, origin }: Subscription): Subscription {
  const plain = { full, filter, shareName, options };
  return origin === undefined ? plain : { ...plain, origin };
}

/** The record that the client has unsubscribed from what a rule makes, in the place of that. */
export function putUnsubscribed(
  clientId: ClientId,
  { full, filter, shareName, options }: Subscription,
): Write {
  const origin = UNSUBSCRIBED_ORIGIN;
  return putSubscription(clientId, { full, filter, shareName, options, origin });
}

function putSubscription(clientId: ClientId, subscription: Subscription): Write {
  return { type: "putSubscription", clientId, subscription };
}

function sameOptions(a: SubscriptionOptions, b: SubscriptionOptions): boolean {
  return a === b ||
    a.qos === b.qos && a.noLocal === b.noLocal && a.retainAsPublished === b.retainAsPublished &&
      a.retainHandling === b.retainHandling &&
      a.subscriptionIdentifier === b.subscriptionIdentifier;
}
