/**
 * The rules of auto-subscribe, compiled: whom each is about as a function, its filters taken apart, the
 * sessions that it provisions. Made once for a list of rules; a value that nothing changes.
 */

import type { SubscriptionOptions } from "../packet/packet.ts";
import type { Patterns, Who } from "./access_rule.ts";
import { listOf } from "./access_rule.ts";
import type { AutoSubscribeRule, Provision } from "./auto_subscribe_rule.ts";
import { asFilter, optionsOf } from "./auto_subscribe_rule.ts";
import type { Template } from "./auto_template.ts";
import { parseTemplate } from "./auto_template.ts";
import type { CapturePattern, Captures } from "./capture.ts";
import { capture, captureNames, parseCapture, withoutNames } from "./capture.ts";
import type { Identity } from "./identity.ts";
import type { Predicate } from "./who.ts";
import { certificateField, VERSION_NAMES, whoMatches } from "./who.ts";

export interface CompiledFilter {
  readonly template: Template;
  readonly options: SubscriptionOptions;
}

/** A part of a `who` whose patterns keep parts of what they match. */
export interface Capturing {
  readonly of: (identity: Identity) => readonly string[];
  /** The first that matches is the one. */
  readonly patterns: readonly CapturePattern[];
}

export interface CompiledAuto {
  readonly name: string;
  readonly pinned: boolean;
  /** Undefined: everyone. */
  readonly who: Predicate | undefined;
  readonly capturing: readonly Capturing[];
  /** Of which roles `${role}` is one, and what is captured from it; undefined: each role, and nothing. */
  readonly roles: readonly CapturePattern[] | undefined;
  /** Each of the client's roles makes filters of its own: of those that name it. */
  readonly roleNames: ReadonlySet<string>;
  readonly filters: readonly CompiledFilter[];
  readonly provision: Provision | undefined;
}

export interface AutoSubscribe {
  /** As written. */
  readonly rules: readonly AutoSubscribeRule[];
  readonly isEmpty: boolean;
  readonly compiled: readonly CompiledAuto[];
}

/** @param rules good ones: see auto_subscribe_problems.ts */
export function compileAutoSubscribe(rules: readonly AutoSubscribeRule[]): AutoSubscribe {
  return { rules, isEmpty: rules.length === 0, compiled: rules.map(compileRule) };
}

export const NO_AUTO_SUBSCRIBE: AutoSubscribe = compileAutoSubscribe([]);

function compileRule({ name, who, provision, pinned, filters }: AutoSubscribeRule): CompiledAuto {
  const roles = rolePatterns(who);
  return {
    name,
    pinned: pinned ?? false,
    who: provision === undefined
      ? who === undefined ? undefined : whoMatches(withStars(who))
      : isProvisioned(provision),
    capturing: who === undefined ? [] : capturingOf(who),
    roles,
    roleNames: new Set(["role", ...(roles ?? []).flatMap(captureNames)]),
    filters: filters.map((written) => {
      const filter = asFilter(written);
      return { template: parseTemplate(filter.filter), options: optionsOf(filter) };
    }),
    provision,
  };
}

function isProvisioned({ clientIds, user }: Provision): Predicate {
  const known = new Set(clientIds);
  return (identity) =>
    identity.clientId !== undefined && known.has(identity.clientId) &&
    (user === undefined || identity.user === user);
}

/** The same without names: `*` in their places. */
export function withStars(who: Who): Who {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(who)) {
    if (value === undefined) continue;
    if (key === "not") plain[key] = value;
    else if (key === "or") plain[key] = value;
    else if (key === "and") plain[key] = (value as readonly Who[]).map(withStars);
    else if (key === "certificate") {
      plain[key] = Object.fromEntries(
        Object.entries(value as Record<string, Patterns>).map((
          [field, patterns],
        ) => [field, stars(patterns)]),
      );
    } else plain[key] = stars(value as Patterns);
  }
  return plain as Who;
}

function stars(patterns: Patterns): Patterns {
  return typeof patterns === "string" ? withoutNames(patterns) : patterns.map(withoutNames);
}

/** What is captured: of all that has to hold, `and` included; where one of several does there is nothing sure. */
function capturingOf(who: Who): readonly Capturing[] {
  const all: Capturing[] = [];
  const add = (patterns: Patterns | undefined, of: Capturing["of"]) => {
    const parsed = listOf(patterns).map(parseCapture);
    if (parsed.some((pattern) => captureNames(pattern).length > 0)) {
      all.push({ of, patterns: parsed });
    }
  };
  add(who.clientId, ({ clientId }) => known(clientId));
  add(who.user, ({ user }) => known(user));
  add(who.address, ({ address }) => known(address));
  add(who.listener, ({ listener }) => known(listener));
  add(
    who.version,
    ({ version }) => version === undefined ? [] : [VERSION_NAMES[version]],
  );
  for (const [field, patterns] of Object.entries(who.certificate ?? {})) {
    add(patterns, (identity) => certificateField(identity, field));
  }
  for (const inner of who.and ?? []) all.push(...capturingOf(inner));
  return all;
}

function known(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}

function rolePatterns(who: Who | undefined): readonly CapturePattern[] | undefined {
  if (who === undefined) return undefined;
  if (who.role !== undefined) return listOf(who.role).map(parseCapture);
  for (const inner of who.and ?? []) {
    const found = rolePatterns(inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What the first pattern that matches one of the values has kept; undefined where none does. */
export function captureFirst(
  { patterns }: Pick<Capturing, "patterns">,
  values: readonly string[],
): Captures | undefined {
  for (const value of values) {
    for (const pattern of patterns) {
      const found = capture(pattern, value);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
