/**
 * `listeners/list`: where clients connect, and how many have.
 */

import { command } from "./command.ts";

export const listenersList = command({
  name: "listeners/list",
  help: "lists the listeners with their addresses and connections",
  changes: false,
  example: {},
  shape: {},
  run(_, { view: { world, broker } }) {
    const connections = new Map<string, number>();
    for (const { connection: { peer } } of broker.connections.values()) {
      connections.set(peer.listener, (connections.get(peer.listener) ?? 0) + 1);
    }
    return {
      data: {
        listeners: world.listeners.map((listener) => ({
          ...listener,
          ...(broker.cluster === undefined ? {} : { node: broker.cluster.node }),
          connections: connections.get(listener.name) ?? 0,
        })),
      },
    };
  },
});
