/**
 * The state of dynamic security as settings, one for each client, group and role, so that a change writes only
 * what it changes; and back. Texts are JSON in the words of Mosquitto's file. Pure.
 */

import { aclData, rankedData, textData, wildcardsData } from "./describe.ts";
import type { Fields } from "./fields.ts";
import { aclsIn, isObject, isWrong, rankedIn, textIn, textsIn, wildcardsIn } from "./fields.ts";
import { emptyNames, namesOf, valueOf } from "./name_map.ts";
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

/**
 * The state that was kept.
 *
 * @throws an Error that names the setting that makes no sense
 */
export function stateOf(settings: ReadonlyMap<string, string>): DynamicState {
  let state = emptyState;
  const read = (kind: string, each: (name: string, fields: Fields) => void) => {
    for (const [setting, text] of settings) {
      if (!setting.startsWith(kind)) continue;
      try {
        const fields: unknown = JSON.parse(text);
        if (!isObject(fields)) throw new Error("it is no object");
        each(setting.slice(kind.length), fields);
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error);
        throw new Error(`${setting}: ${words}`, { cause: error });
      }
    }
  };
  read("role/", (name, fields) => {
    const acls = sound(aclsIn(fields)) ?? [];
    const wildcards = sound(wildcardsIn(fields));
    state = withRole(state, { name, ...textsOf(fields), ...wildcards, acls });
  });
  read("group/", (name, fields) => {
    const roles = sound(rankedIn(fields, "roles", "rolename", "wrong")) ?? [];
    state = withGroup(state, { name, ...textsOf(fields), roles, members: emptyNames() });
  });
  read("client/", (username, fields) => {
    const { password } = fields;
    const groups = sound(rankedIn(fields, "groups", "groupname", "wrong")) ?? [];
    state = withClient(withMembership(state, username, [], groups), {
      ...newClient(username),
      ...textsOf(fields),
      clientId: sound(textIn(fields, "clientid")),
      disabled: fields.disabled === true,
      password: typeof password === "string" ? password : undefined,
      roles: sound(rankedIn(fields, "roles", "rolename", "wrong")) ?? [],
      groups,
    });
  });
  read(GENERAL, (_, { defaultACLAccess, anonymousGroup, changes }) => {
    const kept = isObject(defaultACLAccess) ? defaultACLAccess : {};
    const defaults = { ...emptyState.defaults };
    for (const type of defaultTypes) {
      if (typeof kept[type] === "boolean") defaults[type] = kept[type];
    }
    state = {
      ...state,
      defaults,
      anonymousGroup: typeof anonymousGroup === "string" ? anonymousGroup : "",
      changes: typeof changes === "number" ? changes : 0,
    };
  });
  return state;
}

function textsOf(fields: Fields): Texts {
  return { textName: undefined, textDescription: undefined, ...sound(textsIn(fields)) };
}

function sound<T>(value: T): Exclude<T, { readonly error: string }> {
  if (isWrong(value)) throw new Error(value.error);
  return value as Exclude<T, { readonly error: string }>;
}
