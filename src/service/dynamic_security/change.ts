/**
 * What a command of dynamic security comes to, and what commands share. Pure.
 */

import type { Fields, NameKey, Wrong } from "./fields.ts";
import { isWrong, nameIn, numberIn } from "./fields.ts";
import type { NameMap } from "./name_map.ts";
import { namesOf, valueOf } from "./name_map.ts";
import type { DynamicClient, DynamicGroup, DynamicRole, DynamicState, Ranked } from "./state.ts";
import { rankedWith } from "./state.ts";

/** A command that was performed. */
export interface Change {
  readonly state: DynamicState;
  /** The `data` of the response. */
  readonly data?: unknown;
  /** Names of the settings that say something else now: see settings.ts. */
  readonly changed?: readonly string[];
  /** User names whose connections end. */
  readonly kicked?: readonly string[];
  /** Users who are no more: their sessions end too. */
  readonly deleted?: readonly string[];
  /** A password that has to be hashed. */
  readonly password?: NewPassword;
}

/** A password on its way to be hashed. */
export interface NewPassword {
  readonly username: string;
  readonly password: string;
  /** What `awaits` of the client says for as long as no later one is on its way. */
  readonly number: number;
}

export type Command = (state: DynamicState, fields: Fields) => Change | Wrong;

/** The client that the command names. */
export function clientIn(state: DynamicState, fields: Fields): DynamicClient | Wrong {
  const name = nameIn(fields, "username");
  if (isWrong(name)) return name;
  return valueOf(state.clients, name) ?? { error: "Client not found" };
}

/** The group that the command names. */
export function groupIn(state: DynamicState, fields: Fields): DynamicGroup | Wrong {
  const name = nameIn(fields, "groupname");
  if (isWrong(name)) return name;
  return valueOf(state.groups, name) ?? { error: "Group not found" };
}

/** The role that the command names. */
export function roleIn(state: DynamicState, fields: Fields): DynamicRole | Wrong {
  const name = nameIn(fields, "rolename");
  if (isWrong(name)) return name;
  return valueOf(state.roles, name) ?? { error: "Role not found" };
}

/** Roles or groups that somebody has, as commands change them by one. */
export interface Had<Holder> {
  /** The keys of both names, which are looked at in this order before either is looked for. */
  readonly keys: readonly [NameKey, NameKey];
  readonly holderIn: (state: DynamicState, fields: Fields) => Holder | Wrong;
  readonly oneIn: (state: DynamicState, fields: Fields) => { readonly name: string } | Wrong;
  readonly listOf: (holder: Holder) => readonly Ranked[];
  readonly put: (state: DynamicState, holder: Holder, list: readonly Ranked[]) => Change;
}

/** The list with or without the one of that name. */
export type ListChange = (
  list: readonly Ranked[],
  name: string,
  fields: Fields,
) => readonly Ranked[] | Wrong;

/** A command that gives somebody a role or a group, or takes it away. */
export function changingList<Holder extends object>(
  { keys, holderIn, oneIn, listOf, put }: Had<Holder>,
  change: ListChange,
): Command {
  return (state, fields) => {
    for (const key of keys) {
      const name = nameIn(fields, key);
      if (isWrong(name)) return name;
    }
    const holder = holderIn(state, fields);
    if (isWrong(holder)) return holder;
    const one = oneIn(state, fields);
    if (isWrong(one)) return one;
    const list = change(listOf(holder), one.name, fields);
    return isWrong(list) ? list : put(state, holder, list);
  };
}

/** Adds one that is not there yet, with the priority that the command says; `there`: the words where it is. */
export function adding(there: string): ListChange {
  return (list, name, fields) =>
    list.some((one) => one.name === name)
      ? { error: there }
      : rankedWith(list, { name, priority: numberIn(fields, "priority", -1) });
}

/** What is wrong with roles that are to be given: one of them does not exist. */
export function unknownRole(
  { roles }: DynamicState,
  list: readonly Ranked[] | undefined,
): Wrong | undefined {
  const known = list === undefined || list.every(({ name }) => valueOf(roles, name) !== undefined);
  return known ? undefined : { error: "Role not found" };
}

/** The part of a list of names that a command asks for, and how many there are in all. */
export function pageOf<V>(
  map: NameMap<V>,
  fields: Fields,
  describe: (value: V) => unknown,
): { readonly totalCount: number; readonly page: readonly unknown[] } {
  const count = numberIn(fields, "count", -1);
  const offset = Math.max(0, numberIn(fields, "offset", 0));
  const names = namesOf(map).slice(offset, count < 0 ? undefined : offset + count);
  const page = fields.verbose === true ? names.map((name) => describe(valueOf(map, name)!)) : names;
  return { totalCount: map.size, page };
}
