/**
 * The lines of an acl_file against the rules that they become: a small oracle, written after mosquitto.conf(5)
 * and what Mosquitto 2.0 does, has to give the same answer to every question.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { AccessList } from "../../src/policy/access_list.ts";
import type { AccessRule } from "../../src/policy/access_rule.ts";
import type { Identity } from "../../src/policy/identity.ts";
import { loadConfig } from "../../src/server/config.ts";
import { accessOf } from "../../src/server/mosquitto_access.ts";
import type { AclLine } from "../../src/server/mosquitto_acl.ts";
import { parseAclFile } from "../../src/server/mosquitto_acl.ts";
import type { Note } from "../../src/server/mosquitto_note.ts";

interface Client {
  readonly user: string | undefined;
  readonly clientId: string;
}

/** Whether the broker that has this acl_file lets the client do it. */
function oracle(lines: readonly AclLine[], client: Client, wants: "read" | "write", topic: string) {
  const own = lines.filter(({ about }) =>
    about !== "pattern" &&
    (about === "anonymous" ? client.user === undefined : about.user === client.user)
  );
  const decided = first(own.map((line): [AclLine, string] => [line, line.topic]), wants, topic);
  if (decided !== undefined) return decided;
  const patterns = lines.filter(({ about }) => about === "pattern");
  if (patterns.length === 0) return false;
  if (/[+#]/.test(client.user ?? "") || /[+#]/.test(client.clientId)) return false;
  const filled = patterns.filter(({ topic }) => client.user !== undefined || !topic.includes("%u"))
    .map((line): [AclLine, string] => [
      line,
      line.topic.replaceAll("%c", () => client.clientId).replaceAll("%u", () => client.user ?? ""),
    ]);
  return first(filled, wants, topic) ?? false;
}

function first(lines: [AclLine, string][], wants: "read" | "write", topic: string) {
  const about = lines.filter(([, filter]) => matches(filter, topic));
  if (about.some(([{ access }]) => access === "deny")) return false;
  if (about.some(([{ access }]) => access === wants || access === "readwrite")) return true;
  return undefined;
}

function matches(filter: string, topic: string): boolean {
  if (topic.startsWith("$") !== filter.startsWith("$")) return false;
  const levels = topic.split("/");
  const wanted = filter.split("/");
  for (const [at, level] of wanted.entries()) {
    if (level === "#") return true;
    if (at >= levels.length || level !== "+" && level !== levels[at]) return false;
  }
  return wanted.length === levels.length;
}

/** The rules as they come out of a configuration. */
function listOf(rules: readonly AccessRule[]): AccessList {
  const { config, problems } = loadConfig({
    env: () => undefined,
    readFile: () => assert.fail("no file is to be read"),
    text: JSON.stringify({ access: rules }),
  });
  assert.deepEqual(problems.filter(({ severity }) => severity === "error"), []);
  return new AccessList(config!.access);
}

function asked(list: AccessList, client: Client, wants: "read" | "write", topic: string): boolean {
  const identity: Identity = { ...client, roles: [] };
  const action = wants === "read" ? "receive" : "publish";
  return list.decide(identity, action, topic, 1, false).permitted;
}

const level = fc.constantFrom("a", "b", "ada", "c1", "=a");
const topic = fc.tuple(fc.constantFrom("", "$x/"), fc.array(level, { minLength: 1, maxLength: 4 }))
  .map(([front, levels]) => front + levels.join("/"));
const filter = fc.tuple(
  fc.constantFrom("", "", "$x/"),
  fc.array(fc.constantFrom("a", "b", "ada", "c1", "+", "%u", "%c", "a%u"), {
    minLength: 1,
    maxLength: 3,
  }),
  fc.constantFrom("", "/#"),
).map(([front, levels, end]) => front + levels.join("/") + end);
const line = fc.record({
  about: fc.constantFrom("pattern", "anonymous", { user: "ada" }, { user: "bob" }, { user: "a/b" }),
  access: fc.constantFrom("read", "write", "readwrite", "deny"),
  topic: fc.oneof(filter, fc.constant("#")),
  file: fc.constant("acl"),
  line: fc.constant(1),
}) as fc.Arbitrary<AclLine>;
const client = (names: readonly string[]) =>
  fc.record({
    user: fc.constantFrom(undefined, "ada", "bob", ...names),
    clientId: fc.constantFrom("c1", "a", ...names),
  });

Deno.test("accessOf() decides as Mosquitto does", () => {
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 8 }),
      fc.array(fc.tuple(client(["b+", "#"]), fc.constantFrom("read", "write"), topic), {
        minLength: 20,
        maxLength: 20,
      }),
      (lines, questions) => {
        const notes: Note[] = [];
        const list = listOf(accessOf(lines, { usernameIsClientId: false }, notes));
        assert.deepEqual(notes, []);
        for (const [client, wants, topic] of questions) {
          const words = JSON.stringify({ client, wants, topic });
          assert.equal(
            asked(list, client, wants, topic),
            oracle(lines, client, wants, topic),
            words,
          );
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

Deno.test("accessOf() allows no more than Mosquitto whatever names clients have", () => {
  const odd = ["a/b", "/", "$x", "$x/a", "a/+", "*", "${username}"];
  let allowed = 0;
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 8 }),
      fc.array(fc.tuple(client(odd), fc.constantFrom("read", "write"), topic), {
        minLength: 20,
        maxLength: 20,
      }),
      (lines, questions) => {
        const list = listOf(accessOf(lines, { usernameIsClientId: false }, []));
        for (const [client, wants, topic] of questions) {
          if (!asked(list, client, wants, topic)) continue;
          allowed += 1;
          const words = JSON.stringify({ client, wants, topic });
          assert.ok(oracle(lines, client, wants, topic), words);
        }
      },
    ),
    { numRuns: 1_000 },
  );
  assert.ok(allowed > 500, `only ${allowed} questions were allowed`);
});

Deno.test("accessOf() grants every subscription and leaves it to each message", () => {
  const notes: Note[] = [];
  const lines = parseAclFile("topic read public/#\ntopic deny public/x", "acl", notes);
  const list = listOf(accessOf(lines, { usernameIsClientId: false }, notes));
  const anonymous: Identity = { user: undefined, roles: [] };
  assert.ok(list.decide(anonymous, "subscribe", "#", 2, false).permitted);
  assert.ok(list.decide(anonymous, "receive", "public/y", 0, false).permitted);
  assert.ok(!list.decide(anonymous, "receive", "public/x", 0, false).permitted);
  assert.ok(!list.decide(anonymous, "receive", "secret", 0, false).permitted);
  assert.equal(list.decide(anonymous, "receive", "public/x", 0, false).rule, 'access[0] "acl:2"');
});

Deno.test("accessOf() is stricter where there are no words, and says so", () => {
  const rows: [
    text: string,
    client: Client,
    wants: "read" | "write",
    topic: string,
    note: RegExp,
  ][] = [
    ["user a*b\ntopic t", { user: "a*b", clientId: "c" }, "read", "t", /left out: in a rule/],
    ["topic =a/#", { user: undefined, clientId: "c" }, "read", "=a/b", /left out: \$\{/],
    [
      "topic #\ntopic deny =a/#",
      { user: undefined, clientId: "c" },
      "read",
      "b",
      /denies every topic/,
    ],
    ["topic ${x}", { user: undefined, clientId: "c" }, "read", "${x}", /left out: \$\{/],
    [
      "topic $CONTROL/#",
      { user: undefined, clientId: "c" },
      "write",
      "$CONTROL/v1",
      /administrators/,
    ],
  ];
  for (const [text, client, wants, topic, note] of rows) {
    const notes: Note[] = [];
    const list = listOf(
      accessOf(parseAclFile(text, "acl", notes), { usernameIsClientId: false }, notes),
    );
    assert.equal(asked(list, client, wants, topic), false, text);
    assert.match(notes.map(({ kind, text }) => `${kind} ${text}`).join(), note);
    assert.ok(notes.every(({ kind }) => kind === "stricter"));
  }
});

Deno.test("accessOf() denies what a pattern denies to clients with odd names", () => {
  const rows: [text: string, client: Client, topic: string][] = [
    ["pattern deny x/%u/#\npattern x/#", { user: "a/b", clientId: "c" }, "x/a/b/1"],
    ["pattern deny x/y%c/#\npattern x/#", { user: undefined, clientId: "a/b" }, "x/ya/b/1"],
    ["pattern deny %c/#\npattern $x/#", { user: undefined, clientId: "$x" }, "$x/1"],
    ["pattern deny %u/#\npattern $x/#", { user: "$x", clientId: "c" }, "$x/1"],
    ["pattern deny %u\npattern a/b", { user: "a/b", clientId: "c" }, "a/b"],
  ];
  for (const [text, client, topic] of rows) {
    const lines = parseAclFile(text, "acl", []);
    const list = listOf(accessOf(lines, { usernameIsClientId: false }, []));
    for (const wants of ["read", "write"] as const) {
      assert.equal(oracle(lines, client, wants, topic), false, text);
      assert.equal(asked(list, client, wants, topic), false, text);
    }
  }
});

Deno.test("accessOf() keeps a user with * for what denies", () => {
  const lines = parseAclFile("user a*b\ntopic deny t\nuser ab\ntopic t", "acl", []);
  const list = listOf(accessOf(lines, { usernameIsClientId: false }, []));
  assert.equal(asked(list, { user: "ab", clientId: "c" }, "read", "t"), false);
});

Deno.test("accessOf() takes a = at the front of a topic for itself", () => {
  const list = listOf(
    accessOf(parseAclFile("topic =a", "acl", []), { usernameIsClientId: false }, []),
  );
  const client = { user: undefined, clientId: "c" };
  assert.deepEqual(["=a", "a"].map((topic) => asked(list, client, "read", topic)), [true, false]);
});

Deno.test("accessOf() puts the user name for %c where it is the client identifier", () => {
  const list = listOf(
    accessOf(parseAclFile("pattern t/%c", "acl", []), { usernameIsClientId: true }, []),
  );
  const client = { user: "ada", clientId: "c" };
  assert.deepEqual(["t/ada", "t/c"].map((topic) => asked(list, client, "read", topic)), [
    true,
    false,
  ]);
});

Deno.test("parseAclFile() names every line that Mosquitto would not start with", () => {
  const text =
    "topic\npattern\nuser\ntopics a\ntopic readwrit a\ntopic a/#/b\n# topic\n  \ntopic read  a b \n";
  const notes: Note[] = [];
  const lines = parseAclFile(text, "acl", notes);
  assert.deepEqual(notes.map(({ line, kind }) => `${line} ${kind}`), [
    "1 error",
    "2 error",
    "3 error",
    "4 error",
    "5 error",
    "6 error",
  ]);
  assert.deepEqual(lines.map(({ access, topic, line }) => [access, topic, line]), [[
    "read",
    "a b",
    9,
  ]]);
});
