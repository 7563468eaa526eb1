/** What was seen of the plugin of Mosquitto 2.0.11, and where this is other: see the README. */

import assert from "node:assert/strict";
import { commandNames, perform } from "../../../src/service/dynamic_security/perform.ts";
import { emptyState, newClient, withClient } from "../../../src/service/dynamic_security/state.ts";
import type { CommandObject } from "./run.ts";
import { after, performWhole, request, respond, shown } from "./run.ts";

const BASE = after([
  { command: "createRole", rolename: "r1" },
  {
    command: "createRole",
    rolename: "r2",
    textname: "t",
    textdescription: "d",
    acls: [
      { acltype: "subscribePattern", topic: "b/+" },
      { acltype: "publishClientSend", topic: "a/#", priority: 5, allow: true },
    ],
  },
  { command: "createRole", rolename: "r3" },
  { command: "createGroup", groupname: "g1" },
  {
    command: "createGroup",
    groupname: "g2",
    textname: "tn",
    textdescription: "td",
    roles: [{ rolename: "r1", priority: 3 }, { rolename: "r2" }],
  },
  { command: "createClient", username: "a", password: "p" },
  {
    command: "createClient",
    username: "b",
    clientid: "id",
    textname: "tn",
    textdescription: "td",
    roles: [
      { rolename: "r1", priority: 1 },
      { rolename: "r2", priority: 9 },
      { rolename: "r3" },
    ],
    groups: [{ groupname: "g1", priority: 1 }, { groupname: "g2", priority: 2 }],
  },
]);

const B = {
  username: "b",
  clientid: "id",
  textname: "tn",
  textdescription: "td",
  roles: [
    { rolename: "r2", priority: 9 },
    { rolename: "r1", priority: 1 },
    { rolename: "r3" },
  ],
  groups: [{ groupname: "g2", priority: 2 }, { groupname: "g1", priority: 1 }],
};
const G2 = {
  groupname: "g2",
  textname: "tn",
  textdescription: "td",
  clients: [{ username: "b" }],
  roles: [{ rolename: "r1", priority: 3 }, { rolename: "r2" }],
};
const R2 = {
  rolename: "r2",
  textname: "t",
  textdescription: "d",
  acls: [
    { acltype: "publishClientSend", topic: "a/#", priority: 5, allow: true },
    { acltype: "subscribePattern", topic: "b/+", priority: 0, allow: false },
  ],
};

const answers: readonly (readonly [CommandObject, unknown])[] = [
  [{ command: "getClient", username: "b" }, { client: B }],
  [{ command: "GETCLIENT", username: "a" }, { client: { username: "a", roles: [], groups: [] } }],
  [{ command: "getGroup", groupname: "g2" }, { group: G2 }],
  [{ command: "getRole", rolename: "r2" }, { role: R2 }],
  [{ command: "listClients" }, { totalCount: 2, clients: ["a", "b"] }],
  [{ command: "listClients", count: 1, offset: 1 }, { totalCount: 2, clients: ["b"] }],
  [{ command: "listClients", verbose: true, offset: 1 }, { totalCount: 2, clients: [B] }],
  [{ command: "listClients", count: -5, offset: -3 }, { totalCount: 2, clients: ["a", "b"] }],
  [{ command: "listClients", count: "x", offset: "y", verbose: "z" }, {
    totalCount: 2,
    clients: ["a", "b"],
  }],
  [{ command: "listClients", offset: 100 }, { totalCount: 2, clients: [] }],
  [{ command: "listGroups" }, { totalCount: 2, groups: ["g1", "g2"] }],
  [{ command: "listGroups", verbose: true, offset: 1 }, { totalCount: 2, groups: [G2] }],
  [{ command: "listRoles", count: 2 }, { totalCount: 3, roles: ["r1", "r2"] }],
  [{ command: "listRoles", verbose: true, count: 1, offset: 1 }, { totalCount: 3, roles: [R2] }],
  [{ command: "getAnonymousGroup" }, { group: { groupname: "" } }],
  [{ command: "getDefaultACLAccess" }, {
    acls: [
      { acltype: "publishClientSend", allow: false },
      { acltype: "publishClientReceive", allow: true },
      { acltype: "subscribe", allow: false },
      { acltype: "unsubscribe", allow: true },
    ],
  }],
  [{ command: "getDetails" }, { clientCount: 2, groupCount: 2, roleCount: 3, changeIndex: 7 }],
];
for (const [command, data] of answers) {
  Deno.test(`perform() answers ${JSON.stringify(command)} as Mosquitto's plugin does`, () => {
    const response = respond(BASE, command);
    assert.deepEqual(response.data, data);
    assert.equal(response.error, undefined);
    assert.equal(performWhole(BASE, command).state, BASE);
  });
}

const errors: readonly (readonly [string, CommandObject])[] = [
  ["Invalid/missing username", { command: "createClient" }],
  ["Invalid/missing username", { command: "createClient", username: 5 }],
  ["Invalid/missing username", { command: "createClient", username: "" }],
  ["Client already exists", { command: "createClient", username: "a" }],
  ["Invalid/missing password", { command: "createClient", username: "x", password: 5 }],
  ["Invalid/missing client id", { command: "createClient", username: "x", clientid: 5 }],
  ["Invalid/missing textname", { command: "createClient", username: "x", textname: 5 }],
  ["Invalid/missing textdescription", {
    command: "createClient",
    username: "x",
    textdescription: 5,
  }],
  ["'roles' not an array or missing/invalid rolename", {
    command: "createClient",
    username: "x",
    roles: [{ rolename: 4 }],
  }],
  ["Role not found", { command: "createClient", username: "x", roles: [{ rolename: "no" }] }],
  ["Group not found", { command: "createClient", username: "x", groups: [{ groupname: "no" }] }],
  ["Username not valid UTF-8", { command: "createClient", username: "a\0" }],
  ["Client not found", { command: "getClient", username: "no" }],
  ["Client not found", { command: "modifyClient", username: "no" }],
  ["Role not found", {
    command: "modifyClient",
    username: "a",
    textname: "x",
    roles: [{ rolename: "no" }],
  }],
  ["Client not found", { command: "deleteClient", username: "no" }],
  ["Client not found", { command: "enableClient", username: "no" }],
  ["Client not found", { command: "disableClient", username: "no" }],
  ["Client not found", { command: "setClientId", username: "no" }],
  ["Invalid/missing client ID", { command: "setClientId", username: "a", clientid: 5 }],
  ["Empty password is not allowed", {
    command: "setClientPassword",
    username: "a",
    password: "",
  }],
  ["Invalid/missing password", { command: "setClientPassword", username: "a" }],
  ["Client not found", { command: "setClientPassword", username: "no", password: "x" }],
  ["Invalid/missing rolename", { command: "addClientRole", username: "a" }],
  ["Invalid/missing username", { command: "addClientRole", rolename: "r1" }],
  ["Role not found", { command: "addClientRole", username: "a", rolename: "no" }],
  ["Client not found", { command: "removeClientRole", username: "no", rolename: "r1" }],
  ["Group already exists", { command: "createGroup", groupname: "g1" }],
  ["Invalid/missing groupname", { command: "createGroup" }],
  ["Role not found", { command: "createGroup", groupname: "x", roles: [{ rolename: "no" }] }],
  ["Group not found", { command: "deleteGroup", groupname: "no" }],
  ["Group not found", { command: "modifyGroup", groupname: "no" }],
  ["Client is already in this group", {
    command: "addGroupClient",
    groupname: "g1",
    username: "b",
  }],
  ["Client not found", { command: "addGroupClient", groupname: "g1", username: "no" }],
  ["Group not found", { command: "addGroupClient", groupname: "no", username: "a" }],
  ["Invalid/missing username", { command: "addGroupClient", groupname: "g1" }],
  ["Group is already in this role", {
    command: "addGroupRole",
    groupname: "g2",
    rolename: "r1",
  }],
  ["Group not found", { command: "removeGroupRole", groupname: "no", rolename: "r1" }],
  ["Group not found", { command: "setAnonymousGroup", groupname: "no" }],
  ["Invalid/missing groupname", { command: "setAnonymousGroup" }],
  ["Role already exists", { command: "createRole", rolename: "r1" }],
  ["Role not found", { command: "deleteRole", rolename: "no" }],
  ["Role does not exist", { command: "modifyRole", rolename: "no" }],
  ["Invalid/missing acltype", { command: "addRoleACL", rolename: "r1" }],
  ["Unknown acltype", {
    command: "addRoleACL",
    rolename: "r1",
    acltype: "subscribe",
    topic: "x",
  }],
  ["Invalid/missing topic", {
    command: "addRoleACL",
    rolename: "r1",
    acltype: "publishClientSend",
  }],
  ["Invalid ACL topic", {
    command: "addRoleACL",
    rolename: "r1",
    acltype: "publishClientSend",
    topic: "x/#/y",
  }],
  ["ACL with this topic already exists", {
    command: "addRoleACL",
    rolename: "r2",
    acltype: "PUBLISHclientSEND",
    topic: "a/#",
  }],
  ["ACL not found", {
    command: "removeRoleACL",
    rolename: "r2",
    acltype: "publishClientSend",
    topic: "b/+",
  }],
  ["Missing/invalid actions array", { command: "setDefaultACLAccess" }],
  ["Invalid/missing allow", {
    command: "setDefaultACLAccess",
    acls: [{ acltype: "subscribe", access: { toString: 1 } }],
  }],
  ["Unknown command", { command: "nonsense" }],
];
for (const [error, command] of errors) {
  Deno.test(`perform() refuses ${JSON.stringify(command)} and changes nothing`, () => {
    const { responses, state, changed, kicks } = performWhole(BASE, command);
    assert.deepEqual(responses, [{ command: command.command, error }]);
    assert.equal(state, BASE);
    assert.equal(changed.size + kicks.size, 0);
  });
}

const broken: readonly (readonly [string, unknown])[] = [
  ["no JSON", [{ command: "Unknown command", error: "Payload not valid JSON" }]],
  ["{}", [{ command: "Unknown command", error: "Invalid/missing commands" }]],
  ["[]", [{ command: "Unknown command", error: "Invalid/missing commands" }]],
  ['{"commands":{}}', [{ command: "Unknown command", error: "Invalid/missing commands" }]],
  ['{"commands":[]}', []],
  ['{"commands":[1]}', [{ command: "Unknown command", error: "Command not an object" }]],
  ['{"commands":[{}]}', [{ command: "Unknown command", error: "Missing command" }]],
  ['{"commands":[{"command":"no","correlationData":"x"}]}', [
    { command: "no", error: "Unknown command", correlationData: "x" },
  ]],
  ['{"commands":[{"command":"no","correlationData":5}]}', [
    { command: "no", error: "Invalid correlationData data type." },
  ]],
];
for (const [text, responses] of broken) {
  Deno.test(`perform() says what is wrong when the request is ${text}`, () => {
    assert.deepEqual(perform(emptyState, text).responses, responses);
  });
}

Deno.test("perform() answers each command in order with its correlationData when there are several", () => {
  const { responses } = perform(
    emptyState,
    request(
      { command: "createRole", rolename: "r", correlationData: "1" },
      { command: "createRole", rolename: "r", correlationData: "2" },
      { command: "listRoles", correlationData: "3" },
    ),
  );
  assert.deepEqual(responses, [
    { command: "createRole", correlationData: "1" },
    { command: "createRole", error: "Role already exists", correlationData: "2" },
    { command: "listRoles", data: { totalCount: 1, roles: ["r"] }, correlationData: "3" },
  ]);
});

/** [command, who is disconnected] as seen with Mosquitto, but for changes of texts alone. */
const kicks: readonly (readonly [CommandObject, readonly string[]])[] = [
  [{ command: "disableClient", username: "b" }, ["b"]],
  [{ command: "enableClient", username: "b" }, []],
  [{ command: "deleteClient", username: "b" }, ["b"]],
  [{ command: "setClientId", username: "b", clientid: "x" }, ["b"]],
  [{ command: "setClientPassword", username: "b", password: "z" }, ["b"]],
  [{ command: "modifyClient", username: "b", roles: [] }, ["b"]],
  [{ command: "modifyClient", username: "b", textname: "z" }, []],
  [{ command: "addClientRole", username: "a", rolename: "r2" }, ["a"]],
  [{ command: "removeClientRole", username: "b", rolename: "r1" }, ["b"]],
  [{ command: "addGroupClient", username: "a", groupname: "g1" }, ["a"]],
  [{ command: "removeGroupClient", username: "b", groupname: "g1" }, ["b"]],
  [{ command: "addGroupRole", groupname: "g1", rolename: "r2" }, ["b"]],
  [{ command: "removeGroupRole", groupname: "g2", rolename: "r1" }, ["b"]],
  [{ command: "modifyGroup", groupname: "g1", roles: [] }, ["b"]],
  [{ command: "modifyGroup", groupname: "g1", clients: [{ username: "a" }] }, ["b", "a"]],
  [{ command: "modifyGroup", groupname: "g1", textname: "x" }, []],
  [{ command: "deleteGroup", groupname: "g1" }, ["b"]],
  [{ command: "modifyRole", rolename: "r1", acls: [] }, []],
  [{ command: "deleteRole", rolename: "r1" }, []],
];
for (const [command, users] of kicks) {
  Deno.test(`perform() ends the connections of ${users.join() || "nobody"} when asked ${JSON.stringify(command)}`, () => {
    const { kicks, responses } = performWhole(BASE, command);
    assert.equal(responses[0]!.error, undefined);
    assert.deepEqual([...kicks], users);
  });
}

Deno.test("perform() takes a role from all who have it when it is deleted", () => {
  const state = after([{ command: "deleteRole", rolename: "r1" }], BASE);
  const again = after([{ command: "createRole", rolename: "r1" }], state);
  assert.deepEqual(shown(again, "b"), {
    ...B,
    roles: [{ rolename: "r2", priority: 9 }, { rolename: "r3" }],
  });
  assert.deepEqual(respond(again, { command: "getGroup", groupname: "g2" }).data, {
    group: { ...G2, roles: [{ rolename: "r2" }] },
  });
});

Deno.test("perform() refuses to delete the group of anonymous clients", () => {
  const state = after([{ command: "setAnonymousGroup", groupname: "g1" }], BASE);
  assert.equal(
    respond(state, { command: "deleteGroup", groupname: "g1" }).error,
    "Deleting the anonymous group is forbidden",
  );
  const free = after([{ command: "setAnonymousGroup", groupname: "" }], state);
  assert.equal(respond(free, { command: "deleteGroup", groupname: "g1" }).error, undefined);
});

Deno.test("perform() names no setting but those of what it changed", () => {
  const { changed } = performWhole(BASE, {
    command: "addGroupClient",
    username: "a",
    groupname: "g1",
  });
  assert.deepEqual([...changed].sort(), ["client/a", "general"]);
});

Deno.test("perform() keeps the later of two passwords though the earlier is hashed last", async () => {
  const { withPassword } = await import("../../../src/service/dynamic_security/perform.ts");
  const one = perform(
    BASE,
    request({ command: "setClientPassword", username: "a", password: "1" }),
  );
  const two = perform(
    one.state,
    request({ command: "setClientPassword", username: "a", password: "2" }),
  );
  const late = withPassword(two.state, two.passwords[0]!, "hash 2");
  const stale = withPassword(late.state, one.passwords[0]!, "hash 1");
  assert.equal(stale.state, late.state);
  assert.deepEqual(stale.changed, []);
});

Deno.test("perform() writes no password into the log of audit, nor shows it in any answer", () => {
  const performed = performWhole(BASE, {
    command: "createClient",
    username: "x",
    password: "verysecret",
  });
  const lists = ["listClients", "listGroups", "listRoles"].map((command) =>
    respond(performed.state, { command, verbose: true })
  );
  assert.ok(!JSON.stringify([performed.audit, performed.responses, lists]).includes("secret"));
  assert.deepEqual(performed.audit, [{ message: "createClient", fields: { username: "x" } }]);
});

Deno.test("perform() knows all commands of the plugin", () => {
  assert.equal(commandNames.length, 32);
});

Deno.test("perform() answers no more than a part of it when one request asks for everything a thousand times", () => {
  let state = emptyState;
  const about = "x".repeat(4_000);
  for (let n = 0; n < 500; n++) {
    state = withClient(state, { ...newClient(`user ${n}`), textDescription: about });
  }
  const all = { command: "listClients", verbose: true };
  const { responses, state: after } = perform(state, request(...new Array(1_000).fill(all)));
  assert.equal(responses.length, 1_000);
  const answered = responses.filter(({ data }) => data !== undefined).length;
  assert.ok(answered >= 8 && answered < 20, `${answered} are answered`);
  assert.equal(responses.at(-1)!.error, "Too much is asked in one request");
  assert.equal(after, state);
  const one = perform(state, request(all)).responses[0]!;
  assert.equal((one.data as { clients: unknown[] }).clients.length, 500);
});
