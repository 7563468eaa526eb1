/**
 * The rules of access that a client brought with its proof of who it is, compiled: they hold for it alone and
 * are asked before those of the configuration. Pure.
 *
 * As it is known who they are about, what is about others is left out and every `${…}` is filled in: what is
 * left is short and is gone through one by one.
 */

import { covers } from "../topic/covers.ts";
import { reaches } from "../topic/rest_matches.ts";
import { ruleName } from "./access_rule.ts";
import type { Candidate, CompiledRule } from "./compiled_rule.ts";
import { compileRule } from "./compiled_rule.ts";
import type { Identity } from "./identity.ts";
import { expand } from "./topic_pattern.ts";

export interface OwnRules {
  /** In their order. */
  readonly rules: readonly CompiledRule[];
  readonly judgesConnect: boolean;
  readonly candidates: readonly Candidate[];
}

/** The client's own rules; undefined where it brought none. */
export function ownRulesOf(identity: Identity): OwnRules | undefined {
  const { rules: written } = identity;
  if (written === undefined) return undefined;
  const all = written.map((rule, at) => {
    const compiled = compileRule(rule, at);
    const decision = { permitted: compiled.decision.permitted, rule: labelOf(rule, at), at: -1 };
    return { ...compiled, decision };
  });
  const rules = all.filter(({ who }) => who === undefined || who(identity));
  return {
    rules,
    judgesConnect: all.some(({ connect }) => connect),
    candidates: rules.flatMap((rule) => candidatesOf(rule, identity)),
  };
}

function labelOf(rule: NonNullable<Identity["rules"]>[number], at: number): string {
  return ruleName("rules of its own", at, rule);
}

function candidatesOf(rule: CompiledRule, identity: Identity): readonly Candidate[] {
  if (rule.topics === undefined) return [{ rule, text: undefined, literal: false, slot: -1 }];
  return rule.topics.flatMap((pattern) =>
    expand(pattern, identity).map((text) => ({ rule, text, literal: pattern.literal, slot: -1 }))
  );
}

/** What of them may decide about a message of that topic, in their order. */
export function aboutTopic(
  { candidates }: OwnRules,
  action: "publish" | "receive",
  topic: string,
): readonly Candidate[] {
  return candidates.filter(({ rule, text, literal }) =>
    rule[action] && (text === undefined || (literal ? text === topic : reaches(text, topic)))
  );
}

/** What of them is about all of that filter, in their order. */
export function aboutFilter({ candidates }: OwnRules, filter: string): readonly Candidate[] {
  return candidates.filter(({ rule, text, literal }) =>
    rule.subscribe && (text === undefined || (literal ? text === filter : covers(text, filter)))
  );
}
