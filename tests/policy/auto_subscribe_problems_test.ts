import assert from "node:assert/strict";
import type { AutoSubscribeRule } from "../../src/policy/auto_subscribe_rule.ts";
import { autoSubscribeProblems } from "../../src/policy/auto_subscribe_problems.ts";

const LIMITS = { autoSubscribeRules: 3, autoSubscribeFilters: 3, provisionedSessions: 3 };

/** [what is wrong, rules, key, part of what is expected] */
const table: readonly (readonly [string, readonly Partial<AutoSubscribeRule>[], string, RegExp])[] =
  [
    ["the name stands for the client", [{ name: "client" }], "[0].name", /another name/],
    [
      "the name stands for what is unsubscribed",
      [{ name: "unsubscribed" }],
      "[0].name",
      /another name/,
    ],
    [
      "two have one name",
      [{ name: "a" }, { name: "a" }],
      "[1].name",
      /that rule \[0\] does not have/,
    ],
    ["the who is empty", [{ who: {} }], "[0].who", /at least one condition/],
    ["an address is none", [{ who: { address: "ten" } }], "[0].who.address", /an address/],
    [
      "a name is kept twice",
      [{ who: { clientId: "{a}-{a}" } }],
      "[0].who.clientId",
      /second \{a\}/,
    ],
    [
      "a name is kept in two places",
      [{ who: { clientId: "{a}-x", user: "{a}" } }],
      "[0].who.clientId",
      /second \{a\}/,
    ],
    ["a name means something else", [{ who: { user: "{role}" } }], "[0].who.user", /\{role\}/],
    ["a part is kept below or", [{ who: { or: [{ user: "{a}" }] } }], "[0].who.or[0].user", /\*/],
    ["a part is kept below not", [{ who: { not: { user: "{a}" } } }], "[0].who.not.user", /\*/],
    ["a placeholder is unknown", [{ filters: ["a/${nobody}"] }], "[0].filters[0]", /in place of/],
    ["a placeholder is not closed", [{ filters: ["a/${user"] }], "[0].filters[0]", /closing/],
    ["it is no filter", [{ filters: ["ok", "a/#/b"] }], "[0].filters[1]", /a Topic Filter/],
    ["it is no shared filter", [{ filters: ["$share/g"] }], "[0].filters[0]", /a Topic Filter/],
    [
      "a $ has a placeholder behind it",
      [{ filters: ["$${clientid}/x"] }],
      "[0].filters[0]",
      /begins with \$/,
    ],
    [
      "a $ in a share has one",
      [{ filters: ["$share/g/$S${clientid}/x"] }],
      "[0].filters[0]",
      /begins with \$/,
    ],
    [
      "noLocal is shared [MQTT-3.8.3-4]",
      [{ filters: [{ filter: "$share/g/x", noLocal: true }] }],
      "[0].filters[0]",
      /no noLocal/,
    ],
    [
      "a who stands beside provision",
      [{ who: { user: "a" }, provision: { clientIds: ["a"] } }],
      "[0].who",
      /no who/,
    ],
    [
      "a client id is none",
      [{ provision: { clientIds: ["a", "b\0"] } }],
      "[0].provision.clientIds[1]",
      /a client id/,
    ],
    [
      "a client id is too long",
      [{ provision: { clientIds: ["é".repeat(40_000)] } }],
      "[0].provision.clientIds[0]",
      /a client id/,
    ],
    [
      "there are too many rules",
      [{}, {}, {}, {}].map((_, at) => ({ name: `${at}` })),
      "",
      /autoSubscribeRules/,
    ],
    [
      "a rule has too many filters",
      [{ filters: ["a", "b", "c", "d"] }],
      "[0].filters",
      /autoSubscribeFilters/,
    ],
    [
      "too many are provisioned",
      [{ name: "a", provision: { clientIds: ["a", "b"] } }, {
        name: "b",
        provision: { clientIds: ["c", "d"] },
      }],
      "",
      /provisionedSessions/,
    ],
  ];

for (const [what, written, key, expected] of table) {
  Deno.test(`autoSubscribeProblems() names ${key || "the list"} when ${what}`, () => {
    const rules = written.map((rule) => ({ name: "r", filters: ["t"], ...rule }));
    const problems = autoSubscribeProblems(rules, LIMITS);
    assert.ok(
      problems.some((each) => each.key === key && expected.test(each.expected)),
      JSON.stringify(problems),
    );
  });
}

Deno.test("autoSubscribeProblems() finds none when rules are good", () => {
  const rules: AutoSubscribeRule[] = [
    {
      name: "a",
      who: {
        clientId: ["plant-{line}-*", "{line}"],
        and: [{ user: "{who}" }],
        not: { role: "x*" },
      },
      filters: [
        "p/${line}/${who}/${cert.cn}",
        { filter: "$share/${line}/x/${role}", qos: 2 },
        "$SYS/x/${clientid}",
      ],
    },
    { name: "b", provision: { clientIds: ["{a}", "*"], user: "ann" }, filters: ["x/${clientid}"] },
  ];
  assert.deepEqual(autoSubscribeProblems(rules, LIMITS), []);
});
