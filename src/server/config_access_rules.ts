/**
 * What can be wrong with rules of access beyond the types of their keys: topics that are no filters,
 * unknown `${…}`, conditions on what they are not about, rules that never decide.
 */

import type { AccessRule, Who } from "../policy/access_rule.ts";
import { actionsOf, listOf, ruleLabel } from "../policy/access_rule.ts";
import { parseCidr } from "../policy/cidr.ts";
import { filled, isPlaceholder, parsePattern, PLACEHOLDERS } from "../policy/topic_pattern.ts";
import { covers } from "../topic/covers.ts";
import { parseTopicFilter } from "../topic/topic_filter.ts";
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
  return good.flatMap((rule, at) => {
    if (rule === undefined) return [];
    const breaches = brokenRule(rule, `access[${at}]`);
    return breaches.length > 0 ? breaches : unreachable(good, rule, at);
  });
}

/** Whether everything in the rule has the type that it should have. */
function isGood(value: unknown, path: string, isWrong: (path: string) => boolean): boolean {
  if (isWrong(path)) return false;
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, inner]) =>
    isGood(inner, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, isWrong)
  );
}

function brokenRule(rule: AccessRule, path: string): Breach[] {
  const actions = actionsOf(rule);
  const breaches: Breach[] = [];
  const error = (key: string, found: string, expected: string) => {
    breaches.push({ path: `${path}${key}`, found, expected, severity: "error" });
  };
  if (actions.includes("connect") && (rule.topics !== undefined || actions.length > 1)) {
    const found = rule.topics === undefined ? "connect among others" : "connect, and topics";
    error(".action", found, "connect in a rule of its own and without topics, as it has none");
  }
  const aboutOthers = actions.filter((each) => each !== "publish" && each !== "subscribe");
  if (rule.qos !== undefined && (rule.action === undefined || aboutOthers.length > 0)) {
    const expected = 'no qos, or an "action" of publish, subscribe or both: others have none';
    error(".qos", foundText(rule.qos), expected);
  }
  if (rule.retain !== undefined && (actions.length !== 1 || actions[0] !== "publish")) {
    error(
      ".retain",
      foundText(rule.retain),
      'no retain, or the "action" publish: others have none',
    );
  }
  const topics = listOf(rule.topics);
  topics.forEach((topic, at) => {
    const problem = topicProblem(topic);
    const key = Array.isArray(rule.topics) ? `.topics[${at}]` : ".topics";
    if (problem !== undefined) error(key, foundText(topic), problem);
  });
  for (const problem of whoProblems(rule.who, ".who")) error(...problem);
  return breaches;
}

function topicProblem(written: string): string | undefined {
  const { text, literal, placeholders } = parsePattern(written);
  const unknown = placeholders.find((name) => !isPlaceholder(name));
  if (unknown !== undefined) return `in place of \${${unknown}} one of ${PLACEHOLDERS}`;
  if (/\$\{(?![^}]*\})/.test(text)) return "a closing } after ${";
  if (literal) return text === "" ? "a text behind the =" : undefined;
  const parsed = parseTopicFilter(filled(text, "x"), Infinity);
  if (typeof parsed === "string") return `a Topic Filter, but ${parsed}`;
  if (parsed.shareName !== undefined) {
    return "the filter without $share/{ShareName}/, which is about shared subscriptions too";
  }
  return undefined;
}

function* whoProblems(
  who: Who | undefined,
  path: string,
): Iterable<[key: string, found: string, expected: string]> {
  if (who === undefined) return;
  if (Object.keys(who).length === 0) {
    yield [path, "{}", "at least one condition; a rule about everyone has no who"];
  }
  const { address, and, or, not } = who;
  for (const [at, text] of listOf(address).entries()) {
    const range = text.includes("*") ? undefined : parseCidr(text);
    const key = Array.isArray(address) ? `${path}.address[${at}]` : `${path}.address`;
    if (typeof range === "string") {
      yield [key, foundText(text), "an address, a range as 10.0.0.0/8 or a text with *"];
    }
  }
  for (const [at, inner] of (and ?? []).entries()) yield* whoProblems(inner, `${path}.and[${at}]`);
  for (const [at, inner] of (or ?? []).entries()) yield* whoProblems(inner, `${path}.or[${at}]`);
  yield* whoProblems(not, `${path}.not`);
}

/** A rule whose every question an earlier one has decided: a mistake, but a harmless one. */
function unreachable(
  rules: readonly (AccessRule | undefined)[],
  rule: AccessRule,
  at: number,
): Breach[] {
  const earlier = rules.slice(Math.max(0, at - mostCompared), at);
  const first = earlier.findIndex((other) => other !== undefined && decidesAll(other, rule));
  if (first === -1) return [];
  const place = at - earlier.length + first;
  return [{
    path: `access[${at}]`,
    found: "a rule that never decides anything",
    expected: `a rule that ${ruleLabel(place, earlier[first]!)} leaves something to`,
    severity: "warning",
  }];
}

function decidesAll(first: AccessRule, then: AccessRule): boolean {
  if (first.qos !== undefined || first.retain !== undefined) return false;
  if (first.who !== undefined && JSON.stringify(first.who) !== JSON.stringify(then.who)) {
    return false;
  }
  const about = withReceive(first);
  if (!withReceive(then).every((action) => about.includes(action))) return false;
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
