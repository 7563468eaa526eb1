/** The ways to know a client in the configuration: what is refused, what is warned of, what is not shown. */

import assert from "node:assert/strict";
import { loadConfig } from "../../src/server/config.ts";
import { isSecret } from "../../src/server/config_secret.ts";

const outside = { env: () => undefined, readFile: () => "" };
const SECRET = "a secret of at least 32 characters";

function load(authentication: unknown, more: object = {}) {
  return loadConfig({ ...outside, text: JSON.stringify({ authentication, ...more }) });
}

Deno.test("loadConfig() takes the ways to know a client, and fills in what is absent", () => {
  const { config, problems } = load({
    passwordFile: { file: "passwords" },
    jwt: { secret: SECRET },
    http: { url: "http://127.0.0.1/${username}" },
    order: ["http", "jwt", "passwordFile"],
  });
  assert.deepEqual(problems, []);
  const { passwordFile, jwt, http } = config!.authentication;
  assert.deepEqual(passwordFile, { file: "passwords", roles: [], remember: 300 });
  assert.deepEqual([jwt?.from, jwt?.userClaim, jwt?.requireExpiry], ["password", "sub", true]);
  assert.deepEqual(http?.body.map(({ value }) => value), [
    "${username}",
    "${password}",
    "${clientid}",
    "${address}",
  ]);
});

Deno.test("loadConfig() leaves the places of templates alone, whatever the environment has by their names", () => {
  const { config } = loadConfig({
    readFile: () => "",
    env: (name) => name === "username" ? "root" : name === "HOST" ? "h" : undefined,
    text: JSON.stringify({
      authentication: { http: { url: "http://${HOST}/?u=${username}&p=${password}" } },
    }),
  });
  assert.equal(config?.authentication.http?.url, "http://h/?u=${username}&p=${password}");
});

/** [when, authentication, path, words of the problem] */
const bad: readonly (readonly [string, unknown, string, RegExp])[] = [
  ["jwt has no key", { jwt: {} }, "jwt", /none of them; one of secret, publicKeyFile/],
  [
    "jwt has two keys",
    { jwt: { secret: SECRET, jwksUrl: "https://x/k" } },
    "jwt",
    /secret and jwksUrl/,
  ],
  ["the secret is short", { jwt: { secret: "pencil" } }, "jwt.secret", /^text of 6 characters;/],
  [
    "a public key is to be a secret",
    { jwt: { publicKeyFile: "k", algorithms: ["RS256", "HS256"] } },
    "jwt.algorithms[1]",
    /"HS256"; an algorithm of public keys/,
  ],
  [
    "a secret is to be a public key",
    { jwt: { secret: SECRET, algorithms: ["RS256"] } },
    "jwt.algorithms[0]",
    /"RS256"; an algorithm of a secret/,
  ],
  [
    "the algorithm is none",
    { jwt: { secret: SECRET, algorithms: ["none"] } },
    "jwt.algorithms[0]",
    /"none"; one of "HS256"/,
  ],
  ["the URL is no URL", { http: { url: "file:///etc/passwd" } }, "http.url", /text like/],
  ["the client names the host", { http: { url: "http://${username}/" } }, "http.url", /text like/],
  ["a place is not known", { http: { url: "http://x/$${user}" } }, "http.url", /\$\{user\}/],
  [
    "a place of the body is not known",
    { http: { url: "http://x/", body: [{ name: "a", value: "$${clientId}" }] } },
    "http.body[0].value",
    /\$\{clientId\}; \$\{username\}/,
  ],
  [
    "a header is no name",
    { http: { url: "http://x/", headers: [{ name: "a b", value: "" }] } },
    "http.headers[0].name",
    /text like/,
  ],
  ["a way is not known", { order: ["ldap"] }, "order[0]", /"ldap"/],
  [
    "a role is the broker's",
    { passwordFile: { file: "p", roles: [{ user: "a", roles: ["$broker"] }] } },
    "passwordFile.roles[0].roles[0]",
    /"\$broker"/,
  ],
];

for (const [when, authentication, path, words] of bad) {
  for (const place of ["authentication", "listeners[0].authentication"]) {
    Deno.test(`loadConfig() refuses ${place} when ${when}`, () => {
      const { config, problems } = place === "authentication"
        ? load(authentication)
        : load(undefined, { listeners: [{ type: "tcp", authentication }] });
      assert.equal(config, undefined);
      assert.deepEqual(problems.map((problem) => problem.path), [`${place}.${path}`]);
      assert.match(`${problems[0]!.found}; ${problems[0]!.expected}`, words);
    });
  }
}

Deno.test("loadConfig() warns when the order leaves out what is configured", () => {
  const { config, problems } = load({ passwordFile: { file: "p" }, order: ["jwt"] });
  assert.notEqual(config, undefined);
  assert.deepEqual(problems.map(({ path, severity }) => [path, severity]), [
    ["authentication.order", "warning"],
  ]);
});

Deno.test("loadConfig() does not warn of a listener that lets nobody in when clients can be known", () => {
  const listener = { type: "tcp", address: "0.0.0.0" };
  const passwordFile = { file: "p" };
  assert.deepEqual(load({ passwordFile }, { listeners: [listener] }).problems, []);
  const own = { ...listener, authentication: { passwordFile } };
  assert.deepEqual(load({}, { listeners: [own] }).problems, []);
  assert.equal(
    load({ passwordFile }, { listeners: [{ ...listener, authentication: {} }] })
      .problems.length,
    1,
  );
});

Deno.test("isSecret() is true of what an attacker could use, in every section", () => {
  for (const place of ["authentication", "listeners[3].authentication"]) {
    for (
      const path of [
        "jwt.secret",
        "scram.secret",
        "scram.users[0].salt",
        "scram.users[12].serverKey",
        "http.headers[0].value",
        "http.body[1].value",
      ]
    ) assert.equal(isSecret(`${place}.${path}`), true, path);
    for (const path of ["jwt.publicKeyFile", "http.url", "http.headers[0].name", "order[0]"]) {
      assert.equal(isSecret(`${place}.${path}`), false, path);
    }
  }
});
