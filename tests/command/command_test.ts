/** The command line, run as a sub-process of the real main.ts with the permissions it may ask for. */

import assert from "node:assert/strict";
import deno from "../../deno.json" with { type: "json" };
import { limitNames } from "../../src/policy/limit_table.ts";
import type { Printed } from "../run_program.ts";
import { runDunlin } from "../run_program.ts";

/** Runs dunlin in a directory of its own, which holds the given files. */
async function dunlin(
  args: readonly string[],
  { files = {}, env = {} }: {
    readonly files?: Readonly<Record<string, string>>;
    readonly env?: Record<string, string>;
  } = {},
): Promise<Printed> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-command-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${directory}/${name}`, text);
    }
    const permissions = ["--allow-net", "--allow-read", "--allow-write", "--allow-env"];
    return await runDunlin(permissions, args, { cwd: directory, env });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("dunlin check exits 0 when the file is fine", async () => {
  const files = { "a.json": '{ // fine\n "limits": { "sendWindow": 3, }, }' };
  assert.deepEqual(await dunlin(["check", "a.json"], { files }), {
    status: 0,
    out: "a.json: 0 errors, 0 warnings\n",
    err: "",
  });
});

Deno.test("dunlin check exits 0 when there is only a warning", async () => {
  const files = { "a.json": '{ "listeners": [{ "type": "tcp", "address": "0.0.0.0" }] }' };
  const { status, out } = await dunlin(["check", "a.json"], { files });
  assert.equal(status, 0);
  assert.match(out, /^a\.json:1:17: warning: listeners\[0\]\.allowAnonymous: found nothing/);
  assert.match(out, /\na\.json: 0 errors, 1 warning\n$/);
});

Deno.test("dunlin check prints every problem and exits 1 when the file is wrong", async () => {
  const files = {
    "a.json": '{\n  "limits": { "sendWindo": 3 },\n  "log": { "level": "loud" },\n' +
      '  "data": "${NO_SUCH_VARIABLE}"\n}',
  };
  const { status, out } = await dunlin(["check", "a.json"], { files });
  assert.equal(status, 1);
  assert.deepEqual(out.split("\n"), [
    'a.json:2:15: error: limits.sendWindo: found the unknown key "sendWindo"; allowed: one of the ' +
    `${limitNames.length} keys of limits that \`dunlin schema\` lists; did you mean limits.sendWindow?`,
    'a.json:3:21: error: log.level: found "loud"; allowed: one of "debug", "info", "warn", "error"',
    "a.json:4:11: error: data: found ${NO_SUCH_VARIABLE} (not set); allowed: the environment " +
    "variable NO_SUCH_VARIABLE to be set",
    "a.json: 3 errors, 0 warnings",
    "",
  ]);
});

Deno.test("dunlin check exits 2 when the file cannot be read", async () => {
  const { status, out, err } = await dunlin(["check", "none.json"]);
  assert.deepEqual([status, out], [2, ""]);
  assert.match(err, /^dunlin check: none\.json cannot be read: No such file/);
});

Deno.test("dunlin explain prints a table of the defaults when there is no file", async () => {
  const { status, out, err } = await dunlin(["explain"]);
  assert.deepEqual([status, err], [0, ""]);
  assert.match(out, /^KEY +VALUE +SOURCE\n/);
  assert.match(out, /^listeners\[0\]\.port +1883 +default$/m);
  assert.match(out, /^limits\.receiveMaximum +256 +default$/m);
});

Deno.test("dunlin explain prints one JSON object with values and sources when asked to", async () => {
  const files = {
    "a.json": '{ "limits": { "sendWindow": "${WINDOW}" }, "log": { "level": "${file:level}" } }',
    level: "warn\n",
  };
  const args = ["explain", "--json", "--config", "a.json", "--port", "1999", "--data", "d"];
  const { status, out } = await dunlin(args, { files, env: { WINDOW: "7" } });
  assert.equal(status, 0);
  const values = JSON.parse(out);
  assert.deepEqual(values["limits.sendWindow"], { value: 7, source: "environment" });
  assert.deepEqual(values["log.level"], { value: "warn", source: "file" });
  assert.deepEqual(values["listeners[0].port"], { value: 1999, source: "command line" });
  assert.deepEqual(values["data"], { value: "d", source: "command line" });
  assert.deepEqual(values["store"], { value: "denoKv", source: "default" });
});

Deno.test("dunlin explain exits 1 and prints the problems when the file is wrong", async () => {
  const { status, out, err } = await dunlin(["explain", "--config", "a.json"], {
    files: { "a.json": '{ "store": "disk" }' },
  });
  assert.deepEqual([status, out], [1, ""]);
  assert.equal(
    err,
    'a.json:1:12: error: store: found "disk"; allowed: one of "denoKv", "memory", or an object { }\n',
  );
});

Deno.test("dunlin schema prints a JSON Schema that names every limit", async () => {
  const { status, out } = await dunlin(["schema"]);
  assert.equal(status, 0);
  const schema = JSON.parse(out);
  assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  assert.equal(schema.properties.limits.properties.receiveMaximum.default, 256);
  assert.match(schema.properties.limits.properties.receiveMaximum.description, /^In messages: /);
});

Deno.test("dunlin --version prints the version of deno.json", async () => {
  assert.deepEqual(await dunlin(["--version"]), { status: 0, out: `${deno.version}\n`, err: "" });
});

Deno.test("dunlin --help prints the commands and examples and exits 0", async () => {
  const { status, out } = await dunlin(["--help"]);
  assert.equal(status, 0);
  for (const word of ["run", "check <file>", "explain", "schema", "dunlin --port 1884"]) {
    assert.ok(out.includes(word), word);
  }
});

Deno.test("dunlin hands its options to run when no command is named", async () => {
  const { status, err } = await dunlin(["--config", "a.json", "--port", "0"], {
    files: { "a.json": '{ "takover": "any" }' },
  });
  assert.notEqual(status, 0);
  assert.match(err, /a\.json:1:3: error: takover: .*did you mean takeover\?/);
});

const badUsage: readonly [args: string[], message: RegExp][] = [
  [["--prot", "1884"], /unknown option '--prot'\n\(Did you mean --port\?\)/],
  [["run", "--confg", "x"], /unknown option '--confg'\n\(Did you mean --config\?\)/],
  [["chekc", "x"], /unknown command "chekc"\n\(Did you mean check\?\)/],
  [["--port", "65536"], /A port is a whole number from 0 to 65535/],
  [["--port"], /argument missing/],
  [["check"], /missing required argument 'file'/],
  [["schema", "x"], /too many arguments/],
];

for (const [args, message] of badUsage) {
  Deno.test(`dunlin ${args.join(" ")} exits 2 and says why`, async () => {
    const { status, out, err } = await dunlin(args);
    assert.deepEqual([status, out], [2, ""]);
    assert.match(err, message);
  });
}
