/**
 * Clients, groups and roles as responses show them. Pure; a password is never shown.
 */

import { namesOf } from "./name_map.ts";
import type { Acl, DynamicClient, DynamicGroup, DynamicRole, Ranked, Texts } from "./state.ts";

/** A client, with the roles and groups in the order in which they are asked. */
export function clientData(client: DynamicClient): unknown {
  return {
    username: client.username,
    ...(client.clientId === undefined ? {} : { clientid: client.clientId }),
    ...textData(client),
    ...(client.disabled ? { disabled: true } : {}),
    roles: client.roles.map((role) => rankedData("rolename", role)),
    groups: client.groups.map((group) => rankedData("groupname", group)),
  };
}

/** A group. */
export function groupData(group: DynamicGroup): unknown {
  return {
    groupname: group.name,
    ...textData(group),
    clients: namesOf(group.members).map((username) => ({ username })),
    roles: group.roles.map((role) => rankedData("rolename", role)),
  };
}

/** A role. */
export function roleData(role: DynamicRole): unknown {
  return {
    rolename: role.name,
    ...textData(role),
    ...wildcardsData(role),
    acls: role.acls.map(aclData),
  };
}

/** Said where it is not the default, as Mosquitto 2.0 does not know it. */
export function wildcardsData({ noWildcards }: DynamicRole): { allowwildcardsubs?: false } {
  return noWildcards === true ? { allowwildcardsubs: false } : {};
}

/** An ACL. */
export function aclData({ type, topic, priority, allow }: Acl): unknown {
  return { acltype: type, topic, priority, allow };
}

/** The texts, where they are set. */
export function textData({ textName, textDescription }: Texts): Record<string, string> {
  return {
    ...(textName === undefined ? {} : { textname: textName }),
    ...(textDescription === undefined ? {} : { textdescription: textDescription }),
  };
}

/** An entry of a list; the priority that is the default is not said. */
export function rankedData(
  key: "rolename" | "groupname",
  { name, priority }: Ranked,
): Record<string, string | number> {
  return { [key]: name, ...(priority === -1 ? {} : { priority }) };
}
