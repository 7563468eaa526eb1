/**
 * What can be wrong with rules of auto-subscribe whose keys have the right types. Wherever rules come from they
 * have to pass here before they are compiled. Pure.
 */

import { utf8Size } from "../packet/utf8.ts";
import { parseTopicFilter } from "../topic/topic_filter.ts";
import type { RuleProblem } from "./access_problem.ts";
import { ruleProblems } from "./access_problem.ts";
import type { Who } from "./access_rule.ts";
import { listOf } from "./access_rule.ts";
import { withStars } from "./auto_subscribe.ts";
import type { AutoFilter, AutoSubscribeRule, Provision } from "./auto_subscribe_rule.ts";
import { asFilter, RESERVED_NAMES } from "./auto_subscribe_rule.ts";
import { OWN_NAMES, parseTemplate } from "./auto_template.ts";
import { captureNames, parseCapture } from "./capture.ts";
import type { Limits } from "./limits.ts";

/** Those that bound the rules. */
export type AutoSubscribeLimits = Pick<
  Limits,
  "autoSubscribeRules" | "autoSubscribeFilters" | "provisionedSessions"
>;

/** Bytes of a client id at most, section 1.5.4. */
const LONGEST_CLIENT_ID = 65_535;

/**
 * All that is wrong with the rules; each key begins with the place of its rule: `[2].filters[0]`.
 *
 * @param rules undefined for one that is known to be wrong
 */
export function autoSubscribeProblems(
  rules: readonly (AutoSubscribeRule | undefined)[],
  limits: AutoSubscribeLimits,
): readonly RuleProblem[] {
  const problems: RuleProblem[] = [];
  const add = (key: string, words: string, expected: string) => {
    problems.push({ key, found: { words }, expected });
  };
  const { autoSubscribeRules, autoSubscribeFilters, provisionedSessions } = limits;
  if (rules.length > autoSubscribeRules) {
    add(
      "",
      `${rules.length} rules`,
      `at most limits.autoSubscribeRules, which is ${autoSubscribeRules}`,
    );
  }
  let provisioned = 0;
  const names = new Map<string, number>();
  for (const [at, rule] of rules.entries()) {
    if (rule === undefined) continue;
    const known = names.get(rule.name);
    const key = `[${at}]`;
    if (known !== undefined) {
      add(`${key}.name`, JSON.stringify(rule.name), `a name that rule [${known}] does not have`);
    } else names.set(rule.name, at);
    if (rule.filters.length > autoSubscribeFilters) {
      const expected = `at most limits.autoSubscribeFilters, which is ${autoSubscribeFilters}`;
      add(`${key}.filters`, `${rule.filters.length} filters`, expected);
    }
    provisioned += rule.provision?.clientIds.length ?? 0;
    for (const problem of problemsOf(rule)) {
      problems.push({ ...problem, key: `${key}${problem.key}` });
    }
  }
  if (provisioned > provisionedSessions) {
    const expected = `at most limits.provisionedSessions, which is ${provisionedSessions}`;
    add("", `${provisioned} client identifiers to provision`, expected);
  }
  return problems;
}

function* problemsOf(rule: AutoSubscribeRule): Iterable<RuleProblem> {
  const { name, who, provision, filters } = rule;
  if (RESERVED_NAMES.includes(name)) {
    const expected = "another name: it stands for what is made by no rule";
    yield { key: ".name", found: { value: name }, expected };
  }
  if (provision !== undefined) yield* provisionProblems(provision, who);
  else if (who !== undefined) {
    yield* ruleProblems({ permission: "allow", who: withStars(who) });
  }
  const names: string[] = [];
  yield* captureProblems(who, ".who", names);
  for (const [at, written] of filters.entries()) {
    const expected = filterProblem(asFilter(written), names);
    if (expected === undefined) continue;
    yield { key: `.filters[${at}]`, found: { value: asFilter(written).filter }, expected };
  }
}

function* provisionProblems(
  { clientIds }: Provision,
  who: Who | undefined,
): Iterable<RuleProblem> {
  if (who !== undefined) {
    const expected = "no who beside provision: the rule is about the clients that are listed";
    yield { key: ".who", found: { words: "a who" }, expected };
  }
  for (const [at, clientId] of clientIds.entries()) {
    const good = clientId !== "" && !clientId.includes("\0") && clientId.isWellFormed() &&
      utf8Size(clientId) <= LONGEST_CLIENT_ID;
    if (good) continue;
    const expected = "a client identifier: 1 to 65,535 bytes of UTF-8 without U+0000";
    yield { key: `.provision.clientIds[${at}]`, found: { value: clientId }, expected };
  }
}

/** Names that are kept where it is not sure that they are, or that mean something else. */
function* captureProblems(
  who: Who | undefined,
  path: string,
  names: string[],
): Iterable<RuleProblem> {
  if (who === undefined) return;
  for (const [key, patterns] of patternsIn(who)) {
    const here = new Set<string>();
    for (const pattern of patterns) {
      const found = captureNames(parseCapture(pattern));
      const twice = found.find((name, at) => found.indexOf(name) !== at || names.includes(name));
      if (twice !== undefined) {
        const expected = `another name for a second {${twice}}: each part of a rule has its own`;
        yield { key: `${path}${key}`, found: { value: pattern }, expected };
      }
      const taken = found.find((name) => OWN_NAMES.includes(name));
      if (taken !== undefined) {
        const expected = `another name for {${taken}}, which stands for something else`;
        yield { key: `${path}${key}`, found: { value: pattern }, expected };
      }
      for (const name of found) here.add(name);
    }
    names.push(...here);
  }
  for (const [at, inner] of (who.and ?? []).entries()) {
    yield* captureProblems(inner, `${path}.and[${at}]`, names);
  }
  for (const [at, inner] of (who.or ?? []).entries()) {
    yield* unsure(inner, `${path}.or[${at}]`);
  }
  yield* unsure(who.not, `${path}.not`);
}

/** Below `or` and `not` nothing can be kept. */
function* unsure(who: Who | undefined, path: string): Iterable<RuleProblem> {
  if (who === undefined) return;
  for (const [key, patterns] of patternsIn(who)) {
    for (const pattern of patterns) {
      if (captureNames(parseCapture(pattern)).length === 0) continue;
      const expected = "a * in the place of {…}: only what has to hold in any case keeps its parts";
      yield { key: `${path}${key}`, found: { value: pattern }, expected };
    }
  }
  for (const inner of [...who.and ?? [], ...who.or ?? [], who.not]) yield* unsure(inner, path);
}

function patternsIn(who: Who): readonly (readonly [key: string, patterns: readonly string[]])[] {
  const { user, clientId, role, address, listener, version, certificate } = who;
  const fields = Object.entries({ user, clientId, role, address, listener, version });
  const certificates = Object.entries(certificate ?? {});
  return [
    ...fields.map(([key, patterns]) => [`.${key}`, listOf(patterns)] as const),
    ...certificates.map(([key, patterns]) => [`.certificate.${key}`, listOf(patterns)] as const),
  ];
}

/** In words what is expected in the place of the filter. */
function filterProblem(
  { filter, noLocal }: AutoFilter,
  captured: readonly string[],
): string | undefined {
  if (/\$\{(?![^}]*\})/.test(filter)) return "a closing } after ${";
  const template = parseTemplate(filter);
  const unknown = template.names.find((name) =>
    !OWN_NAMES.includes(name) && !captured.includes(name)
  );
  if (unknown !== undefined) {
    return `in place of \${${unknown}} one of \${clientid}, \${username}, \${address}, \${listener}, ` +
      "${role}, ${cert.cn} or a part that a {…} of its who keeps";
  }
  const parsed = parseTopicFilter(template.literals.join("x"), Infinity);
  if (typeof parsed === "string") return `a Topic Filter, but ${parsed}`;
  const topics = filter.startsWith("$share/")
    ? filter.slice(filter.indexOf("/", "$share/".length) + 1)
    : filter;
  if (/^\$(?!\{)[^/]*\$\{/.test(topics)) {
    return "no ${…} in a first level that begins with $, as it would reach what it is not meant to";
  }
  if (noLocal === true && parsed.shareName !== undefined) { // [MQTT-3.8.3-4]
    return "no noLocal, which a shared subscription cannot have";
  }
  return undefined;
}
