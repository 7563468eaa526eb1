import assert from "node:assert/strict";
import { ANONYMOUS, BROKER } from "../../src/policy/identity.ts";
import type { Action } from "../../src/policy/access_rule.ts";
import { permits } from "../../src/policy/permits.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { deepFreeze } from "../deep_freeze.ts";

const RULES = deepFreeze(defaultRules);
const ALICE = deepFreeze({ user: "alice", roles: ["admin"] });
/** What a password file could hold: a name is no proof of being the broker. */
const IMPOSTOR = deepFreeze({ user: "$broker", roles: ["$broker"] });

const ACTIONS: readonly Action[] = ["publish", "subscribe", "receive"];

/** [topic, whether clients may publish to it] */
const topics: readonly (readonly [string, boolean])[] = [
  ["a/b", true],
  ["/", true],
  ["$other/x", true],
  ["$SYSTEM/x", true],
  ["x/$SYS/y", true],
  ["$sys/x", true],
  ["$SYS/broker/uptime", false],
  ["$SYS/", false],
  ["$CONTROLS/x", true],
];
for (const [topic, free] of topics) {
  for (const action of ACTIONS) {
    Deno.test(`permits() decides as the table says when a client asks to ${action} ${topic}`, () => {
      for (const identity of [ANONYMOUS, ALICE, IMPOSTOR]) {
        const decision = permits(RULES, identity, action, topic);
        assert.equal(decision.permitted, free || action !== "publish");
        assert.ok(decision.rule.length > 0);
      }
    });

    Deno.test(`permits() lets the broker itself ${action} ${topic}`, () => {
      assert.equal(permits(RULES, BROKER, action, topic).permitted, true);
    });
  }
}

for (const topic of ["$CONTROL", "$CONTROL/dunlin/v1/health", "$CONTROL/#"]) {
  for (const action of ACTIONS) {
    Deno.test(`permits() lets only administrators ${action} ${topic} when there are no rules`, () => {
      const rules = { ...RULES, administrators: [{ role: "admin" }] };
      for (const identity of [ANONYMOUS, ALICE, IMPOSTOR]) {
        assert.equal(permits(RULES, identity, action, topic).permitted, false);
        assert.equal(permits(rules, identity, action, topic).permitted, identity === ALICE);
      }
    });
  }
}

Deno.test("permits() makes no object when it decides, since it is asked for every message", () => {
  assert.equal(
    permits(RULES, ALICE, "publish", "a"),
    permits(RULES, ANONYMOUS, "receive", "b"),
  );
  assert.equal(
    permits(RULES, ALICE, "publish", "$SYS/a"),
    permits(RULES, ANONYMOUS, "publish", "$SYS/b"),
  );
  assert.equal(
    permits(RULES, ALICE, "publish", "$CONTROL/a"),
    permits(RULES, ANONYMOUS, "subscribe", "$CONTROL/#"),
  );
});
