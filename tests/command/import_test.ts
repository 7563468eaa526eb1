/** `dunlin import`, run as a sub-process of the real main.ts. */

import assert from "node:assert/strict";
import { runDunlin } from "../run_program.ts";

async function inDirectory(
  files: Readonly<Record<string, string>>,
  test: (
    dunlin: (...args: string[]) => Promise<[number, string, string]>,
    at: string,
  ) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-import-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(`${directory}/conf.d`, { recursive: true });
      await Deno.writeTextFile(`${directory}/${name}`, text);
    }
    await test(async (...args) => {
      const permissions = ["--allow-read", "--allow-write", "--allow-env"];
      const { status, out, err } = await runDunlin(permissions, args, { cwd: directory });
      return [status, out, err];
    }, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("dunlin import prints a configuration that dunlin check finds nothing wrong with", async () => {
  const files = {
    "m.conf": "include_dir conf.d\nlog_dest syslog\n",
    "conf.d/a.conf": "listener 1883 127.0.0.1\nallow_anonymous true\nacl_file acl\n",
    "acl": "topic read public/#\n",
  };
  await inDirectory(files, async (dunlin, at) => {
    const [status, out, err] = await dunlin("import", "m.conf");
    assert.deepEqual([status, JSON.parse(out).listeners.length], [0, 1]);
    assert.match(err, /^m\.conf:2: lost: log_dest: /);
    await Deno.writeTextFile(`${at}/dunlin.json`, out);
    assert.deepEqual(await dunlin("check", "dunlin.json"), [
      0,
      "dunlin.json: 0 errors, 0 warnings\n",
      "",
    ]);
    const question = ["--config", "dunlin.json", "--client", "c", "--topic", "public/x"];
    assert.equal((await dunlin("why", ...question, "--action", "receive"))[0], 0);
    assert.equal((await dunlin("why", ...question, "--action", "publish"))[0], 1);
  });
});

Deno.test("dunlin import --output writes a file, and no file twice", async () => {
  await inDirectory({ "m.conf": "listener 1883 127.0.0.1\n" }, async (dunlin, at) => {
    assert.deepEqual((await dunlin("import", "m.conf", "--output", "o.json")).slice(0, 2), [0, ""]);
    assert.equal(JSON.parse(await Deno.readTextFile(`${at}/o.json`)).store, "memory");
    assert.equal((await Deno.stat(`${at}/o.json`)).mode! & 0o777, 0o600);
    const [status, , err] = await dunlin("import", "m.conf", "--output", "o.json");
    assert.equal(status, 1);
    assert.match(err, /o\.json cannot be written: it is there already/);
  });
});

Deno.test("dunlin import prints nothing but what is wrong where there is an error", async () => {
  await inDirectory({ "m.conf": "listener 1883\nacl_fil acl\n" }, async (dunlin) => {
    const [status, out, err] = await dunlin("import", "m.conf");
    assert.deepEqual([status, out], [1, ""]);
    assert.match(err, /^m\.conf:2: error: acl_fil: /m);
    const [missing, , words] = await dunlin("import", "none.conf");
    assert.equal(missing, 1);
    assert.match(words, /none\.conf:1: error: .*cannot be read/);
  });
});
