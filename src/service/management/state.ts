/**
 * What management keeps: rules and numbers laid over the configuration at run time, each a setting of its
 * own, and read back at start. Pure.
 *
 * | setting | value |
 * |---|---|
 * | `ban/<kind>/<value>` | `{until, reason}`; `until` is milliseconds since 1970, or null for ever |
 * | `access/<name>` | `{position, rule}` |
 * | `auto-subscribe/<name>` | `{position, rule}` |
 * | `limit/<name>` | a number |
 */

import * as z from "zod";
import type { RuleProblem } from "../../policy/access_problem.ts";
import { ruleProblems } from "../../policy/access_problem.ts";
import { autoSubscribeProblems } from "../../policy/auto_subscribe_problems.ts";
import type { AccessRule } from "../../policy/access_rule.ts";
import type { AutoSubscribeRule } from "../../policy/auto_subscribe_rule.ts";
import type { Ban, BanKind } from "../../policy/bans.ts";
import type { Limits } from "../../policy/limits.ts";
import type { SettingChange, Settings } from "../service.ts";
import { problemText } from "./rule_set.ts";

/** A rule with its place: those with smaller positions come first, of one position by name. */
export interface Placed<Rule> {
  readonly name: string;
  readonly position: number;
  readonly rule: Rule;
}

export interface ManagementState {
  /** By `<kind>/<value>`. */
  readonly bans: ReadonlyMap<string, Ban>;
  /** In force in this order, all of them before those of the configuration. */
  readonly access: readonly Placed<AccessRule>[];
  readonly autoSubscribe: readonly Placed<AutoSubscribeRule>[];
  readonly limits: ReadonlyMap<keyof Limits, number>;
}

/** The lists of rules that have places. */
export type RuleSet = "access" | "auto-subscribe";

/** The state that the settings say. Throws an Error that names the setting which makes no sense. */
export function stateOf(settings: Settings): ManagementState {
  const changes = Array.from(settings, ([name, value]) => ({ name, value }));
  return withSettings(NOTHING_LAID, changes);
}

const NOTHING_LAID: ManagementState = {
  bans: new Map(),
  access: [],
  autoSubscribe: [],
  limits: new Map(),
};

/** The state in which these settings say something else. Throws an Error that names the one that makes no sense. */
export function withSettings(
  state: ManagementState,
  changes: readonly SettingChange[],
): ManagementState {
  const bans = new Map(state.bans);
  const limits = new Map(state.limits);
  const access = byRuleName(state.access);
  const autoSubscribe = byRuleName(state.autoSubscribe);
  const touched = new Set<string>();
  for (const { name, value: text } of changes) {
    const slash = name.indexOf("/");
    const kind = name.slice(0, slash);
    const rest = name.slice(slash + 1);
    touched.add(kind);
    switch (kind) {
      case "ban":
        if (text === undefined) bans.delete(rest);
        else bans.set(rest, banIn(name, rest, text));
        break;
      case "access":
        if (text === undefined) access.delete(rest);
        else access.set(rest, { name: rest, ...placed<AccessRule>(name, text, ruleProblems) });
        break;
      case "auto-subscribe":
        if (text === undefined) autoSubscribe.delete(rest);
        else autoSubscribe.set(rest, { name: rest, ...placed(name, text, autoProblems) });
        break;
      case "limit":
        if (text === undefined) limits.delete(rest as keyof Limits);
        else limits.set(rest as keyof Limits, shaped(name, parsed(name, text), z.number()));
        break;
      default:
        throw new Error(`found ${name}, expected a setting that this version knows`);
    }
  }
  return { // the same objects where nothing has changed: other rules are work for every session
    bans: touched.has("ban") ? bans : state.bans,
    access: touched.has("access") ? inPlace([...access.values()]) : state.access,
    autoSubscribe: touched.has("auto-subscribe")
      ? inPlace([...autoSubscribe.values()])
      : state.autoSubscribe,
    limits: touched.has("limit") ? limits : state.limits,
  };
}

function byRuleName<Rule>(rules: readonly Placed<Rule>[]): Map<string, Placed<Rule>> {
  return new Map(rules.map((rule) => [rule.name, rule]));
}

/** @param key the kind and the value of the ban */
function banIn(name: string, key: string, text: string): Ban {
  const at = key.indexOf("/");
  const { until, reason } = shaped(name, parsed(name, text), BAN);
  const kind = key.slice(0, at) as BanKind;
  return { kind, value: key.slice(at + 1), until: until ?? Infinity, reason };
}

const BAN = z.object({ until: z.number().nullable(), reason: z.string() });
const PLACED = z.object({ position: z.number(), rule: z.looseObject({}) });

/** How many there are is no matter here: a lower limit is no reason not to start. */
const UNBOUNDED = {
  autoSubscribeRules: Infinity,
  autoSubscribeFilters: Infinity,
  provisionedSessions: Infinity,
};
const autoProblems = (rule: AutoSubscribeRule) => autoSubscribeProblems([rule], UNBOUNDED);

function placed<Rule>(
  name: string,
  text: string,
  problemsOf: (rule: Rule) => readonly RuleProblem[],
): Omit<Placed<Rule>, "name"> {
  const { position, rule: written } = shaped(name, parsed(name, text), PLACED);
  const rule = written as unknown as Rule;
  let problem: string | undefined;
  try {
    problem = problemsOf(rule).map(problemText)[0];
  } catch {
    problem = "found another rule than this version knows";
  }
  if (problem !== undefined) throw new Error(`${name}: ${problem}`);
  return { position, rule };
}

/** What was kept by a version that knows more is not to be half understood. */
function shaped<Value>(name: string, value: unknown, schema: z.ZodType<Value>): Value {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const found = JSON.stringify(value).slice(0, 60);
  throw new Error(`${name}: found ${found}, which is not what this version keeps there`);
}

function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${name}: found ${JSON.stringify(text.slice(0, 60))}, expected JSON`);
  }
}

/** In the order in which they are in force. */
export function inPlace<Rule>(rules: readonly Placed<Rule>[]): readonly Placed<Rule>[] {
  return rules.toSorted((a, b) => a.position - b.position || (a.name < b.name ? -1 : 1));
}

/** The list with that rule, in the place of an earlier one of its name. */
export function withRule<Rule>(
  rules: readonly Placed<Rule>[],
  added: Placed<Rule>,
): readonly Placed<Rule>[] {
  return inPlace([...rules.filter(({ name }) => name !== added.name), added]);
}

/** The setting that keeps a rule. */
export function ruleSetting<Rule>(
  set: RuleSet,
  { name, position, rule }: Placed<Rule>,
): SettingChange {
  return { name: `${set}/${name}`, value: JSON.stringify({ position, rule }) };
}

/** The setting that keeps a ban. */
export function banSetting({ kind, value, until, reason }: Ban): SettingChange {
  const ends = until === Infinity ? null : until;
  return { name: `ban/${kind}/${value}`, value: JSON.stringify({ until: ends, reason }) };
}
