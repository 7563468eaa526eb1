/** Clients by password file: who is known, what it costs, what a change of the file does. */

import assert from "node:assert/strict";
import { commonHash, passwordVerifier } from "../../src/authentication/password_verifier.ts";
import type { PasswordUsers } from "../../src/authentication/password_file.ts";
import { hashPassword, provesPassword } from "../../src/authentication/password_hash.ts";
import { WatchedFile } from "../../src/authentication/watched_file.ts";
import { asking, stillClock, wordsOf } from "./asking.ts";

const TO_BYTES = new TextEncoder();

async function usersOf(passwords: Record<string, string>, iterations = 101) {
  const users = new Map();
  for (const [user, password] of Object.entries(passwords)) {
    users.set(user, await hashPassword(TO_BYTES.encode(password), iterations));
  }
  return users as PasswordUsers;
}

function verifierOf(
  users: () => PasswordUsers,
  more: Partial<Parameters<typeof passwordVerifier>[0]> = {},
) {
  return passwordVerifier({
    users,
    roles: new Map([["ada", ["writer"]]]),
    atOnce: 2,
    mostWaiting: 100,
    remembered: 60_000,
    mostRemembered: 10,
    now: stillClock().now,
    ...more,
  });
}

/** [when, user, password, outcome] */
const cases = [
  ["the password is right", "ada", "pencil", "ada [writer]"],
  ["the user has no roles", "bob", "pen", "bob"],
  ["the password is wrong", "ada", "pencils", "0x86"],
  ["it is another user's password", "ada", "pen", "0x86"],
  ["the password is empty", "ada", "", "0x86"],
  ["there is no such user", "eve", "pencil", "unknown"],
  ["the user is a property of all objects", "__proto__", "pencil", "unknown"],
  ["there is no password", "ada", undefined, "unknown"],
  ["there is no user name", undefined, "pencil", "unknown"],
] as const;

for (const [when, user, password, outcome] of cases) {
  Deno.test(`passwordVerifier() says ${outcome} when ${when}`, async () => {
    const users = await usersOf({ ada: "pencil", bob: "pen" });
    const verifier = verifierOf(() => users);
    for (const _ of [1, 2]) {
      assert.equal(wordsOf(await verifier.verify(asking(user, password))), outcome);
    }
  });
}

Deno.test("passwordVerifier() answers at once when the same password was right lately, until the time is over", async () => {
  const users = await usersOf({ ada: "pencil" });
  const clock = stillClock();
  const verifier = verifierOf(() => users, { now: clock.now });
  const right = asking("ada", "pencil");
  assert.ok(verifier.verify(right) instanceof Promise);
  await verifier.verify(right);
  assert.ok(!(verifier.verify(right) instanceof Promise));
  assert.ok(verifier.verify(asking("ada", "pencils")) instanceof Promise);
  clock.at += 60_000;
  assert.ok(verifier.verify(right) instanceof Promise);
});

Deno.test("passwordVerifier() forgets what was right when the file has changed", async () => {
  let users = await usersOf({ ada: "pencil" });
  const verifier = verifierOf(() => users);
  assert.equal(wordsOf(await verifier.verify(asking("ada", "pencil"))), "ada [writer]");
  users = await usersOf({ ada: "brush" });
  assert.equal(wordsOf(await verifier.verify(asking("ada", "pencil"))), "0x86");
  assert.equal(wordsOf(await verifier.verify(asking("ada", "brush"))), "ada [writer]");
});

Deno.test("passwordVerifier() keeps no proof of a file that was replaced while it was hashing", async () => {
  let users = await usersOf({ ada: "pencil" });
  const verifier = verifierOf(() => users);
  const early = verifier.verify(asking("ada", "pencil"));
  users = await usersOf({ ada: "brush" });
  assert.equal(wordsOf(await verifier.verify(asking("ada", "brush"))), "ada [writer]");
  await early;
  assert.equal(wordsOf(await verifier.verify(asking("ada", "pencil"))), "0x86");
});

Deno.test("passwordVerifier() says 0x89 when more are waiting than may", async () => {
  const users = await usersOf({ ada: "pencil" }, 5_000);
  const verifier = verifierOf(() => users, { atOnce: 1, mostWaiting: 2 });
  const outcomes = await Promise.all(
    Array.from({ length: 6 }, () => verifier.verify(asking("ada", "pencils"))),
  );
  assert.deepEqual(outcomes.map(wordsOf).toSorted(), [
    "0x86",
    "0x86",
    "0x86",
    "0x89",
    "0x89",
    "0x89",
  ]);
});

Deno.test("commonHash() costs what most cost, and no password is known to have it", async () => {
  const few = await usersOf({ a: "a" }, 9_000);
  const many = await usersOf({ b: "b", c: "c" }, 7_000);
  const hash = commonHash(new Map([...few, ...many]));
  assert.equal(hash.type === "pbkdf2" && hash.iterations, 7_000);
  assert.equal(await provesPassword(hash, TO_BYTES.encode("b")), false);
  assert.equal(commonHash(new Map()).type, "pbkdf2");
});

Deno.test("passwordVerifier() does the same work for a user who does not exist as for a wrong password", async () => {
  const users = await usersOf({ ada: "pencil", bob: "pen" }, 2_000);
  const work: string[] = [];
  const verifier = verifierOf(() => users, {
    async proves(hash, password) {
      assert.ok(hash.type === "pbkdf2");
      const right = await provesPassword(hash, password);
      const { iterations, salt } = hash;
      work.push(`${hash.type} ${iterations} ${salt.length} ${hash.hash.length} ${right}`);
      return right;
    },
  });
  const names = ["ada", "nobody", "bob", "", "ada\0", "$broker", "ADA"];
  for (const user of names) {
    for (const password of ["guess", "", "x".repeat(60_000)]) {
      work.length = 0;
      const answer = await verifier.verify(asking(user, password));
      assert.notEqual(answer.type, "accepted");
      assert.deepEqual(work, ["pbkdf2 2000 12 64 false"], JSON.stringify([user, password.length]));
    }
  }
});

Deno.test("WatchedFile takes a changed file over, keeps the old one when it is broken or gone, and tells once", async () => {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-watched-" });
  const path = `${directory}/file`;
  const told: string[] = [];
  await Deno.writeTextFile(path, "1");
  const watched = new WatchedFile({
    path,
    parse(text) {
      if (!/^\d+$/.test(text)) throw new Error(`${path}:1: error: found no number`);
      return Number(text);
    },
    largest: 10,
    interval: 3_600_000,
    changed: (value) => told.push(`now ${value}`),
    failed: (reason) => told.push(reason.replaceAll(path, "file")),
  });
  try {
    /** As an editor does it: another file takes the name. */
    const replace = async (text: string) => {
      await Deno.writeTextFile(`${path}.new`, text);
      await Deno.rename(`${path}.new`, path);
      await watched.look();
      await watched.look();
    };
    assert.equal(watched.value, 1);
    await replace("2");
    assert.equal(watched.value, 2);
    await replace("broken");
    assert.equal(watched.value, 2);
    await replace("12345678901");
    assert.equal(watched.value, 2);
    await Deno.remove(path);
    await watched.look();
    await watched.look();
    assert.equal(watched.value, 2);
    await replace("3");
    assert.equal(watched.value, 3);
    assert.deepEqual(told.map((line) => line.slice(0, 40)), [
      "now 2",
      "file:1: error: found no number",
      "file: found 11 bytes; allowed are 10",
      told[3]!.slice(0, 40),
      "now 3",
    ]);
    assert.match(told[3]!, /No such file/);
  } finally {
    watched.close();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("WatchedFile throws when there is nothing to begin with", async () => {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-watched-" });
  const options = {
    path: `${directory}/file`,
    parse: Number,
    largest: 10,
    interval: 1,
    changed() {},
    failed() {},
  };
  try {
    assert.throws(() => new WatchedFile(options), Deno.errors.NotFound);
    await Deno.writeTextFile(options.path, "x".repeat(11));
    assert.throws(() => new WatchedFile(options), /11 bytes/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
