import assert from "node:assert/strict";
import type { Connection } from "../../src/connection/connection.ts";
import { newConnection, receiveMaximumOf } from "../../src/connection/connection.ts";
import { isRefusal } from "../../src/connection/guard.ts";
import { expiresAt, onConnect } from "../../src/connection/on_connect.ts";
import type { Connect } from "../../src/packet/packet.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import { NEVER_EXPIRES } from "../../src/policy/identity.ts";
import { announcedBy } from "../../src/policy/announced.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { deepFreeze } from "../deep_freeze.ts";
import { connect, PEER, rules, version, VERSIONS } from "./values.ts";

const ASSIGNED = "dunlin-0123456789abcdef";
const opened = deepFreeze(newConnection(41, PEER, announcedBy(defaultRules)));

function admitted(packet: Connect, given: Rules = defaultRules): Connection {
  const result = onConnect(opened, packet, given, ASSIGNED);
  assert.ok(!isRefusal(result));
  return result;
}

for (const v of VERSIONS) {
  Deno.test(`onConnect() takes what the client asks for when it is within limits, ${version(v)}`, () => {
    const will = {
      topic: "w",
      payload: Uint8Array.of(1),
      qos: 1 as const,
      retain: true,
      willDelayInterval: 0,
      properties: undefined,
    };
    const result = admitted(connect({ protocolVersion: v, will, cleanStart: true }));
    assert.deepEqual(result, {
      ...opened,
      stage: "authenticating",
      version: v,
      clientId: "pump",
      assigned: false,
      cleanStart: true,
      keepAlive: 60,
      keepAliveChanged: false,
      sessionExpiryInterval: 0,
      expiryChanged: false,
      window: 256,
      maximumPacketSize: Infinity,
      outgoingAliases: 0,
      problemInformation: true,
      will,
    });
  });
}

/** [version, clean start, refused] for an empty client id; 3.1 has no numbered statements. */
const empty = [
  [3, true, true],
  [3, false, true],
  [4, true, false],
  [4, false, true],
  [5, true, false],
  [5, false, false],
] as const;
for (const [v, cleanStart, refused] of empty) {
  Deno.test(`onConnect() ${refused ? "refuses" : "assigns"} a client id when it is empty and Clean Start is ${+cleanStart}, ${version(v)} [MQTT-3.1.3-6] [MQTT-3.1.3-8]`, () => {
    const packet = connect({ protocolVersion: v, clientId: "", cleanStart });
    const result = onConnect(opened, packet, defaultRules, ASSIGNED);
    if (refused) {
      assert.ok(isRefusal(result));
      assert.equal(result.reason, Reason.clientIdentifierNotValid);
      assert.equal(result.connection.version, v);
      return;
    }
    assert.ok(!isRefusal(result));
    assert.equal(result.assigned, true);
    assert.equal(result.clientId, ASSIGNED);
  });
}

for (const v of [3, 4, 5] as const) {
  Deno.test(`onConnect() refuses a client id when no Map could tell it from others of its length, ${version(v)} [MQTT-3.1.3-8]`, () => {
    const named = (length: number) =>
      onConnect(
        opened,
        connect({ protocolVersion: v, clientId: "c".repeat(length) }),
        defaultRules,
        ASSIGNED,
      );
    assert.ok(!isRefusal(named(16_383)));
    const refused = named(16_384);
    assert.ok(isRefusal(refused));
    assert.equal(refused.reason, Reason.clientIdentifierNotValid);
    assert.equal(refused.detail, "a client id of 16384 characters, allowed are 16383");
  });
}

Deno.test("onConnect() begins an exchange when the client names an authentication method (section 4.12)", () => {
  const result = admitted(connect({ properties: { authenticationMethod: "SCRAM" } }));
  assert.equal(result.stage, "authenticating");
  assert.equal(result.authenticationMethod, "SCRAM");
  assert.deepEqual(result.exchange, { steps: 1, turn: "broker", data: undefined });
});

Deno.test("onConnect() refuses with 0x97 when Authentication Data is above authenticationData", () => {
  const packet = (bytes: number) =>
    connect({
      properties: {
        authenticationMethod: "SCRAM",
        authenticationData: new Uint8Array(bytes),
        maximumPacketSize: 40,
      },
    });
  const given = rules({ authenticationData: 8 });
  assert.equal(admitted(packet(8), given).stage, "authenticating");
  const result = onConnect(opened, packet(9), given, ASSIGNED);
  assert.ok(isRefusal(result));
  assert.equal(result.reason, Reason.quotaExceeded);
  assert.equal(result.connection.version, 5);
  assert.equal(result.connection.maximumPacketSize, 40); // the CONNACK must fit [MQTT-3.2.2-19]
});

/** [asked, limit, granted, changed]; a limit of 65,535 is none. */
const keepAlives = [
  [60, 65_535, 60, false],
  [0, 65_535, 0, false],
  [65_535, 65_535, 65_535, false],
  [60, 60, 60, false],
  [61, 60, 60, true],
  [0, 60, 60, true],
] as const;
for (const [keepAlive, maximumKeepAlive, granted, changed] of keepAlives) {
  Deno.test(`onConnect() grants a Keep Alive of ${granted} when ${keepAlive} is asked for and ${maximumKeepAlive} is the limit [MQTT-3.2.2-22]`, () => {
    const result = admitted(connect({ keepAlive }), rules({ maximumKeepAlive }));
    assert.deepEqual([result.keepAlive, result.keepAliveChanged], [granted, changed]);
  });
}

/** [version, clean start, asked, limit, for persistent 3.x sessions, granted, changed] */
const expiries: readonly (readonly [
  3 | 4 | 5,
  boolean,
  number | undefined,
  number,
  number,
  number,
  boolean,
])[] = [
  [5, true, undefined, 1_000, 500, 0, false],
  [5, false, undefined, 1_000, 500, 0, false],
  [5, true, 900, 1_000, 500, 900, false],
  [5, false, 1_000, 1_000, 500, 1_000, false],
  [5, false, 1_001, 1_000, 500, 1_000, true],
  [5, false, NEVER_EXPIRES, 1_000, 500, 1_000, true],
  [5, false, NEVER_EXPIRES, NEVER_EXPIRES, 500, NEVER_EXPIRES, false],
  [4, true, undefined, 1_000, 500, 0, false],
  [4, false, undefined, 1_000, 500, 500, false],
  [4, false, undefined, 300, 500, 300, true],
  [3, true, undefined, 1_000, 500, 0, false],
  [3, false, undefined, 1_000, 500, 500, false],
];
for (const [v, cleanStart, asked, limit, persistent, granted, changed] of expiries) {
  Deno.test(`onConnect() grants a Session Expiry Interval of ${granted} when ${asked} of ${limit} is asked for, Clean Start ${+cleanStart}, ${version(v)} [MQTT-3.1.2-23]`, () => {
    const packet = connect({
      protocolVersion: v,
      cleanStart,
      properties: asked === undefined ? undefined : { sessionExpiryInterval: asked },
    });
    const result = admitted(
      packet,
      rules({ maximumSessionExpiryInterval: limit }, {
        persistentSessionExpiryInterval: persistent,
      }),
    );
    assert.deepEqual([result.sessionExpiryInterval, result.expiryChanged], [granted, changed]);
  });
}

/** [Receive Maximum, send window, granted] */
for (
  const [receiveMaximum, sendWindow, window] of [
    [undefined, 65_535, 65_535],
    [undefined, 20, 20],
    [5, 20, 5],
    [65_535, 20, 20],
    [1, 1, 1],
  ] as const
) {
  Deno.test(`onConnect() keeps ${window} inflight when the client's Receive Maximum is ${receiveMaximum} and the limit ${sendWindow} [MQTT-4.9.0-1]`, () => {
    const packet = connect({
      properties: receiveMaximum === undefined ? undefined : { receiveMaximum },
    });
    assert.equal(admitted(packet, rules({ sendWindow })).window, window);
    assert.equal(receiveMaximumOf(packet), receiveMaximum ?? 65_535);
  });
}

/** [Topic Alias Maximum, limit, set towards the client] */
for (
  const [asked, limit, granted] of [[undefined, 9, 0], [0, 9, 0], [4, 9, 4], [10, 9, 9]] as const
) {
  Deno.test(`onConnect() sets ${granted} Topic Aliases when the client takes ${asked} of ${limit} [MQTT-3.1.2-26] [MQTT-3.1.2-27]`, () => {
    const packet = connect({
      properties: asked === undefined ? undefined : { topicAliasMaximum: asked },
    });
    assert.equal(admitted(packet, rules({ outgoingTopicAliases: limit })).outgoingAliases, granted);
  });
}

Deno.test("onConnect() keeps sizes and Request Problem Information when the client gives them [MQTT-3.1.2-24] [MQTT-3.1.2-29]", () => {
  const { maximumPacketSize, problemInformation } = admitted(
    connect({ properties: { maximumPacketSize: 100, requestProblemInformation: 0 } }),
  );
  assert.deepEqual([maximumPacketSize, problemInformation], [100, false]);
  const asked = admitted(connect({ properties: { requestProblemInformation: 1 } }));
  assert.equal(asked.problemInformation, true);
});

Deno.test("expiresAt() adds seconds to milliseconds unless the session never expires", () => {
  assert.equal(expiresAt(5_000, 60), 65_000);
  assert.equal(expiresAt(5_000, 0), 5_000);
  assert.equal(expiresAt(5_000, NEVER_EXPIRES - 1), 5_000 + 4_294_967_294_000);
  assert.equal(expiresAt(5_000, NEVER_EXPIRES), Infinity);
});
