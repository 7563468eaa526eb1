/** Arbitrary commands over few names, so that they meet. */

import fc from "fast-check";
import type { CommandObject } from "./run.ts";

const username = fc.constantFrom("u1", "u2", "u3");
const groupname = fc.constantFrom("g1", "g2");
const rolename = fc.constantFrom("r1", "r2", "r3");
const priority = fc.option(fc.integer({ min: -2, max: 3 }), { nil: undefined });
const text = fc.option(fc.constantFrom("", "x", "y"), { nil: undefined });
const acltype = fc.constantFrom(
  "publishClientSend",
  "publishClientReceive",
  "subscribeLiteral",
  "subscribePattern",
  "unsubscribeLiteral",
  "unsubscribePattern",
);
export const aclTopic = fc.constantFrom("#", "+", "a", "a/#", "a/+", "a/b", "+/b", "a/+/c", "$x/#");
const acl = fc.record({
  acltype,
  topic: aclTopic,
  priority: fc.integer({ min: -2, max: 3 }),
  allow: fc.boolean(),
});
const acls = fc.uniqueArray(acl, {
  maxLength: 5,
  selector: ({ acltype, topic }) => `${acltype} ${topic}`,
});
const roles = fc.option(
  fc.uniqueArray(fc.record({ rolename, priority }), { selector: ({ rolename }) => rolename }),
  { nil: undefined },
);
const groups = fc.option(
  fc.uniqueArray(fc.record({ groupname, priority }), { selector: ({ groupname }) => groupname }),
  { nil: undefined },
);
const clients = fc.option(
  fc.uniqueArray(fc.record({ username, priority }), { selector: ({ username }) => username }),
  { nil: undefined },
);

const record = <T>(command: string, model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record({ command: fc.constant(command), ...model }) as fc.Arbitrary<CommandObject>;

/** What all implementations are asked alike: the ones left out are those that crash or corrupt the plugin. */
export const commonCommand: fc.Arbitrary<CommandObject> = fc.oneof(
  record("createClient", { username, textname: text, textdescription: text, roles, groups }),
  record("deleteClient", { username }),
  record("modifyClient", { username, clientid: text, textname: text, textdescription: text }),
  record("enableClient", { username }),
  record("disableClient", { username }),
  record("setClientId", { username, clientid: text }),
  record("addClientRole", { username, rolename, priority }),
  record("removeClientRole", { username, rolename }),
  record("getClient", { username }),
  record("listClients", { verbose: fc.boolean(), offset: fc.nat(3) }),
  record("createGroup", { groupname, textname: text, textdescription: text, roles }),
  record("addGroupClient", { groupname, username, priority }),
  record("removeGroupClient", { groupname, username }),
  record("addGroupRole", { groupname, rolename, priority }),
  record("removeGroupRole", { groupname, rolename }),
  record("getGroup", { groupname }),
  record("listGroups", { verbose: fc.boolean(), offset: fc.nat(3) }),
  record("createRole", { rolename, textname: text, textdescription: text, acls }),
  record("modifyRole", { rolename, textname: text, textdescription: text, acls }),
  record("addRoleACL", {
    rolename,
    acltype,
    topic: aclTopic,
    priority: fc.integer({ min: -2, max: 3 }),
    allow: fc.boolean(),
  }),
  record("removeRoleACL", { rolename, acltype, topic: aclTopic }),
  record("getRole", { rolename }),
  record("listRoles", { verbose: fc.boolean(), count: fc.integer({ min: 1, max: 3 }) }),
  record("setDefaultACLAccess", {
    acls: fc.array(fc.record({
      acltype: fc.constantFrom(
        "publishClientSend",
        "publishClientReceive",
        "subscribe",
        "unsubscribe",
      ),
      allow: fc.boolean(),
    })),
  }),
  record("getDefaultACLAccess", {}),
);

/** Every command that changes something. */
export const anyCommand: fc.Arbitrary<CommandObject> = fc.oneof(
  { weight: 5, arbitrary: commonCommand },
  record("deleteGroup", { groupname }),
  record("deleteRole", { rolename }),
  record("modifyClient", { username, roles, groups, password: text }),
  record("modifyGroup", { groupname, roles, clients, textname: text }),
  record("setAnonymousGroup", { groupname: fc.oneof(groupname, fc.constant("")) }),
  record("setClientPassword", { username, password: fc.constantFrom("1", "2") }),
);
