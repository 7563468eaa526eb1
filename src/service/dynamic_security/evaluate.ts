/**
 * What the roles of dynamic security permit: of a client's roles, then of its groups' roles, each by priority,
 * the first ACL that is about the topic decides; where there is none the default does. Within a role literal
 * ACLs about a filter are asked before patterns. Pure but for a memory, which depends on the state alone.
 */

import type { Action } from "../../policy/access_rule.ts";
import type { Decision } from "../../policy/compiled_rule.ts";
import { isControl } from "../../policy/control_topic.ts";
import type { DynamicAccess } from "../../policy/dynamic_access.ts";
import type { Identity } from "../../policy/identity.ts";
import { mapKey } from "../../topic/map_key.ts";
import { matches } from "../../topic/matches.ts";
import { hasWildcard } from "../../topic/topic_filter.ts";
import { valueOf } from "./name_map.ts";
import type { Acl, AclType, DefaultType, DynamicRole, DynamicState } from "./state.ts";
import { newClient } from "./state.ts";

/** Answers that are kept, of all users together; so many characters of a topic count as one more. */
const MOST_KEPT = 65_536;
const LENGTH_PER_ANSWER = 256;

/** What may be asked about a topic. */
type Asked = Exclude<Action, "connect"> | "unsubscribe";

const ASKED: Readonly<Record<Asked, readonly AclType[]>> = {
  publish: ["publishClientSend"],
  receive: ["publishClientReceive"],
  subscribe: ["subscribeLiteral", "subscribePattern"],
  unsubscribe: ["unsubscribeLiteral", "unsubscribePattern"],
};

const DEFAULTS: Readonly<Record<Asked, DefaultType>> = {
  publish: "publishClientSend",
  receive: "publishClientReceive",
  subscribe: "subscribe",
  unsubscribe: "unsubscribe",
};

const CONNECT: Decision = {
  permitted: true,
  rule: "dynamic security is not about connect",
  at: -1,
};
const DISABLED: Decision = {
  permitted: false,
  rule: "dynamic security: the client is disabled",
  at: 0,
};
const OTHER_CLIENT_ID: Decision = {
  permitted: false,
  rule: "dynamic security: the client has to connect with another client id",
  at: 0,
};

/** An ACL that may decide, and what it says. */
interface Candidate {
  readonly acl: Acl;
  readonly decision: Decision;
}

/** What is kept of one user, of whatever action it was asked about. */
interface Grants {
  readonly candidates: { [asked in Asked]?: readonly Candidate[] };
  /** By `mapKey` of the topic. */
  readonly answers: { [asked in Asked]?: Map<string, Decision> };
}

/** Answers from that state; what it remembers is gone with it. */
export function accessOf(state: DynamicState): DynamicAccess {
  const byUser = new Map<string | undefined, Grants>();
  let kept = 0;
  const grantsOf = (user: string | undefined): Grants => {
    let grants = byUser.get(user);
    if (grants === undefined) {
      kept += 1;
      byUser.set(user, grants = { candidates: {}, answers: {} });
    }
    return grants;
  };
  return {
    decide(identity, action, topic, full = topic) {
      const { user } = identity;
      if (action === "connect") return mayConnect(state, identity);
      if (kept >= MOST_KEPT) {
        byUser.clear();
        kept = 0;
      }
      const grants = grantsOf(user);
      const answers = grants.answers[action] ??= new Map();
      const key = mapKey(full);
      const known = answers.get(key);
      if (known !== undefined) return known;
      const disabled = user !== undefined && valueOf(state.clients, user)?.disabled === true;
      if (disabled && action !== "receive") return DISABLED; // what waits for it goes on waiting
      const candidates = grants.candidates[action] ??= candidatesOf(state, user, action);
      const decision =
        (action === "subscribe" ? withoutWildcards(state, user, topic) : undefined) ??
          decided(state, candidates, action, topic, full);
      kept += 1 + Math.floor(full.length / LENGTH_PER_ANSWER);
      answers.set(key, decision);
      return decision;
    },
  };
}

/** Whether what the setting is about permits and denies the same in both states. */
export function permitsTheSame(
  before: DynamicState,
  after: DynamicState,
  setting: string,
): boolean {
  const name = setting.slice(setting.indexOf("/") + 1);
  if (setting.startsWith("client/")) {
    const nobody = newClient(name);
    const one = valueOf(before.clients, name) ?? nobody;
    const other = valueOf(after.clients, name) ?? nobody;
    return one.disabled === other.disabled && one.clientId === other.clientId &&
      isSame(one.roles, other.roles) && isSame(one.groups, other.groups);
  }
  if (setting.startsWith("group/")) {
    const one = valueOf(before.groups, name)?.roles ?? [];
    return isSame(one, valueOf(after.groups, name)?.roles ?? []);
  }
  if (setting.startsWith("role/")) {
    const one = valueOf(before.roles, name), other = valueOf(after.roles, name);
    return isSame(one?.acls ?? [], other?.acls ?? []) &&
      one?.noWildcards === true === (other?.noWildcards === true);
  }
  return before.defaults === after.defaults && before.anonymousGroup === after.anonymousGroup;
}

/** Lists are never changed in place. */
function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one === other || one.length === 0 && other.length === 0;
}

/** Whoever proved its identity in another way is held to its client of this name too. */
function mayConnect({ clients }: DynamicState, { user, clientId }: Identity): Decision {
  const client = user === undefined ? undefined : valueOf(clients, user);
  if (client === undefined) return CONNECT;
  if (client.disabled) return DISABLED;
  const other = client.clientId !== undefined && clientId !== undefined &&
    client.clientId !== clientId;
  return other ? OTHER_CLIENT_ID : CONNECT;
}

/** The roles in the order in which they are asked, each with the words for how the client has it. */
function rolesOf(state: DynamicState, user: string | undefined): [DynamicRole, string][] {
  const found: [DynamicRole, string][] = [];
  const client = user === undefined ? undefined : valueOf(state.clients, user);
  const groups = user === undefined
    ? state.anonymousGroup === "" ? [] : [state.anonymousGroup]
    : client?.groups.map(({ name }) => name) ?? [];
  for (const { name } of client?.roles ?? []) {
    const role = valueOf(state.roles, name);
    if (role !== undefined) found.push([role, ""]);
  }
  for (const groupName of groups) {
    for (const { name } of valueOf(state.groups, groupName)?.roles ?? []) {
      const role = valueOf(state.roles, name);
      if (role !== undefined) found.push([role, ` of group "${groupName}"`]);
    }
  }
  return found;
}

function candidatesOf(
  state: DynamicState,
  user: string | undefined,
  asked: Asked,
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const [role, by] of rolesOf(state, user)) {
    for (const type of ASKED[asked]) {
      for (const acl of role.acls) {
        if (acl.type !== type) continue;
        const verb = acl.allow ? "allow" : "deny";
        const rule = `dynamic security: role "${role.name}"${by}: ${type} ${acl.topic} ${verb}`;
        candidates.push({ acl, decision: { permitted: acl.allow, rule, at: candidates.length } });
      }
    }
  }
  return candidates;
}

/** Why a filter with wildcards is denied before any ACL is asked; undefined: it is not. */
function withoutWildcards(
  state: DynamicState,
  user: string | undefined,
  filter: string,
): Decision | undefined {
  if (!hasWildcard(filter)) return undefined;
  const [role] = rolesOf(state, user).find(([{ noWildcards }]) => noWildcards === true) ?? [];
  if (role === undefined) return undefined;
  const rule = `dynamic security: role "${role.name}" allows no wildcards`;
  return { permitted: false, rule, at: 0 };
}

/**
 * The first ACL that is about it, else the default. As in Mosquitto a shared subscription is what it is with its
 * `$share/{ShareName}/`; but an ACL that denies the filter in it denies it too, as its messages are the same.
 */
function decided(
  state: DynamicState,
  candidates: readonly Candidate[],
  asked: Asked,
  topic: string,
  full: string,
): Decision {
  const byWhole = firstAbout(candidates, full) ?? byDefault(state, asked, topic);
  if (full === topic || !byWhole.permitted) return byWhole;
  const within = firstAbout(candidates, topic);
  return within?.permitted === false ? within : byWhole;
}

function firstAbout(candidates: readonly Candidate[], topic: string): Decision | undefined {
  return candidates.find(({ acl }) => isAbout(acl, topic))?.decision;
}

function isAbout({ type, topic: about }: Acl, topic: string): boolean {
  switch (type) {
    case "publishClientSend":
    case "publishClientReceive":
      return matches(about, topic);
    case "subscribeLiteral":
    case "unsubscribeLiteral":
      return about === topic;
    case "subscribePattern":
    case "unsubscribePattern":
      return comprises(about, topic);
  }
}

/**
 * Whether a pattern comprises a filter, level by level: `#` also what begins with `$`, since a pattern `#` that
 * denies denies every filter.
 */
function comprises(pattern: string, filter: string): boolean {
  const wanted = pattern.split("/"), levels = filter.split("/");
  for (let at = 0; at < wanted.length; at++) {
    if (wanted[at] === "#") return true;
    if (at === levels.length || levels[at] === "#") return false;
    if (wanted[at] !== "+" && wanted[at] !== levels[at]) return false;
  }
  return wanted.length === levels.length;
}

/** Below `$CONTROL` a default grants nothing: who may manage the broker has to be named for it. */
function byDefault({ defaults }: DynamicState, asked: Asked, topic: string): Decision {
  const type = DEFAULTS[asked];
  if ((asked === "publish" || asked === "subscribe") && isControl(topic)) {
    return { permitted: false, rule: `dynamic security: no ACL names ${topic}`, at: -1 };
  }
  const permitted = defaults[type];
  const verb = permitted ? "allow" : "deny";
  return { permitted, rule: `dynamic security: default access ${type} ${verb}`, at: -1 };
}
