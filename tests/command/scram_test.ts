/** `dunlin scram`, and how `check` and `explain` speak of users: the real main.ts as a sub-process. */

import assert from "node:assert/strict";
import { scramKeys } from "../../src/authentication/scram_keys.ts";
import { base64Of, bytesOf } from "../../src/authentication/scram_message.ts";
import type { Printed } from "../run_program.ts";
import { runDunlin } from "../run_program.ts";

async function dunlin(
  args: readonly string[],
  input: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Printed> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-scram-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${directory}/${name}`, text);
    }
    const options = { cwd: directory, input };
    return await runDunlin(["--allow-read", "--allow-env"], args, options);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("dunlin scram prints an entry that the password proves, and never the same twice", async () => {
  const args = ["scram", "zoe\u0308", "--iterations", "4096", "--role", "reader", "writer"];
  const [one, other] = await Promise.all([dunlin(args, "pen cil\n"), dunlin(args, "pen cil")]);
  assert.deepEqual([one.status, one.err, other.status, other.err], [0, "", 0, ""]);
  const entry = JSON.parse(one.out);
  assert.deepEqual(Object.keys(entry), [
    "user",
    "salt",
    "iterations",
    "storedKey",
    "serverKey",
    "roles",
  ]);
  assert.deepEqual([entry.user, entry.iterations, entry.roles], ["zoë", 4_096, [
    "reader",
    "writer",
  ]]);
  const salt = bytesOf(entry.salt)!;
  assert.equal(salt.length, 16);
  const { storedKey, serverKey } = scramKeys("pen cil", salt, 4_096);
  assert.deepEqual([entry.storedKey, entry.serverKey], [base64Of(storedKey), base64Of(serverKey)]);
  assert.notEqual(JSON.parse(other.out).salt, entry.salt);
  const files = {
    "users.json": `[${one.out}]`,
    "a.json": '{"authentication": {"scram": {"file": "users.json"}}}',
  };
  const checked = await dunlin(["check", "a.json"], "", files);
  assert.equal(checked.out, "a.json: 0 errors, 0 warnings\n");
});

/** [when, arguments, standard input, exit status, words] */
const bad = [
  ["there is no password", ["ada"], "", 1, /password: found nothing/],
  ["the password has a control character", ["ada"], "a\u0007b\u00e4\n", 1, /password/],
  ["the password is too long", ["ada"], "x".repeat(1_025), 1, /1024 bytes/],
  ["the user name is empty", [""], "pencil\n", 1, /user name/],
  ["the user is the broker", ["$broker"], "pencil\n", 1, /broker's own/],
  ["there are too few iterations", ["ada", "--iterations", "1000"], "pencil\n", 2, /from 4096 to/],
] as const;

for (const [when, args, input, status, words] of bad) {
  Deno.test(`dunlin scram exits ${status} and prints no entry when ${when}`, async () => {
    const { status: found, out, err } = await dunlin(["scram", ...args], input);
    assert.deepEqual([found, out], [status, ""]);
    assert.match(err, words);
    assert.doesNotMatch(err, /pencil/);
  });
}

Deno.test("dunlin check prints what is wrong with the file of users and exits 1", async () => {
  const files = {
    "a.json": '{"authentication": {"scram": {"file": "users.json"}}}',
    "users.json": '[{ "user": "ada" }]',
  };
  const { status, out } = await dunlin(["check", "a.json"], "", files);
  assert.equal(status, 1);
  assert.match(out, /^users\.json:1:2: error: \[0\]\.salt: found nothing; allowed: text like/);
  assert.match(out, /\na\.json: 4 errors, 0 warnings\n$/);
});

Deno.test("dunlin explain does not show what passwords could be guessed with", async () => {
  const key = "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=";
  const salt = "W22ZaJ0SNY7soEsUEjb6gQ==";
  const user = { user: "ada", salt, iterations: 4_096, storedKey: key, serverKey: key };
  const secret = "a secret of some length";
  const files = {
    "a.json": JSON.stringify({ authentication: { scram: { users: [user], secret } } }),
  };
  for (const more of [[], ["--json"]]) {
    const { status, out } = await dunlin(["explain", "--config", "a.json", ...more], "", files);
    assert.equal(status, 0);
    assert.match(out, /authentication\.scram\.users\[0\]\.user/);
    for (const hidden of [key, salt, secret]) assert.ok(!out.includes(hidden), out);
  }
});
