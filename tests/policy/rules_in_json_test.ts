/** Rules of access in tokens and answers: what is taken, and that nothing is passed over. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { AccessList } from "../../src/policy/access_list.ts";
import type { Who } from "../../src/policy/access_rule.ts";
import { rulesInJson } from "../../src/policy/rules_in_json.ts";
import type { Identity } from "../../src/policy/identity.ts";
import { permits } from "../../src/policy/permits.ts";
import { defaultRules } from "../../src/policy/rules.ts";

const allow = { permission: "allow" };

/** [when, the value, what is wrong] */
const wrong: readonly (readonly [string, unknown, RegExp])[] = [
  ["it is no list", { pub: ["a"] }, /^acl is no list of rules of access$/],
  ["it is text", "allow", /^acl is no list/],
  ["a rule is text", [allow, "allow"], /^acl\[1\] is no object$/],
  ["a rule is null", [null], /^acl\[0\] is no object$/],
  ["there is no permission", [{ topics: "a" }], /^acl\[0\] has a permission that/],
  ["the permission is another", [{ permission: "ALLOW" }], /^acl\[0\] has a permission that/],
  ["a key is not known", [{ ...allow, clientid_re: ".*" }], /^acl\[0\] has the key "clientid_re"/],
  ["a key is __proto__", JSON.parse('[{"permission":"deny","__proto__":{}}]'), /"__proto__"/],
  ["the action is another", [{ ...allow, action: "all" }], /^acl\[0\] has an action/],
  ["the action is an empty list", [{ ...allow, action: [] }], /^acl\[0\] has an action/],
  ["QoS is text", [{ ...allow, qos: "1" }], /^acl\[0\] has a qos/],
  ["QoS is 3", [{ ...allow, qos: [0, 3] }], /^acl\[0\] has a qos/],
  ["retain is a number", [{ ...allow, retain: 1 }], /^acl\[0\] has a retain/],
  ["topics are numbers", [{ ...allow, topics: [1] }], /^acl\[0\] has topics/],
  ["a topic is empty", [{ ...allow, topics: "" }], /^acl\[0\] has topics/],
  [
    "a topic is no filter",
    [{ ...allow, topics: ["a", "a/#/b"] }],
    /^acl\[0\]\.topics\[1\] .*Filter/,
  ],
  ["a topic is shared", [{ ...allow, topics: "$share/g/a" }], /^acl\[0\]\.topics .*\$share/],
  ["a place is not known", [{ ...allow, topics: "${password}" }], /^acl\[0\]\.topics .*password/],
  ["connect has topics", [{ ...allow, action: "connect", topics: "a" }], /^acl\[0\]\.action/],
  ["retain is asked of subscribe", [{ ...allow, action: "subscribe", retain: true }], /\.retain/],
  ["who is empty", [{ ...allow, who: {} }], /^acl\[0\]\.who/],
  ["who has another key", [{ ...allow, who: { username: "a" } }], /"who"/],
  ["who has a number", [{ ...allow, who: { user: 1 } }], /"who"/],
  ["an address is none", [{ ...allow, who: { address: "10.0.0.0/64" } }], /\.who\.address/],
  ["a field is none", [{ ...allow, who: { certificate: { key: "a" } } }], /"who"/],
  ["and is no list", [{ ...allow, who: { and: { user: "a" } } }], /"who"/],
  ["who is too deep", [{ ...allow, who: nested(9) }], /"who"/],
  ["there are too many", Array(101).fill(allow), /^acl has more than 100 rules$/],
  [
    "there are too many of EMQX's",
    Array(51).fill({ ...allow, action: "all", topic: "a" }),
    /more than 100/,
  ],
  [
    "it is too long",
    [{ ...allow, topics: Array(17).fill("x".repeat(1_000)) }],
    /^acl has more than 16384 characters$/,
  ],
  ["EMQX's has no action", [{ ...allow, topic: "a" }], /^acl\[0\] has an action/],
  ["EMQX's action is receive", [{ ...allow, action: "receive", topic: "a" }], /has an action/],
  ["EMQX's topic is a list", [{ ...allow, action: "all", topic: ["a"] }], /has a topic/],
  ["EMQX's and ours are mixed", [{ ...allow, topic: "a", topics: "b" }], /has the key "topics"/],
  ["EMQX's who is asked", [{ ...allow, action: "all", topic: "a", ipaddr: "::1" }], /"ipaddr"/],
  ["EMQX's topic begins with =", [{ ...allow, action: "all", topic: "=a" }], /begins with =/],
  ["EMQX's topic is no filter", [{ ...allow, action: "all", topic: "a#" }], /\.topics .*Filter/],
];

function nested(depth: number): unknown {
  return depth === 0 ? { user: "a" } : { not: nested(depth - 1) };
}

for (const [when, value, words] of wrong) {
  Deno.test(`rulesInJson() says ${words.source} when ${when}`, () => {
    const read = rulesInJson(value, "acl");
    assert.ok(typeof read === "string", JSON.stringify(read));
    assert.match(read, words);
    assert.ok(read.length < 400, `${read.length} characters`);
  });
}

/** What the rules come to for a client "pump". */
function answers(value: unknown, asked: readonly (readonly [...Parameters<typeof ask>])[]): string {
  const rules = rulesInJson(value, "acl");
  assert.ok(typeof rules !== "string", String(rules));
  const identity: Identity = { user: "ada", roles: [], clientId: "pump", rules };
  return asked.map((each) => ask(...each)(identity) ? "y" : "n").join("");
}

function ask(action: "publish" | "subscribe" | "receive", topic: string, qos = 0, retain = false) {
  return (identity: Identity) =>
    permits(
      { ...defaultRules, access: new AccessList([]) },
      identity,
      action,
      topic,
      qos as 0,
      retain,
    ).permitted;
}

Deno.test("rulesInJson() takes rules as in the configuration", () => {
  const rules = [
    { name: "n", permission: "deny", topics: "a/b", action: ["publish", "receive"] },
    {
      permission: "allow",
      topics: ["a/#", "${clientid}/x"],
      who: { user: "a*", not: { role: "r" } },
    },
  ];
  const asked = [
    ["publish", "a/b"],
    ["publish", "a/c"],
    ["subscribe", "a/b"],
    [
      "receive",
      "a/b",
    ],
    ["publish", "pump/x"],
    ["publish", "x"],
  ] as const;
  assert.equal(answers(rules, asked), "nyynyn");
});

Deno.test("rulesInJson() takes every condition that a rule of the configuration may have", () => {
  const conditions: Required<Who> = {
    user: "a",
    clientId: "a",
    role: "a",
    address: "10.0.0.0/8",
    listener: "a",
    version: "5.0",
    certificate: { cn: "a" },
    and: [{ user: "a" }],
    or: [{ user: "a" }],
    not: { user: "a" },
  };
  for (const [key, value] of Object.entries(conditions)) {
    const rules = [{ permission: "allow", who: { [key]: value }, topics: "a" }];
    assert.deepEqual(rulesInJson(rules, "acl"), rules);
  }
});

Deno.test("rulesInJson() takes rules as EMQX has them in acl", () => {
  const rules = [
    { permission: "deny", action: "publish", topic: "t/2", retain: true },
    { permission: "allow", action: "publish", topic: "t/${clientid}", retain: "all" },
    { permission: "allow", action: "subscribe", topic: "eq t/1/#", qos: [1] },
    { permission: "deny", action: "all", topic: "t/3" },
    { permission: "allow", action: "all", topic: "t/+", retain: false, qos: 0 },
  ];
  const asked = [
    ["publish", "t/pump", 2, true],
    ["publish", "t/other", 0, true],
    ["publish", "t/other", 0, false],
    ["publish", "t/other", 1, false],
    ["publish", "t/2", 0, true],
    ["publish", "t/2", 0, false],
    ["subscribe", "t/1/#", 1],
    ["subscribe", "t/1/#", 0],
    ["subscribe", "t/1/x", 1],
    ["publish", "t/3"],
    ["subscribe", "t/3"],
    ["receive", "t/3"],
    ["subscribe", "t/4"],
    ["receive", "t/4", 0, true],
  ] as const;
  assert.equal(answers(rules, asked), "ynynnyynnnnnyy");
});

Deno.test("rulesInJson() takes again what it made of them, after JSON", () => {
  const one = fc.oneof(
    fc.record({
      permission: fc.constantFrom("allow", "deny"),
      action: fc.constantFrom("publish", "receive", ["publish", "receive"]),
      retain: fc.boolean(),
      topics: fc.constantFrom("a", ["a/#", "=b"]),
    }),
    fc.record({
      permission: fc.constantFrom("allow", "deny"),
      action: fc.constantFrom("publish", "subscribe", "all"),
      topic: fc.constantFrom("a", "eq #", "${clientid}/+"),
      retain: fc.constantFrom(true, false, "all"),
      qos: fc.subarray([0, 1, 2], { minLength: 1 }),
    }),
  );
  fc.assert(
    fc.property(fc.array(one, { maxLength: 60 }), (value) => {
      const rules = rulesInJson(value, "acl");
      if (typeof rules === "string") return;
      const kept = JSON.parse(JSON.stringify(rules));
      assert.deepEqual(JSON.parse(JSON.stringify(rulesInJson(kept, "acl"))), kept);
    }),
    { numRuns: 200 },
  );
});

Deno.test("rulesInJson() never throws, and what it takes can be asked, whatever the value", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.jsonValue(),
        fc.array(fc.dictionary(
          fc.constantFrom("permission", "topics", "topic", "action", "who", "qos", "retain"),
          fc.oneof(
            fc.constantFrom("allow", "deny", "publish", "all", "a/#", "+", 0, 1, true),
            fc.jsonValue({ maxDepth: 2 }),
          ),
        )),
      ),
      (value) => {
        const rules = rulesInJson(value, "acl");
        if (typeof rules === "string") return;
        const identity: Identity = { user: "ada", roles: [], clientId: "pump", rules };
        for (const action of ["publish", "subscribe", "receive"] as const) {
          ask(action, "a")(identity);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
