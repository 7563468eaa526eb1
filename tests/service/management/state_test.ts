/** What management has kept, read back at start: what makes no sense is named, and nothing of it is half understood. */

import assert from "node:assert/strict";
import { stateOf } from "../../../src/service/management/state.ts";

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
