import assert from "node:assert/strict";
import { defaultRules, rulesFor } from "../../../src/policy/rules.ts";
import { permits } from "../../../src/policy/permits.ts";
import { AccessList } from "../../../src/policy/access_list.ts";
import type { Outcome, Request, View } from "../../../src/service/service.ts";
import type { DynamicSecurity } from "../../../src/service/dynamic_security/service.ts";
import {
  dynamicSecurityService as service,
  dynamicSecurityTopic,
} from "../../../src/service/dynamic_security/service.ts";
import { request as textOf } from "./run.ts";

const ADMIN = { user: "admin", roles: [] };

/** A broker with these users connected, and with these sessions. */
function viewOf(users: readonly string[]): View {
  const connections = new Map(
    users.map((user, id) => [id, { connection: { identity: { user }, clientId: `of-${user}` } }]),
  );
  const clients = new Map(
    users.map((user) => [user, { session: { owner: { user }, clientId: `of-${user}` } }]),
  );
  return { broker: { connections, clients } } as unknown as View;
}

function asked(...commands: readonly unknown[]): Request {
  return {
    topic: dynamicSecurityTopic,
    payload: new TextEncoder().encode(textOf(...commands)),
    identity: ADMIN,
    clientId: "a",
    address: "127.0.0.1:1",
    listener: "l",
    via: "mqtt",
    sender: undefined,
  };
}

/** The outcomes of a request, with each password hashed by a stand-in. */
function outcomes(
  state: DynamicSecurity,
  request: Request,
  view: View,
): readonly Outcome<DynamicSecurity>[] {
  const all = [service.perform(state, request, view)];
  for (;;) {
    const { task, state } = all.at(-1)!;
    if (task === undefined) return all;
    assert.equal(task.task.type, "hashPassword");
    all.push(task.then({ type: "hashed", hash: "$7$hash" }, state, view));
  }
}

const NOBODY = service.begin(new Map());

Deno.test("dynamicSecurityService replies when all passwords of the request are hashed", () => {
  const all = outcomes(
    NOBODY,
    asked(
      { command: "createClient", username: "a", password: "1" },
      { command: "createClient", username: "b", password: "2" },
      { command: "createClient", username: "c" },
    ),
    viewOf([]),
  );
  assert.deepEqual(all.map(({ reply }) => reply === undefined), [true, true, false]);
  assert.deepEqual(
    all.map(({ settings }) => settings.map(({ name }) => name)),
    [["general", "client/a", "client/b", "client/c"], ["client/a"], ["client/b"]],
  );
  assert.ok(!JSON.stringify(all[0]!.settings).includes("password"));
  assert.match(all[1]!.settings[0]!.value!, /"password":"\$7\$hash"/);
});

Deno.test("dynamicSecurityService keeps the old password when the new one cannot be hashed", () => {
  const [first] = outcomes(
    NOBODY,
    asked({ command: "createClient", username: "a" }),
    viewOf([]),
  );
  const { task, state } = service.perform(
    first!.state,
    asked({ command: "setClientPassword", username: "a", password: "x" }),
    viewOf([]),
  );
  const failed = task!.then(
    { type: "failed", reason: "limit", detail: "too many tasks" },
    state,
    viewOf([]),
  );
  assert.deepEqual(failed.reply, {
    responses: [{
      command: "Unknown command",
      error: "The password of a is not set: too many tasks",
    }],
  });
  assert.deepEqual(failed.settings, []);
});

Deno.test("dynamicSecurityService sends users off when their password is hashed, and not before", () => {
  const view = viewOf(["a", "b"]);
  const [first] = outcomes(NOBODY, asked({ command: "createClient", username: "a" }), view);
  const [now, later] = outcomes(
    first!.state,
    asked({ command: "setClientPassword", username: "a", password: "x" }),
    view,
  );
  assert.deepEqual(now!.events, []);
  assert.deepEqual(later!.events, [{ type: "kick", clientId: "of-a", reason: 0x98 }]);
});

Deno.test("dynamicSecurityService ends connection and session when a client is deleted", () => {
  const view = viewOf(["a", "b"]);
  const [first] = outcomes(NOBODY, asked({ command: "createClient", username: "a" }), view);
  const [deleted] = outcomes(first!.state, asked({ command: "deleteClient", username: "a" }), view);
  assert.deepEqual(deleted!.events, [
    { type: "kick", clientId: "of-a", reason: 0x98 },
    { type: "deleteSession", clientId: "of-a" },
  ]);
  assert.deepEqual(deleted!.settings.find(({ name }) => name === "client/a"), {
    name: "client/a",
    value: undefined,
  });
});

Deno.test("dynamicSecurityService lays other rules over only when answers may be others", () => {
  const rules = service.rules!(NOBODY, defaultRules);
  assert.equal(service.rules!(NOBODY, defaultRules), rules);
  const [client] = outcomes(
    NOBODY,
    asked({ command: "createClient", username: "a", password: "x", textname: "t" }),
    viewOf([]),
  );
  assert.equal(service.rules!(client!.state, defaultRules), rules);
  const [role] = outcomes(
    client!.state,
    asked(
      {
        command: "createRole",
        rolename: "r",
        acls: [{ acltype: "publishClientSend", topic: "a", allow: true }],
      },
      { command: "addClientRole", username: "a", rolename: "r" },
    ),
    viewOf([]),
  );
  const other = service.rules!(role!.state, defaultRules);
  assert.notEqual(other, rules);
  const anna = { user: "a", roles: [] };
  assert.equal(permits(rules, anna, "publish", "a").permitted, false);
  assert.equal(permits(other, anna, "publish", "a").permitted, true);
});

Deno.test("dynamicSecurityService lays its rules over those of every listener", () => {
  const listeners = new Map([["l", { ...defaultRules, mountPoint: "m/" }]]);
  const rules = service.rules!(NOBODY, { ...defaultRules, listeners });
  const here = rulesFor(rules, { listener: "l" });
  assert.equal(here.mountPoint, "m/");
  assert.equal(here.dynamic, NOBODY.access);
  assert.equal(permits(here, { user: "a", roles: [] }, "publish", "a").permitted, false);
});

Deno.test("permits() denies what either dynamic security or the rules of access deny", () => {
  const state = service.begin(
    new Map([
      ["general", JSON.stringify({ defaultACLAccess: { publishClientSend: true } })],
      [
        "role/r",
        JSON.stringify({
          acls: [
            { acltype: "publishClientSend", topic: "x", allow: false },
            { acltype: "publishClientSend", topic: "$CONTROL/#", allow: true },
          ],
        }),
      ],
      ["client/a", JSON.stringify({ roles: [{ rolename: "r" }] })],
    ]),
  );
  const anna = { user: "a", roles: [] }, ben = { user: "b", roles: [] };
  const access = new AccessList([
    { permission: "deny", topics: ["y", "$CONTROL/broker/#"] },
    { permission: "allow" },
  ]);
  const rules = service.rules!(state, { ...defaultRules, access });
  const may = (topic: string, who = anna) => permits(rules, who, "publish", topic).permitted;
  assert.deepEqual(["x", "y", "z"].map((topic) => may(topic)), [false, false, true]);
  assert.equal(may("$CONTROL/dynamic-security/v1"), true);
  assert.equal(may("$CONTROL/broker/v1"), false);
  assert.equal(may("$CONTROL/dynamic-security/v1", ben), false);
  const managed = service.rules!(state, { ...defaultRules, administrators: [{ user: "b" }] });
  assert.equal(permits(managed, ben, "publish", "$CONTROL/dunlin/v1/help").permitted, true);
});
