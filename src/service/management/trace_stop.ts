/**
 * `trace/stop`: ends a trace; who asked for it is told.
 */

import * as z from "zod";
import { command, refuse } from "./command.ts";

export const traceStop = command({
  name: "trace/stop",
  help: "ends a trace before its time",
  changes: true,
  example: { id: 1 },
  shape: { id: z.int().min(1).describe("The number of the trace.") },
  run({ id }, { view: { world: { traces } } }) {
    const found = traces.running.find(({ start }) => start.id === id);
    if (found === undefined) return refuse("notFound", `no trace ${id} runs`);
    const { events, omitted } = found;
    return { data: { id, events, omitted }, instructions: [{ type: "stopTrace", id }] };
  },
});
