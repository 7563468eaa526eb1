/**
 * Counts, as a fold over facts: every drop, refusal and end by the words of reason_words.ts.
 */

import { reasonName } from "../packet/reason_code.ts";
import type { SkipReason } from "../policy/auto_template.ts";
import type { Fact, RateLimit } from "../session/fact.ts";
import type { CloseReason, Counts, DropReason, SessionEnd } from "../session/reason_words.ts";
import {
  closeReasons,
  dropReasons,
  noneOf,
  sessionEnds,
  skipReasons,
} from "../session/reason_words.ts";

export interface Statistics {
  /** CONNACKs with success. */
  connections: number;
  readonly disconnects: Counts<CloseReason>;
  readonly drops: Counts<DropReason>;
  /** What was refused, by what was asked for (`publish`) and the name of the Reason Code. */
  readonly refusals: Map<string, Map<string, number>>;
  readonly sessionEnds: Counts<SessionEnd>;
  /** How often a rate was exceeded, anew each time, by the name of the limit. */
  readonly rateLimits: Record<RateLimit, number>;
  /** Filters of rules of auto-subscribe that made no subscription. */
  readonly autoSubscribeSkips: Counts<SkipReason>;
  /** Sessions that were made before their clients came. */
  provisioned: number;
  subscribed: number;
  unsubscribed: number;
  /** Client events above the limit on them. */
  clientEventsDropped: number;
  /** The most sessions at once that anybody looked at. */
  clientsMaximum: number;
  /** The same of bytes of the heap. */
  heapMaximum: number;
  /** The store has no room now, and its words for that. */
  storeFull: boolean;
  storeTrouble: string;
  /** What was found at start of a store that could not be read. */
  storeDamage: Fact & { readonly type: "storeDamaged" } | undefined;
}

/** Nothing has happened. */
export function newStatistics(): Statistics {
  return {
    connections: 0,
    disconnects: noneOf(closeReasons),
    drops: noneOf(dropReasons),
    refusals: new Map(),
    sessionEnds: noneOf(sessionEnds),
    rateLimits: { messageRate: 0, byteRate: 0, listenerMessageRate: 0, listenerByteRate: 0 },
    autoSubscribeSkips: noneOf(skipReasons),
    provisioned: 0,
    subscribed: 0,
    unsubscribed: 0,
    clientEventsDropped: 0,
    clientsMaximum: 0,
    heapMaximum: 0,
    storeFull: false,
    storeTrouble: "",
    storeDamage: undefined,
  };
}

/** Counts one fact in. */
export function count(statistics: Statistics, fact: Fact): void {
  switch (fact.type) {
    case "connected":
      statistics.connections += 1;
      return;
    case "disconnected":
      statistics.disconnects[fact.reason] += 1;
      return;
    case "dropped":
      statistics.drops[fact.reason] += fact.count;
      return;
    case "refused":
      return refuse(statistics, fact.action, reasonName(fact.reasonCode));
    case "subscribed":
    case "unsubscribed":
      statistics[fact.type] += fact.subscriptions.length;
      return;
    case "autoSubscribeSkipped":
      statistics.autoSubscribeSkips[fact.why] += 1;
      return;
    case "provisioned":
      statistics.provisioned += 1;
      return;
    case "sessionEnded":
      statistics.sessionEnds[fact.why] += 1;
      if (fact.messagesDropped > 0) statistics.drops.sessionEnded += fact.messagesDropped;
      return;
    case "rateLimited":
      statistics.rateLimits[fact.limit] += 1;
      return;
    case "store":
      statistics.storeFull = fact.full;
      statistics.storeTrouble = fact.detail;
      return;
    case "storeDamaged":
      statistics.storeDamage = fact;
  }
}

/** Both words come from closed lists, so the table stays small. */
function refuse({ refusals }: Statistics, action: string, reason: string): void {
  let of = refusals.get(action);
  if (of === undefined) refusals.set(action, of = new Map());
  of.set(reason, (of.get(reason) ?? 0) + 1);
}

/** All messages that were dropped. */
export function allDrops({ drops }: Readonly<Statistics>): number {
  return Object.values(drops).reduce((sum, each) => sum + each, 0);
}

/** All that was refused. */
export function allRefusals({ refusals }: Readonly<Statistics>): number {
  let sum = 0;
  for (const of of refusals.values()) for (const each of of.values()) sum += each;
  return sum;
}
