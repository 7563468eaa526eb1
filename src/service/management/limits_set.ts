/**
 * `limits/set`: another value of a limit, in the place of that of the configuration; or that one again. What
 * is above a lowered limit already stays: it bounds what comes.
 */

import * as z from "zod";
import { limitTable } from "../../policy/limit_table.ts";
import { command, refuse } from "./command.ts";
import { isLimit } from "./limits_get.ts";
import { isSettable } from "./settable_limits.ts";

/** Below these no PUBLISH could ask for anything, and nobody could take it back. */
const LEAST: ReadonlyMap<string, number> = new Map([["topicLevels", 8], ["topicLength", 200]]);

export const limitsSet = command({
  name: "limits/set",
  help: "sets a limit at once, or takes it back to the value of the configuration",
  changes: true,
  example: { name: "maximumSessions", value: 50_000 },
  shape: {
    name: z.string().max(100).describe("The limit, as in the configuration."),
    value: z.int().nullable().describe("Within its range; null: that of the configuration again."),
  },
  run({ name, value }, { state, view: { broker, world } }) {
    if (!isLimit(name)) return refuse("notFound", `there is no limit ${JSON.stringify(name)}`);
    if (!isSettable(name)) {
      return refuse("conflict", `${name} is set in the configuration only: see limits/get`);
    }
    const { min, max, unit } = limitTable[name];
    if (value !== null && (value < min || value > max)) {
      return refuse("badRequest", `value: found ${value}, expected ${min} to ${max} ${unit}`);
    }
    const least = LEAST.get(name);
    if (least !== undefined && value !== null && value < least) {
      return refuse("conflict", `with less than ${least} management could not be asked any more`);
    }
    const limits = new Map(state.limits);
    if (value === null) limits.delete(name);
    else limits.set(name, value);
    return {
      data: {
        name,
        value: value ?? world.configured.limits[name],
        before: broker.rules.limits[name],
        origin: value === null ? "configuration" : "management",
      },
      state: { ...state, limits },
      settings: [{ name: `limit/${name}`, value: value === null ? undefined : String(value) }],
    };
  },
});
