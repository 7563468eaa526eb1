/**
 * The two lists of rules that management lays before those of the configuration: access and auto-subscribe.
 * What the commands about them have in common.
 */

import type { z } from "zod";
import { autoSubscribeProblems } from "../../policy/auto_subscribe_problems.ts";
import type { AutoSubscribeRule } from "../../policy/auto_subscribe_rule.ts";
import type { RuleProblem } from "../../policy/access_problem.ts";
import { ruleProblems } from "../../policy/access_problem.ts";
import type { AccessRule } from "../../policy/access_rule.ts";
import type { Limits } from "../../policy/limits.ts";
import type { Rules } from "../../policy/rules.ts";
import type { ManagementState, Placed, RuleSet } from "./state.ts";

/** The shapes of rules, which are those of the configuration. */
export interface RuleSchemas {
  readonly accessRule: z.ZodType<AccessRule>;
  readonly autoSubscribeRule: z.ZodType<AutoSubscribeRule>;
}

/** One of the two lists. */
export interface RuleList<Rule extends { readonly name?: string | undefined }> {
  readonly set: RuleSet;
  /** For people: `access rule`. */
  readonly what: string;
  readonly schema: z.ZodType<Rule>;
  readonly example: Readonly<Record<string, unknown>>;
  laid(state: ManagementState): readonly Placed<Rule>[];
  with(state: ManagementState, laid: readonly Placed<Rule>[]): ManagementState;
  configured(rules: Rules): readonly Rule[];
  /** What is wrong with the whole list, as it would be. */
  problems(all: readonly Rule[], limits: Limits): readonly RuleProblem[];
}

/** Access rules at most, those of the configuration included, as there. */
const MOST_ACCESS_RULES = 10_000;

export function accessRules({ accessRule }: RuleSchemas): RuleList<AccessRule> {
  return {
    set: "access",
    what: "access rule",
    schema: accessRule,
    example: {
      name: "alarms",
      rule: { permission: "allow", action: "receive", topics: "alarm/#" },
    },
    laid: ({ access }) => access,
    with: (state, access) => ({ ...state, access }),
    configured: ({ access }) => access.rules,
    problems(all) {
      if (all.length > MOST_ACCESS_RULES) {
        const found = { words: `${all.length} rules` };
        return [{ key: "", found, expected: `at most ${MOST_ACCESS_RULES}` }];
      }
      return all.flatMap((rule, at) =>
        ruleProblems(rule).map((problem) => ({ ...problem, key: `[${at}]${problem.key}` }))
      );
    },
  };
}

export function autoSubscribeRules(
  { autoSubscribeRule }: RuleSchemas,
): RuleList<AutoSubscribeRule> {
  return {
    set: "auto-subscribe",
    what: "rule of auto-subscribe",
    schema: autoSubscribeRule,
    example: {
      name: "commands",
      rule: { name: "commands", who: { role: "device" }, filters: ["cmd/${clientid}/#"] },
    },
    laid: ({ autoSubscribe }) => autoSubscribe,
    with: (state, autoSubscribe) => ({ ...state, autoSubscribe }),
    configured: ({ autoSubscribe }) => autoSubscribe.rules,
    problems: autoSubscribeProblems,
  };
}

/** A fault in words. */
export function problemText({ key, found, expected }: RuleProblem): string {
  const words = "words" in found ? found.words : JSON.stringify(found.value);
  return `${key === "" ? "" : `${key}: `}found ${words}, expected ${expected}`;
}
