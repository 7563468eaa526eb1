/**
 * `access/remove` and `auto-subscribe/remove`: takes a rule of management away. Those of the configuration
 * are changed there.
 */

import * as z from "zod";
import type { Command } from "./command.ts";
import { command, refuse } from "./command.ts";
import type { RuleList } from "./rule_set.ts";

export function rulesRemove<Rule extends { readonly name?: string | undefined }>(
  list: RuleList<Rule>,
): Command {
  return command({
    name: `${list.set}/remove`,
    help: `removes one ${list.what} that management has set`,
    changes: true,
    example: { name: list.example["name"] },
    shape: { name: z.string().min(1).max(64).describe("Its name.") },
    run({ name }, { state, view: { world } }) {
      const laid = list.laid(state);
      if (!laid.some((rule) => rule.name === name)) {
        return list.configured(world.configured).some((rule) => rule.name === name)
          ? refuse(
            "conflict",
            `the ${list.what} "${name}" stands in the configuration: change it there`,
          )
          : refuse("notFound", `there is no ${list.what} "${name}"`);
      }
      return {
        data: { name },
        state: list.with(state, laid.filter((rule) => rule.name !== name)),
        settings: [{ name: `${list.set}/${name}`, value: undefined }],
      };
    },
  });
}
