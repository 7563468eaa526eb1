/**
 * Subscriptions into and out of the tree, and the retained messages that a new one asks for.
 * MQTT 5.0 sections 3.8.4 and 3.10.4.
 */

import type { Granted } from "../session/effect.ts";
import type { Subscription } from "../session/subscription_map.ts";
import { mapKey } from "../topic/map_key.ts";
import { beginStream } from "./retained_stream.ts";
import { countInterest } from "./interest.ts";
import { groupBy, groupKey, join, leave } from "./shared.ts";
import type { Client, ClientSubscriber, Tables } from "./tables.ts";

/** Makes granted subscriptions effective, and begins their streams of retained messages. */
export function index(tables: Tables, client: Client, granted: readonly Granted[]): void {
  for (const { subscription, existed } of granted) {
    enter(tables, client, subscription);
    if (subscription.shareName !== undefined) continue; // no retained messages, section 4.8.2
    const { retainHandling } = subscription.options;
    if (retainHandling === 0 || retainHandling === 1 && !existed) {
      beginStream(tables, client, subscription); // [MQTT-3.3.1-9] [MQTT-3.3.1-10]
    }
  }
}

/** From now on topics lead to it, or lead to it with its new options. */
export function enter(tables: Tables, client: Client, subscription: Subscription): void {
  if (tables.cluster !== undefined) recount(tables, client, subscription);
  if (subscription.shareName !== undefined) return join(tables, client, subscription);
  tables.tree.add(subscription.filter, client.clientId, subscriberOf(client, subscription));
}

/** The one that there is, where the options are those of the subscription before. */
function subscriberOf(client: Client, { options }: Subscription): ClientSubscriber {
  if (client.subscriber?.options === options) return client.subscriber;
  return client.subscriber = { kind: "client", client, options, alone: undefined };
}

/** Other nodes are told of the subscription in the place of the one that there was, if any. */
function recount(tables: Tables, client: Client, subscription: Subscription): void {
  const before = indexed(tables, client, subscription);
  if (before !== undefined) countInterest(tables, client, before, -1);
  countInterest(tables, client, subscription, 1);
}

/** The subscription that topics lead to now. */
function indexed(
  tables: Tables,
  client: Client,
  subscription: Subscription,
): Subscription | undefined {
  const { full, filter, shareName } = subscription;
  if (shareName !== undefined) {
    return groupBy(tables, groupKey(full))?.members.find((member) => member.client === client)
      ?.subscription;
  }
  const value = tables.tree.get(filter, client.clientId);
  return value?.kind === "client" ? { ...subscription, options: value.options } : undefined;
}

/** Takes subscriptions out; what is inflight or queued by them stays [MQTT-3.10.4-3]. */
export function unindex(
  tables: Tables,
  client: Client,
  removed: readonly Subscription[],
): void {
  for (const subscription of removed) {
    if (tables.cluster !== undefined) {
      const before = indexed(tables, client, subscription);
      if (before !== undefined) countInterest(tables, client, before, -1);
    }
    if (subscription.shareName !== undefined) {
      leave(tables, client, subscription);
      continue;
    }
    tables.tree.remove(subscription.filter, client.clientId);
  }
  if (client.streams.length === 0) return;
  // What was not sent yet of their retained messages is not sent any more. Once for all: there may be thousands of both.
  const gone = new Set(removed.map(({ full }) => mapKey(full)));
  client.streams = client.streams.filter(({ subscription }) =>
    !gone.has(mapKey(subscription.full))
  );
}
