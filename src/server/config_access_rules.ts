/**
 * What can be wrong with rules of access beyond the types of their keys: what ruleProblems() finds in one, and
 * rules that never decide.
 */

import { ruleProblems } from "../policy/access_problem.ts";
import type { AccessRule, Who } from "../policy/access_rule.ts";
import { actionsOf, listOf, ruleLabel } from "../policy/access_rule.ts";
import { parsePattern } from "../policy/topic_pattern.ts";
import { covers } from "../topic/covers.ts";
import { foundText } from "./config_problem.ts";
import type { Breach } from "./config_rules.ts";

/** Earlier rules that a rule is compared with: a warning is not worth more than a second. */
const mostCompared = 1_000;

/**
 * All that is wrong with the section `access`.
 *
 * @param written as it stands in the file
 * @param isWrong whether the value at a path is already known to be not allowed
 */
export function brokenAccess(written: unknown, isWrong: (path: string) => boolean): Breach[] {
  if (!Array.isArray(written)) return [];
  const good: (AccessRule | undefined)[] = written.map((rule, at) => {
    const path = `access[${at}]`;
    const usable = !isWrong(`${path}.permission`) && isGood(rule, path, isWrong);
    return usable ? rule as AccessRule : undefined;
  });
  const compared = good.map((rule) => rule === undefined ? undefined : comparable(rule));
  return good.flatMap((rule, at) => {
    if (rule === undefined) return [];
    const breaches = brokenRule(rule, `access[${at}]`);
    return breaches.length > 0 ? breaches : unreachable(compared, compared[at]!, at);
  });
}

/** All that is wrong with the section `administrators`, of which each entry is as `who` of a rule. */
export function brokenAdministrators(
  written: unknown,
  isWrong: (path: string) => boolean,
): Breach[] {
  if (!Array.isArray(written)) return [];
  return written.flatMap((who, at) => {
    const path = `administrators[${at}]`;
    if (!isGood(who, path, isWrong)) return [];
    return brokenRule({ permission: "allow", who: who as Who }, "").map((breach) => {
      return { ...breach, path: breach.path.replace(/^\.who/, path) };
    });
  });
}

/** Whether everything in the rule has the type that it should have. */
export function isGood(value: unknown, path: string, isWrong: (path: string) => boolean): boolean {
  if (isWrong(path)) return false;
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, inner]) =>
    isGood(inner, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, isWrong)
  );
}

function brokenRule(rule: AccessRule, path: string): Breach[] {
  return ruleProblems(rule).map(({ key, found, expected }) => ({
    path: `${path}${key}`,
    found: "words" in found ? found.words : foundText(found.value),
    expected,
    severity: "error",
  }));
}

/** A rule with what is compared of it again and again: made once, or 10,000 rules take seconds. */
interface Comparable {
  readonly rule: AccessRule;
  readonly who: string | undefined;
  readonly about: readonly string[];
}

function comparable(rule: AccessRule): Comparable {
  const who = rule.who === undefined ? undefined : JSON.stringify(rule.who);
  return { rule, who, about: withReceive(rule) };
}

/** A rule whose every question an earlier one has decided: a mistake, but a harmless one. */
function unreachable(
  rules: readonly (Comparable | undefined)[],
  rule: Comparable,
  at: number,
): Breach[] {
  const earlier = rules.slice(Math.max(0, at - mostCompared), at);
  const first = earlier.findIndex((other) => other !== undefined && decidesAll(other, rule));
  if (first === -1) return [];
  const place = at - earlier.length + first;
  return [{
    path: `access[${at}]`,
    found: "a rule that never decides anything",
    expected: `a rule that ${ruleLabel(place, earlier[first]!.rule)} leaves something to`,
    severity: "warning",
  }];
}

function decidesAll({ rule: first, who, about }: Comparable, other: Comparable): boolean {
  if (first.qos !== undefined || first.retain !== undefined) return false;
  if (who !== undefined && who !== other.who) return false;
  if (!other.about.every((action) => about.includes(action))) return false;
  const then = other.rule;
  if (first.topics === undefined) return true;
  if (then.topics === undefined) return false;
  const wide = listOf(first.topics);
  return listOf(then.topics).every((topic) => wide.some((other) => decidesTopic(other, topic)));
}

function withReceive(rule: AccessRule): readonly string[] {
  const actions = actionsOf(rule);
  return actions.includes("subscribe") ? [...actions, "receive"] : actions;
}

/** As what stands for a `${…}` fills a part of one level and is no wildcard, it may stay in its place. */
function decidesTopic(first: string, then: string): boolean {
  if (first === then) return true;
  const wide = parsePattern(first), narrow = parsePattern(then);
  if (wide.literal) return narrow.literal && wide.text === narrow.text;
  return covers(wide.text, narrow.text);
}
