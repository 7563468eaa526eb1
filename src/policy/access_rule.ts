/**
 * A rule of access as it is written: who may do what to which topics. Values only; what they mean is in
 * who.ts (who), topic_pattern.ts (topics) and access_list.ts (which rule decides).
 */

import type { QoS } from "../packet/packet.ts";

/** What a client may want. */
export type Action = "connect" | "publish" | "subscribe" | "receive";

/** A text with `*` for any characters, or several, one of which is enough. */
export type Patterns = string | readonly string[];

/** The fields of a client's certificate that a rule may look at. */
export const CERTIFICATE_FIELDS = [
  "cn",
  "subject",
  "issuer",
  "serial",
  "fingerprint",
  "sanDns",
  "sanUri",
] as const;

export type CertificateField = typeof CERTIFICATE_FIELDS[number];

/** Whom a rule is about: all that is there has to hold. */
export interface Who {
  /** A user name that was proven; anonymous clients have none. */
  readonly user?: Patterns | undefined;
  readonly clientId?: Patterns | undefined;
  /** One of the client's roles. */
  readonly role?: Patterns | undefined;
  /** A range as `10.0.0.0/8`, an address, or a text with `*`. */
  readonly address?: Patterns | undefined;
  /** The name of the listener in the configuration. */
  readonly listener?: Patterns | undefined;
  /** The version of MQTT that it speaks: `3.1`, `3.1.1` or `5.0`. */
  readonly version?: Patterns | undefined;
  /** Fields of the client's certificate, by name. */
  readonly certificate?:
    | { readonly [Field in CertificateField]?: Patterns | undefined }
    | undefined;
  readonly and?: readonly Who[] | undefined;
  readonly or?: readonly Who[] | undefined;
  readonly not?: Who | undefined;
}

export interface AccessRule {
  /** For logs and for `why`. */
  readonly name?: string | undefined;
  readonly permission: "allow" | "deny";
  /** Absent: everyone. */
  readonly who?: Who | undefined;
  /** Absent: publish, subscribe and receive. `subscribe` is about what comes of it too: receive. */
  readonly action?: Action | readonly Action[] | undefined;
  /**
   * Only at this QoS: of the PUBLISH that the client sends or, for receive, is sent; or the one asked for in
   * SUBSCRIBE. Absent: any.
   */
  readonly qos?: QoS | readonly QoS[] | undefined;
  /** Only a PUBLISH whose RETAIN flag is so, sent by the client or to it. Absent: any. */
  readonly retain?: boolean | undefined;
  /** Topic Filters with `${clientid}` and the like, or `=` and a text. Absent: every topic. */
  readonly topics?: string | readonly string[] | undefined;
}

/** The list that may be written as its only item. */
export function listOf<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as T];
}

/** The actions that a rule is about; `connect` has to be named. */
export function actionsOf({ action }: Pick<AccessRule, "action">): readonly Action[] {
  return action === undefined ? ["publish", "subscribe", "receive"] : listOf<Action>(action);
}

/** How a rule is called: its place in the list, and its name. */
export function ruleLabel(at: number, rule: Pick<AccessRule, "name">): string {
  return ruleName("access", at, rule);
}

/** The same for a rule of another list. */
export function ruleName(list: string, at: number, { name }: Pick<AccessRule, "name">): string {
  return name === undefined ? `${list}[${at}]` : `${list}[${at}] "${name}"`;
}
