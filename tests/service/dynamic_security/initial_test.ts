import assert from "node:assert/strict";
import { accessOf } from "../../../src/service/dynamic_security/evaluate.ts";
import {
  firstState,
  importDynamicSecurity,
} from "../../../src/service/dynamic_security/initial.ts";
import { valueOf } from "../../../src/service/dynamic_security/name_map.ts";
import { respond, shown } from "./run.ts";

const HASH = {
  password:
    "lniKAKmkifWwa7Xi+zPl0zMIChjnTZhLEzm+B0AVbSPY4K6Dfeu6+xHlMlmrYJMLkr66VrddTQS3LMO8mqhC1A==",
  salt: "ZTu8sZramx9A4O96",
  iterations: 101,
};
const FILE = {
  clients: [
    { username: "admin", textName: "Boss", ...HASH, roles: [{ rolename: "admin" }] },
    {
      username: "anna",
      clientid: "pump",
      disabled: true,
      roles: [{ rolename: "admin", priority: 2 }, { rolename: "gone" }],
      groups: [{ groupname: "crew", priority: 4 }],
    },
    { username: "ben" },
  ],
  groups: [
    { groupname: "crew", textdescription: "d", roles: [{ rolename: "admin" }] },
    { groupname: "spare", clients: [{ username: "ben", priority: 3 }] },
  ],
  roles: [{
    rolename: "admin",
    acls: [
      { acltype: "publishClientSend", topic: "$CONTROL/#", allow: true },
      { acltype: "publishClientSend", topic: "b", priority: 3, allow: true },
    ],
  }],
  anonymousGroup: "crew",
  defaultACLAccess: { publishClientSend: true, subscribe: true },
};

Deno.test("importDynamicSecurity() takes over everything of a file of Mosquitto", () => {
  const { state, problems } = importDynamicSecurity(FILE);
  assert.deepEqual(problems, []);
  assert.deepEqual(shown(state, "admin"), {
    username: "admin",
    textname: "Boss",
    roles: [{ rolename: "admin" }],
    groups: [],
  });
  assert.equal(
    valueOf(state.clients, "admin")!.password,
    `$7$${HASH.iterations}$${HASH.salt}$${HASH.password}`,
  );
  assert.deepEqual(shown(state, "anna"), {
    username: "anna",
    clientid: "pump",
    disabled: true,
    roles: [{ rolename: "admin", priority: 2 }],
    groups: [{ groupname: "crew", priority: 4 }],
  });
  assert.deepEqual(respond(state, { command: "listGroups", verbose: true }).data, {
    totalCount: 2,
    groups: [
      {
        groupname: "crew",
        textdescription: "d",
        clients: [{ username: "anna" }],
        roles: [{ rolename: "admin" }],
      },
      { groupname: "spare", clients: [{ username: "ben" }], roles: [] },
    ],
  });
  assert.equal(state.anonymousGroup, "crew");
  assert.deepEqual(state.defaults, {
    publishClientSend: true,
    publishClientReceive: true,
    subscribe: true,
    unsubscribe: true,
  });
});

/** [what stands in the file, what is said about it] */
const broken: readonly (readonly [unknown, RegExp])[] = [
  [[], /^the file: no JSON object$/],
  [{ clients: {} }, /^clients: no list$/],
  [{ clients: [5] }, /^clients\[0\]: no object$/],
  [{ clients: [{ username: "a", password: "x" }] }, /^clients\[0\]: a password without salt/],
  [{ roles: [{ rolename: "r", acls: [{ acltype: "x" }] }] }, /^roles\[0\]: Unknown acltype$/],
  [{ roles: [{ rolename: "r", allowwildcardsubs: 5 }] }, /^roles\[0\]: Invalid.*allowwildcardsubs/],
  [{ anonymousGroup: "none" }, /^anonymousGroup: there is no group none$/],
];
for (const [json, words] of broken) {
  Deno.test(`importDynamicSecurity() says what is wrong when it reads ${JSON.stringify(json)}`, () => {
    const { problems } = importDynamicSecurity(json);
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, words);
  });
}

Deno.test("firstState() lets its one client manage and look, and nobody anything else", () => {
  const access = accessOf(firstState("root", "hash"));
  const root = { user: "root", roles: [] }, other = { user: "x", roles: [] };
  const topic = "$CONTROL/dynamic-security/v1";
  assert.equal(access.decide(root, "publish", topic).permitted, true);
  assert.equal(access.decide(root, "subscribe", "$SYS/#").permitted, true);
  assert.equal(access.decide(root, "publish", "a").permitted, false);
  assert.equal(access.decide(other, "publish", topic).permitted, false);
  assert.equal(access.decide(other, "subscribe", "a").permitted, false);
});

Deno.test("importDynamicSecurity() gives who has a role that cannot be read no more than it would have had", () => {
  const { state, problems } = importDynamicSecurity({
    defaultACLAccess: { publishClientSend: true, subscribe: true, publishClientReceive: true },
    roles: [{
      rolename: "r",
      acls: [
        { acltype: "publishClientSend", topic: "secret/#", allow: false },
        { acltype: "newKind", topic: "a", allow: true },
      ],
    }],
    clients: [{ username: "u", roles: [{ rolename: "r" }] }],
  });
  assert.equal(problems.length, 1);
  const access = accessOf(state);
  const user = { user: "u", roles: [] };
  for (const topic of ["secret/x", "a"]) {
    for (const action of ["publish", "receive", "subscribe"] as const) {
      assert.equal(access.decide(user, action, topic).permitted, false);
    }
  }
  assert.equal(access.decide({ user: "v", roles: [] }, "publish", "a").permitted, true);
});
