/**
 * Publishes `$SYS` at start and every so often: what has changed since the last time.
 */

import type { Broker } from "../broker/broker.ts";
import type { Statistics } from "../service/statistics.ts";
import { changedTopics, sysTopics } from "../service/sys_topics.ts";
import type { Runtime } from "./runtime.ts";

/** What it needs to know. */
export interface Publishing {
  readonly runtime: Runtime;
  readonly broker: Broker;
  readonly statistics: Readonly<Statistics>;
  readonly version: string;
  readonly promise: string;
  /** Seconds; 0: nothing is published. */
  readonly interval: number;
}

/** Begins, and returns what ends it. */
export function publishSys(publishing: Publishing): () => void {
  const { runtime, broker, statistics, version, promise, interval } = publishing;
  if (interval === 0) return () => {};
  const start = performance.now();
  let before: ReadonlyMap<string, string> = new Map();
  const publish = () => {
    const uptime = Math.floor((performance.now() - start) / 1000);
    const now = sysTopics({ version, promise, uptime }, statistics, broker.snapshot());
    runtime.feed({ type: "publish", messages: changedTopics(before, now) });
    runtime.endTurn();
    before = now;
  };
  publish();
  const timer = setInterval(publish, interval * 1000);
  return () => clearInterval(timer);
}
