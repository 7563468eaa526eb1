/**
 * An UNSUBSCRIBE from the client. MQTT 5.0 sections 3.10 and 3.11.
 */

import type { Unsubscribe } from "../packet/packet.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import { Reason } from "../packet/reason_code.ts";
import { parseTopicFilter } from "../topic/topic_filter.ts";
import type { Demand } from "./effect.ts";
import { malformedFilter } from "./on_subscribe.ts";
import * as ids from "./packet_id_map.ts";
import type { Session } from "./session.ts";
import { isStored } from "./session.ts";
import type { Given, Step } from "./step.ts";
import { step } from "./step.ts";
import type { Subscription } from "./subscription_map.ts";
import { subscriptionOf, withoutSubscription } from "./subscription_map.ts";
import type { Write } from "./write.ts";

/**
 * Takes away what matches a filter character by character [MQTT-3.10.4-1]; what is inflight or queued
 * by it is still delivered [MQTT-3.10.4-3]. The UNSUBACK comes in every case [MQTT-3.10.4-4].
 */
export function onUnsubscribe(
  session: Session,
  packet: Unsubscribe,
  given: Given,
): Step<Session, Demand> {
  let subscriptions = session.subscriptions;
  const removed: Subscription[] = [];
  const reasonCodes: ReasonCode[] = [];
  const writes: Write[] = [];
  const { clientId } = session;
  const { filtersPerSubscribe, topicLevels } = given.rules.limits;
  if (packet.filters.length > filtersPerSubscribe) return tooMany(session, packet, given);
  for (const full of packet.filters) {
    const problem = parseTopicFilter(full, topicLevels);
    if (typeof problem === "string") {
      if (given.version !== 5) return step(session, malformedFilter(problem));
      reasonCodes.push(Reason.topicFilterInvalid);
      continue;
    }
    if (given.version === 5 && ids.has(session.received, packet.packetId)) { // awaits its PUBREL
      reasonCodes.push(Reason.packetIdentifierInUse);
      continue;
    }
    const subscription = subscriptionOf(subscriptions, full);
    if (subscription === undefined) {
      reasonCodes.push(Reason.noSubscriptionExisted);
      continue;
    }
    subscriptions = withoutSubscription(subscriptions, full);
    removed.push(subscription);
    reasonCodes.push(Reason.success);
    if (isStored(session)) writes.push({ type: "deleteSubscription", clientId, filter: full });
  }
  return step(
    removed.length === 0 ? session : { ...session, subscriptions },
    {
      type: "unsubscribe",
      removed,
      receipt: {
        type: "unsuback",
        packetId: packet.packetId,
        reasonCodes,
        properties: undefined,
      },
      writes,
    },
  );
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
    receipt: {
      type: "unsuback",
      packetId: packet.packetId,
      reasonCodes: packet.filters.map(() => Reason.implementationSpecificError),
      properties: undefined,
    },
    writes: [],
  });
}
