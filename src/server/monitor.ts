/**
 * Looks at the broker from time to time: publishes below `$SYS` what has changed, raises and clears alarms, and
 * finds out how late the event loop is. What it publishes is decided in service/.
 */

import type { Broker } from "../broker/broker.ts";
import type { OwnMessage } from "../broker/publish_own.ts";
import type { Instant } from "../policy/identity.ts";
import type { Active, AlarmName, Alarms } from "../service/alarms.ts";
import { alarmMessage, changes, look, NO_ALARMS } from "../service/alarms.ts";
import { observe } from "../service/histogram.ts";
import type { Loads } from "../service/loads.ts";
import { nextLoads } from "../service/loads.ts";
import type { ClusterSeen, Seen } from "../service/seen.ts";
import type { Statistics } from "../service/statistics.ts";
import { changedTopics, sysTopics } from "../service/sys_topics.ts";
import type { Log } from "./log.ts";
import type { Runtime } from "./runtime.ts";

/** Milliseconds between two looks for alarms, and between two samples of the event loop's delay. */
const LOOK = 1_000;
const SAMPLE = 250;

/** What it needs to know. */
export interface Monitoring {
  readonly runtime: Runtime;
  readonly broker: Broker;
  readonly statistics: Statistics;
  readonly now: () => Instant;
  readonly version: string;
  readonly promise: string;
  /** Connections that there is room for. */
  readonly mostConnections: () => number;
  /** Seconds between two looks at what is published; 0: nothing is, alarms neither. */
  readonly interval: number;
  readonly log: Log;
  /** How the cluster stands; undefined where there is none. */
  readonly cluster?: (() => ClusterSeen) | undefined;
}

export interface Monitor {
  /** Publishes with another interval from now on: 0 ends that. */
  every(interval: number): void;
  seen(): Seen;
  /** The alarms that are active. */
  alarms(): ReadonlyMap<AlarmName, Active>;
  stop(): void;
}

/** Begins. */
export function monitor(monitoring: Monitoring): Monitor {
  const { runtime, broker, statistics, now, version, promise, mostConnections } = monitoring;
  const { log, cluster } = monitoring;
  let { interval } = monitoring;
  const start = performance.now();
  const delay = watchEventLoop((seconds) => observe(runtime.measures.eventLoopDelay, seconds));
  let alarms: Alarms = NO_ALARMS;
  const seen = (): Seen => {
    const { rss, heapUsed, heapTotal, external } = Deno.memoryUsage();
    return {
      now: now(),
      about: { version, promise, uptime: Math.floor((performance.now() - start) / 1000) },
      statistics,
      measures: runtime.measures,
      tables: broker.snapshot(),
      cluster: cluster?.(),
      memory: { resident: rss, heapUsed, heapTotal, external },
      unwritten: () => runtime.unwritten(),
      mostConnections: mostConnections(),
      eventLoopDelay: delay.worst(),
    };
  };
  const publish = (messages: readonly OwnMessage[]) => {
    if (interval === 0 || messages.length === 0) return;
    runtime.feed({ type: "publish", messages });
    runtime.endTurn();
  };
  const lookAround = () => {
    const sight = seen();
    delay.forget();
    const after = look(alarms, sight);
    const changed = changes(alarms, after, sight.now);
    alarms = after;
    raise(statistics, sight);
    for (const { name, active, reason } of changed) {
      if (active) log.warn("alarm", { alarm: name, reason });
      else log.info("alarm cleared", { alarm: name, reason });
    }
    publish(changed.map(alarmMessage));
  };
  const sys = sysPublisher(seen, publish, statistics);
  sys.every(interval);
  const looking = setInterval(lookAround, LOOK);
  return {
    every: (seconds) => sys.every(interval = seconds),
    seen,
    alarms: () => alarms.active,
    stop() {
      clearInterval(looking);
      sys.every(0);
      delay.stop();
    },
  };
}

/** Publishes what has changed every so many seconds; 0: not any more. */
function sysPublisher(
  seen: () => Seen,
  publish: (messages: readonly OwnMessage[]) => void,
  statistics: Statistics,
) {
  let topics: ReadonlyMap<string, string> = new Map();
  let loads: Loads | undefined;
  let last = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const lookAgain = () => {
    const sight = seen();
    raise(statistics, sight);
    const at = performance.now();
    loads = nextLoads(loads, sight, Math.max(0.001, (at - last) / 1000));
    last = at;
    const now = sysTopics(sight, loads);
    publish(changedTopics(topics, now));
    topics = now;
  };
  return {
    every(seconds: number) {
      clearTimeout(timer);
      if (seconds === 0) return;
      // Who waits for a broker to come up is let in first: all topics at once take 20 ms while nothing is compiled.
      const again = (milliseconds: number) => {
        timer = setTimeout(() => {
          again(seconds * 1000);
          lookAgain();
        }, milliseconds);
      };
      again(topics.size === 0 ? LOOK : seconds * 1000);
    },
  };
}

/** The highest marks. */
function raise(statistics: Statistics, { tables, memory }: Seen): void {
  statistics.clientsMaximum = Math.max(statistics.clientsMaximum, tables.clients.size);
  statistics.heapMaximum = Math.max(statistics.heapMaximum, memory.heapUsed);
}

/** Asks for a timer again and again, and tells how late it comes. */
function watchEventLoop(told: (seconds: number) => void) {
  let worst = 0;
  let due = 0;
  let timer: ReturnType<typeof setTimeout>;
  const arm = () => {
    due = performance.now() + SAMPLE;
    timer = setTimeout(() => {
      const late = Math.max(0, performance.now() - due);
      worst = Math.max(worst, late);
      told(late / 1000);
      arm();
    }, SAMPLE);
  };
  arm();
  return {
    /** Milliseconds, since `forget`; what is due already counts. */
    worst: () => Math.max(worst, performance.now() - due),
    forget: () => worst = 0,
    stop: () => clearTimeout(timer),
  };
}
