/**
 * The subscriptions of one session, a persistent map: adding one to ten thousand allocates a few small
 * arrays, not a copy. It is the packet id trie over a 16-bit hash of the filter; where several subscriptions
 * meet in a place, such a trie again over another hash.
 */

import type { SubscriptionOptions } from "../packet/packet.ts";
import { CLIENT_ORIGIN } from "../policy/auto_subscribe_rule.ts";
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
  /** The rule of auto-subscribe that made it; absent: the client itself. See `originOf`. */
  readonly origin?: string | undefined;
  /** Made while its client was away: its retained messages are due when the client comes. Absent: no. */
  readonly unseen?: boolean | undefined;
}

export interface SubscriptionMap {
  readonly size: number;
  /** Those among them that rules of auto-subscribe have made. */
  readonly made: number;
  /**
   * Filters that rules give the session and its client has unsubscribed from. This and the next stand here and
   * not in the session, which is copied for every message.
   */
  readonly unsubscribed: ReadonlySet<TopicFilter>;
  /** The session was made before its client came for the first time: neither side has anything to resume. */
  readonly awaited: boolean;
  readonly byHash: Places;
}

type Places = PacketIdMap<Place>;
type Place = Subscription | Crowd;

/** Those that meet in a place, by another hash. A list of them would be as long as a client wants it. */
interface Crowd {
  readonly crowd: PacketIdMap<Place>;
}

const NO_PLACES: Places = trie.emptyPacketIdMap();

export const NO_SUBSCRIPTIONS: SubscriptionMap = {
  size: 0,
  made: 0,
  unsubscribed: new Set(),
  awaited: false,
  byHash: NO_PLACES,
};

/** Options without a Subscription Identifier, of which there are 36. */
const COMMON: readonly SubscriptionOptions[] = Array.from({ length: 36 }, (_, place) => ({
  qos: Math.floor(place / 12) as SubscriptionOptions["qos"],
  noLocal: (place & 1) === 1,
  retainAsPublished: (place & 2) === 2,
  retainHandling: Math.floor(place / 4) % 3 as SubscriptionOptions["retainHandling"],
  subscriptionIdentifier: undefined,
}));

/** The same options, as an object that is shared: of a million subscriptions each had 64 bytes of its own. */
export function sharedOptions(options: SubscriptionOptions): SubscriptionOptions {
  const { qos, noLocal, retainAsPublished, retainHandling, subscriptionIdentifier } = options;
  if (subscriptionIdentifier !== undefined) return options;
  return COMMON[qos * 12 + retainHandling * 4 + (retainAsPublished ? 2 : 0) + (noLocal ? 1 : 0)]!;
}

/** Who made it: a rule of auto-subscribe, by its name, or the client. */
export function originOf({ origin }: Subscription): string {
  return origin ?? CLIENT_ORIGIN;
}

/** 1 for a subscription of a rule's. */
function madeIn(subscription: Subscription | undefined): number {
  return subscription?.origin === undefined ? 0 : 1;
}

/**
 * The place of a filter at a depth, 1 … 65,535: the trie has no place 0. FNV-1a, begun and ended elsewhere at
 * each depth: who makes filters that meet at one depth has them part at the next.
 */
export function placeOf(full: TopicFilter, depth: number): number {
  let h = 0x811c9dc5 ^ Math.imul(depth, 0x9e3779b1);
  for (let i = 0; i < full.length; i++) h = Math.imul(h ^ full.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 15) ^ depth, 0x85ebca6b);
  return ((h >>> 16) ^ (h & 0xffff)) || 1;
}

/** The subscription with that full filter. */
export function subscriptionOf(map: SubscriptionMap, full: TopicFilter): Subscription | undefined {
  let places = map.byHash;
  for (let depth = 0;; depth++) {
    const place = trie.get(places, placeOf(full, depth));
    if (place === undefined || !isCrowd(place)) return place?.full === full ? place : undefined;
    places = place.crowd;
  }
}

/** With the subscription in it; it replaces one with the same full filter [MQTT-3.8.4-3]. */
export function withSubscription(map: SubscriptionMap, added: Subscription): SubscriptionMap {
  const known = subscriptionOf(map, added.full);
  return {
    size: known === undefined ? map.size + 1 : map.size,
    made: map.made - madeIn(known) + madeIn(added),
    unsubscribed: map.unsubscribed,
    awaited: map.awaited,
    byHash: placed(map.byHash, added, 0),
  };
}

/** Without the subscription; the same map when there was none. */
export function withoutSubscription(map: SubscriptionMap, full: TopicFilter): SubscriptionMap {
  const known = subscriptionOf(map, full);
  if (known === undefined) return map;
  return {
    size: map.size - 1,
    made: map.made - madeIn(known),
    unsubscribed: map.unsubscribed,
    awaited: map.awaited,
    byHash: displaced(map.byHash, full, 0),
  };
}

/** All of them, in no particular order. */
export function allSubscriptions(map: SubscriptionMap): readonly Subscription[] {
  return allIn(map.byHash);
}

function isCrowd(place: Place): place is Crowd {
  return "crowd" in place;
}

function placed(places: Places, added: Subscription, depth: number): Places {
  const at = placeOf(added.full, depth);
  const place = trie.get(places, at);
  if (place === undefined) return trie.set<Place>(places, at, added);
  if (!isCrowd(place) && place.full === added.full) return trie.set<Place>(places, at, added);
  const others = isCrowd(place) ? place.crowd : placed(NO_PLACES, place, depth + 1);
  return trie.set<Place>(places, at, { crowd: placed(others, added, depth + 1) });
}

/** Without the subscription of that filter, which is there. */
function displaced(places: Places, full: TopicFilter, depth: number): Places {
  const at = placeOf(full, depth);
  const place = trie.get(places, at)!;
  const left = isCrowd(place) ? displaced(place.crowd, full, depth + 1) : NO_PLACES;
  return left.size === 0 ? trie.remove(places, at) : trie.set<Place>(places, at, { crowd: left });
}

function allIn(places: Places): readonly Subscription[] {
  return trie.entries(places).flatMap(([, place]) => isCrowd(place) ? allIn(place.crowd) : place);
}

/** With the word that the client has unsubscribed from what a rule gives. */
export function withUnsubscribed(map: SubscriptionMap, full: TopicFilter): SubscriptionMap {
  return { ...map, unsubscribed: new Set(map.unsubscribed).add(full) };
}

/** Without that word; the same map where there was none. */
export function withoutUnsubscribed(map: SubscriptionMap, full: TopicFilter): SubscriptionMap {
  // Of an empty one is not asked: V8 keeps each string that a Set is asked for in a table of its own, for 0.5 us.
  if (map.unsubscribed.size === 0 || !map.unsubscribed.has(full)) return map;
  const unsubscribed = new Set(map.unsubscribed);
  unsubscribed.delete(full);
  return { ...map, unsubscribed };
}
