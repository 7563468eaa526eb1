/**
 * A Topic Filter with `${…}` in it: what it comes to for one client. Pure.
 *
 * A value fills a part of one level and never more: where it is missing, has `+`, `#`, `/` or U+0000 in it,
 * or would make another kind of filter of this one (a shared one, or one that begins with `$`), there is no
 * filter, but a reason.
 */

import { parseTopicFilter } from "../topic/topic_filter.ts";
import { CERTIFICATE_FIELDS } from "./access_rule.ts";
import type { Captures } from "./capture.ts";
import type { Identity } from "./identity.ts";
import { certificateField } from "./who.ts";

/** Why a rule makes no subscription of a filter for a client that it is about. */
export type SkipReason =
  /** A `${…}` stands for something that the client has not. */
  | "noValue"
  /** What it stands for would widen the filter. */
  | "unusableValue"
  /** Too long, or more levels than topicLevels. */
  | "invalidFilter"
  | "sharedSubscriptionsOff"
  /** By the rules of access. */
  | "notPermitted"
  /** More than autoSubscribeFilters. */
  | "tooManyFilters";

export interface Template {
  readonly written: string;
  /** One more than names. */
  readonly literals: readonly string[];
  readonly names: readonly string[];
  /** Is a Shared Subscription. */
  readonly shared: boolean;
  /** What topics are matched against begins with `$`. */
  readonly dollar: boolean;
}

/** What the names stand for, beside what the identity says. */
export interface Values {
  readonly role: string | undefined;
  readonly captures: Captures;
}

const PLACEHOLDER = /\$\{([^}]*)\}/g;

/** Names that stand for something else than a part that a rule has captured. */
export const OWN_NAMES: readonly string[] = [
  "clientid",
  "username",
  "address",
  "listener",
  "role",
  ...CERTIFICATE_FIELDS.map((field) => `cert.${field}`),
];

/** Takes a filter apart, which is good when every `${…}` has a value. */
export function parseTemplate(written: string): Template {
  const literals: string[] = [];
  const names: string[] = [];
  let from = 0;
  for (const found of written.matchAll(PLACEHOLDER)) {
    literals.push(written.slice(from, found.index));
    names.push(found[1]!);
    from = found.index + found[0].length;
  }
  literals.push(written.slice(from));
  const kind = kindOf(literals.join("x"));
  return { written, literals, names, ...kind };
}

function kindOf(filter: string): Pick<Template, "shared" | "dollar"> {
  const parsed = parseTopicFilter(filter, Infinity);
  if (typeof parsed === "string") return { shared: false, dollar: filter.startsWith("$") };
  return { shared: parsed.shareName !== undefined, dollar: parsed.filter.startsWith("$") };
}

/** The filter for this client, or why there is none. */
export function fill(
  template: Template,
  identity: Identity,
  values: Values,
): string | { readonly why: SkipReason; readonly detail: string } {
  const { literals, names } = template;
  let filter = literals[0]!;
  for (const [at, name] of names.entries()) {
    const value = valueOf(name, identity, values);
    if (value === undefined) return { why: "noValue", detail: `the client has no ${name}` };
    if (!/^[^+#/\0]+$/.test(value)) return unusable(name, value);
    filter += value + literals[at + 1]!;
  }
  if (names.length === 0) return filter;
  const kind = kindOf(filter);
  if (kind.shared !== template.shared || kind.dollar !== template.dollar) {
    return unusable(names[0]!, valueOf(names[0]!, identity, values)!);
  }
  return filter;
}

function unusable(name: string, value: string) {
  const detail = `${name} is ${JSON.stringify(value.slice(0, 200))}, which would widen the filter`;
  return { why: "unusableValue" as const, detail };
}

function valueOf(
  name: string,
  identity: Identity,
  { role, captures }: Values,
): string | undefined {
  switch (name) {
    case "clientid":
      return identity.clientId;
    case "username":
      return identity.user;
    case "address":
      return identity.address;
    case "listener":
      return identity.listener;
    case "role":
      return role;
  }
  if (name.startsWith("cert.")) {
    const found = certificateField(identity, name.slice("cert.".length));
    return found.length === 1 ? found[0] : undefined; // of several none is the right one
  }
  return Object.hasOwn(captures, name) ? captures[name] : undefined;
}
