import assert from "node:assert/strict";
import { accessOf, permitsTheSame } from "../../../src/service/dynamic_security/evaluate.ts";
import { settingsOf, stateOf } from "../../../src/service/dynamic_security/settings.ts";
import { after, respond } from "./run.ts";

const U = { user: "u", roles: [] };

/** A user with a role of these ACLs. */
function withAcls(...acls: readonly unknown[]) {
  return accessOf(after([
    { command: "createRole", rolename: "r", acls },
    { command: "createClient", username: "u", roles: [{ rolename: "r" }] },
  ]));
}

/** [pattern, filter, whether the plugin of Mosquitto 2.0.11 took the SUBSCRIBE] */
const patterns: readonly (readonly [string, string, boolean])[] = [
  ["a/#", "a/#", true],
  ["a/#", "a", true],
  ["a/#", "a/b", true],
  ["a/#", "a/+", true],
  ["a/#", "#", false],
  ["a/+", "a/+", true],
  ["a/+", "a/#", false],
  ["a/+", "a/b", true],
  ["+/+", "a/+", true],
  ["+/b", "a/+", false],
  ["#", "#", true],
  ["#", "$SYS/x", true],
  ["#", "$SYS/#", true],
  ["$SYS/#", "$SYS/#", true],
  ["+/x", "$SYS/x", true],
  ["#", "+", true],
  ["#", "+/a", true],
  ["+", "#", false],
  ["+", "+", true],
  ["a/+/c", "a/b/c", true],
  ["a/+/#", "a/b", true],
  ["a/+/#", "a", false],
  ["a/+/#", "a/#", false],
];
for (const [topic, filter, permitted] of patterns) {
  Deno.test(`decide() ${permitted ? "allows" : "denies"} ${filter} when the pattern is ${topic}`, () => {
    const access = withAcls({ acltype: "subscribePattern", topic, allow: true });
    assert.equal(access.decide(U, "subscribe", filter).permitted, permitted);
    const same = withAcls({ acltype: "unsubscribePattern", topic, allow: false });
    assert.equal(same.decide(U, "unsubscribe", filter).permitted, !permitted);
  });
}

/** [ACLs as `+pattern` or `-pattern`, of falling priority; filter; whether the plugin of Mosquitto 2.0.11 took it] */
const shared: readonly (readonly [readonly string[], string, boolean])[] = [
  [["+#"], "$share/g/a/x", true],
  [["+a/#"], "$share/g/a/x", false],
  [["+a/#"], "a/x", true],
  [["-$share/g/a/#", "+#"], "$share/g/a/x", false],
  [["-$share/g/a/#", "+#"], "$share/g/a/#", false],
  [["-$share/g/a/#", "+#"], "$share/h/a/x", true],
  [["-$share/g/a/#", "+#"], "a/x", true],
  [["+$share/g/a/#"], "$share/g/a/x", true],
  [["+$share/g/a/#"], "$share/h/a/x", false],
  [["+$share/g/a/#"], "a/x", false],
  [["+$share/+/a/#"], "$share/h/a/x", true],
];
for (const [written, filter, permitted] of shared) {
  Deno.test(`decide() ${permitted ? "allows" : "denies"} ${filter} when the patterns are ${written.join(" ")}`, () => {
    const access = withAcls(...written.map((text, at) => ({
      acltype: "subscribePattern",
      topic: text.slice(1),
      allow: text[0] === "+",
      priority: -at,
    })));
    const bare = filter.replace(/^\$share\/[^/]*\//, "");
    for (let round = 0; round < 2; round++) { // the second answer is one that was kept
      assert.equal(access.decide(U, "subscribe", bare, filter).permitted, permitted);
    }
  });
}

Deno.test("decide() denies a shared subscription when the filter in it is denied, though all is allowed", () => {
  for (const acltype of ["subscribePattern", "subscribeLiteral"]) {
    const access = withAcls(
      { acltype, topic: "secret/x", allow: false, priority: 0 },
      { acltype: "subscribePattern", topic: "#", allow: true, priority: -1 },
    );
    assert.equal(access.decide(U, "subscribe", "secret/x", "$share/g/secret/x").permitted, false);
    assert.equal(access.decide(U, "subscribe", "open/x", "$share/g/open/x").permitted, true);
  }
  const kept = withAcls({ acltype: "unsubscribePattern", topic: "$share/#", allow: false });
  assert.equal(kept.decide(U, "unsubscribe", "a", "$share/g/a").permitted, false);
  assert.equal(kept.decide(U, "unsubscribe", "a").permitted, true);
});

Deno.test("decide() gives nobody a share of $CONTROL when the default allows to subscribe", () => {
  const access = accessOf(after([
    { command: "setDefaultACLAccess", acls: [{ acltype: "subscribe", allow: true }] },
  ]));
  const topic = "$CONTROL/dunlin/v1/x";
  assert.equal(access.decide(U, "subscribe", topic, `$share/g/${topic}`).permitted, false);
  assert.equal(access.decide(U, "subscribe", "a", "$share/g/a").permitted, true);
});

Deno.test("decide() asks literal ACLs before patterns when they are of one role", () => {
  const denying = withAcls(
    { acltype: "subscribeLiteral", topic: "a", allow: false, priority: 0 },
    { acltype: "subscribePattern", topic: "#", allow: true, priority: 10 },
  );
  assert.equal(denying.decide(U, "subscribe", "a").permitted, false);
  assert.equal(denying.decide(U, "subscribe", "b").permitted, true);
});

Deno.test("decide() does not take # for the server's own topics when a client publishes", () => {
  const access = withAcls({ acltype: "publishClientSend", topic: "#", allow: true });
  assert.equal(access.decide(U, "publish", "a").permitted, true);
  assert.equal(access.decide(U, "publish", "$x/y").permitted, false);
});

/** The example of the documentation: the ACL that decided is taken away, and the next one decides. */
Deno.test("decide() asks roles, then groups, then ACLs by priority when a client has several", () => {
  const Z = { acltype: "publishClientSend", topic: "t/#", priority: 3, allow: true };
  const A = { acltype: "publishClientSend", topic: "t/+", priority: 1, allow: true };
  let state = after([
    ...["hallway", "input", "output", "humidity"].map((rolename) => ({
      command: "createRole",
      rolename,
      acls: [A, Z],
    })),
    {
      command: "createGroup",
      groupname: "temperature",
      roles: [{ rolename: "output", priority: 1 }, { rolename: "input", priority: 5 }],
    },
    { command: "createGroup", groupname: "humidity", roles: [{ rolename: "humidity" }] },
    {
      command: "createClient",
      username: "u",
      roles: [{ rolename: "hallway" }],
      groups: [
        { groupname: "humidity", priority: 1 },
        { groupname: "temperature", priority: 2 },
      ],
    },
  ]);
  const order: string[] = [];
  for (;;) {
    const { rule, at } = accessOf(state).decide(U, "publish", "t/1");
    if (at < 0) break;
    const [, rolename, topic] = /role "(\w+)".*publishClientSend (\S+) allow/.exec(rule)!;
    order.push(`${rolename} ${topic}`);
    state = after([
      { command: "removeRoleACL", rolename, acltype: "publishClientSend", topic },
    ], state);
  }
  const roles = ["hallway", "input", "output", "humidity"];
  assert.deepEqual(order, roles.flatMap((role) => [`${role} t/#`, `${role} t/+`]));
});

Deno.test("decide() takes the ACL of the highest priority, and of one priority the oldest", () => {
  const access = withAcls(
    { acltype: "publishClientSend", topic: "a/+", allow: true, priority: 1 },
    { acltype: "publishClientSend", topic: "+/b", allow: false, priority: 1 },
    { acltype: "publishClientSend", topic: "a/c", allow: false, priority: 2 },
  );
  assert.equal(access.decide(U, "publish", "a/b").permitted, true);
  assert.equal(access.decide(U, "publish", "a/c").permitted, false);
  assert.equal(access.decide(U, "publish", "x/b").permitted, false);
});

Deno.test("decide() takes the default when no ACL is about the topic, but not for $CONTROL", () => {
  const access = accessOf(after([{
    command: "setDefaultACLAccess",
    acls: [{ acltype: "publishClientSend", allow: true }, { acltype: "subscribe", allow: true }],
  }]));
  for (const identity of [U, { user: undefined, roles: [] }]) {
    assert.equal(access.decide(identity, "publish", "a").permitted, true);
    assert.equal(access.decide(identity, "subscribe", "$SYS/#").permitted, true);
    for (const action of ["publish", "subscribe"] as const) {
      const { permitted, at } = access.decide(identity, action, "$CONTROL/dynamic-security/v1");
      assert.deepEqual([permitted, at], [false, -1]);
    }
  }
});

Deno.test("decide() gives clients without a user name the roles of the anonymous group", () => {
  const access = accessOf(after([
    {
      command: "createRole",
      rolename: "r",
      acls: [{ acltype: "publishClientSend", topic: "a", allow: true }],
    },
    { command: "createGroup", groupname: "g", roles: [{ rolename: "r" }] },
    { command: "setAnonymousGroup", groupname: "g" },
  ]));
  assert.equal(access.decide({ user: undefined, roles: [] }, "publish", "a").permitted, true);
  assert.equal(access.decide(U, "publish", "a").permitted, false);
});

Deno.test("decide() lets a disabled client neither connect nor send, and keeps what waits for it", () => {
  const access = accessOf(after([
    {
      command: "createRole",
      rolename: "r",
      acls: [
        { acltype: "publishClientSend", topic: "a", allow: true },
        { acltype: "subscribePattern", topic: "#", allow: true },
      ],
    },
    { command: "createClient", username: "u", roles: [{ rolename: "r" }] },
    { command: "disableClient", username: "u" },
  ]));
  assert.equal(access.decide(U, "connect", "").permitted, false);
  assert.equal(access.decide(U, "publish", "a").permitted, false);
  assert.equal(access.decide(U, "subscribe", "a").permitted, false);
  assert.equal(access.decide(U, "receive", "a").permitted, true);
});

Deno.test("decide() holds whoever proved its identity elsewhere to the client id of its client", () => {
  const access = accessOf(after([{ command: "createClient", username: "u", clientid: "own" }]));
  assert.equal(access.decide({ ...U, clientId: "own" }, "connect", "").permitted, true);
  assert.equal(access.decide({ ...U, clientId: "other" }, "connect", "").permitted, false);
  assert.equal(
    access.decide({ user: "v", roles: [], clientId: "x" }, "connect", "").permitted,
    true,
  );
});

Deno.test("decide() allows no filter with wildcards when a role says so, whatever other roles allow", () => {
  const all = { acltype: "subscribePattern", topic: "#", allow: true, priority: 100 };
  const before = after([
    { command: "createRole", rolename: "most", acls: [all] },
    { command: "createRole", rolename: "least", acls: [all], allowwildcardsubs: false },
    { command: "createGroup", groupname: "g", roles: [{ rolename: "least" }] },
    {
      command: "createClient",
      username: "u",
      roles: [{ rolename: "most", priority: 9 }],
      groups: [{ groupname: "g" }],
    },
  ]);
  const stored = stateOf(settingsOf(before));
  const freed = after([
    { command: "modifyRole", rolename: "least", allowwildcardsubs: true },
  ], stored);
  const narrow = accessOf(stored), wide = accessOf(freed);
  for (const [filter, full] of [["a/#"], ["+/b"], ["#"], ["a/+", "$share/g/a/+"]] as const) {
    assert.equal(narrow.decide(U, "subscribe", filter, full).permitted, false);
    assert.equal(wide.decide(U, "subscribe", filter, full).permitted, true);
  }
  assert.equal(narrow.decide(U, "subscribe", "a/b").permitted, true);
  assert.equal(narrow.decide(U, "subscribe", "$CONTROL/dunlin/#").permitted, false);
  assert.equal(permitsTheSame(stored, freed, "role/least"), false);
  const { data } = respond(stored, { command: "getRole", rolename: "least" });
  assert.equal((data as { role: { allowwildcardsubs: boolean } }).role.allowwildcardsubs, false);
});

Deno.test("accessOf() keeps no answer under a key that a client could choose the place of", () => {
  const access = withAcls({ acltype: "publishClientSend", topic: "#", allow: true });
  const keys: unknown[] = [];
  const { set } = Map.prototype;
  try {
    Map.prototype.set = function (key, value) {
      keys.push(key);
      return set.call(this, key, value);
    };
    for (const topic of ["32768", "65536", "a".repeat(16_384), "b".repeat(16_384)]) {
      assert.equal(access.decide(U, "publish", topic).permitted, true);
    }
  } finally {
    Map.prototype.set = set;
  }
  const chosen = keys.filter((key) =>
    typeof key === "string" && (/^\d+$/.test(key) || key.length > 16_383)
  );
  assert.ok(keys.length >= 4);
  assert.deepEqual(chosen, []);
});
