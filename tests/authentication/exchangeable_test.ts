/** Another authenticator while clients are being let in: nobody loses an answer that is on its way. */

import assert from "node:assert/strict";
import type { Authenticator } from "../../src/authentication/authenticator.ts";
import { ExchangeableAuthenticator } from "../../src/authentication/exchangeable.ts";
import type { Verdict } from "../../src/policy/identity.ts";
import { asking } from "./asking.ts";

const accepted = (user: string): Verdict => ({
  type: "accepted",
  identity: { user, roles: [] },
});

/** One that accepts as that user, at once or when it is told to. */
function one(user: string, later = false) {
  const answers: (() => void)[] = [];
  const state = { closed: 0, answers };
  const verdict = () => {
    if (!later) return accepted(user);
    return new Promise<Verdict>((resolve) => answers.push(() => resolve(accepted(user))));
  };
  const authenticator: Authenticator = {
    verify: verdict,
    begin: () => ({ step: verdict }),
    close: () => void (state.closed += 1),
  };
  return { state, authenticator };
}

const userOf = (verdict: Verdict) =>
  verdict.type === "accepted" ? verdict.identity.user : verdict.type;

Deno.test("ExchangeableAuthenticator asks the new one and closes the old one when nobody waits", () => {
  const old = one("old"), next = one("next");
  const both = new ExchangeableAuthenticator(old.authenticator);
  assert.equal(userOf(both.verify(asking()) as Verdict), "old");
  both.exchange(next.authenticator);
  assert.equal(old.state.closed, 1);
  assert.equal(userOf(both.verify(asking()) as Verdict), "next");
  assert.equal(userOf(both.begin(asking())!.step(undefined) as Verdict), "next");
  both.close();
  assert.deepEqual([old.state.closed, next.state.closed], [1, 1]);
});

Deno.test("ExchangeableAuthenticator lets the old one answer who asked it, and closes it then", async () => {
  const old = one("old", true), next = one("next");
  const both = new ExchangeableAuthenticator(old.authenticator);
  const exchange = both.begin(asking())!;
  const waiting = [both.verify(asking()), exchange.step(undefined)];
  both.exchange(next.authenticator);
  assert.equal(old.state.closed, 0);
  old.state.answers[0]!();
  assert.equal(userOf(await waiting[0]!), "old");
  assert.equal(old.state.closed, 0);
  old.state.answers[1]!();
  assert.equal(userOf(await waiting[1]!), "old");
  assert.equal(old.state.closed, 1);
  // An exchange that goes on does so where it began.
  const again = exchange.step(undefined);
  old.state.answers[2]!();
  assert.equal(userOf(await again), "old");
  assert.equal(old.state.closed, 1);
});

Deno.test("ExchangeableAuthenticator closes all that still have to answer when it is closed", async () => {
  const old = one("old", true), next = one("next");
  const both = new ExchangeableAuthenticator(old.authenticator);
  const waiting = both.verify(asking());
  both.exchange(next.authenticator);
  both.close();
  assert.deepEqual([old.state.closed, next.state.closed], [1, 1]);
  old.state.answers[0]!();
  await waiting;
  assert.deepEqual([old.state.closed, next.state.closed], [1, 1]);
});
