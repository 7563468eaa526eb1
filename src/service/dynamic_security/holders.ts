/**
 * Who has which role, so that a role that is deleted is taken from those alone: a request may delete a thousand of
 * them, and clients are many. Clients and groups are put into their maps, and taken out, here.
 *
 * Pure but for a memory: of the newest of the maps that came of each other, from when it is first asked for. Older
 * ones, such as that of a request that was refused, are looked through again.
 */

import type { NameMap } from "./name_map.ts";
import { entriesOf, valueOf, withName, withNames, withoutName } from "./name_map.ts";

/** A client, or a group. */
export interface Holder {
  readonly roles: readonly { readonly name: string }[];
}

/** By the name of the role. */
type Holders = Map<string, Set<string>>;

const remembered = new WeakMap<NameMap<Holder>, Holders>();

/** The names of all that have the role. */
export function holdersOf(map: NameMap<Holder>, role: string): readonly string[] {
  let holders = remembered.get(map);
  if (holders === undefined) {
    remembered.set(map, holders = new Map());
    for (const [name, { roles }] of entriesOf(map)) note(holders, name, roles);
  }
  return [...holders.get(role) ?? []];
}

/** The map with these, each in place of who had the name, if anybody did. No name comes twice. */
export function withHolders<H extends Holder>(
  map: NameMap<H>,
  many: readonly (readonly [name: string, one: H])[],
): NameMap<H> {
  if (many.length === 0) return map;
  const next = withNames(map, many);
  const holders = handedOn(map, next);
  if (holders !== undefined) {
    for (const [name, { roles }] of many) exchange(holders, name, valueOf(map, name)?.roles, roles);
  }
  return next;
}

/** The same of one. */
export function withHolder<H extends Holder>(map: NameMap<H>, name: string, one: H): NameMap<H> {
  const next = withName(map, name, one);
  const holders = handedOn(map, next);
  if (holders !== undefined) exchange(holders, name, valueOf(map, name)?.roles, one.roles);
  return next;
}

/** The map without who has that name. */
export function withoutHolder<H extends Holder>(map: NameMap<H>, name: string): NameMap<H> {
  const next = withoutName(map, name);
  const holders = next === map ? undefined : handedOn(map, next);
  if (holders !== undefined) exchange(holders, name, valueOf(map, name)?.roles, []);
  return next;
}

/** What is remembered of a map, now of the one that came of it; undefined: nothing is. */
function handedOn(map: NameMap<Holder>, next: NameMap<Holder>): Holders | undefined {
  const holders = remembered.get(map);
  if (holders === undefined) return undefined;
  remembered.delete(map);
  remembered.set(next, holders);
  return holders;
}

function exchange(
  holders: Holders,
  name: string,
  before: Holder["roles"] = [],
  after: Holder["roles"],
): void {
  if (before === after) return;
  for (const { name: role } of before) {
    const names = holders.get(role);
    if (names?.delete(name) && names.size === 0) holders.delete(role);
  }
  note(holders, name, after);
}

function note(holders: Holders, name: string, roles: Holder["roles"]): void {
  for (const { name: role } of roles) {
    const names = holders.get(role);
    if (names === undefined) holders.set(role, new Set([name]));
    else names.add(name);
  }
}
