/** Hashed passwords and files of them: what mosquitto_passwd makes, and what it does not. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  faultText,
  nameFault,
  parsePasswordFile,
  withoutUser,
  withUser,
} from "../../src/authentication/password_file.ts";
import {
  formatPasswordHash,
  hashPassword,
  parsePasswordHash,
  type PasswordHash,
  provesPassword,
} from "../../src/authentication/password_hash.ts";
import { tool, toolTest } from "../end_to_end/tools.ts";

const TO_BYTES = new TextEncoder();

/** [user, password, hash]: by Debian's mosquitto_passwd 2.0.11, and Argon2's own test vector. */
const made: readonly (readonly [string, string, string])[] = [
  [
    "ada",
    "pencil",
    "$7$101$Uw7h+B7Z+4nOnS1j$zOyYE6IdXOOhe9xKcV8m/TfCRR80xT8dlpsmWQ6GkiVLn2Cl8h6zjodibuLYXtH0Gk8mIaDrKq7Tjt4Tw2H80Q==",
  ],
  [
    "bob",
    "pen cil",
    "$6$FUXl7pS9XyofxGHn$vfAEkoq7I1+LlTKaiIuHzZEnYHu7i3G+Sfk+BEI6fSvjNebGlrIhQElJUbIV6LkW24gDCw4l9TbeGsZivc/VWA==",
  ],
  [
    "eve",
    "x",
    "$7$5000$9+4UI6avurkb/IB5$uUgzdo/QSp69vC1n/zbaoWBWd5CckKfVG9aYEwFSUGiM1CEmPyGImwH6Xh5/W1YaQLyADe1ND4ho0Y6MowBHRQ==",
  ],
  [
    "argon",
    "password",
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
  ],
];

function read(text: string): PasswordHash {
  const hash = parsePasswordHash(text);
  assert.ok(typeof hash !== "string", String(hash));
  return hash;
}

for (const [user, password, text] of made) {
  Deno.test(`provesPassword() is true for the password of ${user} only`, async () => {
    const hash = read(text);
    assert.equal(await provesPassword(hash, TO_BYTES.encode(password)), true);
    for (const wrong of ["", `${password} `, password.slice(1), `${password}\u0001`]) {
      assert.equal(await provesPassword(hash, TO_BYTES.encode(wrong)), false, wrong);
    }
  });

  Deno.test(`provesPassword() is false when a byte of ${user}'s hash or salt is another`, async () => {
    const hash = read(text);
    for (const key of ["hash", "salt"] as const) {
      const bytes = hash[key].with(0, hash[key][0]! ^ 1);
      assert.equal(
        await provesPassword({ ...hash, [key]: bytes }, TO_BYTES.encode(password)),
        false,
      );
    }
  });
}

const SALT = "Uw7h+B7Z+4nOnS1j";
const HASH = made[0]![2].split("$")[4]!;

/** [when, hash, words] */
const bad: readonly (readonly [string, string, RegExp])[] = [
  ["it is plain text", "pencil", /plain text/],
  ["it is empty", "", /plain text/],
  ["its kind is not known", `$2b$12$${SALT}$${HASH}`, /another kind/],
  ["there are no iterations", `$7$0$${SALT}$${HASH}`, /iterations/],
  ["there are negative iterations", `$7$-1$${SALT}$${HASH}`, /iterations/],
  ["there are huge iterations", `$7$10000001$${SALT}$${HASH}`, /1 to 10000000/],
  ["there are more digits than a number has", `$7$${"9".repeat(400)}$${SALT}$${HASH}`, /iterat/],
  ["iterations are written otherwise", `$7$1e3$${SALT}$${HASH}`, /iterations/],
  ["the hash is cut", `$7$101$${SALT}$${HASH.slice(4)}`, /64 bytes/],
  ["the hash has bits to spare", `$7$101$${SALT}$${HASH.replace(/Q==$/, "R==")}`, /64 bytes/],
  ["the salt is none", `$7$101$$${HASH}`, /a salt/],
  ["the salt is long", `$7$101$${"A".repeat(88)}$${HASH}`, /a salt/],
  ["there is a part too many", `$7$101$${SALT}$${HASH}$`, /parts/],
  ["there is a part too few", `$6$${SALT}`, /parts/],
  [
    "Argon2id wants all memory",
    "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO0",
    /above/,
  ],
  ["Argon2id takes for ever", "$argon2id$v=19$m=64,t=9999,p=1$c29tZXNhbHQ$CTFhFdXPJO0", /above/],
  ["Argon2id is of another version", "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$CTFh", /v=19/],
  ["Argon2id has less memory than lanes", "$argon2id$v=19$m=8,t=1,p=4$c29tZXNhbHQ$CTFh", /lane/],
  ["it is argon2i", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO0", /another kind/],
];

for (const [when, text, words] of bad) {
  Deno.test(`parsePasswordHash() says what is wrong, and no word of it, when ${when}`, () => {
    const found = parsePasswordHash(text);
    assert.equal(typeof found, "string");
    assert.match(String(found), words);
    assert.ok(!String(found).includes("pencil"));
  });
}

Deno.test("hashPassword() makes what parsePasswordHash() reads and provesPassword() proves, never the same twice", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 80 }), async (password) => {
      const [one, other] = await Promise.all([
        hashPassword(password, 101),
        hashPassword(password, 101),
      ]);
      assert.notDeepEqual(one.salt, other.salt);
      const again = read(formatPasswordHash(one));
      assert.deepEqual(again, one);
      assert.equal(await provesPassword(again, password), true);
      assert.equal(await provesPassword(again, password.with(0, password[0]! ^ 1)), false);
    }),
    { numRuns: 30 },
  );
});

Deno.test("parsePasswordFile() reads what mosquitto_passwd keeps, and passes over blank lines and remarks", () => {
  const lines = made.map(([user, , hash]) => `${user}:${hash}`);
  const text = `# users\r\n\n${lines.join("\r\n")}\n   \n#ada:$7$\n`;
  const { users, faults } = parsePasswordFile(text);
  assert.deepEqual(faults, []);
  assert.deepEqual([...users.keys()], made.map(([user]) => user));
});

Deno.test("parsePasswordFile() tells of each broken line with its number, and of no password", () => {
  const text = [
    `ada:${made[0]![2]}`,
    "no colon here",
    "bob:pencil",
    `ada:${made[0]![2]}`,
    `:${made[0]![2]}`,
    `$broker:${made[0]![2]}`,
    `a\tb:${made[0]![2]}`,
  ].join("\n");
  const { users, faults } = parsePasswordFile(text);
  assert.deepEqual([...users.keys()], ["ada"]);
  assert.deepEqual(faults.map(({ line }) => line), [2, 3, 4, 5, 6, 7]);
  const words = faults.map((fault) => faultText("pw", fault)).join("\n");
  assert.match(words, /^pw:2: error: found no colon/);
  assert.match(words, /pw:4: error: found the user of line 1 once more/);
  assert.doesNotMatch(words, /pencil/);
});

Deno.test("withUser() and withoutUser() leave all other lines as they are", () => {
  const user = fc.stringMatching(/^[a-z]{1,3}$/);
  const other = fc.oneof(fc.constant("# a remark"), fc.constant(""), fc.constant("#x:y"));
  const line = fc.oneof(other, user.map((name) => `${name}:old`));
  fc.assert(
    fc.property(fc.array(line), user, fc.boolean(), (lines, name, ends) => {
      const text = lines.join("\n") + (ends ? "\n" : "");
      const others = (of: string) =>
        of.split("\n").filter((each) => each !== "" && !each.startsWith(`${name}:`));
      const edited = withUser(text, name, "new");
      assert.deepEqual(others(edited), others(text));
      const own = edited.split("\n").filter((each) => each.startsWith(`${name}:`));
      assert.deepEqual(own, [`${name}:new`]);
      const left = withoutUser(edited, name);
      assert.deepEqual(others(left!), others(text));
      assert.ok(!left!.split("\n").some((each) => each.startsWith(`${name}:`)));
      assert.equal(withoutUser(left!, name), undefined);
    }),
    { numRuns: 200 },
  );
});

Deno.test("nameFault() refuses names that would be another line or another user", () => {
  const names = ["", "a:b", "a\nb", "a\r", "#a", "$broker", "a\0", "x".repeat(1_025)];
  for (const name of names) assert.notEqual(nameFault(name), undefined, JSON.stringify(name));
  for (const name of ["ada", "zoë, the 1st", "a#", "a b", "$x"]) {
    assert.equal(nameFault(name), undefined, name);
  }
});

toolTest(
  ["mosquitto_passwd"],
  "provesPassword() is true for what Debian's mosquitto_passwd has just made",
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "dunlin-passwd-" });
    const file = `${directory}/pw`;
    try {
      await Deno.writeTextFile(file, "");
      const users: [string, string, string[]][] = [
        ["one", "a", []],
        ["two", "zoë & co: $7$", ["-H", "sha512"]],
        ["three", "x".repeat(100), ["-I", "2500"]],
      ];
      for (const [user, password, more] of users) {
        const { success } = await new Deno.Command(tool("mosquitto_passwd")!, {
          args: [...more, "-b", file, user, password],
        }).output();
        assert.ok(success);
      }
      const { users: read, faults } = parsePasswordFile(await Deno.readTextFile(file));
      assert.deepEqual(faults, []);
      for (const [user, password] of users) {
        const hash = read.get(user)!;
        assert.equal(await provesPassword(hash, TO_BYTES.encode(password)), true, user);
        assert.equal(await provesPassword(hash, TO_BYTES.encode(`${password}.`)), false, user);
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
