/** Failures by address, client id and user: what is counted apart, and what it leads to. */

import assert from "node:assert/strict";
import { Failures } from "../../src/authentication/failures.ts";

function failures(banAfter: Partial<Record<"address" | "clientId" | "user", number>>): Failures {
  return new Failures({
    remembered: 60_000,
    most: 100,
    delay: 0,
    longestDelay: 0,
    banAfter: { address: 0, clientId: 0, user: 0, ...banAfter },
    now: () => 1_000,
  });
}

const LONG = "x".repeat(60_000);

for (const kind of ["clientId", "user"] as const) {
  Deno.test(`Failures.failed() tells apart long names that differ at their ends when a ${kind} is banned`, () => {
    const counted = failures({ [kind]: 2 });
    const fail = (name: string) =>
      counted.failed({ address: "127.0.0.1:5", clientId: "c", user: "u", [kind]: name }).bans;
    assert.deepEqual(fail(`${LONG}1`), []);
    assert.deepEqual(fail(`${LONG}2`), []);
    assert.deepEqual(fail(`${LONG}1`), [{ kind, value: `${LONG}1` }]);
    assert.deepEqual(fail(`${LONG}1`), []); // after the ban it begins anew
    if (kind === "user") counted.succeeded(`${LONG}2`);
    assert.equal(fail(`${LONG}2`).length, kind === "user" ? 0 : 1);
  });
}

Deno.test("Failures.failed() keeps no name at its full length, as anybody may send long ones", () => {
  const kept: string[] = [];
  const { set } = Map.prototype;
  Map.prototype.set = function (key, value) {
    if (typeof key === "string") kept.push(key);
    return set.call(this, key, value);
  };
  try {
    const counted = failures({ user: 5 });
    counted.failed({ address: "127.0.0.1:5", clientId: `${LONG}c`, user: `${LONG}u` });
  } finally {
    Map.prototype.set = set;
  }
  assert.ok(kept.length >= 2); // the address and the user
  assert.ok(kept.every(({ length }) => length < 300), "a long name is kept");
});
