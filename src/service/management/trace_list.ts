/**
 * `trace/list`: the traces that run.
 */

import { command } from "./command.ts";
import { timeOf } from "./rows.ts";

export const traceList = command({
  name: "trace/list",
  help: "lists the traces that run, and for whom",
  changes: false,
  example: {},
  shape: {},
  run(_, { view: { world: { traces }, broker: { cluster } } }) {
    return {
      data: {
        traces: traces.running.map(({ start, begun, events, omitted }) => ({
          id: start.id,
          ...(cluster === undefined ? {} : { node: cluster.node }),
          ...start.followed,
          by: start.by.clientId,
          user: start.by.user ?? null,
          begun: timeOf(begun),
          until: timeOf(begun + start.seconds * 1000),
          events,
          omitted,
          most: start.most,
          payload: start.payload,
        })),
      },
    };
  },
});
