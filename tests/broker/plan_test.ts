/** Whom a topic leads to: the plan of the common case is the plan of the general one. */

import assert from "node:assert/strict";
import { planOf } from "../../src/broker/plan.ts";
import type { Client, Group, Subscriber } from "../../src/broker/tables.ts";
import { AccessList } from "../../src/policy/access_list.ts";
import { options, rules, session } from "../session/values.ts";

const client = { kind: "client", clientId: "panel", session: session(true) } as unknown as Client;
const DENYING = rules({}, {
  access: new AccessList([{ permission: "deny", action: "receive", topics: "a/#" }]),
});
const group = { kind: "group", key: "\0group" } as unknown as Group;

for (const identifier of [undefined, 7]) {
  for (const noLocal of [false, true]) {
    for (const permitted of [true, false]) {
      const given = `identifier ${identifier}, No Local ${noLocal}, permitted ${permitted}`;
      Deno.test(`planOf() plans for one subscriber as for several when it has ${given}`, () => {
        const one: Subscriber = {
          kind: "client",
          client,
          options: options(1, { subscriptionIdentifier: identifier, noLocal }),
          alone: undefined,
        };
        const inForce = permitted ? rules() : DENYING;
        const alone = planOf(inForce, "a/b", [one]);
        const among = planOf(inForce, "a/b", [one, group]);
        assert.deepEqual(alone, { ...among, groups: [] });
        assert.equal(alone.targets.length, permitted ? 1 : 0);
        assert.equal(alone.someNoLocal, permitted && noLocal);
      });
    }
  }
}

Deno.test("planOf() gives one plan for all topics when nobody subscribes", () => {
  const plan = planOf(rules(), "a", []);
  assert.equal(planOf(rules(), "b", []), plan);
  assert.deepEqual([plan.targets, plan.groups, plan.someNoLocal], [[], [], false]);
});

Deno.test("planOf() gives one plan for all topics that lead to one subscriber alone and that it may receive", () => {
  const access = new AccessList([
    { permission: "deny", action: "receive", topics: "a/#" },
    { permission: "allow", topics: "#" },
  ]);
  const inForce = rules({}, { access });
  const one: Subscriber = { kind: "client", client, options: options(1), alone: undefined };
  const plan = planOf(inForce, "b", [one]);
  assert.equal(plan.targets.length, 1);
  assert.equal(planOf(inForce, "c", [one]), plan);
  assert.deepEqual(planOf(inForce, "a/b", [one]).targets, []);
  assert.equal(planOf(inForce, "b", [one]), plan);
});
