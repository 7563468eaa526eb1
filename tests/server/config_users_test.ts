/** The section `authentication` of the configuration, and files of users. */

import assert from "node:assert/strict";
import { authenticatorOf } from "../../src/server/authenticator_of.ts";
import { loadConfig } from "../../src/server/config.ts";
import type { Problem } from "../../src/server/config.ts";
import { parseUsers, readUsers } from "../../src/server/config_users.ts";
import { scramClient } from "../authentication/scram_client.ts";

/** User `user` with the password `pencil`, as RFC 7677 section 3 has them. */
const entry = {
  user: "user",
  salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
  iterations: 4_096,
  storedKey: "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
  serverKey: "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
  roles: ["writer"],
};
const outside = { env: () => undefined, readFile: () => "" };

function load(authentication: unknown, more: object = {}) {
  return loadConfig({ ...outside, text: JSON.stringify({ authentication, ...more }) });
}

/** [when, a user, the key of the problem, its words] */
const badEntries: readonly (readonly [string, unknown, string, RegExp])[] = [
  ["it is no object", "ada", "", /an object/],
  ["a key is missing", { ...entry, salt: undefined }, "salt", /^nothing/],
  ["a key is misspelt", { ...entry, saltt: "x" }, "saltt", /unknown key/],
  ["the user name is empty", { ...entry, user: "" }, "user", /1 to 1,024/],
  ["the user name has a control character", { ...entry, user: "\u0007\u00e4" }, "user", /RFC 4013/],
  ["the user name is not prepared", { ...entry, user: "zoe\u0308" }, "user", /"zoë"/],
  ["the user name is the broker's", { ...entry, user: "$broker" }, "user", /broker's own/],
  ["there are too few iterations", { ...entry, iterations: 4_095 }, "iterations", /4,096/],
  ["there are too many iterations", { ...entry, iterations: 1e7 + 1 }, "iterations", /10,000,000/],
  ["the salt is short", { ...entry, salt: "AAAAAAAAAA==" }, "salt", /7 bytes.*8 to 64 bytes/],
  ["the salt is no base64", { ...entry, salt: "not base64, is it" }, "salt", /text like/],
  ["base64 has bits to spare", { ...entry, salt: "W22ZaJ0SNY7soEsUEjb6gR==" }, "salt", /no base64/],
  ["a key is cut", { ...entry, storedKey: entry.storedKey.slice(4) }, "storedKey", /29 bytes.*32/],
  ["the other key is cut", { ...entry, serverKey: "AAAAAAAAAAA=" }, "serverKey", /8 bytes.*32/],
  ["a role is empty", { ...entry, roles: [""] }, "roles[0]", /1 to 64/],
];

function words(problems: readonly Problem[]): string {
  return problems.map(({ found, expected }) => `${found}; ${expected}`).join("\n");
}

for (const [when, user, key, found] of badEntries) {
  Deno.test(`loadConfig() tells of a user when ${when}`, () => {
    const { config, problems } = load({ scram: { users: [user] } });
    assert.equal(config, undefined);
    const path = `authentication.scram.users[0]${key === "" ? "" : `.${key}`}`;
    assert.deepEqual(problems.map((problem) => problem.path), [path]);
    assert.match(words(problems), found);
  });

  Deno.test(`parseUsers() tells of a user with line and key when ${when}`, () => {
    const { entries, problems } = parseUsers(`[\n${JSON.stringify(user)}\n]`);
    assert.deepEqual(entries, []);
    assert.deepEqual(problems.map(({ path, line }) => [path, line]), [
      [key === "" ? "[0]" : `[0].${key}`, 2],
    ]);
    assert.match(words(problems), found);
  });
}

/** [when, authentication, the path of the problem] */
const badSections: readonly (readonly [string, unknown, string])[] = [
  ["scram has neither file nor users", { scram: {} }, "authentication.scram"],
  ["scram has both", { scram: { file: "a", users: [] } }, "authentication.scram"],
  ["scram is no object", { scram: true }, "authentication.scram"],
  [
    "a user stands twice",
    { scram: { users: [entry, entry] } },
    "authentication.scram.users[1].user",
  ],
  ["the secret is short", { scram: { users: [], secret: "x" } }, "authentication.scram.secret"],
  ["a method is not known", { skram: {} }, "authentication.skram"],
];

for (const [when, authentication, path] of badSections) {
  Deno.test(`loadConfig() refuses when ${when}`, () => {
    const { config, problems } = load(authentication);
    assert.equal(config, undefined);
    assert.deepEqual(problems.map((problem) => problem.path), [path]);
  });
}

Deno.test("loadConfig() does not warn of a listener that lets nobody in when SCRAM is configured", () => {
  const listeners = [{ type: "tcp", address: "0.0.0.0" }];
  assert.deepEqual(load({ scram: { users: [] } }, { listeners }).problems, []);
  assert.equal(load({}, { listeners }).problems.length, 1);
});

/** [when, text of the file, words of the problem] */
const badFiles: readonly (readonly [string, string, RegExp])[] = [
  ["it is no JSON", "[{]", /key in double quotes|closing/],
  ["it is no list", "{}", /a list/],
  ["a key stands twice", `[{"user": "a", "user": "b"}]`, /second time/],
];

for (const [when, text, found] of badFiles) {
  Deno.test(`readUsers() tells what is wrong with the file when ${when}`, () => {
    const { entries, problems } = readUsers(
      { authentication: { scram: { file: "users.json" } } },
      () => text,
    );
    assert.deepEqual(entries, []);
    assert.match(words(problems), found);
  });
}

Deno.test("authenticatorOf() throws with file, line and key when the file of users is wrong or missing", () => {
  const config = { authentication: { scram: { file: "users.json" } } };
  const bad = `[\n${JSON.stringify({ ...entry, iterations: 1 })}]`;
  assert.throws(
    () => authenticatorOf(config, () => bad, []),
    /^Error: users\.json:2:\d+: error: \[0\]\.iterations: found 1; allowed: a whole number/,
  );
  const missing = () => {
    throw new Error("no such file");
  };
  assert.throws(
    () => authenticatorOf(config, missing, []),
    /users\.json: error: found no such file/,
  );
});

for (
  const [from, scram] of [["the file", { file: "users.json" }], ["inline", {
    users: [entry],
  }]] as const
) {
  Deno.test(`authenticatorOf() offers SCRAM-SHA-256 with the users ${from}`, async () => {
    const { config } = load({ scram });
    const read = (file: string) => file === "users.json" ? JSON.stringify([entry]) : assert.fail();
    const authenticator = authenticatorOf(config!, read, []);
    const credentials = {
      clientId: "pump",
      username: undefined,
      password: undefined,
      authenticationMethod: "SCRAM-SHA-256",
      authenticationData: undefined,
      protocolVersion: 5,
      peer: { address: "a", listener: "l", anonymousAllowed: false },
    } as const;
    const exchange = authenticator.begin!(credentials)!;
    const client = scramClient({ user: "user", password: "pencil" });
    const challenge = await exchange.step(client.first);
    assert.ok(challenge.type === "continue");
    const verdict = await exchange.step(await client.final(challenge.data));
    assert.ok(verdict.type === "accepted", JSON.stringify(verdict));
    assert.deepEqual(verdict.identity, { user: "user", roles: ["writer"] });
    assert.equal(
      authenticator.begin!({ ...credentials, authenticationMethod: "OTHER" }),
      undefined,
    );
    assert.equal((await authenticator.verify(credentials)).type, "refused");
  });
}

Deno.test("authenticatorOf() offers no method when none is configured", () => {
  const { config } = load({});
  const authenticator = authenticatorOf(config!, () => assert.fail(), []);
  // deno-lint-ignore no-explicit-any -- only the method matters
  assert.equal(authenticator.begin?.({ authenticationMethod: "SCRAM-SHA-256" } as any), undefined);
});
