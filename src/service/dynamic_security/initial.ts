/**
 * States to begin with: that of a first start, with an administrator as `mosquitto_ctrl dynsec init` makes one,
 * and that of a file of Mosquitto's plugin. Pure: passwords come hashed.
 */

import type { Fields } from "./fields.ts";
import {
  aclsIn,
  isObject,
  isWrong,
  nameIn,
  rankedIn,
  textIn,
  textsIn,
  wildcardsIn,
} from "./fields.ts";
import { emptyNames, valueOf } from "./name_map.ts";
import type { Acl, Defaults, DynamicState, Ranked } from "./state.ts";
import {
  aclsWith,
  defaultTypes,
  emptyState,
  newClient,
  withClient,
  withGroup,
  withMembership,
  withRole,
} from "./state.ts";

/** The role of who manages, and what it may do. */
const ADMIN_ROLE = "admin";
const ADMIN_ACLS: readonly (readonly [Acl["type"], string])[] = [
  ["publishClientSend", "$CONTROL/dynamic-security/#"],
  ["publishClientReceive", "$CONTROL/dynamic-security/#"],
  ["subscribePattern", "$CONTROL/dynamic-security/#"],
  ["publishClientReceive", "$SYS/#"],
  ["subscribePattern", "$SYS/#"],
  ["publishClientReceive", "#"],
  ["subscribePattern", "#"],
  ["unsubscribePattern", "#"],
];

/** A state in which only that client may manage, and nobody anything else. */
export function firstState(username: string, password: string): DynamicState {
  let acls: readonly Acl[] = [];
  for (const [type, topic] of ADMIN_ACLS) {
    acls = aclsWith(acls, { type, topic, priority: 0, allow: true });
  }
  const textName = "Dynamic security administrator";
  const role = { name: ADMIN_ROLE, textName: undefined, textDescription: undefined, acls };
  const roles = [{ name: ADMIN_ROLE, priority: -1 }];
  return withClient(withRole(emptyState, role), {
    ...newClient(username),
    textName,
    password,
    roles,
  });
}

/** A state that was read, and all that is wrong with what it was read from. */
export interface Imported {
  readonly state: DynamicState;
  /** Each says where: `clients[3].password: …`. What it is about is left out of the state; a role denies all. */
  readonly problems: readonly string[];
}

/**
 * Reads a `dynamic-security.json`.
 *
 * @param json the value that stands in the file, parsed
 */
export function importDynamicSecurity(json: unknown): Imported {
  const problems: string[] = [];
  let state: DynamicState = emptyState;
  if (!isObject(json)) return { state, problems: ["the file: no JSON object"] };
  const each = (list: string, known: ReadonlySet<string>, take: (fields: Fields) => void) => {
    const entries = json[list] ?? [];
    if (!Array.isArray(entries)) return void problems.push(`${list}: no list`);
    for (const [at, entry] of entries.entries()) {
      try {
        if (!isObject(entry)) throw new Error("no object");
        take(entry);
        for (const key of Object.keys(entry)) {
          if (!known.has(key)) problems.push(`${list}[${at}].${key}: not known here; left out`);
        }
      } catch (error) {
        problems.push(`${list}[${at}]: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  each("roles", new Set([...TEXTS, "rolename", "acls", "allowwildcardsubs"]), (fields) => {
    const name = sound(nameIn(fields, "rolename"));
    // What it was to deny is not known: who has it may do nothing by it, and nothing that is asked after it.
    state = withRole(state, { name, ...NO_TEXTS, acls: DENY_ALL });
    const acls = sound(aclsIn(fields)) ?? [];
    const wildcards = sound(wildcardsIn(fields));
    state = withRole(state, { name, ...textsOf(fields), ...wildcards, acls });
  });
  each("groups", new Set([...TEXTS, "groupname", "roles", "clients"]), (fields) => {
    const name = sound(nameIn(fields, "groupname"));
    const roles = known(state.roles, sound(rankedIn(fields, "roles", "rolename", "wrong")));
    state = withGroup(state, { name, ...textsOf(fields), roles, members: emptyNames() });
  });
  each("clients", CLIENT_KEYS, (fields) => {
    const username = sound(nameIn(fields, "username"));
    const groups = known(state.groups, sound(rankedIn(fields, "groups", "groupname", "wrong")));
    state = withClient(withMembership(state, username, [], groups), {
      ...newClient(username),
      ...textsOf(fields),
      clientId: sound(textIn(fields, "clientid")) || undefined,
      disabled: fields.disabled === true,
      password: passwordOf(fields),
      roles: known(state.roles, sound(rankedIn(fields, "roles", "rolename", "wrong"))),
      groups,
    });
  });
  // Some versions keep who is in a group with the group.
  for (const entry of Array.isArray(json.groups) ? json.groups : []) {
    const name = isObject(entry) ? nameIn(entry, "groupname") : "";
    const members = isObject(entry) ? rankedIn(entry, "clients", "username", "ignored") : [];
    if (typeof name !== "string" || members === undefined || isWrong(members)) continue;
    for (const { name: username, priority } of members) {
      const client = valueOf(state.clients, username);
      if (client === undefined || client.groups.some((group) => group.name === name)) continue;
      if (valueOf(state.groups, name) === undefined) continue;
      const groups = [...client.groups, { name, priority }].sort((a, b) =>
        b.priority - a.priority || (a.name < b.name ? -1 : 1)
      );
      state = withClient(withMembership(state, username, [], groups), { ...client, groups });
    }
  }
  const { anonymousGroup } = json;
  if (typeof anonymousGroup === "string" && anonymousGroup !== "") {
    if (valueOf(state.groups, anonymousGroup) === undefined) {
      problems.push(`anonymousGroup: there is no group ${anonymousGroup}`);
    } else state = { ...state, anonymousGroup };
  }
  return { state: { ...state, defaults: defaultsOf(json) }, problems };
}

const NO_TEXTS = { textName: undefined, textDescription: undefined };

const DENY_ALL: readonly Acl[] = (
  [
    ["publishClientSend", "#"],
    ["publishClientReceive", "#"],
    ["publishClientReceive", "$SYS/#"],
    ["subscribePattern", "#"],
  ] as const
).map(([type, topic]) => ({ type, topic, priority: 0, allow: false }));

const TEXTS = ["textname", "textdescription", "textName", "textDescription"];
const CLIENT_KEYS: ReadonlySet<string> = new Set([
  ...TEXTS,
  "username",
  "password",
  "salt",
  "iterations",
  "clientid",
  "disabled",
  "roles",
  "groups",
]);

/** The hash as everywhere here: `$7$iterations$salt$hash`. Mosquitto 2.1 writes it so, or in three keys. */
function passwordOf({ password, salt, iterations }: Fields): string | undefined {
  if (password === undefined) return undefined;
  if (typeof password === "string" && password.startsWith("$7$")) return password;
  const known = typeof password === "string" && typeof salt === "string" &&
    typeof iterations === "number" && Number.isSafeInteger(iterations) && iterations > 0;
  if (!known) throw new Error("a password without salt and iterations; the client is left out");
  return `$7$${iterations}$${salt}$${password}`;
}

function textsOf(fields: Fields) {
  const { textname = fields.textName, textdescription = fields.textDescription } = fields;
  const given = sound(textsIn({ textname, textdescription }));
  return { textName: undefined, textDescription: undefined, ...given };
}

function defaultsOf({ defaultACLAccess }: Fields): Defaults {
  const defaults = { ...emptyState.defaults };
  for (const type of defaultTypes) {
    const allow = isObject(defaultACLAccess) ? defaultACLAccess[type] : undefined;
    if (typeof allow === "boolean") defaults[type] = allow;
  }
  return defaults;
}

/** Those of the list that exist: the plugin does not clean up after a role that was deleted. */
function known(
  map: Parameters<typeof valueOf>[0],
  list: readonly Ranked[] | undefined,
): readonly Ranked[] {
  return (list ?? []).filter(({ name }) => valueOf(map, name) !== undefined);
}

function sound<T>(value: T): Exclude<T, { readonly error: string }> {
  if (isWrong(value)) throw new Error(value.error);
  return value as Exclude<T, { readonly error: string }>;
}
