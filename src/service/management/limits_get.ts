/**
 * `limits/get`: every limit with its value, where it comes from and whether it can be set at run time.
 */

import * as z from "zod";
import type { Limits } from "../../policy/limits.ts";
import { limitNames, limitTable } from "../../policy/limit_table.ts";
import { command, refuse } from "./command.ts";
import { isSettable } from "./settable_limits.ts";

export const limitsGet = command({
  name: "limits/get",
  help: "shows limits with their values, origins and ranges",
  changes: false,
  example: { name: "maximumSessions" },
  shape: { name: z.string().max(100).optional().describe("Only this one. Default: all.") },
  run({ name }, { state, view: { broker, world } }) {
    if (name !== undefined && !isLimit(name)) {
      return refuse("notFound", `there is no limit ${JSON.stringify(name)}`);
    }
    const wanted = name === undefined ? limitNames : [name as keyof Limits];
    return {
      data: {
        limits: wanted.map((name) => {
          const { min, max, unit, reason } = limitTable[name];
          return {
            name,
            value: broker.rules.limits[name],
            origin: state.limits.has(name) ? "management" : "configuration",
            configured: world.configured.limits[name],
            settable: isSettable(name),
            min,
            max,
            unit,
            reason,
          };
        }),
      },
    };
  },
});

/** Whether there is a limit of that name. */
export function isLimit(name: string): name is keyof Limits {
  return (limitNames as readonly string[]).includes(name);
}
