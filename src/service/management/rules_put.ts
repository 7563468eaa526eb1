/**
 * `access/put` and `auto-subscribe/put`: sets a rule, in the place of one of the same name, before those of
 * the configuration. In force at once.
 */

import * as z from "zod";
import type { Command } from "./command.ts";
import { command, refuse, text } from "./command.ts";
import type { RuleList } from "./rule_set.ts";
import { problemText } from "./rule_set.ts";
import { ruleSetting, withRule } from "./state.ts";

export function rulesPut<Rule extends { readonly name?: string | undefined }>(
  list: RuleList<Rule>,
): Command {
  return command({
    name: `${list.set}/put`,
    help: `sets one ${list.what}, which is asked before those of the configuration`,
    changes: true,
    example: list.example,
    shape: {
      name: text.max(64).describe("Its name, by which it is replaced and removed."),
      rule: list.schema.describe("As in the configuration; its name is the one above."),
      position: z.int().min(0).max(1_000_000).optional().describe(
        "Rules with smaller positions are asked before it. Default: where the rule of that name is, " +
          "else behind all others of management.",
      ),
    },
    run({ name, rule, position }, { state, view: { world, broker } }) {
      const laid = list.laid(state);
      const before = laid.find((other) => other.name === name);
      const place = position ?? before?.position ?? (laid.at(-1)?.position ?? 0) + 10;
      const placed = {
        name,
        position: Math.min(place, 1_000_000),
        rule: { ...rule as Rule, name },
      };
      const next = withRule(laid, placed);
      const all = [...next.map((each) => each.rule), ...list.configured(world.configured)];
      const problems = list.problems(all, broker.rules.limits);
      if (problems.length > 0) {
        return refuse("badRequest", problems.slice(0, 10).map(problemText).join("; "));
      }
      return {
        data: { name, position: placed.position, replaced: before !== undefined },
        state: list.with(state, next),
        settings: [ruleSetting(list.set, placed)],
      };
    },
  });
}
