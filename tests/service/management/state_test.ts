/** What management has kept, read back at start: what makes no sense is named, and nothing of it is half understood. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { managementCommands } from "../../../src/server/services.ts";
import { managementService } from "../../../src/service/management/management_service.ts";
import { stateOf, withSettings } from "../../../src/service/management/state.ts";
import type { View } from "../../../src/service/service.ts";

/** [name, text, what is said] */
const bad: readonly (readonly [string, string, RegExp])[] = [
  ["ban/user/eve", "null", /^ban\/user\/eve: found null/],
  ["ban/user/eve", '{"until":"soon","reason":""}', /^ban\/user\/eve: found/],
  ["ban/user/eve", "{", /^ban\/user\/eve: found "\{", expected JSON/],
  ["access/a", "5", /^access\/a: found 5/],
  ["access/a", '{"position":1}', /^access\/a: found/],
  ["access/a", '{"position":1,"rule":{"permission":"deny","topics":5}}', /^access\/a: found/],
  [
    "access/a",
    '{"position":1,"rule":{"permission":"deny","topics":"a/#/b"}}',
    /^access\/a: .*a\/#\/b/,
  ],
  ["auto-subscribe/a", '{"position":1,"rule":{"name":"a"}}', /^auto-subscribe\/a: found/],
  [
    "auto-subscribe/a",
    '{"position":1,"rule":{"name":"a","filters":["#/a"]}}',
    /^auto-subscribe\/a: /,
  ],
  ["limit/queuedMessages", '"many"', /^limit\/queuedMessages: found "many"/],
  ["later/thing", "1", /^found later\/thing/],
];
for (const [name, text, said] of bad) {
  Deno.test(`stateOf() names the setting when ${name} is ${text}`, () => {
    assert.throws(() => stateOf(new Map([[name, text]])), { message: said });
  });
}

Deno.test("stateOf() keeps names apart that are names of every object", () => {
  const ban = JSON.stringify({ until: null, reason: "" });
  const state = stateOf(new Map([["ban/user/__proto__", ban], ["ban/user/constructor", ban]]));
  assert.deepEqual([...state.bans.keys()], ["user/__proto__", "user/constructor"]);
});

const ban = (until: number | null) => JSON.stringify({ until, reason: "r" });
const rule = (position: number) => JSON.stringify({ position, rule: { permission: "deny" } });

Deno.test("withSettings() comes to what stateOf() does, whatever was there before", () => {
  const name = fc.constantFrom(
    "ban/user/a",
    "ban/user/b",
    "ban/address/10.0.0.1",
    "access/a",
    "access/b",
    "limit/receiveMaximum",
    "limit/sendWindow",
  );
  const value = fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined });
  fc.assert(
    fc.property(fc.array(fc.array(fc.tuple(name, value), { maxLength: 5 })), (turns) => {
      let state = stateOf(new Map());
      const kept = new Map<string, string>();
      for (const turn of turns) {
        const changes = turn.map(([name, number]) => {
          if (number === undefined) return { name, value: undefined };
          if (name.startsWith("ban")) return { name, value: ban(number) };
          return { name, value: name.startsWith("access") ? rule(number) : `${number}` };
        });
        state = withSettings(state, changes);
        for (const { name, value } of changes) {
          if (value === undefined) kept.delete(name);
          else kept.set(name, value);
        }
      }
      assert.deepEqual(state, stateOf(kept));
    }),
    { numRuns: 300 },
  );
});

Deno.test("withSettings() keeps the objects that it has no change for, since other rules are work for every session", () => {
  const before = stateOf(new Map([["access/a", rule(1)], ["limit/sendWindow", "5"]]));
  const after = withSettings(before, [{ name: "ban/user/a", value: ban(null) }]);
  assert.equal(after.access, before.access);
  assert.equal(after.limits, before.limits);
  assert.equal(after.autoSubscribe, before.autoSubscribe);
  assert.notEqual(after.bans, before.bans);
});

Deno.test("managementService() bans and unbans here when another node did", () => {
  const service = managementService(managementCommands);
  const view = { now: 10 } as View;
  const before = service.begin(new Map([["ban/user/old", ban(null)]]));
  const { instructions, state } = service.changed!(before, [
    { name: "ban/user/new", value: ban(20) },
    { name: "ban/user/over", value: ban(5) },
    { name: "ban/user/old", value: undefined },
    { name: "ban/user/unknown", value: undefined },
    { name: "access/a", value: rule(1) },
  ], view);
  assert.deepEqual(instructions, [
    { type: "ban", ban: { kind: "user", value: "new", until: 20, reason: "r" } },
    { type: "unban", kind: "user", value: "old" },
  ]);
  assert.deepEqual([...state.bans.keys()], ["user/new", "user/over"]);
  assert.equal(state.access.length, 1);
});
