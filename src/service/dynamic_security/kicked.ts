/**
 * Whose connections end because another node of the cluster has changed something: the same as ended there, seen
 * by what is another. Pure.
 */

import { namesOf, valueOf } from "./name_map.ts";
import { clientSetting, groupSetting } from "./settings.ts";
import type { DynamicClient, DynamicState } from "./state.ts";

const CLIENT = clientSetting("");
const GROUP = groupSetting("");

/** The user names; `settings` are the names of those that say something else after than before. */
export function kickedBy(
  before: DynamicState,
  after: DynamicState,
  settings: ReadonlySet<string>,
): ReadonlySet<string> {
  const users = new Set<string>();
  for (const setting of settings) {
    if (setting.startsWith(CLIENT)) {
      const user = setting.slice(CLIENT.length);
      const was = valueOf(before.clients, user), is = valueOf(after.clients, user);
      if (was !== undefined && hasToGo(was, is)) users.add(user);
    } else if (setting.startsWith(GROUP)) {
      const name = setting.slice(GROUP.length);
      const was = valueOf(before.groups, name), is = valueOf(after.groups, name);
      if (was === undefined || isSame(was.roles, is?.roles)) continue;
      for (const user of namesOf(was.members)) users.add(user);
    }
  }
  return users;
}

/** Texts are no reason, nor is that it may come again. */
function hasToGo(was: DynamicClient, is: DynamicClient | undefined): boolean {
  return is === undefined || is.disabled && !was.disabled || was.password !== is.password ||
    was.clientId !== is.clientId || !isSame(was.roles, is.roles) || !isSame(was.groups, is.groups);
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
