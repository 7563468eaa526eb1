/**
 * `access/replace` and `auto-subscribe/replace`: all rules of management at once, so that a whole list comes
 * into force in one step.
 */

import * as z from "zod";
import type { Command } from "./command.ts";
import { command, refuse, text } from "./command.ts";
import type { RuleList } from "./rule_set.ts";
import { problemText } from "./rule_set.ts";
import type { Placed } from "./state.ts";
import { inPlace, ruleSetting } from "./state.ts";

export function rulesReplace<Rule extends { readonly name?: string | undefined }>(
  list: RuleList<Rule>,
): Command {
  return command({
    name: `${list.set}/replace`,
    help: `sets every ${list.what} of management at once, in the order given`,
    changes: true,
    example: {
      rules: [list.example["rule"]].map((rule) => ({ name: "first", ...rule as object })),
    },
    shape: { rules: z.array(list.schema).max(10_000).describe("Each with a name of its own.") },
    run({ rules }, { state, view: { world, broker } }) {
      const placed: Placed<Rule>[] = [];
      const names = new Set<string>();
      for (const [at, rule] of (rules as readonly Rule[]).entries()) {
        const { name } = rule;
        if (name === undefined || names.has(name) || !text.safeParse(name).success) {
          return refuse("badRequest", `rules[${at}].name: expected a name that no other rule has`);
        }
        names.add(name);
        placed.push({ name, position: (at + 1) * 10, rule });
      }
      const all = [...placed.map((each) => each.rule), ...list.configured(world.configured)];
      const problems = list.problems(all, broker.rules.limits);
      if (problems.length > 0) {
        return refuse("badRequest", problems.slice(0, 10).map(problemText).join("; "));
      }
      const gone = list.laid(state).filter(({ name }) => !names.has(name));
      return {
        data: { rules: placed.length, removed: gone.length },
        state: list.with(state, inPlace(placed)),
        settings: [
          ...gone.map(({ name }) => ({ name: `${list.set}/${name}`, value: undefined })),
          ...placed.map((rule) => ruleSetting(list.set, rule)),
        ],
      };
    },
  });
}
