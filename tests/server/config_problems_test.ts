/** Bad configuration files: each kind of problem with its key path, position and suggestion. */

import assert from "node:assert/strict";
import { formatProblem, loadConfig, type Problem } from "../../src/server/config.ts";

interface BadFile {
  readonly when: string;
  readonly text: string;
  readonly problem: Partial<Problem>;
}

const badFiles: readonly BadFile[] = [
  {
    when: "a top-level key is misspelt",
    text: '{\n  "takover": "any"\n}',
    problem: { path: "takover", line: 2, column: 3, suggestion: "takeover" },
  },
  {
    when: "a limit is misspelt",
    text: '{ "limits": {\n    "recieveMaximum": 5 } }',
    problem: {
      path: "limits.recieveMaximum",
      line: 2,
      column: 5,
      found: 'the unknown key "recieveMaximum"',
      suggestion: "limits.receiveMaximum",
    },
  },
  {
    when: "a key stands in the wrong object",
    text: '{ "sendWindow": 5 }',
    problem: { path: "sendWindow", line: 1, column: 3, suggestion: "limits.sendWindow" },
  },
  {
    when: "a limit stands in capital letters",
    text: '{ "limits": { "SENDWINDOW": 5 } }',
    problem: { path: "limits.SENDWINDOW", suggestion: "limits.sendWindow" },
  },
  {
    when: "a key of a listener is misspelt",
    text: '{ "listeners": [{ "type": "tcp", "prot": 1 }] }',
    problem: {
      path: "listeners[0].prot",
      line: 1,
      column: 34,
      suggestion: "listeners[0].port",
    },
  },
  {
    when: "a key within a key of a listener is misspelt",
    text:
      '{ "listeners": [{ "type": "tcp", "allowAnonymous": true, "proxyProtocol": { "trust": [], "trusted": ["::1"] } }] }',
    problem: {
      path: "listeners[0].proxyProtocol.trust",
      expected: "one of the keys trusted",
    },
  },
  {
    when: "a trusted proxy is no range of addresses",
    text:
      '{ "listeners": [{ "type": "tcp", "allowAnonymous": true, "proxyProtocol": { "trusted": ["10.0.0.0/8", "10.1.1.1/8"] } }] }',
    problem: { path: "listeners[0].proxyProtocol.trusted[1]", found: '"10.1.1.1/8"' },
  },
  {
    when: "a proxy before WebSocket is no range of addresses",
    text:
      '{ "listeners": [{ "type": "websocket", "allowAnonymous": true, "trustedProxies": ["proxy.example.com"] }] }',
    problem: { path: "listeners[0].trustedProxies[0]", found: '"proxy.example.com"' },
  },
  {
    when: "the path of a WebSocket does not begin with a slash",
    text: '{ "listeners": [{ "type": "websocket", "path": "mqtt" }] }',
    problem: { path: "listeners[0].path", found: '"mqtt"', expected: 'text like "/mqtt"' },
  },
  {
    when: "the path of a WebSocket has a query",
    text: '{ "listeners": [{ "type": "websocket", "path": "/mqtt?a" }] }',
    problem: { path: "listeners[0].path" },
  },
  {
    when: "a listener speaks a version that there is none of",
    text: '{ "listeners": [{ "type": "tcp", "versions": ["3.1.1", "5"] }] }',
    problem: { path: "listeners[0].versions[1]", found: '"5"' },
  },
  {
    when: "a listener speaks no version",
    text: '{ "listeners": [{ "type": "tcp", "versions": [] }] }',
    problem: { path: "listeners[0].versions", found: "[]" },
  },
  {
    when: "a limit of a listener is out of its range",
    text: '{ "listeners": [{ "type": "tcp", "limits": { "receiveMaximum": 0 } }] }',
    problem: { path: "listeners[0].limits.receiveMaximum", found: "0" },
  },
  {
    when: "a listener has a limit that is the broker's",
    text: '{ "listeners": [{ "type": "tcp", "limits": { "queuedBytes": 0 } }] }',
    problem: { path: "listeners[0].limits.queuedBytes" },
  },
  {
    when: "a WebSocket listens where TCP does",
    text: '{ "listeners": [{ "type": "tcp" }, { "type": "websocket", "port": 1883 }] }',
    problem: { path: "listeners[1].port" },
  },
  {
    when: "a key is called __proto__",
    text: '{ "__proto__": {} }',
    problem: { path: "__proto__", found: 'the unknown key "__proto__"' },
  },
  {
    when: "a number is too great",
    text: '{ "limits": { "receiveMaximum": 70000 } }',
    problem: {
      path: "limits.receiveMaximum",
      line: 1,
      column: 33,
      found: "70000",
      expected: "a whole number of messages from 1 to 65,535",
    },
  },
  {
    when: "a number is too small",
    text: '{ "limits": { "connectTimeout": 0 } }',
    problem: { path: "limits.connectTimeout", found: "0" },
  },
  {
    when: "a number is not whole",
    text: '{ "limits": { "connectTimeout": 0.5 } }',
    problem: {
      path: "limits.connectTimeout",
      found: "0.5",
      expected: "a whole number of seconds from 1 to 600",
    },
  },
  {
    when: "a number is neither whole nor in the range",
    text: '{ "limits": { "connectTimeout": -0.5 } }',
    problem: { path: "limits.connectTimeout", found: "-0.5" },
  },
  {
    when: "a number is beyond all whole numbers",
    text: '{ "limits": { "connectTimeout": 1e300 } }',
    problem: { path: "limits.connectTimeout", found: "1e+300" },
  },
  {
    when: "a limit out of its range would also break a rule",
    text: '{ "limits": { "outboxCongested": 10 } }',
    problem: { path: "limits.outboxCongested", found: "10" },
  },
  {
    when: "an address is empty",
    text: '{ "listeners": [{ "type": "tcp", "address": "" }] }',
    problem: { path: "listeners[0].address", found: '""' },
  },
  {
    when: "a number stands in quotes",
    text: '{ "listeners": [{ "type": "tcp", "port": "1883" }] }',
    problem: {
      path: "listeners[0].port",
      column: 42,
      found: '"1883"',
      suggestion: "1883 (without quotes)",
    },
  },
  {
    when: "a boolean stands in quotes",
    text: '{ "queueQos0": "true" }',
    problem: {
      path: "queueQos0",
      expected: "true or false",
      suggestion: "true (without quotes)",
    },
  },
  {
    when: "one of several words is misspelt",
    text: '{ "queuePolicy": "dropOldst" }',
    problem: {
      path: "queuePolicy",
      column: 18,
      expected: 'one of "dropOldest", "dropNewest", "reject"',
      suggestion: '"dropOldest"',
    },
  },
  {
    when: "the type of a listener is unknown",
    text: '{ "listeners": [{ "type": "tpc", "port": 5 }] }',
    problem: { path: "listeners[0].type", column: 27, suggestion: '"tcp"' },
  },
  {
    when: "a listener has no type",
    text: '{ "listeners": [{ "port": 5 }] }',
    problem: { path: "listeners[0].type", line: 1, column: 17, found: "nothing" },
  },
  {
    when: "a needed key is absent",
    text: '{ "listeners": [{ "type": "unix" }] }',
    problem: { path: "listeners[0].path", line: 1, column: 17, found: "nothing" },
  },
  {
    when: "a mode is not octal",
    text: '{ "listeners": [{ "type": "unix", "path": "/run/a", "mode": "rw" }] }',
    problem: { path: "listeners[0].mode", expected: 'text like "0660"' },
  },
  {
    when: "there are no listeners",
    text: '{ "listeners": [] }',
    problem: { path: "listeners", found: "[]", expected: "a list [ ] of 1 to 64 elements" },
  },
  {
    when: "an object is wanted",
    text: '{ "limits": 5 }',
    problem: { path: "limits", found: "5", expected: "an object { }" },
  },
  {
    when: "the file is a list",
    text: "[1]",
    problem: { path: "", line: 1, column: 1, found: "[1]", expected: "an object { }" },
  },
  {
    when: "a key stands twice",
    text: '{\n "store": "memory",\n "store": "memory"\n}',
    problem: {
      path: "store",
      line: 3,
      column: 2,
      found: "the same key a second time",
      expected: "each key once; it already stands on line 2",
    },
  },
  {
    when: "a comma is missing",
    text: '{ "queueQos0": true\r\n"store": "memory" }',
    problem: { path: "", line: 2, column: 1, expected: "a comma before it" },
  },
  {
    when: "a bracket is not closed",
    text: '{ "limits": {}',
    problem: { path: "", line: 1, found: "the end of the file", expected: "a closing }" },
  },
  {
    when: "brackets are nested deeply",
    text: "[".repeat(50_000),
    problem: { path: "", found: "brackets nested 33 deep" },
  },
  {
    when: "the text is very long",
    text: " ".repeat(1_048_577),
    problem: { path: "", found: "1048577 characters" },
  },
  {
    when: "an environment variable is not set",
    text: '{ "data": "${NOT_SET}/x" }',
    problem: {
      path: "data",
      column: 11,
      found: "${NOT_SET} (not set)",
      expected: "the environment variable NOT_SET to be set",
    },
  },
  {
    when: "a file that a value names cannot be read",
    text: '{ "data": "${file:none.txt}" }',
    problem: {
      path: "data",
      found: "${file:none.txt} (no such file)",
      expected: "a file that can be read at etc/none.txt",
    },
  },
  {
    when: "a substitution is not closed",
    text: '{ "data": "${HOME" }',
    problem: { path: "data", found: "${HOME", expected: "a closing } after ${" },
  },
  {
    when: "the name of a variable has a blank",
    text: '{ "data": "${MY HOME}" }',
    problem: { path: "data", found: "${MY HOME}" },
  },
  {
    when: "a substituted text is no number",
    text: '{ "listeners": [{ "type": "tcp", "port": "${WORD}" }] }',
    problem: { path: "listeners[0].port", found: '"abc" (from the environment)' },
  },
  {
    when: "a substituted number is out of range",
    text: '{ "limits": { "sendWindow": "${BIG}" } }',
    problem: { path: "limits.sendWindow", found: "99999 (from the environment)" },
  },
  {
    when: "outboxDrained is not below outboxCongested",
    text: '{ "limits": { "outboxDrained": 524288 } }',
    problem: {
      path: "limits.outboxDrained",
      column: 32,
      expected: "less than limits.outboxCongested, which is 524288",
    },
  },
  {
    when: "outboxCongested is below the default of outboxDrained",
    text: '{ "limits": { "outboxCongested": 2048 } }',
    problem: {
      path: "limits.outboxCongested",
      expected: "more than limits.outboxDrained, which is 65536 by default",
    },
  },
  {
    when: "outboxMaximum is not above outboxCongested",
    text: '{ "limits": { "outboxCongested": 9999999 } }',
    problem: { path: "limits.outboxCongested" },
  },
  {
    when: "a session may queue more bytes than all together",
    text: '{ "limits": { "queuedBytesPerSession": 2000, "queuedBytes": 1999 } }',
    problem: {
      path: "limits.queuedBytesPerSession",
      expected: "at most limits.queuedBytes, which is 1999",
    },
  },
  {
    when: "a session may queue more messages than all together",
    text: '{ "limits": { "queuedMessages": 10 } }',
    problem: { path: "limits.queuedMessages", found: "10" },
  },
  {
    when: "3.x sessions live longer than any may",
    text: '{ "persistentSessionExpiryInterval": 2592001 }',
    problem: { path: "persistentSessionExpiryInterval", found: "2592001" },
  },
  {
    when: "two listeners have the same port",
    text: '{ "listeners": [{ "type": "tcp" },\n { "type": "tcp", "port": 1883 }] }',
    problem: {
      path: "listeners[1].port",
      line: 2,
      found: "1883 on 127.0.0.1",
      expected: "a place that listeners[0] does not listen on already",
    },
  },
  {
    when: "a listener has a port that another has on all addresses",
    text: '{ "listeners": [{ "type": "tcp", "address": "0.0.0.0", "allowAnonymous": true },' +
      ' { "type": "tcp" }] }',
    problem: { path: "listeners[1].port" },
  },
  {
    when: "two listeners have the same path",
    text: '{ "listeners": [{ "type": "unix", "path": "/a" }, { "type": "unix", "path": "/a" }] }',
    problem: { path: "listeners[1].path", found: "/a" },
  },
  {
    when: "two listeners have the same name",
    text: '{ "listeners": [{ "type": "tcp", "name": "a" },' +
      ' { "type": "tcp", "port": 1, "name": "a" }] }',
    problem: { path: "listeners[1].name", found: '"a"' },
  },
];

const environment: Record<string, string> = { WORD: "abc", BIG: "99999" };

function load(text: string) {
  return loadConfig({
    text,
    file: "etc/dunlin.json",
    env: (name) => environment[name],
    readFile: () => {
      throw new Error("no such file");
    },
  });
}

for (const { when, text, problem } of badFiles) {
  Deno.test(`loadConfig() reports exactly one problem when ${when}`, () => {
    const { config, problems } = load(text);
    assert.equal(config, undefined);
    assert.deepEqual(problems.map(({ path }) => path), [problem.path]);
    assert.deepEqual({ ...problems[0], severity: "error", ...problem }, problems[0]);
  });
}

Deno.test("loadConfig() reports all problems in the order of the file when there are many", () => {
  const { config, problems } = load(`{
    "limits": { "sendWindow": 0, "outboxDrained": 999999, "nothing": 1 },
    "takeover": "\${NOPE}",
    "store": "disk", "store": "memory"
    "queueQos0": 1,
    "listeners": [{ "type": "tcp", "address": "10.0.0.1" }, 7],
  }`);
  assert.equal(config, undefined);
  assert.deepEqual(
    problems.map(({ path, line, severity }) => [line, path, severity]),
    [
      [2, "limits.sendWindow", "error"],
      [2, "limits.outboxDrained", "error"],
      [2, "limits.nothing", "error"],
      [3, "takeover", "error"],
      [4, "store", "error"],
      [4, "store", "error"],
      [5, "", "error"],
      [5, "queueQos0", "error"],
      [6, "listeners[0].allowAnonymous", "warning"],
      [6, "listeners[1]", "error"],
    ],
  );
});

Deno.test("loadConfig() only warns when a limit of another key holds anyway", () => {
  const { config, problems } = load(`{
    "limits": { "maximumPacketSize": 9000000, "maximumConnections": 10 },
    "listeners": [{ "type": "tcp", "maximumConnections": 11 }]
  }`);
  assert.notEqual(config, undefined);
  assert.deepEqual(
    problems.map(({ path, severity }) => [path, severity]),
    [
      ["limits.maximumPacketSize", "warning"],
      ["listeners[0].maximumConnections", "warning"],
    ],
  );
});

Deno.test("loadConfig() reports the file when it cannot be read", () => {
  const { config, problems } = loadConfig({
    file: "etc/dunlin.json",
    env: () => undefined,
    readFile: () => {
      throw new Error("no such file");
    },
  });
  assert.equal(config, undefined);
  assert.deepEqual(problems, [{
    path: "",
    found: "no such file",
    expected: "a file that can be read at etc/dunlin.json",
    severity: "error",
  }]);
});

Deno.test("formatProblem() names place, severity, key, found, allowed and suggestion", () => {
  const [problem] = load('{ "takover": "any" }').problems;
  assert.equal(
    formatProblem(problem!, "a.json").replace(/allowed: .*;/, "allowed: …;"),
    'a.json:1:3: error: takover: found the unknown key "takover"; allowed: …; ' +
      "did you mean takeover?",
  );
});

Deno.test("formatProblem() stays on one line when a key holds control characters", () => {
  const [problem] = load('{ "a\\u001b[31m\\n\\u202eb": 1 }').problems;
  assert.match(formatProblem(problem!, "a.json"), /^[\x20-\x7e]+$/);
});
