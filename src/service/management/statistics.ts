/**
 * `statistics`: what there is now, and what has been counted since the start.
 */

import { command } from "./command.ts";

export const statistics = command({
  name: "statistics",
  help: "shows what there is now and what has been counted since the start",
  changes: false,
  example: {},
  shape: {},
  run(_, { view: { broker, world }, now }) {
    const { clients, connections, groups, retained, delayed } = broker;
    return {
      data: {
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
