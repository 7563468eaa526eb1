/**
 * `statistics`: what there is now, and what has been counted since the start.
 */

import type { NodeAnswer } from "../service.ts";
import { command } from "./command.ts";

export const statistics = command({
  name: "statistics",
  help: "shows what there is now and what has been counted since the start",
  changes: false,
  example: {},
  shape: {},
  run(_, { view: { broker, world }, now }) {
    const { clients, cluster, connections, groups, retained, delayed } = broker;
    return {
      data: {
        ...(cluster === undefined ? {} : { node: cluster.node }),
        uptime: Math.round((now - world.startedAt) / 1000),
        now: {
          connections: connections.size,
          sessions: clients.size,
          sharedSubscriptions: groups.size,
          retained: retained.size,
          retainedBytes: broker.retainedBytes,
          queued: broker.queuedMessages,
          queuedBytes: broker.queuedBytes,
          delayed: delayed.size,
          delayedBytes: broker.delayedBytes,
          pendingWrites: broker.pending,
          pendingBytes: broker.pendingBytes,
        },
        counted: plain(world.statistics),
      },
    };
  },
});

/** The same as JSON has it: tables as objects. */
function plain(value: unknown): unknown {
  if (value instanceof Map) {
    return Object.fromEntries(Array.from(value, ([key, inner]) => [key, plain(inner)]));
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** What is there on one node only, and so adds up. */
const ADDED = ["connections", "queued", "queuedBytes", "delayed", "delayedBytes"] as const;

type Now = Readonly<Record<string, number>>;

/** What the nodes of a cluster have together, and what each of them has; the counts are this node's. */
export function together(
  own: Readonly<Record<string, unknown>>,
  answers: readonly NodeAnswer[],
): Readonly<Record<string, unknown>> {
  const all = [own, ...answers.flatMap((answer) => "data" in answer ? [answer.data] : [])];
  const nows = all.map(({ now }) => now as Now);
  const sums = ADDED.map((name) => [name, nows.reduce((sum, now) => sum + (now[name] ?? 0), 0)]);
  const nodes = all.map(({ node, uptime, now }) => ({ node, uptime, ...now as Now }));
  return { ...own, together: Object.fromEntries(sums), nodes };
}
