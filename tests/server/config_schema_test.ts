/** The JSON Schema, and the texts that must say the same as the code. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { fileSchema } from "../../src/command/schema.ts";
import { limitNames, limitTable } from "../../src/policy/limit_table.ts";
import { defaultLimits } from "../../src/policy/limits.ts";
import { loadConfig } from "../../src/server/config.ts";
import type { SchemaNode } from "../../src/server/config_expected.ts";
import { editDistance, nearest } from "../../src/server/nearest.ts";

const example = {
  $schema: "./dunlin.schema.json",
  listeners: [
    { type: "tcp", address: "0.0.0.0", port: 1884, allowAnonymous: true, name: "all" },
    { type: "tcp", port: "${PORT}", maximumConnections: 10 },
    { type: "unix", path: "/run/dunlin.sock", mode: "0600", proxyProtocol: true },
    {
      type: "websocket",
      path: "/broker",
      origins: ["https://app.example.com"],
      trustedProxies: ["10.0.0.0/8"],
      proxyProtocol: { trusted: ["2001:db8::1"] },
      versions: ["3.1.1", "5.0"],
      mountPoint: "site1/",
      limits: { receiveMaximum: 5 },
    },
  ],
  unstable: ["quic"],
  data: "/var/lib/dunlin",
  store: {
    redis: {
      sentinel: {
        name: "dunlin",
        nodes: ["10.0.0.1:26379", "[::1]:26379"],
        database: 1,
        username: "s",
        password: "secret",
      },
      tls: { ca: "ca.pem", certificate: "a.pem", key: "a.key", serverName: "redis" },
      username: "dunlin",
      password: "secret",
      keyPrefix: "site1",
      commandTimeout: 3,
      startTimeout: 60,
      promise: "replicated",
      replicas: 2,
      replicationTimeout: 2,
    },
  },
  cluster: {
    name: "a",
    lease: 5,
    claimTimeout: 8,
    localFirst: true,
    whenUnreachable: "wait",
  },
  onDamage: "refuse",
  authentication: {
    scram: {
      users: [{
        user: "ada",
        salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
        iterations: 4_096,
        storedKey: "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
        serverKey: "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        roles: ["writer"],
      }],
      secret: "0123456789abcdef",
    },
  },
  access: [
    {
      name: "operators",
      permission: "allow",
      who: {
        user: "op-*",
        clientId: ["a", "b"],
        role: "*",
        address: "10.0.0.0/8",
        listener: "all",
        certificate: { cn: "x*" },
        and: [{ user: "a" }],
        or: [{ not: { role: ["x"] } }],
        not: { user: "c" },
      },
      action: ["publish", "subscribe"],
      qos: [0, 1],
      topics: ["plant/#", "dev/${clientid}"],
    },
    { permission: "deny", action: "publish", qos: 2, retain: true, topics: "=plant" },
  ],
  administrators: [{ user: "root" }],
  dynamicSecurity: { adminUser: "root", adminPassword: "secret", remember: 60 },
  autoSubscribe: [
    {
      name: "commands",
      who: { clientId: "plant-{line}-*", version: "5.0" },
      pinned: true,
      filters: [
        "lines/$${line}",
        {
          filter: "devices/a/commands",
          qos: 1,
          noLocal: true,
          retainAsPublished: true,
          retainHandling: 0,
          subscriptionIdentifier: 7,
        },
      ],
    },
    {
      name: "new",
      provision: { clientIds: ["a"], user: "u", listener: "main", expiryInterval: 60 },
      filters: ["a"],
    },
  ],
  deniedPublish: "disconnect",
  takeover: "any",
  queuePolicy: "reject",
  queueQos0: true,
  sysInterval: 0,
  clientEvents: true,
  admin: { address: "::1", port: 9_000 },
  validatePayloadFormat: true,
  persistentSessionExpiryInterval: 3_600,
  sharedSubscriptions: false,
  responseInformation: "answers",
  log: { level: "debug", format: "json" },
  watchConfig: false,
  limits: { ...defaultLimits },
  limitsFor: [{ who: { role: "device" }, limits: { messageRate: 10 } }],
};

const system = { env: (name: string) => name === "PORT" ? "1885" : undefined, readFile: () => "" };

const annotations = new Set([
  "$schema",
  "$defs",
  "id",
  "title",
  "description",
  "default",
  "examples",
]);

/** The keywords that the schema uses; any other one fails, so that none is silently not checked. */
function violations(node: SchemaNode, value: unknown, at = "$"): string[] {
  const found: string[] = [];
  const check = (holds: boolean, keyword: string) => {
    if (!holds) found.push(`${at}: ${keyword}`);
  };
  for (const [keyword, wanted] of Object.entries(node)) {
    if (annotations.has(keyword)) continue;
    const number = typeof value === "number" ? value : undefined;
    const text = typeof value === "string" ? value : undefined;
    const list = Array.isArray(value) ? value : undefined;
    const fields = typeof value === "object" && list === undefined
      ? value as Record<string, unknown>
      : undefined;
    switch (keyword) {
      case "$ref": {
        const name = String(wanted).replace("#/$defs/", "");
        found.push(...violations(fileSchema().$defs![name]!, value, at));
        break;
      }
      case "type":
        check(typeOf(value) === wanted, keyword);
        break;
      case "const":
        check(value === wanted, keyword);
        break;
      case "enum":
        check((wanted as unknown[]).includes(value), keyword);
        break;
      case "minimum":
        check(number === undefined || number >= Number(wanted), keyword);
        break;
      case "maximum":
        check(number === undefined || number <= Number(wanted), keyword);
        break;
      case "minLength":
        check(text === undefined || text.length >= Number(wanted), keyword);
        break;
      case "maxLength":
        check(text === undefined || text.length <= Number(wanted), keyword);
        break;
      case "pattern":
        check(text === undefined || new RegExp(String(wanted), "u").test(text), keyword);
        break;
      case "minItems":
        check(list === undefined || list.length >= Number(wanted), keyword);
        break;
      case "maxItems":
        check(list === undefined || list.length <= Number(wanted), keyword);
        break;
      case "required":
        for (const key of wanted as string[]) {
          check(fields === undefined || Object.hasOwn(fields, key), `required ${key}`);
        }
        break;
      case "additionalProperties":
        assert.equal(wanted, false);
        for (const key of Object.keys(fields ?? {})) {
          check(Object.hasOwn(node.properties ?? {}, key), `additional ${key}`);
        }
        break;
      case "properties":
        for (const [key, inner] of Object.entries(fields ?? {})) {
          const child = node.properties?.[key];
          if (child !== undefined) found.push(...violations(child, inner, `${at}.${key}`));
        }
        break;
      case "items":
        list?.forEach((one, index) =>
          found.push(...violations(node.items!, one, `${at}[${index}]`))
        );
        break;
      case "oneOf":
      case "anyOf": {
        const holding = (wanted as SchemaNode[]).filter((one) =>
          violations(one, value).length === 0
        );
        check(keyword === "anyOf" ? holding.length > 0 : holding.length === 1, keyword);
        break;
      }
      default:
        assert.fail(`the schema uses the keyword ${keyword}, which this test does not know`);
    }
  }
  return found;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

Deno.test("fileSchema() is draft 2020-12 and describes every key", () => {
  const schema = fileSchema();
  assert.equal(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  const undescribed: string[] = [];
  collect(schema, "$");
  assert.deepEqual(undescribed, []);

  function collect(node: SchemaNode, at: string): void {
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      if (child.description === undefined) undescribed.push(`${at}.${key}`);
      collect(child, `${at}.${key}`);
    }
    if (node.items !== undefined) collect(node.items, `${at}[]`);
    for (const branch of node.oneOf ?? []) collect(branch, at);
  }
});

Deno.test("fileSchema() accepts what loadConfig() accepts when the file uses every key", () => {
  assert.deepEqual(violations(fileSchema(), example), []);
  assert.deepEqual(loadConfig({ ...system, text: JSON.stringify(example) }).problems, []);
  assert.deepEqual(Object.keys(example), Object.keys(fileSchema().properties ?? {}));
});

const wrong: readonly [change: object, violation: string][] = [
  [{ takover: "any" }, "$: additional takover"],
  [{ takeover: "all" }, "$.takeover: anyOf"],
  [{ queueQos0: "yes" }, "$.queueQos0: anyOf"],
  [{ listeners: [] }, "$.listeners: minItems"],
  [{ store: { redis: { url: "http://h" } } }, "$.store: anyOf"],
  [{ cluster: { leese: 5 } }, "$.cluster: additional leese"],
  [{ listeners: [{ type: "tpc" }] }, "$.listeners[0]: oneOf"],
  [{ listeners: [{ type: "unix" }] }, "$.listeners[0]: oneOf"],
  [{ limits: { sendWindow: 65_536 } }, "$.limits.sendWindow: anyOf"],
  [{ limits: { sendWindows: 6 } }, "$.limits: additional sendWindows"],
  [{ data: "" }, "$.data: minLength"],
  [{ access: [{}] }, "$.access[0]: required permission"],
  [{ access: [{ permission: "allow", topic: "a" }] }, "$.access[0]: additional topic"],
  [{ access: [{ permission: "allow", who: { not: { usr: "a" } } }] }, "$.access[0].who: anyOf"],
  [{ access: [{ permission: "allow", action: ["fly"] }] }, "$.access[0].action: anyOf"],
  [{ authentication: { scarm: {} } }, "$.authentication: additional scarm"],
  [
    { authentication: { scram: { users: [], secret: "short" } } },
    "$.authentication.scram.secret: minLength",
  ],
];

for (const [change, violation] of wrong) {
  Deno.test(`fileSchema() refuses what loadConfig() refuses when ${JSON.stringify(change)}`, () => {
    assert.deepEqual(violations(fileSchema(), { ...example, ...change }), [violation]);
    const text = JSON.stringify({ ...example, ...change });
    assert.equal(loadConfig({ ...system, text }).config, undefined);
  });
}

Deno.test("limitTable contains the default of every limit in its range", () => {
  assert.deepEqual([...limitNames], Object.keys(defaultLimits));
  for (const name of limitNames) {
    const { default: initial, min, max } = limitTable[name];
    assert.equal(initial, defaultLimits[name], name);
    assert.ok(Number.isSafeInteger(max) && min <= initial && initial <= max, name);
  }
});

Deno.test("Limits comments each limit with the unit and reason of limitTable", () => {
  const source = Deno.readTextFileSync(new URL("../../src/policy/limits.ts", import.meta.url));
  const pattern = /\/\*\*((?:(?!\*\/)[^])*)\*\/\s*readonly (\w+): number;/g;
  const comments = [...source.matchAll(pattern)].map(([, comment, name]) => [
    name,
    comment!.replace(/^\s*\*/gm, "").replace(/\s+/g, " ").trim(),
  ]);
  const rows = limitNames.map((name) => {
    const { unit, reason } = limitTable[name];
    return [name, `${unit}: ${reason}.`];
  });
  assert.deepEqual(comments, rows);
});

const words: readonly [word: string, candidates: string[], meant: string | undefined][] = [
  ["prot", ["port", "path"], "port"],
  ["recieveMaximum", ["receiveMaximum", "retryInterval"], "receiveMaximum"],
  ["PORT", ["port"], "port"],
  ["xyz", ["port", "path"], undefined],
  ["port", [], undefined],
  ["p".repeat(65), ["p".repeat(65)], undefined],
];

for (const [word, candidates, meant] of words) {
  Deno.test(`nearest() is ${meant} when the word is ${word} among [${candidates}]`, () => {
    assert.equal(nearest(word, candidates), meant);
  });
}

Deno.test("editDistance() is symmetric, and 0 exactly when the words are equal", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });
  fc.assert(
    fc.property(word, word, (left, right) => {
      const distance = editDistance(left, right);
      assert.equal(distance, editDistance(right, left));
      assert.equal(distance === 0, left === right);
      assert.ok(distance <= Math.max(left.length, right.length));
      assert.ok(distance >= Math.abs(left.length - right.length));
    }),
    { numRuns: 500 },
  );
});
