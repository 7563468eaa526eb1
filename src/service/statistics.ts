/**
 * Counts, as a fold over facts: every drop, refusal and end of a connection by its reason.
 */

import type { CloseReason, DropReason, Fact } from "../session/fact.ts";

export interface Statistics {
  connections: number;
  readonly disconnects: { [reason in CloseReason]?: number };
  readonly drops: { [reason in DropReason]?: number };
  /** QoS 0 frames that full outboxes did not take. */
  outboxDrops: number;
  refusals: number;
  sessionsEnded: number;
  /** The store has no room now. */
  storeFull: boolean;
  /** What was found at start of a store that could not be read. */
  storeDamage: Fact & { readonly type: "storeDamaged" } | undefined;
}

/** Nothing has happened. */
export function newStatistics(): Statistics {
  return {
    connections: 0,
    disconnects: {},
    drops: {},
    outboxDrops: 0,
    refusals: 0,
    sessionsEnded: 0,
    storeFull: false,
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
      statistics.disconnects[fact.reason] = (statistics.disconnects[fact.reason] ?? 0) + 1;
      return;
    case "dropped":
      statistics.drops[fact.reason] = (statistics.drops[fact.reason] ?? 0) + fact.count;
      return;
    case "refused":
      statistics.refusals += 1;
      return;
    case "sessionEnded":
      statistics.sessionsEnded += 1;
      return;
    case "store":
      statistics.storeFull = fact.full;
      return;
    case "storeDamaged":
      statistics.storeDamage = fact;
  }
}
