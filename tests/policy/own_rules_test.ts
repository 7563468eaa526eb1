/** Rules that a client brought with its proof: asked before those of the configuration, for it alone. */

import assert from "node:assert/strict";
import type { QoS } from "../../src/packet/packet.ts";
import { AccessList } from "../../src/policy/access_list.ts";
import type { AccessRule, Action } from "../../src/policy/access_rule.ts";
import { connectedAs } from "../../src/policy/connected_as.ts";
import type { Identity } from "../../src/policy/identity.ts";
import { permits, receives } from "../../src/policy/permits.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { deepFreeze } from "../deep_freeze.ts";

const OWN: readonly AccessRule[] = [
  { name: "quiet", permission: "deny", action: "publish", retain: true },
  { permission: "allow", topics: ["dev/${clientid}/#", "=${username}/up"] },
  { permission: "deny", action: "subscribe", qos: 2, topics: "plant/#" },
  { permission: "allow", who: { address: "10.0.0.0/8" }, topics: "office/#" },
  { permission: "deny", action: "receive", qos: 0, topics: "plant/loud" },
];
const LIST: readonly AccessRule[] = [
  { permission: "deny", topics: "dev/#" },
  { permission: "allow", topics: "plant/#" },
];

function pump(more: Partial<Identity> = {}): Identity {
  const peer = { address: "192.0.2.7:1", listener: "l", anonymousAllowed: false };
  const proven: Identity = { user: "ada", roles: [], rules: OWN };
  return deepFreeze({ ...connectedAs(proven, "pump", peer), ...more });
}

const PUMP = pump();
const OFFICE = pump({ address: "10.1.1.1" });
const { rules: _, ...OTHER } = pump({ clientId: "other" });

/** [who, action, topic, who decides, more] */
const table: readonly (readonly [
  Identity,
  Action,
  string,
  string,
  { qos?: QoS; retain?: boolean }?,
])[] = [
  [PUMP, "publish", "dev/pump/x", "own 1"],
  [PUMP, "publish", "dev/pump/x", "own 0", { retain: true }],
  [PUMP, "publish", "dev/other/x", "access 0"],
  [PUMP, "publish", "ada/up", "own 1"],
  [PUMP, "publish", "bob/up", "none"],
  [PUMP, "publish", "plant/a", "access 1"],
  [PUMP, "publish", "plant/a", "own 0", { retain: true }],
  [PUMP, "publish", "$SYS/x", "built in", { retain: true }],
  [PUMP, "subscribe", "dev/pump/#", "own 1"],
  [PUMP, "subscribe", "dev/+/x", "access 0"],
  [PUMP, "subscribe", "dev/#", "access 0"],
  [PUMP, "subscribe", "plant/#", "access 1", { qos: 1 }],
  [PUMP, "subscribe", "plant/#", "own 2", { qos: 2 }],
  [PUMP, "subscribe", "#", "none"],
  [PUMP, "receive", "dev/pump/x", "own 1"],
  [PUMP, "receive", "dev/other/x", "access 0"],
  [PUMP, "receive", "plant/loud", "own 4", { qos: 0 }],
  [PUMP, "receive", "plant/loud", "access 1", { qos: 1 }],
  [PUMP, "publish", "office/x", "none"],
  [OFFICE, "publish", "office/x", "own 3"],
  [PUMP, "connect", "", "open"],
  [OTHER, "publish", "dev/other/x", "access 0"],
  [OTHER, "publish", "plant/a", "access 1", { retain: true }],
  [OTHER, "receive", "plant/loud", "access 1"],
];

const RULE: Readonly<Record<string, readonly [permitted: boolean, rule: string]>> = {
  "own 0": [false, 'rules of its own[0] "quiet"'],
  "own 1": [true, "rules of its own[1]"],
  "own 2": [false, "rules of its own[2]"],
  "own 3": [true, "rules of its own[3]"],
  "own 4": [false, "rules of its own[4]"],
  "access 0": [false, "access[0]"],
  "access 1": [true, "access[1]"],
  "none": [false, "no rule of access matches, which denies"],
  "open": [true, "no rule of access is about connect"],
  "built in": [false, "built in: only the broker publishes below $SYS"],
};

const given = { ...defaultRules, access: new AccessList(LIST) };
for (const [who, action, topic, by, { qos = 0, retain = false } = {}] of table) {
  const name = `${who.clientId} (${who.address}) asks to ${action} ${topic}`;
  Deno.test(`permits() goes by ${by} when ${name} with QoS ${qos}${retain ? " retained" : ""}`, () => {
    for (const _round of [1, 2]) { // the second time from what is kept
      const { permitted, rule } = permits(given, who, action, topic, qos, retain);
      assert.deepEqual([permitted, rule], RULE[by]);
    }
  });
}

Deno.test("permits() denies what a client's own rules do not allow when the configuration has none", () => {
  const bare = { ...defaultRules, access: new AccessList([]) };
  assert.equal(permits(bare, PUMP, "publish", "dev/pump/x").permitted, true);
  assert.equal(permits(bare, PUMP, "publish", "plant/a").permitted, false);
  assert.equal(permits(bare, pump({ rules: [] }), "publish", "plant/a").permitted, false);
  assert.equal(permits(bare, pump({ rules: [] }), "connect", "").permitted, true);
  assert.equal(permits(bare, OTHER, "publish", "plant/a").permitted, true);
  assert.equal(receives(bare, OTHER, "plant/a"), "all");
  assert.equal(receives(bare, PUMP, "plant/a"), "none");
});

Deno.test("permits() judges connect by a client's own rules first, and denies when they name it and none matches", () => {
  const office: AccessRule = {
    permission: "allow",
    action: "connect",
    who: { address: "10.0.0.0/8" },
  };
  const rules = [office];
  for (const access of [[], [{ permission: "deny", action: "connect" }]] as AccessRule[][]) {
    const given = { ...defaultRules, access: new AccessList(access) };
    assert.equal(
      permits(given, pump({ rules, address: "10.1.1.1" }), "connect", "").permitted,
      true,
    );
    assert.equal(permits(given, pump({ rules }), "connect", "").permitted, false);
  }
});

Deno.test("receives() says whether each message has to be asked about", () => {
  assert.equal(receives(given, PUMP, "plant/loud"), "some");
  assert.equal(receives(given, PUMP, "plant/a"), "all");
  assert.equal(receives(given, PUMP, "dev/other"), "none");
  assert.equal(receives(given, OTHER, "plant/loud"), "all");
  assert.equal(receives(given, OTHER, "$CONTROL/x"), "none");
  const rules: AccessRule[] = [{ permission: "allow", topics: "$CONTROL/#", qos: 0 }];
  assert.equal(receives(given, pump({ rules }), "$CONTROL/x"), "some");
});

Deno.test("AccessList.sameFor() is false when two have rules of their own and differ in anything", () => {
  const list = new AccessList(LIST);
  assert.equal(list.sameFor(PUMP, pump()), true);
  assert.equal(list.sameFor(PUMP, OFFICE), false);
  assert.equal(list.sameFor(PUMP, OTHER), false);
  assert.equal(new AccessList([]).sameFor(PUMP, OTHER), false);
});
