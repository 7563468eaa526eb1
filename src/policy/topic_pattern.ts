/**
 * The topics of a rule: a Topic Filter, or `=` and a text that is compared letter by letter; in both
 * `${clientid}`, `${username}`, `${role}` and `${cert.cn}` stand for what the client has. Pure.
 *
 * A value fills a part of one level and never more: with `+`, `#`, `/` or U+0000 in it, or with `$` at the
 * front of the filter, or where there is none, the pattern is about no topic for that client.
 */

import { CERTIFICATE_FIELDS } from "./access_rule.ts";
import type { Identity } from "./identity.ts";
import { certificateField } from "./who.ts";

export interface TopicPattern {
  /** Without the `=`. */
  readonly text: string;
  /** Compared letter by letter. */
  readonly literal: boolean;
  /** The names in `${…}`, in order. */
  readonly placeholders: readonly string[];
}

/** What may stand in `${…}`, for people. */
export const PLACEHOLDERS = "${clientid}, ${username}, ${role} or ${cert.cn}";

/** Roles of a client that are looked at for `${role}`: each makes a filter of its own. */
const MOST_ROLES = 64;

const PLACEHOLDER = /\$\{([^}]*)\}/g;

/** Whether a name may stand in `${…}`. */
export function isPlaceholder(name: string): boolean {
  return name === "clientid" || name === "username" || name === "role" ||
    CERTIFICATE_FIELDS.some((field) => name === `cert.${field}`);
}

/** Takes a pattern apart. */
export function parsePattern(written: string): TopicPattern {
  const literal = written.startsWith("=");
  const text = literal ? written.slice(1) : written;
  const placeholders = Array.from(text.matchAll(PLACEHOLDER), ([, name]) => name!);
  return { text, literal, placeholders };
}

/** The pattern with the same text in place of every `${…}`. */
export function filled(text: string, filler: string): string {
  return text.replace(PLACEHOLDER, () => filler);
}

/** The pattern's texts for this client: one, for `${role}` one a role; none where a value cannot be used. */
export function expand({ text, placeholders }: TopicPattern, identity: Identity): string[] {
  if (placeholders.length === 0) return [text];
  const roles = placeholders.includes("role") ? identity.roles.slice(0, MOST_ROLES) : [undefined];
  const texts: string[] = [];
  for (const role of roles) {
    const expanded = withValues(text, identity, role);
    if (expanded !== undefined) texts.push(expanded);
  }
  return texts;
}

function withValues(
  text: string,
  identity: Identity,
  role: string | undefined,
): string | undefined {
  let usable = true;
  const expanded = text.replace(PLACEHOLDER, (_, name: string, at: number) => {
    const value = valueOf(name, identity, role);
    if (value !== undefined && /^[^+#/\0]+$/.test(value) && !(at === 0 && value[0] === "$")) {
      return value;
    }
    usable = false;
    return "";
  });
  return usable ? expanded : undefined;
}

function valueOf(name: string, identity: Identity, role: string | undefined): string | undefined {
  if (name === "clientid") return identity.clientId;
  if (name === "username") return identity.user;
  if (name === "role") return role;
  if (!name.startsWith("cert.")) return undefined;
  const values = certificateField(identity, name.slice("cert.".length));
  return values.length === 1 ? values[0] : undefined; // of several none is the right one
}
