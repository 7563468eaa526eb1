import assert from "node:assert/strict";
import fc from "fast-check";
import { holdersOf } from "../../../src/service/dynamic_security/holders.ts";
import { entriesOf } from "../../../src/service/dynamic_security/name_map.ts";
import { perform } from "../../../src/service/dynamic_security/perform.ts";
import type { DynamicState } from "../../../src/service/dynamic_security/state.ts";
import { emptyState, newClient, withClient } from "../../../src/service/dynamic_security/state.ts";
import { anyCommand } from "./commands.ts";
import type { CommandObject } from "./run.ts";
import { after, performWhole, request } from "./run.ts";

const ROLES = 500;
const CLIENTS = 2_000;

/** Clients with one of the roles each, and how often anybody has looked at the roles of one. */
function counted(): { readonly state: DynamicState; readonly seen: { roles: number } } {
  const createRole = (_: unknown, i: number) => ({ command: "createRole", rolename: `r${i}` });
  let state = after(Array.from({ length: ROLES }, createRole));
  const seen = { roles: 0 };
  for (let i = 0; i < CLIENTS; i++) {
    const roles = [{ name: `r${i % ROLES}`, priority: -1 }];
    const client = newClient(`u${i}`);
    Object.defineProperty(client, "roles", {
      enumerable: true,
      get() {
        seen.roles += 1;
        return roles;
      },
    });
    state = withClient(state, client);
  }
  seen.roles = 0;
  return { state, seen };
}

const deleteRole = (i: number): CommandObject => ({ command: "deleteRole", rolename: `r${i}` });

for (
  const [when, between] of [
    ["nothing comes between", () => []],
    ["clients are made between", (i: number) => [{ command: "createClient", username: `n${i}` }]],
    ["clients go between", (i: number) => [{ command: "deleteClient", username: `u${i}` }]],
    ["clients change between", (i: number) => [{ command: "disableClient", username: `u${i}` }]],
    ["groups change between", (i: number) => [
      { command: "createGroup", groupname: `g${i}` },
      { command: "addGroupClient", groupname: `g${i}`, username: `u${i}` },
      { command: "modifyGroup", groupname: `g${i}`, clients: [{ username: `u${i + 1}` }] },
    ]],
  ] as [string, (i: number) => CommandObject[]][]
) {
  Deno.test(`perform() looks at each client a few times for all roles of a request when ${when}`, () => {
    const { state, seen } = counted();
    const most = between(0).length > 1 ? ROLES / 2 : ROLES;
    const commands = Array.from({ length: most }, (_, i) => [deleteRole(i), ...between(i)]).flat();
    const { responses, state: next } = perform(state, request(...commands.slice(0, 1_000)));
    assert.deepEqual(responses.filter(({ error }) => error !== undefined), []);
    assert.ok(seen.roles < 6 * CLIENTS, `${seen.roles} looks at the roles of ${CLIENTS} clients`);
    assert.ok(
      ![...entriesOf(next.clients)].some(([, { roles }]) =>
        roles.some(({ name }) => name === "r0")
      ),
    );
  });
}

/** The same, by looking at all of them. */
function scanned({ clients, groups }: DynamicState, role: string): readonly string[][] {
  return [clients, groups].map((map) =>
    [...entriesOf<{ readonly roles: readonly { readonly name: string }[] }>(map)]
      .filter(([, { roles }]) => roles.some(({ name }) => name === role))
      .map(([name]) => name).sort()
  );
}

Deno.test("holdersOf() names who has a role when states are gone on from, and back to", () => {
  const step = fc.record({ command: anyCommand, from: fc.nat(), asked: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const states = [emptyState];
      for (const { command, from, asked } of steps) {
        // Mostly on from the last one; else from any, as after a request that was refused.
        const state = from % 4 === 0 ? states[from % states.length]! : states.at(-1)!;
        const next = performWhole(state, command).state;
        states.push(next);
        for (const role of asked ? ["r1", "r2", "r3"] : []) {
          const found = [holdersOf(next.clients, role), holdersOf(next.groups, role)];
          assert.deepEqual(found.map((names) => [...names].sort()), scanned(next, role));
        }
      }
    }),
    { numRuns: 300 },
  );
});
