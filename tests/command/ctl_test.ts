/** `dunlin ctl`: its commands, options, output and exit status, against a broker in this process. */

import assert from "node:assert/strict";
import type { CtlIo } from "../../src/command/ctl.ts";
import { ctl } from "../../src/command/ctl.ts";
import type { Reply } from "../../src/command/ctl_client.ts";
import { optionsFor } from "../../src/command/ctl_options.ts";
import { asJson, asText, harmless } from "../../src/command/ctl_output.ts";
import { allPages } from "../../src/command/ctl_pages.ts";
import { placeFrom } from "../../src/command/ctl_place.ts";
import { managementCommands } from "../../src/server/services.ts";
import type { ManagedServer } from "../contract/managed_server.ts";
import { openManagedServer } from "../contract/managed_server.ts";
import { within } from "../end_to_end/within.ts";
import { freePort } from "../free_port.ts";

let server: ManagedServer;
Deno.test.beforeAll(async () => {
  server = await openManagedServer();
});
Deno.test.afterAll(async () => {
  await server.close();
});

/** Runs it without anything that the test does not say. */
async function bare(args: readonly string[], env: Record<string, string> = {}, more = {}) {
  let out = "", err = "";
  const io: CtlIo = {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    env: (name) => env[name],
    readFile: (path) => Deno.readTextFileSync(path),
    ...more,
  };
  const status = await within(ctl(args, io), "dunlin ctl");
  return { status, out, err };
}

const LOGIN = { DUNLIN_USERNAME: "admin", DUNLIN_PASSWORD: "pencil" };

Deno.test("dunlin ctl does what options say and shows it when words name a command", async () => {
  const put = await server.ctl(
    ...["sessions", "provision", "--client-id", "p1", "--user", "pumps"],
    ...["--subscriptions", '[{"filter": "a/#", "qos": 1}]'],
  );
  assert.deepEqual([put.status, put.err], [0, ""]);
  assert.match(put.out, /^clientId +p1$/m);
  const list = await server.ctl("sessions", "list", "--client-id", "p*");
  const [head, row, ...rest] = list.out.trimEnd().split("\n");
  assert.match(head!, /^CLIENT-ID +USER +CONNECTED /);
  assert.match(row!, /^p1 +pumps +false /);
  assert.deepEqual(rest, []);
  const dry = await server.ctl("sessions", "delete", "--client-id", "p1", "--dry-run");
  assert.match(dry.out, /^dry run: nothing was done\n/);
  const add = await server.ctl(
    ...["subscriptions", "add", "--client-id", "p1", "--filter", "b", "--no-local", "--qos", "2"],
    ...["--retain-as-published", "false", "-o", "json"],
  );
  const { subscription } = JSON.parse(add.out).data;
  assert.deepEqual(
    [subscription.noLocal, subscription.qos, subscription.retainAsPublished],
    [true, 2, false],
  );
});

Deno.test("dunlin ctl follows the pages when --all is there, and else says that there are more", async () => {
  for (const at of [1, 2, 3, 4, 5]) {
    await server.overHttp("bans/add", { kind: "user", value: `u${at}` });
  }
  const some = await server.ctl("bans", "list", "--limit", "2");
  assert.equal(some.out.trimEnd().split("\n").length, 3);
  assert.match(some.err, /^there are more: --all, or --after "/);
  const all = await server.ctl("bans", "list", "--limit", "2", "--all");
  assert.equal(all.out.trimEnd().split("\n").length, 6);
  assert.equal(all.err, "");
  const json = await server.ctl("bans", "list", "--limit", "2", "--all", "--output", "json");
  const { data } = JSON.parse(json.out);
  assert.deepEqual([data.bans.length, data.next], [5, null]);
});

Deno.test("dunlin ctl exits 1 with the reason when the broker refuses", async () => {
  const { status, out, err } = await server.ctl("sessions", "kick", "--client-id", "nobody");
  assert.deepEqual([status, out], [1, ""]);
  assert.match(err, /^dunlin ctl: notFound: /);
  const notPermitted = await bare(
    ["health", "--port", String(server.port), "--username", "anna"],
    { DUNLIN_PASSWORD: "pencil" },
  );
  assert.equal(notPermitted.status, 1);
  assert.match(notPermitted.err, /^dunlin ctl: notPermitted: notAuthorized/);
});

/** [arguments, words on standard error] */
const WRONG: readonly (readonly [args: readonly string[], words: RegExp])[] = [
  [["fly"], /unknown command 'fly'/],
  [["sessions", "fly"], /unknown command 'fly'/],
  [["sessions", "kick"], /--client-id has to be there/],
  [["sessions", "list", "--limit", "many"], /whole number/],
  [["sessions", "list", "--connected", "perhaps"], /true or false/],
  [["bans", "add", "--kind", "planet", "--value", "x"], /address, clientId, user/],
  [["access", "put", "--name", "a", "--rule", "{"], /Expected JSON/],
  [["sessions", "list", "--speed", "1"], /unknown option '--speed'/],
  [["health", "--json", "[]"], /expected an object/],
  [["health", "--json", "{"], /no JSON/],
  [["health", "--json", "@/no/such/file"], /No such file/],
  [["health", "--port", "0"], /1 to 65535/],
  [["health", "--unix", "/x", "--host", "y"], /cannot be used with/],
  [["health", "--config", "/no/such/file.json"], /cannot be read|No such file/],
  [["health", "--cert", "/x"], /belong together/],
  [["completion", "csh"], /bash, zsh, fish/],
];

for (const [args, words] of WRONG) {
  Deno.test(`dunlin ctl exits 2 when the arguments are ${args.join(" ")}`, async () => {
    const { status, out, err } = await bare(args, LOGIN);
    assert.deepEqual([status, out], [2, ""]);
    assert.match(err, words);
  });
}

Deno.test("dunlin ctl exits 3 when the broker cannot be asked", async () => {
  const nobody = await bare(["health", "--port", String(freePort())], LOGIN);
  assert.equal(nobody.status, 3);
  assert.match(nobody.err, /^dunlin ctl: cannot connect to 127\.0\.0\.1:\d+: /);
  const wrong = await bare(["health", "--port", String(server.port)], {
    ...LOGIN,
    DUNLIN_PASSWORD: "pen",
  });
  assert.equal(wrong.status, 3);
  assert.match(wrong.err, /does not let the client in: badUserNameOrPassword/);
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held = silent.accept();
  const late = await bare(
    ["health", "--port", String(silent.addr.port), "--timeout", "1"],
    LOGIN,
  );
  assert.equal(late.status, 3);
  assert.match(late.err, /no CONNACK within 1 s/);
  (await held).close();
  silent.close();
  const babbler = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const said = babbler.accept().then(async (conn) => {
    await conn.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
    return conn;
  });
  const other = await bare(
    ["health", "--port", String(babbler.addr.port), "--timeout", "1"],
    LOGIN,
  );
  assert.equal(other.status, 3);
  (await said).close();
  babbler.close();
});

Deno.test("dunlin ctl finds the listener and the password when files say them", async () => {
  const { directory, port } = server;
  await Deno.writeTextFile(`${directory}/password`, "pencil\nnot this\n");
  await Deno.writeTextFile(
    `${directory}/found.json`,
    JSON.stringify({ listeners: [{ type: "tcp", address: "0.0.0.0", port }] }),
  );
  const { status, err, out } = await bare([
    ...["--config", `${directory}/found.json`, "--username", "admin"],
    ...["--password-file", `${directory}/password`, "health"],
  ]);
  assert.deepEqual([status, err], [0, ""]);
  assert.match(out, /^ready +true$/m);
  await Deno.writeTextFile(`${directory}/input`, '{"name": "queueHead"}');
  const limit = await server.ctl(
    ...["limits", "get", "--json", `@${directory}/input`, "-o", "json"],
  );
  assert.equal(JSON.parse(limit.out).data.limits[0].name, "queueHead");
});

Deno.test("dunlin ctl writes what a trace tells until it ends", async () => {
  const lines: string[] = [];
  let begun = () => {};
  const started = new Promise<void>((resolve) => begun = resolve);
  const tracing = bare(
    ["trace", "--client-id", "talker", "--most", "1", "--port", String(server.port)],
    LOGIN,
    { out: (text: string) => lines.push(text), err: () => begun() },
  );
  await within(started, "the trace to begin");
  await server.connect("talker", "anna");
  const { status } = await tracing;
  assert.equal(status, 0);
  assert.equal(JSON.parse(lines.at(-1)!).type, "end");
});

Deno.test("dunlin ctl has an option for everything that a command takes, and none of its own hides one", () => {
  const own = new Set([
    ...["host", "port", "tls", "ca", "cert", "key", "unix", "config", "username", "passwordFile"],
    ...["as", "timeout", "output", "all", "json", "help"],
  ]);
  for (const command of managementCommands.values()) {
    const options = optionsFor(command);
    assert.deepEqual([...options.keys()], Object.keys(command.input.shape));
    for (const [name, option] of options) {
      assert.equal(option.attributeName(), name, command.name);
      assert.ok(!own.has(name), `${command.name}: ${name} is an option of dunlin ctl`);
    }
  }
});

Deno.test("dunlin ctl help names every command and the exit status", async () => {
  const { status, out } = await bare(["--help"]);
  assert.equal(status, 0);
  assert.match(out, /Exit status: 0 done, 1 refused, 2 arguments, 3 /);
  const { out: kick } = await bare(["sessions", "kick", "--help"]);
  assert.match(kick, /--client-id <text>/);
});

Deno.test("completion for bash completes groups, commands and options", async () => {
  const { status, out } = await bare(["completion", "bash"]);
  assert.equal(status, 0);
  const complete = async (...words: string[]) => {
    const script = `${out}\nCOMP_WORDS=(${
      words.map((word) => `'${word}'`).join(" ")
    }); COMP_CWORD=${words.length - 1}; _dunlin; echo "\${COMPREPLY[@]}"`;
    const { stdout, stderr, code } = await new Deno.Command("bash", { args: ["-c", script] })
      .output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).trim().split(" ");
  };
  assert.deepEqual(await complete("dunlin", ""), ["ctl"]);
  assert.deepEqual(await complete("dunlin", "ctl", "sess"), ["sessions"]);
  assert.deepEqual(await complete("dunlin", "ctl", "sessions", "k"), ["kick"]);
  assert.deepEqual(await complete("dunlin", "ctl", "sessions", "list", "--lim"), ["--limit"]);
  assert.deepEqual(
    await complete("dunlin", "ctl", "sessions", "list", "--limit", "5", "--out"),
    ["--output"],
  );
  for (const shell of ["zsh", "fish"]) {
    const script = await bare(["completion", shell]);
    assert.match(script.out, /sessions/);
  }
});

Deno.test("asText() and asJson() let no control character through when a reply has some", () => {
  const evil = "\u001b[2J\u009b31m\u202e\r\n\u007f";
  const reply: Reply = {
    ok: true,
    command: "sessions/list",
    data: { sessions: [{ clientId: evil, [evil]: evil, nested: { evil } }], other: evil },
  };
  // deno-lint-ignore no-control-regex -- they are what is looked for
  const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/;
  assert.doesNotMatch(asText(reply), control);
  assert.equal(asText(reply).split("\n").length, 4);
  assert.doesNotMatch(asJson(reply), control);
  assert.deepEqual(JSON.parse(asJson(reply)), reply);
  assert.equal(harmless("a\u001bb"), "a\\u001bb");
});

Deno.test("allPages() puts the pages together, and hands on a refusal", async () => {
  const pages: readonly Reply[] = [
    { ok: true, data: { items: [{ n: 1 }], next: "1" } },
    { ok: true, data: { items: [{ n: 2 }], next: "2" } },
    { ok: true, data: { items: [], next: null } },
  ];
  const inputs: unknown[] = [];
  const ask = (input: unknown) => {
    inputs.push(input);
    return Promise.resolve(pages[inputs.length - 1]!);
  };
  const reply = await allPages(ask, { limit: 1 });
  assert.deepEqual(reply.data, { items: [{ n: 1 }, { n: 2 }], next: null });
  assert.deepEqual(inputs, [{ limit: 1 }, { limit: 1, after: "1" }, { limit: 1, after: "2" }]);
  const refusal: Reply = { ok: false, error: { reason: "notPermitted", detail: "no" } };
  assert.equal(await allPages(() => Promise.resolve(refusal), {}), refusal);
});

Deno.test("placeFrom() is loopback without options, and TLS where something asks for it", () => {
  assert.deepEqual(placeFrom({}), { type: "tcp", host: "127.0.0.1", port: 1883 });
  const tls = { type: "tls", host: "b", port: 8883, authorities: [], certificate: undefined };
  assert.deepEqual(placeFrom({ host: "b", tls: true }), tls);
  assert.deepEqual(placeFrom({ unix: "/run/s" }), { type: "unix", path: "/run/s" });
});
