/**
 * One rule of access, made ready: whom it is about as a function, what it decides as one object for
 * ever, its topics one by one with the filter by which they are found. Pure.
 */

import type { AccessRule } from "./access_rule.ts";
import { actionsOf, listOf, ruleLabel, ruleName } from "./access_rule.ts";
import type { TopicPattern } from "./topic_pattern.ts";
import { filled, parsePattern } from "./topic_pattern.ts";
import type { Predicate } from "./who.ts";
import { whoMatches } from "./who.ts";

/** The answer, with the rule that decided, for logs and for `why`. */
export interface Decision {
  readonly permitted: boolean;
  readonly rule: string;
  /** The rule's place in the list; -1 for what is built in. */
  readonly at: number;
}

export interface CompiledRule {
  /** Its place among those that are asked: the lower one decides. */
  readonly at: number;
  readonly decision: Decision;
  /** Undefined: everyone. */
  readonly who: Predicate | undefined;
  readonly connect: boolean;
  readonly publish: boolean;
  readonly subscribe: boolean;
  readonly receive: boolean;
  /** Bit n: it is about QoS n. */
  readonly qosMask: number;
  readonly retain: boolean | undefined;
  /** It is about some messages of a topic that are published and not about others. */
  readonly conditional: boolean;
  /** The same of messages that are received, which a rule has to name for it. */
  readonly receiveConditional: boolean;
  /** Undefined: every topic, those with a `$` in front too. */
  readonly topics: readonly TopicPattern[] | undefined;
}

/** One topic of a rule; `text` undefined: every topic. */
export interface Candidate {
  readonly rule: CompiledRule;
  readonly text: string | undefined;
  readonly literal: boolean;
  /** Where its texts stand among those that differ from client to client; -1: it has no `${…}`. */
  readonly slot: number;
}

/**
 * The rule at that place in the list.
 *
 * @param ahead how many rules of management stand before those of the configuration
 */
export function compileRule(rule: AccessRule, at: number, ahead = 0): CompiledRule {
  const actions = actionsOf(rule);
  const allow = rule.permission === "allow";
  const qosMask = rule.qos === undefined
    ? 7
    : listOf(rule.qos).reduce<number>((mask, qos) => mask | 1 << qos, 0);
  const subscribe = actions.includes("subscribe");
  const receive = actions.includes("receive");
  const conditional = qosMask !== 7 || rule.retain !== undefined;
  return {
    at,
    decision: {
      permitted: allow,
      rule: at < ahead ? ruleName("management", at, rule) : ruleLabel(at - ahead, rule),
      at: at < ahead ? -1 : at - ahead,
    },
    who: whoMatches(rule.who),
    connect: actions.includes("connect"),
    publish: actions.includes("publish"),
    subscribe,
    // Who may not subscribe with QoS 2 may well receive what comes with less.
    receive: receive || subscribe && (allow || !conditional),
    qosMask,
    retain: rule.retain,
    conditional,
    receiveConditional: receive && conditional,
    topics: rule.topics === undefined ? undefined : listOf(rule.topics).map(parsePattern),
  };
}

/** The rule's topics one by one; patterns with `${…}` are put behind those of other rules. */
export function candidatesOf(rule: CompiledRule, patterns: TopicPattern[]): readonly Candidate[] {
  if (rule.topics === undefined) return [{ rule, text: undefined, literal: false, slot: -1 }];
  return rule.topics.map((pattern) => ({
    rule,
    text: pattern.text,
    literal: pattern.literal,
    slot: pattern.placeholders.length === 0 ? -1 : patterns.push(pattern) - 1,
  }));
}

/**
 * A filter that matches every name that the candidate may be about: a level with a `${…}` in it may be
 * any. Undefined where no filter does.
 */
export function indexFilter({ text, slot }: Candidate): string | undefined {
  if (text === undefined) return undefined;
  if (slot === -1) return text;
  const levels = filled(text, "\0").split("/");
  if (levels[0]!.startsWith("$") && levels[0]!.includes("\0")) return undefined; // + is not for $
  return levels.map((level) => level.includes("\0") ? "+" : level).join("/");
}
