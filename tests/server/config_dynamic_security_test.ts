/** The section `dynamicSecurity`: what it may say, and what is said about what it may not. */

import assert from "node:assert/strict";
import { loadConfig, type Loaded } from "../../src/server/config.ts";
import { isSecret } from "../../src/server/config_secret.ts";
import { needsRestart } from "../../src/server/config_difference.ts";

function load(config: unknown): Loaded {
  return loadConfig({
    text: JSON.stringify(config),
    env: () => undefined,
    readFile: () => {
      throw new Error("there are no files here");
    },
  });
}

/** [the configuration, the key, what is found, what is expected] */
const bad: readonly (readonly [unknown, string, RegExp, RegExp])[] = [
  [{ dynamicSecurity: true }, "dynamicSecurity", /true/, /object|section|\{/],
  [{ dynamicSecurity: { adminUser: "" } }, "dynamicSecurity.adminUser", /""/, /1/],
  [{ dynamicSecurity: { adminuser: "a" } }, "dynamicSecurity.adminuser", /unknown/, /adminUser/],
  [
    { dynamicSecurity: { adminPassword: "a", importFile: "b" } },
    "dynamicSecurity.importFile",
    /adminPassword too/,
    /one of the two/,
  ],
  [
    { dynamicSecurity: {}, store: "memory" },
    "dynamicSecurity",
    /neither adminPassword nor importFile/,
    /no data directory/,
  ],
];
for (const [config, path, found, expected] of bad) {
  Deno.test(`loadConfig() refuses ${JSON.stringify(config)}`, () => {
    const { config: none, problems } = load(config);
    assert.equal(none, undefined);
    const [problem] = problems.filter(({ severity }) => severity === "error");
    assert.equal(problem?.path, path);
    assert.match(problem!.found, found);
    assert.match(problem!.expected, expected);
  });
}

Deno.test("loadConfig() has an administrator called admin when the section is empty", () => {
  const { config, problems } = load({ dynamicSecurity: {} });
  assert.deepEqual(problems, []);
  assert.deepEqual(config?.dynamicSecurity, { adminUser: "admin", remember: 300 });
  assert.equal(load({}).config?.dynamicSecurity, undefined);
});

Deno.test("loadConfig() does not warn that nobody can log in when dynamic security is on", () => {
  const listeners = [{ type: "tcp", address: "0.0.0.0" }];
  assert.deepEqual(load({ listeners, dynamicSecurity: {} }).problems, []);
  assert.equal(load({ listeners }).problems.length, 1);
});

Deno.test("isSecret() is true of the administrator's password, and a change waits for a restart", () => {
  assert.equal(isSecret("dynamicSecurity.adminPassword"), true);
  assert.equal(isSecret("dynamicSecurity.adminUser"), false);
  assert.equal(needsRestart({ key: "dynamicSecurity.adminUser" }), true);
});
