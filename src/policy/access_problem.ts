/**
 * What can be wrong with a rule of access whose keys have the right types: topics that are no filters, unknown
 * `${…}`, conditions on what they are not about. Wherever a rule comes from it has to pass here before it is
 * compiled. Pure.
 */

import { parseTopicFilter } from "../topic/topic_filter.ts";
import type { AccessRule, Who } from "./access_rule.ts";
import { actionsOf, listOf } from "./access_rule.ts";
import { parseCidr } from "./cidr.ts";
import { filled, isPlaceholder, parsePattern, PLACEHOLDERS } from "./topic_pattern.ts";

/** One fault, as people are told of it. */
export interface RuleProblem {
  /** Behind the rule: `.topics[1]`. */
  readonly key: string;
  /** What stands there, or words for it. */
  readonly found: { readonly value: unknown } | { readonly words: string };
  readonly expected: string;
}

/** All that is wrong with the rule. */
export function ruleProblems(rule: AccessRule): readonly RuleProblem[] {
  const problems: RuleProblem[] = [];
  const add = (key: string, value: unknown, expected: string) => {
    problems.push({ key, found: { value }, expected });
  };
  const actions = actionsOf(rule);
  if (actions.includes("connect") && (rule.topics !== undefined || actions.length > 1)) {
    problems.push({
      key: ".action",
      found: {
        words: rule.topics === undefined ? "connect among others" : "connect, and topics",
      },
      expected: "connect in a rule of its own and without topics, as it has none",
    });
  }
  if (rule.qos !== undefined && actions.includes("connect")) {
    add(".qos", rule.qos, 'no qos, or an "action" without connect, which has none');
  }
  if (
    rule.retain !== undefined && actions.some((each) => each !== "publish" && each !== "receive")
  ) {
    const expected = 'no retain, or an "action" of publish, receive or both: others have none';
    add(".retain", rule.retain, expected);
  }
  listOf(rule.topics).forEach((topic, at) => {
    const problem = topicProblem(topic);
    const key = Array.isArray(rule.topics) ? `.topics[${at}]` : ".topics";
    if (problem !== undefined) add(key, topic, problem);
  });
  return [...problems, ...whoProblems(rule.who, ".who")];
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

function* whoProblems(who: Who | undefined, path: string): Iterable<RuleProblem> {
  if (who === undefined) return;
  if (Object.keys(who).length === 0) {
    const expected = "at least one condition; a rule about everyone has no who";
    yield { key: path, found: { words: "{}" }, expected };
  }
  const { address, and, or, not } = who;
  for (const [at, text] of listOf(address).entries()) {
    const range = text.includes("*") ? undefined : parseCidr(text);
    const key = Array.isArray(address) ? `${path}.address[${at}]` : `${path}.address`;
    if (typeof range === "string") {
      const expected = "an address, a range as 10.0.0.0/8 or a text with *";
      yield { key, found: { value: text }, expected };
    }
  }
  for (const [at, inner] of (and ?? []).entries()) yield* whoProblems(inner, `${path}.and[${at}]`);
  for (const [at, inner] of (or ?? []).entries()) yield* whoProblems(inner, `${path}.or[${at}]`);
  yield* whoProblems(not, `${path}.not`);
}
