/**
 * The commands of dynamic security about clients. Pure.
 */

import type { Change, Command, Had } from "./change.ts";
import { adding, changingList, clientIn, pageOf, roleIn, unknownRole } from "./change.ts";
import { clientData } from "./describe.ts";
import type { Fields, Wrong } from "./fields.ts";
import { isWrong, nameIn, rankedIn, textIn, textsIn } from "./fields.ts";
import { withoutHolder } from "./holders.ts";
import { valueOf } from "./name_map.ts";
import { clientSetting } from "./settings.ts";
import type { DynamicClient, DynamicState, Ranked } from "./state.ts";
import { newClient, rankedWithout, withClient, withMembership } from "./state.ts";

const EMPTY_PASSWORD = { error: "Empty password is not allowed" };
const NO_PASSWORD = { error: "Invalid/missing password" };

/** What a command gives a client; undefined: it is left as it is. */
interface Given {
  readonly clientId: string | undefined;
  readonly texts: { readonly textName?: string; readonly textDescription?: string };
  readonly password: string | undefined;
  readonly roles: readonly Ranked[] | undefined;
  readonly groups: readonly Ranked[] | undefined;
}

function givenIn(state: DynamicState, fields: Fields): Given | Wrong {
  const { password } = fields;
  if (password !== undefined && (typeof password !== "string" || !password.isWellFormed())) {
    return NO_PASSWORD;
  }
  const clientId = textIn(fields, "clientid", "client id");
  if (isWrong(clientId)) return clientId;
  const texts = textsIn(fields);
  if (isWrong(texts)) return texts;
  const roles = rankedIn(fields, "roles", "rolename", "wrong");
  if (isWrong(roles)) return roles;
  const unknown = unknownRole(state, roles);
  if (unknown !== undefined) return unknown;
  const groups = rankedIn(fields, "groups", "groupname", "ignored");
  if (isWrong(groups)) return groups;
  return { clientId, texts, password, roles, groups };
}

/** The client as the command wants it, put into the state with its groups. */
function put(state: DynamicState, before: DynamicClient, given: Given): Change {
  const { username } = before;
  const password = given.password === undefined || given.password === ""
    ? undefined
    : { username, password: given.password, number: state.changes + 1 };
  const client: DynamicClient = {
    ...before,
    ...given.texts,
    clientId: given.clientId === undefined ? before.clientId : given.clientId || undefined,
    roles: given.roles ?? before.roles,
    groups: given.groups ?? before.groups,
    awaits: password?.number ?? before.awaits,
  };
  const members = given.groups === undefined
    ? state
    : withMembership(state, username, before.groups, client.groups);
  return {
    state: withClient(members, client),
    changed: [clientSetting(username)],
    ...(password === undefined ? {} : { password }),
  };
}

const createClient: Command = (state, fields) => {
  const username = nameIn(fields, "username");
  if (isWrong(username)) return username;
  if (valueOf(state.clients, username) !== undefined) return { error: "Client already exists" };
  const given = givenIn(state, fields);
  if (isWrong(given)) return given;
  if (given.groups?.some(({ name }) => valueOf(state.groups, name) === undefined)) {
    return { error: "Group not found" };
  }
  return put(state, newClient(username), given);
};

const deleteClient: Command = (state, fields) => {
  const client = clientIn(state, fields);
  if (isWrong(client)) return client;
  const { username } = client;
  const left = withMembership(state, username, client.groups, []);
  return {
    state: { ...left, clients: withoutHolder(left.clients, username) },
    changed: [clientSetting(username)],
    kicked: [username],
    deleted: [username],
  };
};

/** Groups that do not exist are left out, as Mosquitto does. */
const modifyClient: Command = (state, fields) => {
  const client = clientIn(state, fields);
  if (isWrong(client)) return client;
  const given = givenIn(state, fields);
  if (isWrong(given)) return given;
  const groups = given.groups?.filter(({ name }) => valueOf(state.groups, name) !== undefined);
  const change = put(state, client, { ...given, groups });
  const { clientId, password, roles } = given;
  const onlyTexts = [clientId, password || undefined, roles, groups].every((one) =>
    one === undefined
  );
  return onlyTexts ? change : { ...change, kicked: [client.username] };
};

/** A command that exchanges the client for another. */
function changing(
  change: (client: DynamicClient, fields: Fields) => DynamicClient | Wrong,
  kicks: boolean,
): Command {
  return (state, fields) => {
    const client = clientIn(state, fields);
    if (isWrong(client)) return client;
    const changed = change(client, fields);
    if (isWrong(changed)) return changed;
    const kicked = kicks ? [client.username] : [];
    if (changed === client) return { state, kicked };
    return {
      state: withClient(state, changed),
      changed: [clientSetting(client.username)],
      kicked,
    };
  };
}

const enableClient = changing(
  (client) => client.disabled ? { ...client, disabled: false } : client,
  false,
);
const disableClient = changing(
  (client) => client.disabled ? client : { ...client, disabled: true },
  true,
);
const setClientId = changing((client, fields) => {
  const clientId = textIn(fields, "clientid", "client ID");
  if (isWrong(clientId)) return clientId;
  return { ...client, clientId: clientId || undefined };
}, true);

const setClientPassword: Command = (state, fields) => {
  const { password } = fields;
  const username = nameIn(fields, "username");
  if (isWrong(username)) return username;
  if (typeof password !== "string" || !password.isWellFormed()) return NO_PASSWORD;
  if (password === "") return EMPTY_PASSWORD;
  const client = clientIn(state, fields);
  if (isWrong(client)) return client;
  const number = state.changes + 1;
  return {
    state: withClient(state, { ...client, awaits: number }),
    changed: [clientSetting(username)],
    kicked: [username],
    password: { username, password, number },
  };
};

const rolesOfClient: Had<DynamicClient> = {
  keys: ["username", "rolename"],
  holderIn: clientIn,
  oneIn: roleIn,
  listOf: ({ roles }) => roles,
  put: (state, client, roles) => ({
    state: withClient(state, { ...client, roles }),
    changed: [clientSetting(client.username)],
    kicked: [client.username],
  }),
};
const addClientRole = changingList(rolesOfClient, adding("Client already has this role"));
const removeClientRole = changingList(rolesOfClient, rankedWithout);

const getClient: Command = (state, fields) => {
  const client = clientIn(state, fields);
  return isWrong(client) ? client : { state, data: { client: clientData(client) } };
};

const listClients: Command = (state, fields) => {
  const { totalCount, page } = pageOf(state.clients, fields, clientData);
  return { state, data: { totalCount, clients: page } };
};

export const clientCommands: Readonly<Record<string, Command>> = {
  createClient,
  deleteClient,
  modifyClient,
  enableClient,
  disableClient,
  setClientId,
  setClientPassword,
  addClientRole,
  removeClientRole,
  getClient,
  listClients,
};
