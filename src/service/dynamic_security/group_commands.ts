/**
 * The commands of dynamic security about groups. Pure.
 */

import type { Command, Had } from "./change.ts";
import { adding, changingList, clientIn, groupIn, pageOf, roleIn, unknownRole } from "./change.ts";
import { groupData } from "./describe.ts";
import { isWrong, nameIn, rankedIn, textsIn } from "./fields.ts";
import { withHolders, withoutHolder } from "./holders.ts";
import { emptyNames, namesOf, valueOf, withNames } from "./name_map.ts";
import { clientSetting, GENERAL, groupSetting } from "./settings.ts";
import type { DynamicClient, DynamicGroup, DynamicState, Ranked } from "./state.ts";
import { rankedWith, rankedWithout, withClient, withGroup, withMembership } from "./state.ts";

const createGroup: Command = (state, fields) => {
  const name = nameIn(fields, "groupname");
  if (isWrong(name)) return name;
  if (valueOf(state.groups, name) !== undefined) return { error: "Group already exists" };
  const texts = textsIn(fields);
  if (isWrong(texts)) return texts;
  const roles = rankedIn(fields, "roles", "rolename", "wrong");
  if (isWrong(roles)) return roles;
  const unknown = unknownRole(state, roles);
  if (unknown !== undefined) return unknown;
  const group: DynamicGroup = {
    name,
    textName: undefined,
    textDescription: undefined,
    ...texts,
    roles: roles ?? [],
    members: emptyNames(),
  };
  return { state: withGroup(state, group), changed: [groupSetting(name)] };
};

/** The group of anonymous clients is not deleted under them: what they may do would change unseen. */
const deleteGroup: Command = (state, fields) => {
  const group = groupIn(state, fields);
  if (isWrong(group)) return group;
  if (state.anonymousGroup === group.name) {
    return { error: "Deleting the anonymous group is forbidden" };
  }
  const kicked = namesOf(group.members);
  const left = withMembers(state, group, []);
  return {
    state: { ...left, groups: withoutHolder(left.groups, group.name) },
    changed: [groupSetting(group.name), ...kicked.map(clientSetting)],
    kicked,
  };
};

/** Clients that do not exist are left out, as Mosquitto does. */
const modifyGroup: Command = (state, fields) => {
  const group = groupIn(state, fields);
  if (isWrong(group)) return group;
  const texts = textsIn(fields);
  if (isWrong(texts)) return texts;
  const roles = rankedIn(fields, "roles", "rolename", "wrong");
  if (isWrong(roles)) return roles;
  const unknown = unknownRole(state, roles);
  if (unknown !== undefined) return unknown;
  const given = rankedIn(fields, "clients", "username", "ignored");
  if (isWrong(given)) return given;
  const clients = given?.filter(({ name }) => valueOf(state.clients, name) !== undefined);
  const changed = { ...group, ...texts, roles: roles ?? group.roles };
  const put = withGroup(state, changed);
  if (roles === undefined && clients === undefined) {
    return { state: put, changed: [groupSetting(group.name)] };
  }
  const before = namesOf(group.members);
  const after = clients === undefined ? [] : clients.map(({ name }) => name);
  return {
    state: clients === undefined ? put : withMembers(put, changed, clients),
    changed: [
      groupSetting(group.name),
      ...(clients === undefined ? [] : [...before, ...after].map(clientSetting)),
    ],
    kicked: [...before, ...after],
  };
};

/** The state in which these clients are in the group, with these priorities, and no others. */
function withMembers(
  state: DynamicState,
  group: DynamicGroup,
  members: readonly Ranked[],
): DynamicState {
  const changed = new Map<string, DynamicClient>();
  for (const username of namesOf(group.members)) {
    const client = valueOf(state.clients, username)!;
    changed.set(username, { ...client, groups: rankedWithout(client.groups, group.name) });
  }
  for (const { name: username, priority } of members) {
    const client = changed.get(username) ?? valueOf(state.clients, username)!;
    const groups = rankedWith(client.groups, { name: group.name, priority });
    changed.set(username, { ...client, groups });
  }
  const names = withNames<true>(emptyNames(), members.map(({ name }) => [name, true]));
  const clients = withHolders(state.clients, [...changed]);
  return withGroup({ ...state, clients }, { ...group, members: names });
}

const groupsOfClient: Had<DynamicClient> = {
  keys: ["groupname", "username"],
  holderIn: clientIn,
  oneIn: groupIn,
  listOf: ({ groups }) => groups,
  put(state, client, groups) {
    const { username } = client;
    const members = withMembership(state, username, client.groups, groups);
    return {
      state: withClient(members, { ...client, groups }),
      changed: [clientSetting(username)],
      kicked: [username],
    };
  },
};
const addGroupClient = changingList(groupsOfClient, adding("Client is already in this group"));
const removeGroupClient = changingList(groupsOfClient, rankedWithout);

const rolesOfGroup: Had<DynamicGroup> = {
  keys: ["groupname", "rolename"],
  holderIn: groupIn,
  oneIn: roleIn,
  listOf: ({ roles }) => roles,
  put: (state, group, roles) => ({
    state: withGroup(state, { ...group, roles }),
    changed: [groupSetting(group.name)],
    kicked: namesOf(group.members),
  }),
};
const addGroupRole = changingList(rolesOfGroup, adding("Group is already in this role"));
const removeGroupRole = changingList(rolesOfGroup, rankedWithout);

const getGroup: Command = (state, fields) => {
  const group = groupIn(state, fields);
  return isWrong(group) ? group : { state, data: { group: groupData(group) } };
};

const listGroups: Command = (state, fields) => {
  const { totalCount, page } = pageOf(state.groups, fields, groupData);
  return { state, data: { totalCount, groups: page } };
};

/** An empty name takes it away. */
const setAnonymousGroup: Command = (state, fields) => {
  if (fields.groupname !== "") {
    const group = groupIn(state, fields);
    if (isWrong(group)) return group;
  }
  return {
    state: { ...state, anonymousGroup: fields.groupname as string },
    changed: [GENERAL],
  };
};

const getAnonymousGroup: Command = (state) => ({
  state,
  data: { group: { groupname: state.anonymousGroup } },
});

export const groupCommands: Readonly<Record<string, Command>> = {
  createGroup,
  deleteGroup,
  modifyGroup,
  addGroupClient,
  removeGroupClient,
  addGroupRole,
  removeGroupRole,
  getGroup,
  listGroups,
  setAnonymousGroup,
  getAnonymousGroup,
};
