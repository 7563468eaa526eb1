/**
 * What dynamic security keeps: clients, groups, roles with their ACLs, and what holds where no ACL does. The
 * model is that of Mosquitto's plugin of this name, so that its tools work on it. Pure values.
 */

import { withHolder } from "./holders.ts";
import type { NameMap } from "./name_map.ts";
import { emptyNames, valueOf, withName, withoutName } from "./name_map.ts";

/** What an ACL is about, in the words of the protocol, in the order in which they are listed. */
export const aclTypes = [
  "publishClientSend",
  "publishClientReceive",
  "subscribeLiteral",
  "subscribePattern",
  "unsubscribeLiteral",
  "unsubscribePattern",
] as const;
export type AclType = (typeof aclTypes)[number];

/** What has a default. */
export const defaultTypes = [
  "publishClientSend",
  "publishClientReceive",
  "subscribe",
  "unsubscribe",
] as const;
export type DefaultType = (typeof defaultTypes)[number];

export interface Acl {
  readonly type: AclType;
  /** A Topic Filter. */
  readonly topic: string;
  readonly priority: number;
  readonly allow: boolean;
}

/** A role or a group that somebody has, and how soon it is asked: the highest priority first. */
export interface Ranked {
  readonly name: string;
  readonly priority: number;
}

/** Words for people. */
export interface Texts {
  readonly textName: string | undefined;
  readonly textDescription: string | undefined;
}

export interface DynamicClient extends Texts {
  readonly username: string;
  /** The one client id that it may connect with; undefined: any. */
  readonly clientId: string | undefined;
  readonly disabled: boolean;
  /** `$7$iterations$salt$hash`; undefined: nobody can log in with its name and a password. */
  readonly password: string | undefined;
  /** The number of the change whose password is being hashed; 0: none. */
  readonly awaits: number;
  /** Both in the order in which they are asked. */
  readonly roles: readonly Ranked[];
  readonly groups: readonly Ranked[];
}

export interface DynamicGroup extends Texts {
  readonly name: string;
  readonly roles: readonly Ranked[];
  /** Their names; the priority of the group is kept with each. */
  readonly members: NameMap<true>;
}

export interface DynamicRole extends Texts {
  readonly name: string;
  /** By type, and of one type the highest priority first; of one priority the oldest. */
  readonly acls: readonly Acl[];
  /** Who has it subscribes to no filter with wildcards, whatever any ACL says: of Mosquitto 2.1. */
  readonly noWildcards?: boolean;
}

/** Whether it is permitted where no ACL decides. */
export type Defaults = Readonly<Record<DefaultType, boolean>>;

export interface DynamicState {
  readonly clients: NameMap<DynamicClient>;
  readonly groups: NameMap<DynamicGroup>;
  readonly roles: NameMap<DynamicRole>;
  readonly defaults: Defaults;
  /** The group of clients without a user name; "": none. */
  readonly anonymousGroup: string;
  /** Counts requests that changed something. */
  readonly changes: number;
}

export const emptyState: DynamicState = {
  clients: emptyNames(),
  groups: emptyNames(),
  roles: emptyNames(),
  defaults: {
    publishClientSend: false,
    publishClientReceive: true,
    subscribe: false,
    unsubscribe: true,
  },
  anonymousGroup: "",
  changes: 0,
};

/** A client that has nothing yet. */
export function newClient(username: string): DynamicClient {
  return {
    username,
    clientId: undefined,
    textName: undefined,
    textDescription: undefined,
    disabled: false,
    password: undefined,
    awaits: 0,
    roles: [],
    groups: [],
  };
}

/** The list with an entry more, in its place: by priority, then by name. */
export function rankedWith(list: readonly Ranked[], entry: Ranked): readonly Ranked[] {
  const at = list.findIndex(({ name, priority }) =>
    priority < entry.priority || priority === entry.priority && name > entry.name
  );
  return at === -1 ? [...list, entry] : list.toSpliced(at, 0, entry);
}

/** The list without that name; the same one where it is not in it. */
export function rankedWithout(list: readonly Ranked[], name: string): readonly Ranked[] {
  return list.some((entry) => entry.name === name)
    ? list.filter((entry) => entry.name !== name)
    : list;
}

/** The ACLs with one more, in its place. */
export function aclsWith(acls: readonly Acl[], acl: Acl): readonly Acl[] {
  const order = aclTypes.indexOf(acl.type);
  const at = acls.findIndex(({ type, priority }) => {
    const other = aclTypes.indexOf(type);
    return other > order || other === order && priority < acl.priority;
  });
  return at === -1 ? [...acls, acl] : acls.toSpliced(at, 0, acl);
}

export function withClient(state: DynamicState, client: DynamicClient): DynamicState {
  return { ...state, clients: withHolder(state.clients, client.username, client) };
}

export function withGroup(state: DynamicState, group: DynamicGroup): DynamicState {
  return { ...state, groups: withHolder(state.groups, group.name, group) };
}

export function withRole(state: DynamicState, role: DynamicRole): DynamicState {
  return { ...state, roles: withName(state.roles, role.name, role) };
}

/**
 * The state in which the client is in these groups and in no others. The client itself is not put in: the
 * caller does that, with `groups` set.
 */
export function withMembership(
  state: DynamicState,
  username: string,
  before: readonly Ranked[],
  after: readonly Ranked[],
): DynamicState {
  let { groups } = state;
  for (const { name } of before) {
    const group = valueOf(groups, name);
    if (group === undefined) continue;
    groups = withHolder(groups, name, { ...group, members: withoutName(group.members, username) });
  }
  for (const { name } of after) {
    const group = valueOf(groups, name);
    if (group === undefined) continue;
    groups = withHolder(groups, name, {
      ...group,
      members: withName(group.members, username, true),
    });
  }
  return { ...state, groups };
}
