/**
 * The state of dynamic security as settings, one for each client, group and role, so that a change writes only
 * what it changes; and back. Texts are JSON in the words of Mosquitto's file. Pure.
 */

import { aclData, rankedData, textData, wildcardsData } from "./describe.ts";
import type { Fields } from "./fields.ts";
import { aclsIn, isObject, isWrong, rankedIn, textIn, textsIn, wildcardsIn } from "./fields.ts";
import { withoutHolder } from "./holders.ts";
import { emptyNames, namesOf, valueOf, withoutName } from "./name_map.ts";
import type { DynamicState, Texts } from "./state.ts";
import {
  defaultTypes,
  emptyState,
  newClient,
  withClient,
  withGroup,
  withMembership,
  withRole,
} from "./state.ts";

/** The setting of what is one for all: defaults, the anonymous group, the count of changes. */
export const GENERAL = "general";

export const clientSetting = (username: string): string => `client/${username}`;
export const groupSetting = (name: string): string => `group/${name}`;
export const roleSetting = (name: string): string => `role/${name}`;

/** The text of a setting in that state; undefined: it is no more. */
export function settingText(state: DynamicState, setting: string): string | undefined {
  const name = setting.slice(setting.indexOf("/") + 1);
  if (setting === GENERAL) {
    const { defaults, anonymousGroup, changes } = state;
    return JSON.stringify({ defaultACLAccess: defaults, anonymousGroup, changes });
  }
  if (setting.startsWith("client/")) {
    const client = valueOf(state.clients, name);
    return client && JSON.stringify({
      ...(client.clientId === undefined ? {} : { clientid: client.clientId }),
      ...textData(client),
      ...(client.disabled ? { disabled: true } : {}),
      ...(client.password === undefined ? {} : { password: client.password }),
      roles: client.roles.map((role) => rankedData("rolename", role)),
      groups: client.groups.map((group) => rankedData("groupname", group)),
    });
  }
  if (setting.startsWith("group/")) {
    const group = valueOf(state.groups, name);
    return group && JSON.stringify({
      ...textData(group),
      roles: group.roles.map((role) => rankedData("rolename", role)),
    });
  }
  const role = valueOf(state.roles, name);
  return role &&
    JSON.stringify({ ...textData(role), ...wildcardsData(role), acls: role.acls.map(aclData) });
}

/** All settings of a state; the general one last. */
export function settingsOf(state: DynamicState): ReadonlyMap<string, string> {
  const names = [
    ...namesOf(state.roles).map(roleSetting),
    ...namesOf(state.groups).map(groupSetting),
    ...namesOf(state.clients).map(clientSetting),
    GENERAL,
  ];
  return new Map(names.map((name) => [name, settingText(state, name)!]));
}

/** What comes before what names it. */
const KINDS = ["role/", "group/", "client/", GENERAL] as const;

/**
 * The state that was kept.
 *
 * @throws an Error that names the setting that makes no sense
 */
export function stateOf(settings: ReadonlyMap<string, string>): DynamicState {
  return withSettings(emptyState, Array.from(settings, ([name, value]) => ({ name, value })));
}

/**
 * The state in which these settings say something else; undefined: they are no more.
 *
 * @throws an Error that names the setting that makes no sense
 */
export function withSettings(
  before: DynamicState,
  changes: readonly { readonly name: string; readonly value: string | undefined }[],
): DynamicState {
  let state = before;
  for (const kind of KINDS) {
    for (const { name: setting, value } of changes) {
      if (!setting.startsWith(kind)) continue;
      const name = setting.slice(kind.length);
      if (value === undefined) {
        state = without(state, kind, name);
        continue;
      }
      try {
        const fields: unknown = JSON.parse(value);
        if (!isObject(fields)) throw new Error("it is no object");
        state = withFields[kind](state, name, fields);
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error);
        throw new Error(`${setting}: ${words}`, { cause: error });
      }
    }
  }
  return state;
}

function without(state: DynamicState, kind: typeof KINDS[number], name: string): DynamicState {
  switch (kind) {
    case "role/":
      return { ...state, roles: withoutName(state.roles, name) };
    case "group/":
      return { ...state, groups: withoutHolder(state.groups, name) };
    case "client/": {
      const left = withMembership(state, name, valueOf(state.clients, name)?.groups ?? [], []);
      return { ...left, clients: withoutHolder(left.clients, name) };
    }
    case GENERAL:
      return state;
  }
}

type WithFields = (state: DynamicState, name: string, fields: Fields) => DynamicState;

const withFields: Readonly<Record<typeof KINDS[number], WithFields>> = {
  "role/": (state, name, fields) => {
    const acls = kept(valueOf(state.roles, name)?.acls, sound(aclsIn(fields)) ?? []);
    const wildcards = sound(wildcardsIn(fields));
    return withRole(state, { name, ...textsOf(fields), ...wildcards, acls });
  },
  "group/": (state, name, fields) => {
    const before = valueOf(state.groups, name);
    const roles = sound(rankedIn(fields, "roles", "rolename", "wrong")) ?? [];
    return withGroup(state, {
      name,
      ...textsOf(fields),
      roles: kept(before?.roles, roles),
      members: before?.members ?? emptyNames(),
    });
  },
  "client/": (state, username, fields) => {
    const { password } = fields;
    const before = valueOf(state.clients, username) ?? newClient(username);
    const roles = sound(rankedIn(fields, "roles", "rolename", "wrong")) ?? [];
    const groups = kept(
      before.groups,
      sound(rankedIn(fields, "groups", "groupname", "wrong")) ?? [],
    );
    return withClient(withMembership(state, username, before.groups, groups), {
      ...newClient(username),
      awaits: before.awaits,
      ...textsOf(fields),
      clientId: sound(textIn(fields, "clientid")),
      disabled: fields.disabled === true,
      password: typeof password === "string" ? password : undefined,
      roles: kept(before.roles, roles),
      groups,
    });
  },
  [GENERAL]: (state, _, { defaultACLAccess, anonymousGroup, changes }) => {
    const given = isObject(defaultACLAccess) ? defaultACLAccess : {};
    const defaults = { ...emptyState.defaults };
    for (const type of defaultTypes) {
      if (typeof given[type] === "boolean") defaults[type] = given[type];
    }
    return {
      ...state,
      defaults: kept(state.defaults, defaults),
      anonymousGroup: typeof anonymousGroup === "string" ? anonymousGroup : "",
      changes: typeof changes === "number" ? changes : 0,
    };
  },
};

/** What was there where the same has come again: other objects are taken for other answers. */
function kept<T>(before: T | undefined, after: T): T {
  return before !== undefined && JSON.stringify(before) === JSON.stringify(after) ? before : after;
}

function textsOf(fields: Fields): Texts {
  return { textName: undefined, textDescription: undefined, ...sound(textsIn(fields)) };
}

function sound<T>(value: T): Exclude<T, { readonly error: string }> {
  if (isWrong(value)) throw new Error(value.error);
  return value as Exclude<T, { readonly error: string }>;
}
