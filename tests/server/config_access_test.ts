/** The section `access`: what it may say, and what is said about what it may not. */

import assert from "node:assert/strict";
import { loadConfig, type Loaded } from "../../src/server/config.ts";
import { rulesOf } from "../../src/server/rules_of.ts";
import { permits } from "../../src/policy/permits.ts";

function load(text: string, env: Readonly<Record<string, string>> = {}): Loaded {
  return loadConfig({
    text,
    env: (name) => env[name],
    readFile: () => {
      throw new Error("there are no files here");
    },
  });
}

function withRule(rule: string): string {
  return `{ "access": [${rule}] }`;
}

/** [when, the rules, the key, what is found, what is expected] */
const bad: readonly (readonly [string, string, string, RegExp, RegExp])[] = [
  ["the permission is missing", `{}`, "access[0].permission", /nothing/, /"allow", "deny"/],
  [
    "the permission is misspelt",
    `{"permission":"alow"}`,
    "access[0].permission",
    /alow/,
    /"allow"/,
  ],
  [
    "a key is misspelt",
    `{"permission":"allow","topic":"a"}`,
    "access[0].topic",
    /unknown key/,
    /topics/,
  ],
  [
    "a condition is misspelt deep inside",
    `{"permission":"allow","who":{"not":{"or":[{"usr":"a"}]}}}`,
    "access[0].who.not.or[0].usr",
    /unknown key/,
    /user, clientId/,
  ],
  [
    "an action is misspelt",
    `{"permission":"allow","action":["publish","subscibe"]}`,
    "access[0].action",
    /subscibe/,
    /"connect", "publish", "subscribe", "receive"/,
  ],
  [
    "a topic is no filter",
    `{"permission":"allow","topics":["a","b#"]}`,
    "access[0].topics[1]",
    /"b#"/,
    /a Topic Filter, but the wildcard # does not fill its level/,
  ],
  [
    "a topic is a shared subscription",
    `{"permission":"allow","topics":"$share/g/a"}`,
    "access[0].topics",
    /share/,
    /without \$share/,
  ],
  [
    "a literal is empty",
    `{"permission":"allow","topics":"="}`,
    "access[0].topics",
    /"="/,
    /behind/,
  ],
  [
    "a place is unknown",
    `{"permission":"allow","topics":"a/\${client}"}`,
    "access[0].topics",
    /\$\{client\} \(not set\)/,
    /variable client to be set, or one of \$\{clientid\}/,
  ],
  [
    "a place is unknown that can be no variable",
    `{"permission":"allow","topics":"a/\${cert.x}"}`,
    "access[0].topics",
    /cert\.x/,
    /one of \$\{clientid\}/,
  ],
  [
    "a place is unknown behind $$",
    `{"permission":"allow","topics":"a/$\${x}"}`,
    "access[0].topics",
    /\{x\}/,
    /in place of \$\{x\} one of \$\{clientid\}/,
  ],
  [
    "an address is none",
    `{"permission":"allow","who":{"address":["10.0.0.0/8","10.0.0.0/33"]}}`,
    "access[0].who.address[1]",
    /33/,
    /10\.0\.0\.0\/8/,
  ],
  [
    "a who says nothing",
    `{"permission":"allow","who":{"not":{}}}`,
    "access[0].who.not",
    /\{\}/,
    /at least one condition/,
  ],
  [
    "an or says nothing",
    `{"permission":"allow","who":{"or":[]}}`,
    "access[0].who.or",
    /\[\]/,
    /a list/,
  ],
  [
    "a field of the certificate is unknown",
    `{"permission":"allow","who":{"certificate":{"CN":"x"}}}`,
    "access[0].who.certificate.CN",
    /unknown key/,
    /cn, subject/,
  ],
  [
    "connect has topics",
    `{"permission":"allow","action":"connect","topics":"a"}`,
    "access[0].action",
    /topics/,
    /without topics/,
  ],
  [
    "connect stands among others",
    `{"permission":"allow","action":["connect","publish"]}`,
    "access[0].action",
    /among others/,
    /rule of its own/,
  ],
  [
    "a QoS is none",
    `{"permission":"allow","action":"publish","qos":3}`,
    "access[0].qos",
    /3/,
    /a whole number from 0 to 2, or a list/,
  ],
  [
    "QoS is asked of connect",
    `{"permission":"allow","action":"connect","qos":1}`,
    "access[0].qos",
    /1/,
    /without connect/,
  ],
  [
    "RETAIN is asked of every action",
    `{"permission":"deny","retain":true}`,
    "access[0].retain",
    /true/,
    /publish, receive or both/,
  ],
  [
    "RETAIN is asked of subscribe",
    `{"permission":"allow","action":"subscribe","retain":true}`,
    "access[0].retain",
    /true/,
    /publish/,
  ],
];
for (const [when, rule, path, found, expected] of bad) {
  Deno.test(`loadConfig() tells what is wrong with access when ${when}`, () => {
    const { config, problems } = load(withRule(rule));
    assert.equal(config, undefined);
    assert.equal(problems.length, 1, JSON.stringify(problems));
    const [problem] = problems;
    assert.equal(problem!.path, path);
    assert.match(problem!.found, found);
    assert.match(problem!.expected, expected);
    assert.equal(problem!.severity, "error");
    assert.ok(problem!.line === 1 && problem!.column! > 1);
  });
}

/** [when, the rules, the place of the one that never decides] */
const unreachable: readonly (readonly [string, string, number | undefined])[] = [
  ["all is decided before", `{"permission":"deny"},{"permission":"allow","topics":"a"}`, 1],
  [
    "its topics are covered",
    `{"permission":"deny","topics":["a/#","b"]},{"permission":"allow","topics":["a/+","b"]}`,
    1,
  ],
  [
    "its places are covered",
    `{"permission":"deny","topics":"a/+"},{"permission":"allow","topics":"a/\${clientid}"}`,
    1,
  ],
  [
    "its literal is covered",
    `{"permission":"deny","topics":"a/#"},{"permission":"allow","topics":"=a/b"}`,
    1,
  ],
  [
    "receive is decided by subscribe",
    `{"permission":"deny","action":"subscribe"},{"permission":"allow","action":"receive"}`,
    1,
  ],
  [
    "the same is said of the same client",
    `{"permission":"deny","who":{"user":"a"}},{"permission":"allow","who":{"user":"a"},"topics":"x"}`,
    1,
  ],
  [
    "the one before is about fewer topics",
    `{"permission":"deny","topics":"a/+"},{"permission":"allow","topics":"a/#"}`,
    undefined,
  ],
  [
    "the one before is about others",
    `{"permission":"deny","who":{"user":"a"}},{"permission":"allow"}`,
    undefined,
  ],
  [
    "the one before is about one QoS",
    `{"permission":"deny","action":"publish","qos":1},{"permission":"allow","action":"publish"}`,
    undefined,
  ],
  [
    "the one before is about $ names no more than #",
    `{"permission":"deny","topics":"#"},{"permission":"allow","topics":"$SYS/#"}`,
    undefined,
  ],
  [
    "the one before is not about connect",
    `{"permission":"deny"},{"permission":"allow","action":"connect"}`,
    undefined,
  ],
  [
    "the one before is a literal",
    `{"permission":"deny","topics":"=#"},{"permission":"allow","topics":"#"}`,
    undefined,
  ],
];
for (const [when, rules, at] of unreachable) {
  Deno.test(`loadConfig() ${at === undefined ? "does not warn" : "warns"} of a rule of access when ${when}`, () => {
    const { config, problems } = load(`{ "access": [${rules}] }`);
    assert.ok(config !== undefined);
    assert.deepEqual(
      problems.map(({ path, severity, found }) => [path, severity, found]),
      at === undefined ? [] : [[`access[${at}]`, "warning", "a rule that never decides anything"]],
    );
  });
}

Deno.test("loadConfig() never puts the environment in place of what stands for a client", () => {
  const rule =
    `{"permission":"allow","topics":["\${PREFIX}/\${clientid}","u/\${username}","\${role}"]}`;
  const env = { PREFIX: "plant", clientid: "#", username: "#", role: "#" };
  const { config } = load(withRule(rule), env);
  assert.deepEqual(config?.access[0]?.topics, ["plant/${clientid}", "u/${username}", "${role}"]);
  const rules = rulesOf(config!);
  const pump = { user: undefined, roles: [], clientId: "pump" };
  assert.equal(permits(rules, pump, "publish", "plant/pump").permitted, true);
  assert.equal(permits(rules, pump, "publish", "plant/other").permitted, false);
});

Deno.test("rulesOf() permits everything when the file has no rules, and drops what is denied", () => {
  const rules = rulesOf(load("{}").config!);
  assert.equal(rules.access.isEmpty, true);
  assert.equal(rules.deniedPublish, "drop");
  const other = rulesOf(load(`{ "deniedPublish": "disconnect" }`).config!);
  assert.equal(other.deniedPublish, "disconnect");
});

Deno.test("loadConfig() takes 10,000 rules and no more", () => {
  const rule = (at: number) =>
    `{"permission":"allow","who":{"user":"u${at}"},"topics":["t/${at}/#"]}`;
  const many = Array.from({ length: 10_000 }, (_, at) => rule(at));
  assert.equal(load(withRule(many.join())).config?.access.length, 10_000);
  const { problems } = load(withRule([...many, rule(0)].join()));
  assert.deepEqual(problems.map(({ path }) => path), ["access"]);
});

/** [what stands there, the key, what is expected] */
const notAdministrators: readonly (readonly [string, string, RegExp])[] = [
  ["{}", "administrators[0]", /at least one condition/],
  [`{"address":"10.0.0.0/99"}`, "administrators[0].address", /an address, a range/],
  [`{"and":[{"user":"a"},{}]}`, "administrators[0].and[1]", /at least one condition/],
  [`{"usr":"ada"}`, "administrators[0].usr", /user, clientId/],
  [`"ada"`, "administrators[0]", /object/],
];
for (const [entry, path, expected] of notAdministrators) {
  Deno.test(`loadConfig() refuses administrators when one is ${entry}`, () => {
    const { config, problems } = load(`{ "administrators": [${entry}] }`);
    assert.equal(config, undefined);
    assert.deepEqual(problems.map((problem) => problem.path), [path]);
    assert.match(problems[0]!.expected, expected);
  });
}

Deno.test("rulesOf() lets administrators manage and nobody else", () => {
  const rules = rulesOf(load(`{ "administrators": [{ "user": "a*" }, { "role": "op" }] }`).config!);
  const may = (identity: { user: string; roles: string[] }) =>
    permits(rules, identity, "publish", "$CONTROL/dunlin/v1/drain").permitted;
  assert.equal(may({ user: "ada", roles: [] }), true);
  assert.equal(may({ user: "bob", roles: ["op"] }), true);
  assert.equal(may({ user: "bob", roles: ["ops"] }), false);
});
