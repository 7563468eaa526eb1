/**
 * An UNSUBSCRIBE from the client. MQTT 5.0 sections 3.10 and 3.11.
 */

import type { Unsubscribe } from "../packet/packet.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import { Reason } from "../packet/reason_code.ts";
import type { AutoSubscriptions } from "../policy/auto_subscriptions.ts";
import { autoSubscriptions } from "../policy/auto_subscriptions.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import { permitsUnsubscribe } from "../policy/permits.ts";
import { parseTopicFilter } from "../topic/topic_filter.ts";
import type { Demand, Effect } from "./effect.ts";
import { malformedFilter } from "./on_subscribe.ts";
import * as ids from "./packet_id_map.ts";
import { putUnsubscribed, subscriptionBy } from "./reconcile.ts";
import type { Session } from "./session.ts";
import { isStored } from "./session.ts";
import type { Given, Step } from "./step.ts";
import { step } from "./step.ts";
import type { Subscription, SubscriptionMap } from "./subscription_map.ts";
import {
  subscriptionOf,
  withoutSubscription,
  withoutUnsubscribed,
  withSubscription,
  withUnsubscribed,
} from "./subscription_map.ts";
import type { Write } from "./write.ts";

/**
 * Takes away what matches a filter character by character [MQTT-3.10.4-1]; what is inflight or queued
 * by it is still delivered [MQTT-3.10.4-3]. The UNSUBACK comes in every case [MQTT-3.10.4-4].
 *
 * Where a rule of auto-subscribe gives the filter too, the client's own subscription gives way to the rule's;
 * the rule's goes until the session ends, unless the rule is pinned.
 */
export function onUnsubscribe(
  session: Session,
  packet: Unsubscribe,
  given: Given,
): Step<Session, Demand> {
  let { subscriptions } = session;
  const removed: Subscription[] = [];
  const restored: Subscription[] = [];
  const refusals: Effect[] = [];
  const reasonCodes: ReasonCode[] = [];
  const writes: Write[] = [];
  const { clientId } = session;
  const { filtersPerSubscribe, topicLevels } = given.rules.limits;
  if (packet.filters.length > filtersPerSubscribe) return tooMany(session, packet, given);
  let known: AutoSubscriptions["wanted"] | undefined;
  const wanted = () => known ??= autoSubscriptions(given.rules, given.identity).wanted;
  for (const full of packet.filters) {
    const parsed = parseTopicFilter(full, topicLevels);
    if (typeof parsed === "string") {
      if (given.version !== 5) return step(session, malformedFilter(parsed));
      reasonCodes.push(Reason.topicFilterInvalid);
      continue;
    }
    if (given.version === 5 && ids.has(session.received, packet.packetId)) { // awaits its PUBREL
      reasonCodes.push(Reason.packetIdentifierInUse);
      continue;
    }
    const decision = permitsUnsubscribe(given.rules, given.identity, parsed.filter, parsed.full);
    if (!decision.permitted) {
      reasonCodes.push(Reason.notAuthorized); // which a 3.x client cannot be told
      refusals.push(refusal(clientId, full, decision.rule));
      continue;
    }
    const subscription = subscriptionOf(subscriptions, full);
    if (subscription === undefined) {
      reasonCodes.push(Reason.noSubscriptionExisted);
      // That a rule or an administrator took it away may not be durable yet: UNSUBACK waits for its own word.
      if (!subscriptions.unsubscribed.has(full)) {
        writes.push({ type: "deleteSubscription", clientId, filter: full });
      }
      continue;
    }
    const rule = wanted().get(full);
    if (rule?.pinned === true && subscription.origin !== undefined) {
      reasonCodes.push(Reason.notAuthorized); // which a 3.x client cannot be told
      refusals.push(refusal(clientId, full, rule.rule));
      continue;
    }
    reasonCodes.push(Reason.success);
    if (rule !== undefined && subscription.origin === undefined) { // its own gives way to the rule's
      const made = subscriptionBy(rule);
      subscriptions = withSubscription(subscriptions, made);
      restored.push(made);
      writes.push({ type: "putSubscription", clientId, subscription: made });
      continue;
    }
    subscriptions = withoutSubscription(subscriptions, full);
    removed.push(subscription);
    if (rule === undefined) {
      writes.push({ type: "deleteSubscription", clientId, filter: full });
      continue;
    }
    subscriptions = withUnsubscribed(subscriptions, full);
    subscriptions = withoutOldest(session, subscriptions, wanted(), given, writes);
    writes.push(putUnsubscribed(clientId, subscription));
  }
  const changes = removed.length + restored.length > 0;
  return step<Session, Demand>(
    changes ? { ...session, subscriptions } : session,
    ...refusals,
    {
      type: "unsubscribe",
      removed,
      // A filter that is named twice may have lost the rule's subscription again.
      restored: restored.filter((made) => subscriptionOf(subscriptions, made.full) === made),
      receipt: {
        type: "unsuback",
        packetId: packet.packetId,
        reasonCodes,
        properties: undefined,
      },
      writes: isStored(session) ? writes : [],
    },
  );
}

/** Beyond the limit those that no rule gives any more are forgotten. */
function withoutOldest(
  { clientId }: Session,
  subscriptions: SubscriptionMap,
  wanted: AutoSubscriptions["wanted"],
  { rules }: Given,
  writes: Write[],
): SubscriptionMap {
  let next = subscriptions;
  if (next.unsubscribed.size <= rules.limits.autoSubscribeFilters) return next;
  for (const filter of subscriptions.unsubscribed) {
    if (wanted.has(filter)) continue;
    next = withoutUnsubscribed(next, filter);
    writes.push({ type: "deleteSubscription", clientId, filter });
  }
  return next;
}

function refusal(clientId: string, topic: TopicFilter, rule: string): Effect {
  const reasonCode = Reason.notAuthorized;
  const detail = `pinned by autoSubscribe "${rule}"`;
  return {
    type: "observe",
    fact: { type: "refused", clientId, action: "unsubscribe", topic, reasonCode, detail },
  };
}

/** More filters than one packet may have: UNSUBACK has no 0x97, and tells 3.x clients nothing. */
function tooMany(session: Session, packet: Unsubscribe, given: Given): Step<Session, Demand> {
  if (given.version !== 5) {
    return step(session, {
      type: "disconnect",
      packet: { type: "disconnect", reasonCode: Reason.quotaExceeded, properties: undefined },
      detail: `UNSUBSCRIBE with ${packet.filters.length} filters, more than filtersPerSubscribe`,
    });
  }
  return step(session, {
    type: "unsubscribe",
    removed: [],
    restored: [],
    receipt: {
      type: "unsuback",
      packetId: packet.packetId,
      reasonCodes: packet.filters.map(() => Reason.implementationSpecificError),
      properties: undefined,
    },
    writes: [],
  });
}
