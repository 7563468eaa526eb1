/** Good configurations: defaults, substitution, the command line, and where values come from. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { defaultLimits } from "../../src/policy/limits.ts";
import { leavesOf, loadConfig, type LoadOptions } from "../../src/server/config.ts";
import { parseConfigText } from "../../src/server/config_source.ts";

const nothingOutside = {
  env: () => undefined,
  readFile: (path: string) => {
    throw new Error(`no ${path}`);
  },
};

function configOf(options: Partial<LoadOptions>) {
  const loaded = loadConfig({ ...nothingOutside, ...options });
  assert.deepEqual(loaded.problems, []);
  return { config: loaded.config!, sources: loaded.sources };
}

Deno.test("loadConfig() yields the embedded defaults when there is no file", () => {
  const { config, sources } = configOf({});
  assert.deepEqual(config.listeners, [{
    type: "tcp",
    address: "127.0.0.1",
    port: 1883,
    allowAnonymous: true,
    name: "127.0.0.1:1883",
    maximumConnections: 10_000,
  }]);
  assert.deepEqual(config.limits, defaultLimits);
  assert.deepEqual(
    { ...config, listeners: [], limits: {} },
    {
      listeners: [],
      unstable: [],
      data: "./dunlin-data",
      store: "denoKv",
      onDamage: "setAside",
      authentication: {},
      access: [],
      administrators: [],
      autoSubscribe: [],
      deniedPublish: "drop",
      takeover: "sameIdentity",
      queuePolicy: "dropOldest",
      queueQos0: false,
      sysInterval: 10,
      clientEvents: false,
      validatePayloadFormat: false,
      sharedSubscriptions: true,
      persistentSessionExpiryInterval: 2_592_000,
      log: { level: "info", format: "text" },
      watchConfig: true,
      limits: {},
      limitsFor: [],
    },
  );
  assert.deepEqual(new Set(sources.values()), new Set(["default"]));
});

for (const text of ["", "{}", "// nothing\n", "\uFEFF{ /* a */ }", '{ "limits": { }, }']) {
  Deno.test(`loadConfig() yields the defaults when the file is ${JSON.stringify(text)}`, () => {
    assert.deepEqual(configOf({ text }).config, configOf({}).config);
  });
}

Deno.test("loadConfig() takes comments and trailing commas when they stand in the file", () => {
  const { config } = configOf({
    text: `{ // a broker
      "listeners": [
        { "type": "unix", "path": "/run/dunlin.sock", }, /* and */
        { "type": "tcp", "address": "::1", "port": 0, "name": "six", },
      ],
      "limits": { "sendWindow": 7, "maximumSessionExpiryInterval": 60 },
    }`,
  });
  const [unix, tcp] = config.listeners;
  assert.deepEqual(unix, {
    type: "unix",
    path: "/run/dunlin.sock",
    mode: "0660",
    allowAnonymous: true,
    name: "/run/dunlin.sock",
    maximumConnections: 10_000,
  });
  assert.equal(tcp?.name, "six");
  assert.deepEqual(config.limits, {
    ...defaultLimits,
    sendWindow: 7,
    maximumSessionExpiryInterval: 60,
  });
  assert.equal(config.persistentSessionExpiryInterval, 60);
});

const addresses: readonly [address: string, anonymous: boolean][] = [
  ["127.0.0.1", true],
  ["127.8.9.1", true],
  ["localhost", true],
  ["LOCALHOST", true],
  ["::1", true],
  ["0:0:0:0:0:0:0:1", true],
  ["::ffff:127.0.0.1", true],
  ["0.0.0.0", false],
  ["::", false],
  ["10.0.0.1", false],
  ["127.0.0.1.example.org", false],
  ["localhost.example.org", false],
  ["::11", false],
];

for (const [address, anonymous] of addresses) {
  const says = anonymous ? "lets anonymous clients in" : "refuses anonymous clients and warns";
  Deno.test(`loadConfig() ${says} when a listener is on ${address}`, () => {
    const text = JSON.stringify({ listeners: [{ type: "tcp", address }] });
    const { config, problems } = loadConfig({ ...nothingOutside, text });
    assert.equal(config?.listeners[0]?.allowAnonymous, anonymous);
    const warned = problems.map(({ path, severity }) => `${severity} ${path}`);
    assert.deepEqual(warned, anonymous ? [] : ["warning listeners[0].allowAnonymous"]);
  });
}

Deno.test("loadConfig() follows allowAnonymous without a warning when the file states it", () => {
  const text = '{ "listeners": [{ "type": "tcp", "address": "0.0.0.0", "allowAnonymous": true }] }';
  assert.equal(configOf({ text }).config.listeners[0]?.allowAnonymous, true);
});

Deno.test("loadConfig() lets nobody in without credentials when proxies hand clients on, and warns", () => {
  const proxies = [
    { type: "tcp", proxyProtocol: { trusted: ["127.0.0.1"] } },
    { type: "websocket", trustedProxies: ["127.0.0.1"] },
    { type: "unix", path: "/s", proxyProtocol: true },
  ];
  for (const listener of proxies) {
    const text = JSON.stringify({ listeners: [listener] });
    const { config, problems } = loadConfig({ ...nothingOutside, text });
    assert.equal(config?.listeners[0]?.allowAnonymous, false);
    assert.deepEqual(problems.map(({ path }) => path), ["listeners[0].allowAnonymous"]);
  }
});

Deno.test("loadConfig() takes several listeners when their places differ", () => {
  const listeners = [
    { type: "tcp", port: 1 },
    { type: "tcp", port: 2 },
    { type: "tcp", address: "127.0.0.2", port: 1 },
    { type: "tcp", port: 0 },
    { type: "tcp", port: 0 },
    { type: "unix", path: "/a" },
    { type: "unix", path: "/b" },
  ];
  assert.equal(configOf({ text: JSON.stringify({ listeners }) }).config.listeners.length, 7);
});

const environment: Record<string, string> = {
  PORT: "1999",
  YES: "true",
  HOME: "/home/d",
  TRICK: "${HOME}",
  LEVEL: "debug",
};
const files: Record<string, string> = {
  "etc/port": " 2001\n",
  "/run/data": "/srv/${x}\n\n",
  "etc/sub/name": "from file\r\n",
};
const outside = {
  env: (name: string) => environment[name],
  readFile: (path: string) => {
    const text = files[path];
    if (text === undefined) throw new Error(`no ${path}`);
    return text;
  },
};

Deno.test("loadConfig() replaces ${…} and converts when a number or boolean is wanted", () => {
  const { config, sources } = configOf({
    ...outside,
    file: "etc/dunlin.json",
    text: JSON.stringify({
      listeners: [
        { type: "tcp", port: "${PORT}", name: "${HOME}-${file:sub/name}" },
        { type: "tcp", port: "${file:port}", name: "$${HOME} $HOME" },
      ],
      data: "${file:/run/data}",
      queueQos0: "${YES}",
      log: { level: "${LEVEL}" },
    }),
  });
  const [first, second] = config.listeners;
  assert.equal(first?.type === "tcp" && first.port, 1999);
  assert.equal(first?.name, "/home/d-from file");
  assert.equal(second?.type === "tcp" && second.port, 2001);
  assert.equal(second?.name, "${HOME} $HOME");
  assert.equal(config.data, "/srv/${x}\n");
  assert.equal(config.queueQos0, true);
  assert.equal(config.log.level, "debug");
  assert.deepEqual(
    [...sources].filter(([, source]) => source !== "default"),
    [
      ["listeners[0].type", "file"],
      ["listeners[0].port", "environment"],
      ["listeners[0].name", "environment"],
      ["listeners[1].type", "file"],
      ["listeners[1].port", "file"],
      ["listeners[1].name", "file"],
      ["data", "file"],
      ["queueQos0", "environment"],
      ["log.level", "environment"],
    ],
  );
});

Deno.test("loadConfig() does not look through what was substituted", () => {
  assert.equal(configOf({ ...outside, text: '{ "data": "${TRICK}" }' }).config.data, "${HOME}");
});

Deno.test("loadConfig() keeps a text when a substituted text looks like a number", () => {
  assert.equal(configOf({ ...outside, text: '{ "data": "${PORT}" }' }).config.data, "1999");
});

Deno.test("loadConfig() lets the command line win over the file", () => {
  const { config, sources } = configOf({
    text: `{ "data": "/a", "listeners": [
      { "type": "unix", "path": "/s" }, { "type": "tcp", "port": 5 }, { "type": "tcp", "port": 6 }
    ] }`,
    port: 7,
    data: "/b",
  });
  assert.deepEqual(
    config.listeners.map((listener) => "port" in listener ? listener.port : listener.path),
    ["/s", 7, 6],
  );
  assert.equal(config.data, "/b");
  assert.equal(sources.get("listeners[1].port"), "command line");
  assert.equal(sources.get("listeners[2].port"), "file");
  assert.equal(sources.get("data"), "command line");
});

Deno.test("loadConfig() sets the port of the default listener when there is no file", () => {
  const { config, sources } = configOf({ port: 0 });
  const [listener] = config.listeners;
  assert.equal(listener?.type === "tcp" && listener.port, 0);
  assert.equal(sources.get("listeners[0].port"), "command line");
  assert.equal(sources.get("listeners[0].address"), "default");
});

const badPorts: readonly [text: string, port: number, problem: string][] = [
  ["{}", 70_000, "--port: found 70000"],
  ["{}", 1.5, "--port: found 1.5"],
  ['{ "listeners": [{ "type": "unix", "path": "/s" }] }', 1, "--port: found no such listener"],
  [
    '{ "listeners": [{ "type": "tcp", "port": 1 }, { "type": "tcp", "port": 2 }] }',
    2,
    "listeners[1].port: found 2 on 127.0.0.1",
  ],
];

for (const [text, port, expected] of badPorts) {
  Deno.test(`loadConfig() reports "${expected}" when --port is ${port}`, () => {
    const { config, problems } = loadConfig({ ...nothingOutside, text, port });
    assert.equal(config, undefined);
    assert.equal(problems.length, 1);
    assert.ok(`${problems[0]?.path}: found ${problems[0]?.found}`.startsWith(expected));
  });
}

Deno.test("loadConfig() names a source for every value", () => {
  const { config, sources } = configOf({ text: '{ "limits": { "sendWindow": 3 } }' });
  assert.deepEqual([...sources.keys()], leavesOf(config).map(([path]) => path));
  assert.equal(sources.get("limits.sendWindow"), "file");
});

Deno.test("loadConfig() answers with problems and never throws when the text is arbitrary", () => {
  const key = fc.constantFrom("listeners", "limits", "type", "port", "__proto__", "a.b", "log");
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>("tcp", "unix", "${A}", "${", 0, -1, 1e9, true, null),
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.array(fc.tuple(key, tie("tree")), { maxLength: 4 }).map((all) => Object.fromEntries(all)),
    ),
  }));
  fc.assert(
    fc.property(
      fc.oneof(tree.map((value) => JSON.stringify(value)), fc.string({ unit: "binary" })),
      (text) => {
        const { config, problems } = loadConfig({ ...nothingOutside, text });
        assert.equal(config === undefined, problems.some(({ severity }) => severity === "error"));
      },
    ),
    { numRuns: 1_000 },
  );
});

Deno.test("parseConfigText() reads what JSON.parse() reads when the text is JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value, null, 1);
      const source = parseConfigText(text);
      assert.deepEqual(source.problems, []);
      assert.deepEqual(source.value, JSON.parse(text));
    }),
    { numRuns: 300 },
  );
});
