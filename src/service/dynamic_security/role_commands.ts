/**
 * The commands of dynamic security about roles and their ACLs, and about what holds where no ACL does. Pure.
 */

import type { Command } from "./change.ts";
import { pageOf, roleIn } from "./change.ts";
import { roleData } from "./describe.ts";
import {
  aclIn,
  aclsIn,
  aclTopicIn,
  aclTypeIn,
  isObject,
  isWrong,
  nameIn,
  textsIn,
  wildcardsIn,
} from "./fields.ts";
import { holdersOf, withHolders } from "./holders.ts";
import type { NameMap } from "./name_map.ts";
import { valueOf, withoutName } from "./name_map.ts";
import { clientSetting, GENERAL, groupSetting, roleSetting } from "./settings.ts";
import type { Defaults, DynamicRole, Ranked } from "./state.ts";
import { aclsWith, defaultTypes, rankedWithout, withRole } from "./state.ts";

const createRole: Command = (state, fields) => {
  const name = nameIn(fields, "rolename");
  if (isWrong(name)) return name;
  if (valueOf(state.roles, name) !== undefined) return { error: "Role already exists" };
  const texts = textsIn(fields);
  if (isWrong(texts)) return texts;
  const acls = aclsIn(fields);
  if (isWrong(acls)) return acls;
  const wildcards = wildcardsIn(fields);
  if (isWrong(wildcards)) return wildcards;
  const role: DynamicRole = {
    name,
    textName: undefined,
    textDescription: undefined,
    ...texts,
    ...wildcards,
    acls: acls ?? [],
  };
  return { state: withRole(state, role), changed: [roleSetting(name)] };
};

/** It is taken from all who have it: another role of this name later is another role. */
const deleteRole: Command = (state, fields) => {
  const role = roleIn(state, fields);
  if (isWrong(role)) return role;
  const clients = withoutRole(state.clients, role.name);
  const groups = withoutRole(state.groups, role.name);
  return {
    state: {
      ...state,
      roles: withoutName(state.roles, role.name),
      clients: withHolders(state.clients, clients),
      groups: withHolders(state.groups, groups),
    },
    changed: [
      roleSetting(role.name),
      ...clients.map(([name]) => clientSetting(name)),
      ...groups.map(([name]) => groupSetting(name)),
    ],
  };
};

/** Those who have the role, without it. */
function withoutRole<H extends { readonly roles: readonly Ranked[] }>(
  map: NameMap<H>,
  role: string,
): readonly (readonly [name: string, one: H])[] {
  return holdersOf(map, role).map((name) => {
    const one = valueOf(map, name)!;
    return [name, { ...one, roles: rankedWithout(one.roles, role) }];
  });
}

const modifyRole: Command = (state, fields) => {
  const name = nameIn(fields, "rolename");
  if (isWrong(name)) return name;
  const role = valueOf(state.roles, name);
  if (role === undefined) return { error: "Role does not exist" };
  const texts = textsIn(fields);
  if (isWrong(texts)) return texts;
  const acls = aclsIn(fields);
  if (isWrong(acls)) return acls;
  const wildcards = wildcardsIn(fields);
  if (isWrong(wildcards)) return wildcards;
  return {
    state: withRole(state, { ...role, ...texts, ...wildcards, acls: acls ?? role.acls }),
    changed: [roleSetting(name)],
  };
};

const addRoleACL: Command = (state, fields) => {
  const role = roleIn(state, fields);
  if (isWrong(role)) return role;
  const acl = aclIn(fields);
  if (isWrong(acl)) return acl;
  if (role.acls.some(({ type, topic }) => type === acl.type && topic === acl.topic)) {
    return { error: "ACL with this topic already exists" };
  }
  return {
    state: withRole(state, { ...role, acls: aclsWith(role.acls, acl) }),
    changed: [roleSetting(role.name)],
  };
};

const removeRoleACL: Command = (state, fields) => {
  const role = roleIn(state, fields);
  if (isWrong(role)) return role;
  const wanted = aclTypeIn(fields);
  if (isWrong(wanted)) return wanted;
  const about = aclTopicIn(fields);
  if (isWrong(about)) return about;
  const acls = role.acls.filter(({ type, topic }) => type !== wanted || topic !== about);
  if (acls.length === role.acls.length) return { error: "ACL not found" };
  return { state: withRole(state, { ...role, acls }), changed: [roleSetting(role.name)] };
};

const getRole: Command = (state, fields) => {
  const role = roleIn(state, fields);
  return isWrong(role) ? role : { state, data: { role: roleData(role) } };
};

const listRoles: Command = (state, fields) => {
  const { totalCount, page } = pageOf(state.roles, fields, roleData);
  return { state, data: { totalCount, roles: page } };
};

const setDefaultACLAccess: Command = (state, { acls }) => {
  if (!Array.isArray(acls)) return { error: "Missing/invalid actions array" };
  const defaults: { -readonly [type in keyof Defaults]: boolean } = { ...state.defaults };
  for (const entry of acls) {
    const { acltype, access, allow = allowIn(access) } = isObject(entry) ? entry : {};
    const type = typeof acltype !== "string"
      ? undefined
      : defaultTypes.find((type) => type.toLowerCase() === acltype.toLowerCase());
    if (type === undefined) return { error: "Unknown acltype" };
    if (typeof allow !== "boolean") return { error: "Invalid/missing allow" };
    defaults[type] = allow;
  }
  return { state: { ...state, defaults }, changed: [GENERAL] };
};

/** In place of `allow`: what mosquitto_ctrl 2.0 sends, and the plugin passes over. */
function allowIn(access: unknown): boolean | undefined {
  return access === "allow" ? true : access === "deny" ? false : undefined;
}

const getDefaultACLAccess: Command = (state) => ({
  state,
  data: { acls: defaultTypes.map((acltype) => ({ acltype, allow: state.defaults[acltype] })) },
});

/** Counts, and a number that grows with every change: of Mosquitto 2.1. */
const getDetails: Command = (state) => ({
  state,
  data: {
    clientCount: state.clients.size,
    groupCount: state.groups.size,
    roleCount: state.roles.size,
    changeIndex: state.changes,
  },
});

export const roleCommands: Readonly<Record<string, Command>> = {
  createRole,
  deleteRole,
  modifyRole,
  addRoleACL,
  removeRoleACL,
  getRole,
  listRoles,
  setDefaultACLAccess,
  getDefaultACLAccess,
  getDetails,
};
