/**
 * `health`: whether the broker does what it is there for, and what keeps it from that.
 */

import type { View } from "../service.ts";
import { command } from "./command.ts";

export const health = command({
  name: "health",
  help: "says whether the broker takes clients and messages, and what keeps it from that",
  changes: false,
  example: {},
  shape: {},
  run(_, { view, now }) {
    const problems = healthProblems(view);
    const { version, promise, startedAt, draining } = view.world;
    const { cluster } = view.broker;
    return {
      data: {
        ...(cluster === undefined ? {} : { node: cluster.node }),
        live: true,
        ready: problems.length === 0,
        problems,
        draining,
        version,
        promise,
        uptime: Math.round((now - startedAt) / 1000),
      },
    };
  },
});

/** Why no further clients should be sent here; none where all is well. Also for `/health/ready`. */
export function healthProblems({ broker, world }: View): readonly string[] {
  const { pendingWrites, pendingBytes } = broker.rules.limits;
  return [
    ...(world.draining ? ["draining: clients are being sent off"] : []),
    ...(world.storeUnreachable === undefined
      ? []
      : [`storeUnreachable: the store does not answer: ${world.storeUnreachable}`]),
    ...(broker.storeFull ? ["storeFull: the store has no room"] : []),
    ...(broker.pending >= pendingWrites || broker.pendingBytes >= pendingBytes
      ? ["storeBehind: as much waits for the store as may"]
      : []),
    ...world.listeners.filter(({ accepting }) => !accepting).map(({ name }) =>
      `listenerClosed: the listener ${name} takes no connections`
    ),
  ];
}
