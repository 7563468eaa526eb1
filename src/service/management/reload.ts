/**
 * `reload`: reads the configuration again. With `dryRun` it is read and compared, and that is all.
 */

import { command, refuse } from "./command.ts";

export const reload = command({
  name: "reload",
  help: "reads the configuration again and says what has changed",
  changes: true,
  example: {},
  shape: {},
  run(_, { dryRun }) {
    return {
      task: { type: "reload", dryRun },
      then(result) {
        if (result.type !== "reloaded") return refuse("failed", "the configuration was not read");
        if (!result.ok) return refuse("failed", result.problems.join("; "));
        return { data: { ...result.report } };
      },
    };
  },
});
