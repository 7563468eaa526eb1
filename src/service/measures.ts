/**
 * What the shell measures while it works: a mutable island, written by runtime, committer and monitor, read by
 * `$SYS` and the metrics. Times are in seconds.
 */

import type { Counts, TurnAwayReason } from "../session/reason_words.ts";
import { noneOf, turnAwayReasons } from "../session/reason_words.ts";
import type { Histogram } from "./histogram.ts";
import { newHistogram } from "./histogram.ts";
import type { Traffic } from "./traffic.ts";
import { newTraffic } from "./traffic.ts";

export interface Measures {
  readonly traffic: Traffic;
  /** Links closed before MQTT. */
  readonly turnedAway: Counts<TurnAwayReason>;
  /**
   * From the first PUBLISH of a turn to the end of the turn, when what it led to without the store is handed
   * to the links; of one turn in `SAMPLED`.
   */
  readonly route: Histogram;
  /** Of a commit that the store did not answer at once. */
  readonly commit: Histogram;
  /** Messages, acknowledgements and subscriptions that one such commit made durable. */
  readonly commitSize: Histogram;
  /** How much later than asked for a timer was called. */
  readonly eventLoopDelay: Histogram;
}

/** Of so many turns the route latency of one is measured: asking for the time costs as much as a packet. */
export const SAMPLED = 64;

/** Nothing is measured yet. */
export function newMeasures(): Measures {
  return {
    traffic: newTraffic(),
    turnedAway: noneOf(turnAwayReasons),
    route: newHistogram([
      0.000_05,
      0.000_1,
      0.000_25,
      0.000_5,
      0.001,
      0.002_5,
      0.005,
      0.01,
      0.025,
      0.05,
      0.1,
      0.5,
      1,
    ]),
    commit: newHistogram([
      0.000_1,
      0.000_25,
      0.000_5,
      0.001,
      0.002_5,
      0.005,
      0.01,
      0.025,
      0.05,
      0.1,
      0.25,
      0.5,
      1,
      5,
      10,
    ]),
    commitSize: newHistogram([1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]),
    eventLoopDelay: newHistogram([0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]),
  };
}
