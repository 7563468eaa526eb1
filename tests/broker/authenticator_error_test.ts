/** What an authenticator throws is for the log: its words may name servers, paths and queries. */

import assert from "node:assert/strict";
import type { Authenticator } from "../../src/authentication/authenticator.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import { ANONYMOUS } from "../../src/policy/identity.ts";
import { Desk } from "./desk.ts";
import { connectPacket } from "./packets.ts";

const SECRET = "ldap://10.0.0.7: bind as cn=admin failed";

const failing: readonly (readonly [string, Authenticator["verify"]])[] = [
  ["throws", () => {
    throw new Error(SECRET);
  }],
  ["rejects", () => Promise.reject(new Error(SECRET))],
];
for (const [how, verify] of failing) {
  Deno.test(`Broker.step() tells the log and not the client what the authenticator says when it ${how}`, () =>
    Desk.with({ authenticator: { verify } }, async (desk) => {
      const caller = await desk.dial();
      await caller.send(connectPacket("pump"));
      const connack = caller.take()[0];
      assert.ok(connack?.type === "connack");
      assert.equal(connack.reasonCode, Reason.serverUnavailable);
      assertNeutral(connack.properties?.reasonString);
      assertLogged(desk);
    }));
}

Deno.test("Broker.step() tells the log and not the client what a method says when it throws later", () =>
  Desk.with({
    authenticator: {
      verify: () => ({ type: "accepted", identity: ANONYMOUS }),
      begin: () => ({
        step: (data) => {
          if (data !== undefined) throw new Error(SECRET);
          return { type: "accepted", identity: ANONYMOUS };
        },
      }),
    },
  }, async (desk) => {
    const caller = await desk.connect("pump", { properties: { authenticationMethod: "M" } });
    await caller.send({
      type: "auth",
      reasonCode: Reason.reauthenticate,
      properties: { authenticationMethod: "M", authenticationData: Uint8Array.of(1) },
    });
    const disconnect = caller.take()[0];
    assert.ok(disconnect?.type === "disconnect");
    assert.equal(disconnect.reasonCode, Reason.serverBusy);
    assertNeutral(disconnect.properties?.reasonString);
    assertLogged(desk);
  }));

const REFUSALS: readonly (readonly [reason: number, told: string | undefined, words: string])[] = [
  [Reason.notAuthorized, undefined, "not authorized"],
  [Reason.badUserNameOrPassword, undefined, "bad user name or password"],
  [Reason.serverBusy, undefined, "server busy"],
  [Reason.notAuthorized, "ask the porter", "ask the porter"],
];
for (const [reason, told, words] of REFUSALS) {
  Deno.test(`Broker.step() tells the client "${words}" when it is refused with 0x${reason.toString(16)} and the authenticator tells ${told ?? "nothing"}`, () =>
    Desk.with({
      authenticator: { verify: () => ({ type: "refused", reason, detail: SECRET, told }) },
    }, async (desk) => {
      const caller = await desk.connect("pump");
      assert.equal(caller.connack.reasonCode, reason);
      assert.equal(caller.connack.properties?.reasonString, words);
      assertLogged(desk);
    }));
}

Deno.test("Broker.step() does not tell whose session it is when a stranger asks for it", () =>
  Desk.with({}, async (desk) => {
    await desk.keep("pump", 5, { username: "ada" });
    const eve = await desk.keep("pump", 5, { username: "eve" });
    assert.equal(eve.connack.reasonCode, Reason.notAuthorized);
    assert.doesNotMatch(eve.connack.properties?.reasonString ?? "", /ada/);
    const fact = desk.facts.findLast((each) => each.type === "disconnected");
    assert.match(fact?.type === "disconnected" ? fact.detail : "", /belongs to user "ada"/);
  }));

function assertNeutral(told: string | undefined): void {
  assert.equal(told, "who the client is could not be found out");
}

function assertLogged(desk: Desk): void {
  const fact = desk.facts.findLast((each) => each.type === "disconnected");
  assert.ok(fact?.type === "disconnected");
  assert.ok(fact.detail.includes(SECRET), fact.detail);
}
