import assert from "node:assert/strict";
import { refusal, welcome } from "../../src/connection/connack.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { ConnackProperties } from "../../src/packet/packet.ts";
import { encode } from "../../src/packet/encode.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import { announcedBy } from "../../src/policy/announced.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { connection, rules, version, VERSIONS } from "./values.ts";

const limited = rules({ receiveMaximum: 7, maximumPacketSize: 900, topicAliasMaximum: 3 });
const announced = { receiveMaximum: 7, maximumPacketSize: 900, topicAliasMaximum: 3 };

/** [what is told, connection, rules, properties besides what is always told] */
const told: readonly (readonly [string, Partial<Connection>, Rules, ConnackProperties])[] = [
  [
    "only limits when all that was asked for is granted [MQTT-4.12.0-6]",
    { keepAlive: 60, sessionExpiryInterval: 5, clientId: "pump" },
    limited,
    {},
  ],
  [
    "the Session Expiry Interval when it is another",
    { sessionExpiryInterval: 5, expiryChanged: true },
    limited,
    { sessionExpiryInterval: 5 },
  ],
  [
    "the client id when it was made here [MQTT-3.1.3-7] [MQTT-3.2.2-16]",
    { clientId: "dunlin-x", assigned: true },
    limited,
    { assignedClientIdentifier: "dunlin-x" },
  ],
  [
    "the Keep Alive when it is another [MQTT-3.2.2-21]",
    { keepAlive: 30, keepAliveChanged: true },
    limited,
    { serverKeepAlive: 30 },
  ],
  [
    "where answers go when it asks and the configuration says [MQTT-3.1.2-28]",
    { clientId: "pump", responseInformation: true },
    { ...limited, responseInformation: "answers" },
    { responseInformation: "answers/pump" },
  ],
  [
    "nothing of answers when it does not ask [MQTT-3.1.2-28]",
    {},
    { ...limited, responseInformation: "answers" },
    {},
  ],
  [
    "that shared subscriptions are off when they are",
    {},
    { ...limited, sharedSubscriptions: false },
    { sharedSubscriptionAvailable: 0 },
  ],
];
for (const [what, changes, given, properties] of told) {
  Deno.test(`welcome() tells a 5.0 client ${what}`, () => {
    const announcing = connection({ announced: announcedBy(given), ...changes });
    assert.deepEqual(welcome(announcing, given, false), {
      type: "connack",
      sessionPresent: false,
      reasonCode: 0,
      properties: { ...announced, ...properties },
    });
  });

  for (const v of [3, 4] as const) {
    Deno.test(`welcome() has no properties when the client is ${version(v)} and 5.0 is told ${what}`, () => {
      const connack = welcome(connection({ ...changes, version: v }), given, false);
      assert.equal(connack.properties, undefined);
    });
  }
}

for (const v of VERSIONS) {
  Deno.test(`welcome() ${v === 3 ? "has no flag for" : "says whether there is"} a session when the client is ${version(v)} [MQTT-3.2.2-2] [MQTT-3.2.2-3]`, () => {
    const of = connection({ version: v });
    assert.equal(welcome(of, limited, true).sessionPresent, v !== 3);
    assert.equal(welcome(of, limited, false).sessionPresent, false);
  });

  Deno.test(`refusal() says session present 0 and ${v === 5 ? "why" : "no more"} when the client is ${version(v)} [MQTT-3.2.2-6]`, () => {
    assert.deepEqual(refusal(connection({ version: v }), Reason.notAuthorized, "not you"), {
      type: "connack",
      sessionPresent: false,
      reasonCode: Reason.notAuthorized,
      properties: v === 5 ? { reasonString: "not you" } : undefined,
    });
  });
}

Deno.test("welcome() leaves Response Information out when the client id makes it longer than a string may be", () => {
  const given = { ...limited, responseInformation: "answers" };
  // "answers/" and the client id: 65,535 bytes, and one byte more.
  for (
    const [clientId, fits] of [["ü".repeat(32_763) + "x", true], [
      "ü".repeat(32_764),
      false,
    ]] as const
  ) {
    const connack = welcome(connection({ clientId, responseInformation: true }), given, false);
    const expected = fits ? `answers/${clientId}` : undefined;
    assert.equal(connack.properties?.responseInformation, expected);
    assert.ok(encode(connack, 5).length > 0);
  }
});

Deno.test("refusal() leaves the Reason String out when the client takes no packet of that size [MQTT-3.2.2-19]", () => {
  const words = "ü".repeat(20);
  const whole = encode(refusal(connection(), Reason.banned, words), 5).length;
  for (
    const [maximumPacketSize, reasonString] of [[whole, words], [whole - 1, undefined]] as const
  ) {
    const connack = refusal(connection({ maximumPacketSize }), Reason.banned, words);
    assert.equal(connack.properties?.reasonString, reasonString);
    assert.equal(connack.reasonCode, Reason.banned);
    assert.ok(encode(connack, 5).length <= maximumPacketSize);
  }
});
