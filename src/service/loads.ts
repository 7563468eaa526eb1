/**
 * Moving averages over one, five and fifteen minutes of what happens in a minute: `$SYS/broker/load/…`, by
 * the formula of a load average, as Mosquitto has them. Pure: the next averages are made of the last ones.
 */

import { allDrops } from "./statistics.ts";
import type { Seen } from "./seen.ts";
import { allPackets, packetsOf } from "./traffic.ts";

/** Minutes that each average looks back, about. */
const SPANS = [1, 5, 15] as const;

/** One count, and how often a minute it grew. */
interface Load {
  readonly total: number;
  /** In the order of `SPANS`. */
  readonly averages: readonly number[];
}

/** By its name below `$SYS/broker/load/`. */
export type Loads = ReadonlyMap<string, Load>;

/** The counts that there are averages of. */
function totals({ measures: { traffic }, statistics }: Seen): readonly [string, number][] {
  return [
    ["messages/received", allPackets(traffic.received)],
    ["messages/sent", allPackets(traffic.sent)],
    ["publish/dropped", allDrops(statistics)],
    ["publish/received", packetsOf(traffic.received, "publish")],
    ["publish/sent", packetsOf(traffic.sent, "publish")],
    ["bytes/received", traffic.received.bytes],
    ["bytes/sent", traffic.sent.bytes],
    ["sockets", traffic.links],
    ["connections", packetsOf(traffic.received, "connect")],
  ];
}

/**
 * The averages now.
 *
 * @param before those of the last look; undefined at the first one, when all are 0
 * @param seconds since then, more than 0
 */
export function nextLoads(before: Loads | undefined, seen: Seen, seconds: number): Loads {
  const loads = new Map<string, Load>();
  for (const [name, total] of totals(seen)) {
    const last = before?.get(name);
    const aMinute = last === undefined ? 0 : (total - last.total) * 60 / seconds;
    const averages = SPANS.map((minutes, at) => {
      const kept = Math.exp(-seconds / (60 * minutes));
      return aMinute + kept * ((last?.averages[at] ?? 0) - aMinute);
    });
    loads.set(name, { total, averages });
  }
  return loads;
}

/** Their topics below `$SYS/broker/`, with two decimals. */
export function loadTopics(loads: Loads): readonly (readonly [string, string])[] {
  const topics: [string, string][] = [];
  for (const [name, { averages }] of loads) {
    SPANS.forEach((minutes, at) => {
      topics.push([`load/${name}/${minutes}min`, averages[at]!.toFixed(2)]);
    });
  }
  return topics;
}
