/**
 * Publishes what clients do, as client_events.ts words it, up to a number of events a second: what is above it
 * is counted. A storm of connections is not to become a storm of messages.
 */

import type { OwnMessage } from "../broker/publish_own.ts";
import type { Instant } from "../policy/identity.ts";
import { clientEvents } from "../service/client_events.ts";
import type { Statistics } from "../service/statistics.ts";
import type { Fact } from "../session/fact.ts";

/** What it needs. */
export interface EventPublishing {
  readonly perSecond: () => number;
  readonly now: () => Instant;
  readonly publish: (messages: readonly OwnMessage[]) => void;
  readonly statistics: Pick<Statistics, "clientEventsDropped">;
}

/** A function that is given every fact. */
export function eventPublisher(publishing: EventPublishing): (fact: Fact) => void {
  const { perSecond, now, publish, statistics } = publishing;
  let second = -1;
  let told = 0;
  return (fact) => {
    const at = now();
    const current = Math.floor(at / 1000);
    if (current !== second) {
      second = current;
      told = 0;
    }
    const room = Math.max(0, perSecond() - told);
    const events = eventsOf(fact, at, room);
    told += events.length;
    statistics.clientEventsDropped += due(fact) - events.length;
    if (events.length > 0) publish(events);
  };
}

/** The first so many events; nothing is made of the rest. */
function eventsOf(fact: Fact, at: Instant, most: number): readonly OwnMessage[] {
  if (due(fact) === 0 || most === 0) return [];
  if (fact.type !== "subscribed" && fact.type !== "unsubscribed") return clientEvents(fact, at);
  const { subscriptions } = fact;
  if (subscriptions.length <= most) return clientEvents(fact, at);
  return clientEvents({ ...fact, subscriptions: subscriptions.slice(0, most) }, at);
}

/** How many events the fact is. */
function due(fact: Fact): number {
  switch (fact.type) {
    case "connected":
      return 1;
    case "disconnected":
      return fact.letIn ? 1 : 0;
    case "subscribed":
    case "unsubscribed":
      return fact.subscriptions.length;
    default:
      return 0;
  }
}
