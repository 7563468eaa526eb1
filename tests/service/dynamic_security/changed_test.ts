/** What another node of the cluster has changed, taken over: the same state, and whose connections end. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Fields } from "../../../src/service/dynamic_security/fields.ts";
import type { SettingChange, View } from "../../../src/service/service.ts";
import type { DynamicSecurity } from "../../../src/service/dynamic_security/service.ts";
import { dynamicSecurityService as service } from "../../../src/service/dynamic_security/service.ts";
import { settingsOf, settingText } from "../../../src/service/dynamic_security/settings.ts";
import type { DynamicState } from "../../../src/service/dynamic_security/state.ts";
import { emptyState } from "../../../src/service/dynamic_security/state.ts";
import { anyCommand } from "./commands.ts";
import { performWhole } from "./run.ts";

/** A broker with these users connected. */
function viewOf(users: Iterable<string>): View {
  const connections = new Map(
    Array.from(users, (user, id) => [id, { connection: { identity: { user }, clientId: user } }]),
  );
  return { broker: { connections, clients: new Map() } } as unknown as View;
}

function changesOf(state: DynamicState, names: Iterable<string>): SettingChange[] {
  return Array.from(names, (name) => ({ name, value: settingText(state, name) }));
}

/** Who is kicked by what another node has done: [user, …]. */
function kicked(before: DynamicSecurity, changes: readonly SettingChange[], view: View) {
  const { state, events } = service.changed!(before, changes, view);
  const users = events.map((event) => {
    assert.ok(event.type === "kick");
    return event.clientId;
  });
  return { state, users: users.toSorted() };
}

Deno.test("changed() of dynamic security comes to the state of the other node, and ends no connection that did not end there", () => {
  fc.assert(
    fc.property(fc.array(anyCommand, { maxLength: 40 }), (commands) => {
      let there = emptyState;
      let here = service.begin(new Map());
      for (const command of commands) {
        const performed = performWhole(there, command);
        const users = new Set(
          [...settingsOf(there).keys()]
            .filter((name) => name.startsWith("client/")).map((name) => name.slice(7)),
        );
        there = performed.state;
        const taken = kicked(here, changesOf(there, performed.changed), viewOf(users));
        here = taken.state;
        assert.deepEqual(settingsOf(here.state), settingsOf(there));
        for (const user of taken.users) assert.ok(performed.kicks.has(user), user);
      }
      // What follows from it is the same too: a group that goes takes itself from its members.
      const groups = [...settingsOf(there).keys()].filter((name) => name.startsWith("group/"));
      for (const name of groups) {
        const command = { command: "deleteGroup", groupname: name.slice(6) };
        const one = performWhole(there, command), other = performWhole(here.state, command);
        assert.deepEqual(settingsOf(other.state), settingsOf(one.state));
      }
    }),
    { numRuns: 300 },
  );
});

const ana = { command: "createClient", username: "ana", password: "1" };
const role = { command: "createRole", rolename: "r" };
const group = { command: "createGroup", groupname: "g" };
const member = { command: "addGroupClient", groupname: "g", username: "ana" };

/** [what was there, what the other node does, who has to go here] */
const kicks: readonly (readonly [readonly Fields[], Fields, readonly string[]])[] = [
  [[ana], { command: "deleteClient", username: "ana" }, ["ana"]],
  [[ana], { command: "disableClient", username: "ana" }, ["ana"]],
  [[ana], { command: "setClientPassword", username: "ana", password: "2" }, ["ana"]],
  [[ana], { command: "setClientId", username: "ana", clientid: "x" }, ["ana"]],
  [[ana, role], { command: "addClientRole", username: "ana", rolename: "r" }, ["ana"]],
  [[ana, group], member, ["ana"]],
  [[ana, role, group, member], { command: "addGroupRole", groupname: "g", rolename: "r" }, ["ana"]],
  [[ana, group, member], { command: "deleteGroup", groupname: "g" }, ["ana"]],
  [[ana], { command: "modifyClient", username: "ana", textname: "Ana" }, []],
  [[ana], { command: "createClient", username: "bob", password: "1" }, []],
  [
    [ana, { command: "disableClient", username: "ana" }],
    { command: "enableClient", username: "ana" },
    [],
  ],
  [[ana, group], { command: "modifyGroup", groupname: "g", textname: "G" }, []],
];
for (const [before, command, users] of kicks) {
  Deno.test(`changed() of dynamic security ends the connections of [${users}] when another node does ${JSON.stringify(command)}`, () => {
    let there = emptyState;
    for (const one of before) there = performWhole(there, one).state;
    const here = service.begin(settingsOf(there));
    const performed = performWhole(there, command);
    const changes = changesOf(performed.state, performed.changed);
    assert.deepEqual(kicked(here, changes, viewOf(["ana", "eve"])).users, users);
  });
}

Deno.test("changed() of dynamic security keeps what is permitted as it is when only a text or a password is another", () => {
  let there = emptyState;
  for (const one of [ana, role, { command: "addClientRole", username: "ana", rolename: "r" }]) {
    there = performWhole(there, one).state;
  }
  const here = service.begin(settingsOf(there));
  const text = performWhole(there, { command: "modifyClient", username: "ana", textname: "A" });
  const same = service.changed!(here, changesOf(text.state, text.changed), viewOf([]));
  assert.equal(same.state.access, here.access);
  const other = performWhole(there, {
    command: "removeClientRole",
    username: "ana",
    rolename: "r",
  });
  const changed = service.changed!(here, changesOf(other.state, other.changed), viewOf([]));
  assert.notEqual(changed.state.access, here.access);
});

Deno.test("changed() of dynamic security throws and names the setting when it makes no sense", () => {
  const here = service.begin(new Map());
  const changes = [{ name: "client/ana", value: "{" }];
  assert.throws(() => service.changed!(here, changes, viewOf([])), /client\/ana/);
});
