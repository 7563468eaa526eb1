/**
 * Statistics and log as folds over the facts, and words for what the log must not quote.
 */

import type { Event } from "../broker/event.ts";
import { levelOf, lineOf } from "../service/journal.ts";
import type { Statistics } from "../service/statistics.ts";
import { count } from "../service/statistics.ts";
import type { Fact } from "../session/fact.ts";
import { getLog } from "./log.ts";

/** Counts every fact, and writes a line for those that the level of the log lets through. */
export function observer(statistics: Statistics): (fact: Fact) => void {
  const logs = { client: getLog("client"), broker: getLog("broker") };
  return (fact) => {
    count(statistics, fact);
    const level = levelOf(fact);
    const ofStore = fact.type === "store" || fact.type === "storeDamaged";
    const log = ofStore ? logs.broker : logs.client;
    if (!log.enabled(level)) return;
    const { message, fields } = lineOf(fact);
    log[level](message, fields);
  };
}

/** An event for the log, without what a client wrote into it. */
export function describe(event: Event): string {
  return event.type === "packet" ? `packet ${event.packet.type}` : event.type;
}
