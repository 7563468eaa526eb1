/**
 * `log-level/get` and `log-level/set`: the least severe lines of the log that are written. What is set here
 * holds until the program ends: it is for looking into something.
 */

import * as z from "zod";
import { command } from "./command.ts";

export const logLevelGet = command({
  name: "log-level/get",
  help: "shows which lines of the log are written",
  changes: false,
  example: {},
  shape: {},
  run(_, { view: { world: { logLevel, logLevelConfigured } } }) {
    const origin = logLevel === logLevelConfigured ? "configuration" : "management";
    return { data: { level: logLevel, configured: logLevelConfigured, origin } };
  },
});

export const logLevelSet = command({
  name: "log-level/set",
  help:
    "sets which lines of the log are written, until the broker ends or its log is configured anew",
  changes: true,
  example: { level: "debug" },
  shape: {
    level: z.enum(["debug", "info", "warn", "error"]).describe("The least severe lines written."),
  },
  run({ level }, { view: { world } }) {
    return {
      data: { level, before: world.logLevel },
      instructions: [{ type: "logLevel", level }],
    };
  },
});
