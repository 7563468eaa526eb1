/** The chain and the guard before it: who decides, who waits, who is banned, what is told. */

import assert from "node:assert/strict";
import type { Authenticator } from "../../src/authentication/authenticator.ts";
import { anonymousOnly, withMethods } from "../../src/authentication/authenticator.ts";
import type { Answer, Verifier } from "../../src/authentication/chain.ts";
import { chainOf, refused, UNKNOWN } from "../../src/authentication/chain.ts";
import type { FailureOptions } from "../../src/authentication/failures.ts";
import { Failures } from "../../src/authentication/failures.ts";
import { type Failed, guarded } from "../../src/authentication/guarded.ts";
import { Bans } from "../../src/policy/bans.ts";
import type { Credentials } from "../../src/policy/identity.ts";
import { asking, stillClock, wordsOf } from "./asking.ts";

/** Knows one user whose password is its name; notes who was asked. */
function knowing(user: string, asked: string[], later: boolean): Verifier {
  return {
    name: user,
    verify({ username, password }) {
      asked.push(user);
      const answer: Answer = username !== user
        ? UNKNOWN
        : new TextDecoder().decode(password) === user
        ? { type: "accepted", identity: { user, roles: [] } }
        : refused(0x86, "wrong");
      return later ? Promise.resolve(answer) : answer;
    },
  };
}

/** [when, credentials, outcome, who was asked] */
const chains: readonly (readonly [string, Credentials, string, string])[] = [
  ["the first knows the client", asking("a", "a"), "a", "a"],
  ["the first knows it and the password is wrong", asking("a", "b"), "0x86", "a"],
  ["the second knows the client", asking("b", "b"), "b", "a b"],
  ["the last knows it and the password is wrong", asking("c", "a"), "0x86", "a b c"],
  ["nobody knows the client", asking("d", "d"), "0x86", "a b c"],
  ["nobody knows the client and it shows no password", asking("d"), "0x86", "a b c"],
  ["nobody knows the client and it shows no user name", asking(undefined, "a"), "0x86", "a b c"],
  ["the client shows nothing", asking(), "anonymous", "a b c"],
  [
    "the client shows nothing and the listener wants something",
    asking(undefined, undefined, { anonymous: false }),
    "0x87",
    "a b c",
  ],
];

for (const [when, credentials, outcome, order] of chains) {
  Deno.test(`chainOf() says ${outcome} after ${order} when ${when}`, async () => {
    for (const later of [[false, false, false], [true, true, true], [false, true, false]]) {
      const asked: string[] = [];
      const verifiers = ["a", "b", "c"].map((user, at) => knowing(user, asked, later[at]!));
      const verdict = chainOf(verifiers, anonymousOnly).verify(credentials);
      if (later.includes(false) && !later.includes(true)) assert.ok(!(verdict instanceof Promise));
      assert.equal(wordsOf(await verdict), outcome);
      assert.equal(asked.join(" "), order);
    }
  });
}

Deno.test("chainOf() leaves everybody to the last when there is no verifier", () => {
  assert.equal(chainOf([], anonymousOnly), anonymousOnly);
});

function guardOf(inner: Authenticator, options: Partial<FailureOptions> = {}) {
  const clock = stillClock();
  const bans = new Bans(10);
  const told: Failed[] = [];
  const banned: string[] = [];
  const failures = new Failures({
    remembered: 600_000,
    most: 100,
    delay: 0,
    longestDelay: 100,
    banAfter: { address: 0, clientId: 0, user: 0 },
    now: clock.now,
    ...options,
  });
  const authenticator = guarded(inner, {
    bans,
    failures,
    banTime: 300_000,
    now: clock.now,
    failed: (failed) => told.push(failed),
    banned: (kind, value) => banned.push(`${kind} ${value}`),
  });
  const ask = async (credentials: Credentials) => wordsOf(await authenticator.verify(credentials));
  return { authenticator, bans, clock, told, banned, ask };
}

const ada = chainOf([knowing("ada", [], false)], anonymousOnly);

Deno.test("guarded() tells of each failure with address, user, client id and reason, and of nothing else", async () => {
  const { ask, told } = guardOf(ada);
  assert.equal(await ask(asking("ada", "ada")), "ada");
  assert.equal(await ask(asking()), "anonymous");
  assert.deepEqual(told, []);
  assert.equal(await ask(asking("ada", "x", { clientId: "c" })), "0x86");
  assert.deepEqual(told, [{
    address: "192.0.2.7:50123",
    user: "ada",
    clientId: "c",
    reason: "badUserNameOrPassword",
    detail: "wrong",
    listener: "test",
  }]);
  assert.deepEqual(Object.keys(told[0]!).slice(0, 4), ["address", "user", "clientId", "reason"]);
});

/** [what is banned, how often it may fail, then who is refused, and who is not] */
const culprits = [
  ["address", [
    asking("ada", "ada"),
    asking("bob", "x", { address: "192.0.2.7:1" }),
    asking("ada", "ada", { address: "[::ffff:192.0.2.7]:1" }),
  ], [asking("ada", "ada", { address: "192.0.2.8:1" })]],
  ["clientId", [asking("ada", "ada")], [asking("ada", "ada", { clientId: "other" })]],
  ["user", [asking("ada", "ada"), asking("ada", "ada", { clientId: "other" })], [asking()]],
] as const;

for (const [kind, out, others] of culprits) {
  Deno.test(`guarded() bans the ${kind} with 0x8a after as many failures as it may, until the time is over`, async () => {
    const banAfter = { address: 0, clientId: 0, user: 0, [kind]: 3 };
    const { ask, bans, banned, clock } = guardOf(ada, { banAfter });
    for (const _ of [1, 2]) assert.equal(await ask(asking("ada", "x")), "0x86");
    assert.deepEqual(banned, []);
    assert.equal(await ask(asking("ada", "x")), "0x86");
    assert.deepEqual(banned, [
      { address: "address 192.0.2.7", clientId: "clientId pump", user: "user ada" }[kind],
    ]);
    for (const each of out) assert.equal(await ask(each), "0x8a");
    for (const each of others) assert.notEqual(await ask(each), "0x8a");
    const [ban] = bans.list(clock.now());
    assert.deepEqual([ban?.kind, ban?.until], [kind, clock.at + 300_000]);
    clock.at += 300_000;
    assert.equal(await ask(asking("ada", "ada")), "ada");
    assert.equal(await ask(asking("ada", "x")), "0x86"); // and it counts anew
    assert.equal(banned.length, 1);
  });
}

Deno.test("guarded() does not count what is long ago, nor what is no fault of the client", async () => {
  let answer: Answer = refused(0x86, "wrong");
  const inner = chainOf([{ name: "x", verify: () => answer }], anonymousOnly);
  const banAfter = { address: 2, clientId: 0, user: 0 };
  const { ask, banned, clock, told } = guardOf(inner, { banAfter });
  await ask(asking("ada", "x"));
  clock.at += 600_000;
  await ask(asking("ada", "x"));
  assert.deepEqual(banned, []);
  answer = refused(0x88, "away");
  for (const _ of [1, 2, 3]) assert.equal(await ask(asking("ada", "x")), "0x88");
  assert.deepEqual([banned.length, told.length], [0, 5]);
});

Deno.test("guarded() refuses a user that is banned by a name which it did not send", async () => {
  const identity = { user: "device", roles: [] };
  const inner = chainOf(
    [{ name: "x", verify: () => ({ type: "accepted", identity }) }],
    anonymousOnly,
  );
  const { ask, bans, clock } = guardOf(inner);
  assert.equal(await ask(asking()), "device");
  bans.add({ kind: "user", value: "device", until: Infinity, reason: "" }, clock.now());
  assert.equal(await ask(asking()), "0x8a");
});

Deno.test("guarded() guards the steps of a method too", async () => {
  const inner = withMethods(anonymousOnly, [{
    name: "M",
    begin: () => ({
      step: (data) => data === undefined ? { type: "continue", data } : refused(0x87, "no"),
    }),
  }]);
  const banAfter = { address: 2, clientId: 0, user: 0 };
  const { authenticator, told } = guardOf(inner, { banAfter });
  const credentials = { ...asking(), authenticationMethod: "M" };
  const outcomes: string[] = [];
  for (const data of [undefined, new Uint8Array(1), new Uint8Array(1), undefined]) {
    outcomes.push(wordsOf(await authenticator.begin!(credentials)!.step(data)));
  }
  assert.deepEqual(outcomes, ["continue", "0x87", "0x87", "0x8a"]);
  assert.equal(told.length, 2);
  const other = { ...credentials, authenticationMethod: "N" };
  assert.equal(authenticator.begin!(other), undefined);
});

Deno.test("Failures keeps an answer back longer with each failure of the address or the user, up to the longest", () => {
  const clock = stillClock();
  const failures = new Failures({
    remembered: 1_000,
    most: 100,
    delay: 10,
    longestDelay: 50,
    banAfter: { address: 0, clientId: 0, user: 0 },
    now: clock.now,
  });
  const fail = (user: string | undefined, address: string, clientId = "c") =>
    failures.failed({ user, address, clientId }).delay;
  assert.deepEqual([fail("a", "192.0.2.1:1"), fail("a", "192.0.2.2:1"), fail("a", "")], [
    10,
    20,
    40,
  ]);
  assert.deepEqual([fail("a", ""), fail("a", "")], [50, 50]);
  assert.deepEqual([fail("b", "192.0.2.1:2"), fail("c", "192.0.2.1:3")], [20, 40]);
  assert.equal(fail(undefined, "/run/socket"), 10); // nobody in particular
  failures.succeeded("a");
  assert.equal(fail("a", "192.0.2.9:1"), 10);
  clock.at += 1_000;
  assert.equal(fail("c", "192.0.2.1:4"), 10);
  for (let at = 0; at < 2_000; at++) fail("z", "");
  assert.equal(fail("z", ""), 50);
});

Deno.test("guarded() keeps the answer back that long, lets others pass, and answers all when it is closed", async () => {
  const { authenticator, ask } = guardOf(ada, { delay: 60_000, longestDelay: 60_000 });
  const kept = ask(asking("ada", "x"));
  const late = Promise.resolve("nothing yet");
  assert.equal(await Promise.race([kept, late]), "nothing yet");
  assert.equal(await ask(asking("ada", "ada")), "ada");
  assert.equal(await Promise.race([kept, late]), "nothing yet");
  authenticator.close!();
  assert.equal(await kept, "0x86");
});

Deno.test("guarded() answers by itself when the delay is over", async () => {
  const { ask } = guardOf(ada, { delay: 30, longestDelay: 100 });
  const start = performance.now();
  assert.equal(await ask(asking("ada", "x")), "0x86");
  assert.equal(await ask(asking("ada", "x")), "0x86");
  const took = performance.now() - start;
  assert.ok(took >= 85, `${took} ms`); // 30 and 60, as far as timers are exact
});
