/** The section `autoSubscribe`: what it may say, and what is said about what it may not. */

import assert from "node:assert/strict";
import { autoSubscriptions } from "../../src/policy/auto_subscriptions.ts";
import { loadConfig, type Loaded } from "../../src/server/config.ts";
import { rulesOf } from "../../src/server/rules_of.ts";

function load(text: string): Loaded {
  return loadConfig({
    text,
    env: (name) => ({ SITE: "north", line: "not this" })[name],
    readFile: () => {
      throw new Error("there are no files here");
    },
  });
}

function withRule(rule: string, more = ""): string {
  return `{ "autoSubscribe": [${rule}]${more} }`;
}

/** [when, the rules, the key, what is found, what is expected] */
const bad: readonly (readonly [string, string, string, RegExp, RegExp])[] = [
  ["the name is missing", `{"filters":["a"]}`, "autoSubscribe[0].name", /nothing/, /text/],
  ["the filters are missing", `{"name":"a"}`, "autoSubscribe[0].filters", /nothing/, /a list/],
  ["there are no filters", `{"name":"a","filters":[]}`, "autoSubscribe[0].filters", /\[\]/, /1/],
  [
    "a key is misspelt",
    `{"name":"a","filter":"a","filters":["a"]}`,
    "autoSubscribe[0].filter",
    /unknown key/,
    /filters/,
  ],
  [
    "an option is misspelt",
    `{"name":"a","filters":[{"filter":"a","retain":1}]}`,
    "autoSubscribe[0].filters[0].retain",
    /unknown key/,
    /retain/,
  ],
  [
    "the QoS is 3",
    `{"name":"a","filters":[{"filter":"a","qos":3}]}`,
    "autoSubscribe[0].filters[0].qos",
    /3/,
    /2/,
  ],
  [
    "the filter is none",
    `{"name":"a","filters":["a#"]}`,
    "autoSubscribe[0].filters[0]",
    /"a#"/,
    /a Topic Filter/,
  ],
  [
    "a placeholder is unknown",
    `{"name":"a","filters":["\${line}"]}`,
    "autoSubscribe[0].filters[0]",
    /line/,
    /in place of/,
  ],
  [
    "the name is reserved",
    `{"name":"client","filters":["a"]}`,
    "autoSubscribe[0].name",
    /client/,
    /another name/,
  ],
  [
    "no client id is listed",
    `{"name":"a","provision":{"clientIds":[]},"filters":["a"]}`,
    "autoSubscribe[0].provision.clientIds",
    /\[\]/,
    /1/,
  ],
  [
    "the who is misspelt",
    `{"name":"a","who":{"usr":"a"},"filters":["a"]}`,
    "autoSubscribe[0].who.usr",
    /unknown key/,
    /user/,
  ],
];

for (const [when, rule, path, found, expected] of bad) {
  Deno.test(`loadConfig() names ${path} when ${when}`, () => {
    const { config, problems } = load(withRule(rule));
    assert.equal(config, undefined);
    const problem = problems.find((each) => each.path === path);
    assert.ok(problem !== undefined, JSON.stringify(problems));
    assert.match(problem.found, found);
    assert.match(problem.expected, expected);
    assert.equal(problem.line, 1);
  });
}

Deno.test("loadConfig() names every problem at once when several rules are wrong", () => {
  const { problems } = load(
    withRule(`{"name":"a","filters":["a#"]},{"name":"a","filters":["+b","c"]}`),
  );
  assert.deepEqual(problems.map(({ path }) => path).sort(), [
    "autoSubscribe[0].filters[0]",
    "autoSubscribe[1].filters[0]",
    "autoSubscribe[1].name",
  ]);
});

Deno.test("loadConfig() holds the rules to the limits when the file has others", () => {
  const limits = `, "limits": { "autoSubscribeRules": 1 }`;
  const { problems } = load(
    withRule(`{"name":"a","filters":["a"]},{"name":"b","filters":["a"]}`, limits),
  );
  assert.deepEqual(problems.map(({ path, found }) => [path, found]), [[
    "autoSubscribe",
    "2 rules",
  ]]);
});

Deno.test("rulesOf() has the rules of the file, whose ${…} are of the client and not of the environment", () => {
  const { config, problems } = load(withRule(
    `{"name":"\${SITE}","who":{"clientId":"plant-{line}-*"},"pinned":true,
      "filters":["lines/\${line}",{"filter":"c/\${clientid}","qos":1,"retainHandling":0}]}`,
  ));
  assert.deepEqual(problems, []);
  const identity = { user: undefined, roles: [], clientId: "plant-7-x" };
  const { wanted } = autoSubscriptions(rulesOf(config!), identity);
  assert.deepEqual(
    [...wanted.values()].map((each) => [each.full, each.options.qos, each.rule, each.pinned]),
    [
      ["lines/7", 0, "north", true],
      ["c/plant-7-x", 1, "north", true],
    ],
  );
});

Deno.test("loadConfig() warns when sessions are made for nobody though clients can prove who they are", () => {
  const rule = (provision: string) => `{"name":"a","provision":${provision},"filters":["a"]}`;
  const known = `, "authentication": { "jwt": { "secret": "a secret of at least 32 characters" } }`;
  const { problems, config } = load(withRule(rule(`{"clientIds":["a"]}`), known));
  assert.deepEqual(problems.map(({ path, severity }) => [path, severity]), [
    ["autoSubscribe[0].provision.user", "warning"],
  ]);
  assert.notEqual(config, undefined);
  assert.deepEqual(load(withRule(rule(`{"clientIds":["a"],"user":"u"}`), known)).problems, []);
  assert.deepEqual(load(withRule(rule(`{"clientIds":["a"]}`))).problems, []);
});

Deno.test("rulesOf() has no rules when the file has none", () => {
  assert.equal(rulesOf(load("{}").config!).autoSubscribe.isEmpty, true);
});
