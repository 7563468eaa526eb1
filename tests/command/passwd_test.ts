/** `dunlin passwd`, and how `explain` speaks of secrets: the real main.ts as a sub-process. */

import assert from "node:assert/strict";
import { parsePasswordFile } from "../../src/authentication/password_file.ts";
import { provesPassword } from "../../src/authentication/password_hash.ts";
import { runDunlin } from "../run_program.ts";

const PERMISSIONS = ["--allow-read", "--allow-write", "--allow-env", "--allow-sys"];

const dunlin = (cwd: string, args: readonly string[], input = "") =>
  runDunlin(PERMISSIONS, args, { cwd, input });

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-passwd-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function proves(file: string, user: string, password: string): Promise<boolean> {
  const { users, faults } = parsePasswordFile(await Deno.readTextFile(file));
  assert.deepEqual(faults, []);
  const hash = users.get(user);
  return hash !== undefined && await provesPassword(hash, new TextEncoder().encode(password));
}

Deno.test("dunlin passwd makes the file, sets, changes and deletes users, and leaves the rest and the mode alone", () =>
  inDirectory(async (directory) => {
    const file = `${directory}/pw`;
    const run = async (args: readonly string[], input = "") => {
      const { status, out, err } = await dunlin(directory, ["passwd", ...args], input);
      assert.deepEqual([status, out, err], [0, "", ""]);
    };
    await run(["pw", "ada"], "pen cil\n");
    assert.equal((await Deno.stat(file)).mode! & 0o777, 0o600);
    assert.equal(await proves(file, "ada", "pen cil"), true);
    await Deno.writeTextFile(file, `# users\n${await Deno.readTextFile(file)}`);
    await Deno.chmod(file, 0o640);
    await run(["pw", "zoë", "--batch", "--iterations", "101"], "one\ntwo");
    await run(["pw", "ada", "-i", "101"], "brush");
    const text = await Deno.readTextFile(file);
    assert.match(text, /^# users\nada:\$7\$101\$.*\nzoë:\$7\$101\$.*\n$/);
    assert.deepEqual(
      [
        await proves(file, "ada", "brush"),
        await proves(file, "ada", "pen cil"),
        await proves(file, "zoë", "one"),
      ],
      [true, false, true],
    );
    await run(["pw", "ada", "--delete"]);
    assert.match(await Deno.readTextFile(file), /^# users\nzoë:.*\n$/);
    assert.equal((await Deno.stat(file)).mode! & 0o777, 0o640);
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["pw"]);
  }));

Deno.test("dunlin passwd replaces what a link leads to, and not the link", () =>
  inDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/real`);
    await Deno.writeTextFile(`${directory}/real/pw`, "");
    await Deno.symlink("real/pw", `${directory}/pw`);
    const { status } = await dunlin(directory, ["passwd", "pw", "ada", "-i", "101"], "x");
    assert.equal(status, 0);
    assert.equal((await Deno.lstat(`${directory}/pw`)).isSymlink, true);
    assert.equal(await proves(`${directory}/real/pw`, "ada", "x"), true);
  }));

/** [when, arguments, standard input, exit status, words] */
const bad = [
  ["there is no password", ["pw", "eve"], "", 1, /password: found nothing/],
  ["the password is too long", ["pw", "eve"], "x".repeat(1_025), 1, /1024 bytes/],
  ["the user name has a colon", ["pw", "e:ve"], "pencil", 1, /colon/],
  ["the user name is empty", ["pw", ""], "pencil", 1, /empty/],
  ["the user is the broker", ["pw", "$broker"], "pencil", 1, /broker's own/],
  ["there is no such user to delete", ["pw", "eve", "-D"], "", 1, /no user "eve"/],
  ["there are too many iterations", ["pw", "eve", "-i", "10000001"], "pencil", 2, /1 to 10000000/],
  ["the directory is missing", ["no/pw", "eve"], "pencil", 1, /No such file/],
  ["somebody else edits the file", ["busy", "eve"], "pencil", 1, /busy\.new is there/],
] as const;

for (const [when, args, input, status, words] of bad) {
  Deno.test(`dunlin passwd exits ${status} and changes nothing when ${when}`, () =>
    inDirectory(async (directory) => {
      await Deno.writeTextFile(`${directory}/pw`, "# nobody\n");
      await Deno.writeTextFile(`${directory}/busy.new`, "");
      const { status: found, err } = await dunlin(directory, ["passwd", ...args], input);
      assert.equal(found, status);
      assert.match(err, words);
      assert.doesNotMatch(err, /pencil/);
      assert.equal(await Deno.readTextFile(`${directory}/pw`), "# nobody\n");
      assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name).toSorted(), [
        "busy.new",
        "pw",
      ]);
    }));
}

Deno.test("dunlin explain shows no secret of any section", () =>
  inDirectory(async (directory) => {
    const authentication = {
      jwt: { secret: "a secret of at least 32 characters" },
      http: {
        url: "http://127.0.0.1/",
        headers: [{ name: "Authorization", value: "Bearer of bad news" }],
      },
    };
    const config = { authentication, listeners: [{ type: "tcp", authentication }] };
    await Deno.writeTextFile(`${directory}/a.json`, JSON.stringify(config));
    const { status, out } = await dunlin(directory, ["explain", "--config", "a.json"]);
    assert.equal(status, 0);
    assert.match(out, /listeners\[0\]\.authentication\.jwt\.secret +"\(not shown\)"/);
    assert.doesNotMatch(out, /a secret of|bad news/);
  }));
