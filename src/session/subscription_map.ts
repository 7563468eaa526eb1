/**
 * The subscriptions of one session, a persistent map: adding one to ten thousand allocates a few small
 * arrays, not a copy. It is the packet id trie over a 16-bit hash of the filter, with a short list of
 * subscriptions in each place.
 */

import type { SubscriptionOptions } from "../packet/packet.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import type { PacketIdMap } from "./packet_id_map.ts";
import * as trie from "./packet_id_map.ts";

export interface Subscription {
  /** As subscribed, `$share/…` included: what tells subscriptions of a session apart. */
  readonly full: TopicFilter;
  /** What topics are matched against. */
  readonly filter: TopicFilter;
  readonly shareName: string | undefined;
  readonly options: SubscriptionOptions;
}

export interface SubscriptionMap {
  readonly size: number;
  readonly byHash: PacketIdMap<readonly Subscription[]>;
}

export const NO_SUBSCRIPTIONS: SubscriptionMap = { size: 0, byHash: trie.emptyPacketIdMap() };

/** FNV-1a folded to 1 … 65,535: the trie has no place 0. */
function hash(filter: TopicFilter): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < filter.length; i++) h = Math.imul(h ^ filter.charCodeAt(i), 0x01000193);
  return ((h >>> 16) ^ (h & 0xffff)) || 1;
}

/** The subscription with that full filter. */
export function subscriptionOf(map: SubscriptionMap, full: TopicFilter): Subscription | undefined {
  for (const subscription of trie.get(map.byHash, hash(full)) ?? []) {
    if (subscription.full === full) return subscription;
  }
  return undefined;
}

/** With the subscription in it; it replaces one with the same full filter [MQTT-3.8.4-3]. */
export function withSubscription(map: SubscriptionMap, added: Subscription): SubscriptionMap {
  const at = hash(added.full);
  const others = (trie.get(map.byHash, at) ?? []).filter((other) => other.full !== added.full);
  const known = subscriptionOf(map, added.full) !== undefined;
  return {
    size: known ? map.size : map.size + 1,
    byHash: trie.set(map.byHash, at, [...others, added]),
  };
}

/** Without the subscription; the same map when there was none. */
export function withoutSubscription(map: SubscriptionMap, full: TopicFilter): SubscriptionMap {
  if (subscriptionOf(map, full) === undefined) return map;
  const at = hash(full);
  const others = (trie.get(map.byHash, at) ?? []).filter((other) => other.full !== full);
  return {
    size: map.size - 1,
    byHash: others.length === 0 ? trie.remove(map.byHash, at) : trie.set(map.byHash, at, others),
  };
}

/** All of them, in no particular order. */
export function allSubscriptions(map: SubscriptionMap): readonly Subscription[] {
  return trie.entries(map.byHash).flatMap(([, subscriptions]) => subscriptions);
}
