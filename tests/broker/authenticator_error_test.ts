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

function assertNeutral(told: string | undefined): void {
  assert.equal(told, "who the client is could not be found out");
}

function assertLogged(desk: Desk): void {
  const fact = desk.facts.findLast((each) => each.type === "disconnected");
  assert.ok(fact?.type === "disconnected");
  assert.ok(fact.detail.includes(SECRET), fact.detail);
}
