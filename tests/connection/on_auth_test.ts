import assert from "node:assert/strict";
import type { Connection, Exchange } from "../../src/connection/connection.ts";
import { isRefusal } from "../../src/connection/guard.ts";
import { authFor, farewellCode, onAuth } from "../../src/connection/on_auth.ts";
import type { Stage } from "../../src/connection/stage.ts";
import { decode } from "../../src/packet/decode.ts";
import { encode } from "../../src/packet/encode.ts";
import type { Auth } from "../../src/packet/packet.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import { defaultLimits } from "../../src/policy/limits.ts";
import { deepFreeze } from "../deep_freeze.ts";
import { connection } from "./values.ts";

const METHOD = "M";
const limits = { ...defaultLimits, authenticationSteps: 3, authenticationData: 4 };

function at(stage: Stage, steps = 1, turn: Exchange["turn"] = "client"): Connection {
  return connection({
    stage,
    authenticationMethod: METHOD,
    exchange: stage === "connected" ? undefined : { steps, turn, data: undefined },
  });
}

function auth(reasonCode: number, method: string | undefined = METHOD, bytes?: number): Auth {
  return deepFreeze({
    type: "auth",
    reasonCode,
    properties: {
      ...(method === "" ? {} : { authenticationMethod: method }),
      ...(bytes === undefined ? {} : { authenticationData: new Uint8Array(bytes) }),
    },
  });
}

/** [when, connection, AUTH, what comes of it: the stage with the number of steps, or a Reason Code] */
const table: readonly (readonly [string, Connection, Auth, readonly [Stage, number] | number])[] = [
  ["an exchange goes on", at("authenticating"), auth(0x18), ["authenticating", 2]],
  ["it brings data within the limit", at("authenticating"), auth(0x18, METHOD, 4), [
    "authenticating",
    2,
  ]],
  ["a re-authentication begins", at("connected"), auth(0x19), ["reauthenticating", 1]],
  ["a re-authentication goes on", at("reauthenticating"), auth(0x18), ["reauthenticating", 2]],
  ["its data is above the limit", at("authenticating"), auth(0x18, METHOD, 5), 0x97],
  ["it is one step too many", at("authenticating", 3), auth(0x18), 0x97],
  ["it is one step too many of a re-authentication", at("reauthenticating", 3), auth(0x18), 0x97],
  ["it names no method", at("authenticating"), auth(0x18, ""), 0x82],
  ["it has no properties", at("authenticating"), {
    type: "auth",
    reasonCode: 0x18,
    properties: undefined,
  }, 0x82],
  ["it names another method", at("authenticating"), auth(0x18, "m"), 0x82],
  ["it re-authenticates by another method", at("connected"), auth(0x19, "m"), 0x82],
  ["it re-authenticates before CONNACK", at("authenticating"), auth(0x19), 0x82],
  ["it re-authenticates while it does", at("reauthenticating"), auth(0x19), 0x82],
  ["it goes on where nothing is under way", at("connected"), auth(0x18), 0x82],
  ["it claims success before CONNACK", at("authenticating"), auth(0), 0x82],
  ["it claims success", at("connected"), auth(0), 0x82],
  ["it claims success of a re-authentication", at("reauthenticating"), auth(0), 0x82],
  ["the last one is not answered", at("reauthenticating", 1, "broker"), auth(0x18), 0x82],
  ["CONNECT named no method", connection(), auth(0x19), 0x82],
];

for (const [when, given, packet, expected] of table) {
  const does = typeof expected === "number" ? `refuses with 0x${expected.toString(16)}` : "goes on";
  Deno.test(`onAuth() ${does} when ${when}`, () => {
    const result = onAuth(given, packet, limits);
    if (typeof expected === "number") {
      assert.ok(isRefusal(result));
      assert.equal(result.reason, expected);
      assert.equal(result.connection, given);
      return;
    }
    const [stage, steps] = expected;
    const exchange = { steps, turn: "broker", data: undefined };
    assert.deepEqual(result, { ...given, stage, exchange });
  });
}

Deno.test("authFor() names the method of CONNECT and has data only where there are any [MQTT-4.12.0-5]", () => {
  const given = at("authenticating");
  const data = Uint8Array.of(1, 2);
  assert.deepEqual(authFor(given, 0x18, data).properties, {
    authenticationMethod: METHOD,
    authenticationData: data,
  });
  assert.deepEqual(authFor(given, 0, undefined).properties, { authenticationMethod: METHOD });
});

Deno.test("farewellCode() is a Reason Code of DISCONNECT whatever CONNACK would say", () => {
  let others = 0;
  for (const code of Object.values(Reason)) {
    const connack = { type: "connack", sessionPresent: false, reasonCode: code } as const;
    try {
      decode(encode({ ...connack, properties: undefined }, 5), 5);
    } catch {
      continue; // CONNACK has no such code
    }
    const farewell = farewellCode(code);
    if (farewell !== code) others += 1;
    if (code === Reason.success || code === Reason.unsupportedProtocolVersion) continue;
    const packet = { type: "disconnect", reasonCode: farewell, properties: undefined } as const;
    assert.equal((decode(encode(packet, 5), 5) as typeof packet).reasonCode, farewell);
  }
  assert.ok(others >= 5);
});
