/**
 * A SUBSCRIBE from the client, or what a rule subscribes in its stead. MQTT 5.0 sections 3.8 and 3.9.
 */

import type { Subscribe, SubscriptionRequest } from "../packet/packet.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import { Reason } from "../packet/reason_code.ts";
import { permits } from "../policy/permits.ts";
import { parseTopicFilter } from "../topic/topic_filter.ts";
import type { Demand, Effect, Granted } from "./effect.ts";
import * as ids from "./packet_id_map.ts";
import type { Session } from "./session.ts";
import { isStored } from "./session.ts";
import type { Given, Step } from "./step.ts";
import { step } from "./step.ts";
import type { Subscription, SubscriptionMap } from "./subscription_map.ts";
import {
  sharedOptions,
  subscriptionOf,
  withoutUnsubscribed,
  withSubscription,
} from "./subscription_map.ts";
import type { Write } from "./write.ts";

interface Refused {
  readonly reasonCode: ReasonCode;
  readonly detail: string;
}

/**
 * Adds what is well-formed, permitted and within limits; the SUBACK has a Reason Code for each filter
 * [MQTT-3.8.4-6]. A filter that is not well-formed ends a 3.x connection [MQTT-4.8.0-1].
 */
export function onSubscribe(
  session: Session,
  packet: Subscribe,
  given: Given,
): Step<Session, Demand> {
  let { subscriptions } = session;
  const granted: Granted[] = [];
  const reasonCodes: ReasonCode[] = [];
  const writes: Write[] = [];
  const refusals: Effect[] = [];
  for (const request of packet.subscriptions) {
    const wanted = check(request, session, subscriptions, packet, given);
    if ("reasonCode" in wanted) {
      if (given.version !== 5 && wanted.reasonCode === Reason.topicFilterInvalid) {
        return step(session, malformedFilter(wanted.detail));
      }
      reasonCodes.push(wanted.reasonCode);
      refusals.push(refusal(session.clientId, request.filter, wanted));
      continue;
    }
    const { size } = subscriptions;
    // Its own SUBSCRIBE takes back that it unsubscribed from what a rule had made.
    subscriptions = withSubscription(withoutUnsubscribed(subscriptions, wanted.full), wanted);
    const existed = subscriptions.size === size;
    granted.push({ subscription: wanted, existed });
    reasonCodes.push(wanted.options.qos);
    if (isStored(session)) {
      writes.push({
        type: "putSubscription",
        clientId: session.clientId,
        subscription: wanted,
      });
    }
  }
  return step<Session, Demand>(
    granted.length === 0 ? session : { ...session, subscriptions },
    ...refusals,
    {
      type: "subscribe",
      granted,
      receipt: {
        type: "suback",
        packetId: packet.packetId,
        reasonCodes,
        properties: undefined,
      },
      writes,
    },
  );
}

/** The subscription that a request asks for besides those that there are, or why it cannot be had. */
function check(
  request: SubscriptionRequest,
  session: Session,
  subscriptions: SubscriptionMap,
  packet: Subscribe,
  given: Given,
): Subscription | Refused {
  const { limits } = given.rules;
  const parsed = parseTopicFilter(request.filter, limits.topicLevels, limits.topicLength);
  if (typeof parsed === "string") {
    return { reasonCode: Reason.topicFilterInvalid, detail: parsed };
  }
  if (given.version === 5 && ids.has(session.received, packet.packetId)) {
    return { reasonCode: Reason.packetIdentifierInUse, detail: "packet id awaits its PUBREL" };
  }
  if (parsed.shareName !== undefined && !given.announced.sharedSubscriptions) {
    return {
      reasonCode: Reason.sharedSubscriptionsNotSupported,
      detail: "sharedSubscriptions is off",
    };
  }
  const { rules, identity } = given;
  const { options: { qos } } = request;
  const decision = permits(rules, identity, "subscribe", parsed.filter, qos, false, parsed.full);
  if (!decision.permitted) return { reasonCode: Reason.notAuthorized, detail: decision.rule };
  if (packet.subscriptions.length > limits.filtersPerSubscribe) {
    return { reasonCode: Reason.quotaExceeded, detail: "more filters than filtersPerSubscribe" };
  }
  if (
    subscriptions.size >= limits.subscriptionsPerSession &&
    subscriptionOf(subscriptions, parsed.full) === undefined
  ) {
    return {
      reasonCode: Reason.quotaExceeded,
      detail: "more subscriptions than subscriptionsPerSession",
    };
  }
  return {
    full: parsed.full,
    filter: parsed.filter,
    shareName: parsed.shareName,
    options: sharedOptions(request.options),
  };
}

/** What ends a 3.x connection that sends a filter which is none. */
export function malformedFilter(detail: string): Demand {
  return {
    type: "disconnect",
    packet: { type: "disconnect", reasonCode: Reason.topicFilterInvalid, properties: undefined },
    detail,
  };
}

function refusal(clientId: string, topic: string, { reasonCode, detail }: Refused): Effect {
  return {
    type: "observe",
    fact: { type: "refused", clientId, action: "subscribe", topic, reasonCode, detail },
  };
}
