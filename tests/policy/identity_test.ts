import assert from "node:assert/strict";
import { ANONYMOUS, BROKER, ownerName, sameOwner } from "../../src/policy/identity.ts";
import { deepFreeze } from "../deep_freeze.ts";

const alice = deepFreeze({ user: "alice", roles: ["a"] });

/** [one, other, same owner] */
const owners = [
  ["alice with other roles", alice, { user: "alice", roles: ["b"] }, true],
  ["two anonymous clients", ANONYMOUS, { user: undefined, roles: [] }, true],
  ["alice and bob", alice, { user: "bob", roles: ["a"] }, false],
  ["alice and an anonymous client", alice, ANONYMOUS, false],
  ["an anonymous client and a user without a name", ANONYMOUS, { user: "", roles: [] }, false],
  ["the broker and an anonymous client", BROKER, ANONYMOUS, false],
  ["names that differ in case", alice, { user: "Alice", roles: ["a"] }, false],
] as const;

for (const [who, one, other, same] of owners) {
  Deno.test(`sameOwner() says ${same} when they are ${who}`, () => {
    assert.equal(sameOwner(one, other), same);
    assert.equal(sameOwner(other, one), same);
  });
}

Deno.test("ownerName() tells users from anonymous clients when one is called so", () => {
  assert.equal(ownerName(ANONYMOUS), "anonymous");
  assert.equal(ownerName(alice), 'user "alice"');
  assert.equal(ownerName({ user: "anonymous", roles: [] }), 'user "anonymous"');
});
