/**
 * Whom a rule of access is about, compiled: a question that is asked once for each identity and rule.
 * Pure. What is not known of a client matches no pattern.
 */

import type { Patterns, Who } from "./access_rule.ts";
import { listOf } from "./access_rule.ts";
import { containsParsed, parseCidr } from "./cidr.ts";
import { globMatches } from "./glob.ts";
import type { Identity } from "./identity.ts";
import type { IpAddress } from "./ip_address.ts";
import { parseAddress } from "./ip_address.ts";

export type Predicate = (identity: Identity) => boolean;

/** The question of a `who`; undefined for everyone. Ranges of addresses have been found good. */
export function whoMatches(who: Who | undefined): Predicate | undefined {
  if (who === undefined) return undefined;
  const all = conditionsOf(who);
  if (all.length === 1) return all[0];
  return (identity) => all.every((condition) => condition(identity));
}

function conditionsOf(who: Who): Predicate[] {
  const conditions: Predicate[] = [];
  const { user, clientId, role, address, listener, version, certificate, and, or, not } = who;
  if (user !== undefined) conditions.push(one(user, (identity) => identity.user));
  if (clientId !== undefined) conditions.push(one(clientId, (identity) => identity.clientId));
  if (listener !== undefined) conditions.push(one(listener, (identity) => identity.listener));
  if (version !== undefined) conditions.push(one(version, versionName));
  if (role !== undefined) conditions.push(some(role, (identity) => identity.roles));
  if (address !== undefined) conditions.push(addressIs(address));
  for (const [field, patterns] of Object.entries(certificate ?? {})) {
    if (patterns === undefined) continue;
    conditions.push(some(patterns, (identity) => certificateField(identity, field)));
  }
  for (const inner of and ?? []) conditions.push(whoMatches(inner)!);
  if (or !== undefined) {
    const any = or.map((inner) => whoMatches(inner)!);
    conditions.push((identity) => any.some((condition) => condition(identity)));
  }
  if (not !== undefined) {
    const inner = whoMatches(not)!;
    conditions.push((identity) => !inner(identity));
  }
  return conditions;
}

/** The versions of MQTT by the names that they have in the configuration. */
export const VERSION_NAMES = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;

function versionName({ version }: Identity): string | undefined {
  return version === undefined ? undefined : VERSION_NAMES[version];
}

/** The values of a field of the client's certificate; none where it has no certificate. */
export function certificateField({ certificate }: Identity, field: string): readonly string[] {
  if (certificate === undefined || !Object.hasOwn(certificate, field)) return [];
  return listOf(certificate[field]);
}

function one(patterns: Patterns, of: (identity: Identity) => string | undefined): Predicate {
  const list = listOf(patterns);
  return (identity) => {
    const value = of(identity);
    return value !== undefined && list.some((pattern) => globMatches(pattern, value));
  };
}

function some(patterns: Patterns, of: (identity: Identity) => readonly string[]): Predicate {
  const list = listOf(patterns);
  return (identity) =>
    of(identity).some((value) => list.some((pattern) => globMatches(pattern, value)));
}

/** The address as a text where the pattern has a `*`, else as a number. */
function addressIs(patterns: Patterns): Predicate {
  const conditions = listOf(patterns).map((pattern): (address: string) => boolean => {
    if (pattern.includes("*")) return (address) => globMatches(pattern, address);
    const range = parseCidr(pattern);
    if (typeof range === "string") return () => false;
    return (address) => {
      const parsed = parsedAddress(address);
      return parsed !== undefined && containsParsed(range, parsed);
    };
  });
  return ({ address }) =>
    address !== undefined && conditions.some((condition) => condition(address));
}

/** The last address that was read: all rules are asked about one client in a row. A memory of a pure function. */
let lastAddress = "";
let lastParsed: IpAddress | undefined;

function parsedAddress(address: string): IpAddress | undefined {
  if (address !== lastAddress) {
    lastParsed = parseAddress(address);
    lastAddress = address;
  }
  return lastParsed;
}
