/** What is seen of a broker to which nothing has happened, for tests to change. */

import { Broker } from "../../src/broker/broker.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { newMeasures } from "../../src/service/measures.ts";
import type { ClusterSeen, Seen } from "../../src/service/seen.ts";
import { newStatistics } from "../../src/service/statistics.ts";

export function seenOf(more: Partial<Seen> = {}): Seen {
  return {
    now: 1_700_000_000_000,
    about: { version: "1.2.3", promise: "fsynced", uptime: 61 },
    statistics: newStatistics(),
    measures: newMeasures(),
    tables: new Broker(defaultRules).snapshot(),
    memory: { resident: 4_000, heapUsed: 1_000, heapTotal: 2_000, external: 10 },
    unwritten: () => ({ packets: 2, bytes: 30 }),
    mostConnections: 100,
    eventLoopDelay: 0,
    ...more,
  };
}

/** How a cluster stands in which all is well. */
export const clusterSeen: ClusterSeen = {
  node: "a.1",
  name: "a",
  nodes: ["a.1", "b.2"],
  unreachable: undefined,
  position: "17-3",
  lag: 40,
  inbox: 5,
  postsDropped: 6,
  castsLost: 7,
  notesSkipped: 8,
  timesAway: 9,
  checksum: "0011",
};
