/** The sections `store.redis` and `cluster`: what they may say, what they become, and what is said where they may not. */

import assert from "node:assert/strict";
import { loadConfig, type Loaded } from "../../src/server/config.ts";
import { differenceOf, needsRestart } from "../../src/server/config_difference.ts";
import { isSecret } from "../../src/server/config_secret.ts";
import { readRedisTls, redisOf, redisOptionsOf } from "../../src/server/redis_options_of.ts";
import { toolTest } from "../end_to_end/tools.ts";
import { withAuthority } from "../transport/certificates.ts";

const nothingThere = {
  env: (_: string): string | undefined => undefined,
  readFile: (path: string): string => {
    throw new Error(`there is no ${path}`);
  },
};

function load(config: unknown, outside = nothingThere): Loaded {
  return loadConfig({ text: JSON.stringify(config), ...outside });
}

const url = "redis://h:6379";
const store = (more: object = {}) => ({ store: { redis: { url, ...more } } });

/** [the configuration, the keys that are wrong, what is found at the first, what is expected there] */
const bad: readonly (readonly [unknown, readonly string[], RegExp, RegExp])[] = [
  [{ store: "redis" }, ["store"], /"redis"/, /"denoKv", "memory", or an object/],
  [{ store: {} }, ["store.redis"], /nothing/, /object/],
  [{ store: { redis: {} } }, ["store.redis"], /no place/, /url, sentinel, cluster/],
  [store({ url: 7 }), ["store.redis.url"], /7/, /redis:\/\//],
  [store({ url: "http://h" }), ["store.redis.url"], /http/, /redis:\/\//],
  [store({ url: "redis://h:70000" }), ["store.redis.url"], /70000/, /redis:\/\/host:port/],
  [store({ url: "redis://h/x" }), ["store.redis.url"], /\/x/, /redis:\/\/host:port/],
  [store({ url: "redis://u:geheim@h" }), ["store.redis.url"], /not shown/, /username and password/],
  [
    store({ sentinel: { name: "m", nodes: ["s:1"] } }),
    ["store.redis.sentinel"],
    /url too/,
    /not two/,
  ],
  [
    { store: { redis: { sentinel: { nodes: ["s:1"] } } } },
    ["store.redis.sentinel.name"],
    /nothing/,
    /./,
  ],
  [
    { store: { redis: { cluster: { nodes: [] } } } },
    ["store.redis.cluster.nodes"],
    /\[\]/,
    /1 to 64/,
  ],
  [
    { store: { redis: { cluster: { nodes: ["h"] } } } },
    ["store.redis.cluster.nodes[0]"],
    /"h"/,
    /:6379/,
  ],
  [
    { store: { redis: { cluster: { nodes: ["h:1", "h:70000"] } } } },
    ["store.redis.cluster.nodes[1]"],
    /70000/,
    /65535/,
  ],
  [store({ keyPrefix: "a{b}" }), ["store.redis.keyPrefix"], /a\{b\}/, /dunlin/],
  [store({ keyPrefix: "" }), ["store.redis.keyPrefix"], /""/, /dunlin/],
  [store({ tls: {} }), ["store.redis.tls"], /redis:\/\//, /rediss:\/\//],
  [
    store({ url: "rediss://h", tls: { key: "k" } }),
    ["store.redis.tls.key"],
    /without certificate/,
    /certificate too/,
  ],
  [
    store({ url: "rediss://h", tls: { certificate: "c" } }),
    ["store.redis.tls.certificate"],
    /without key/,
    /key too/,
  ],
  [store({ username: "u" }), ["store.redis.username"], /without password/, /password too/],
  [store({ promise: "safe" }), ["store.redis.promise"], /"safe"/, /"replicatedAndFsynced"/],
  [
    store({ promise: "fsynced", replicas: 2 }),
    ["store.redis.replicas"],
    /"fsynced"/,
    /"replicated"/,
  ],
  [store({ commandTimeout: 0 }), ["store.redis.commandTimeout"], /0/, /from 1 to 60/],
  [store({ keyprefix: "a" }), ["store.redis.keyprefix"], /unknown key/, /keyPrefix/],
  [{ cluster: {} }, ["cluster"], /without a Redis/, /"store": \{"redis"/],
  [{ store: "memory", cluster: {} }, ["cluster"], /"store": "memory"/, /"store": \{"redis"/],
  [{ store: "denoKv", cluster: { redis: { url } } }, ["cluster"], /"denoKv"/, /Redis/],
  [
    { ...store(), cluster: { redis: { url: "redis://g" } } },
    ["cluster.redis"],
    /another Redis/,
    /the same, or none/,
  ],
  [{ ...store(), cluster: { name: "a b" } }, ["cluster.name"], /"a b"/, /"a"/],
  [{ ...store(), cluster: { lease: 1 } }, ["cluster.lease"], /1/, /from 2 to 120/],
  [{ ...store(), cluster: { lease: 121 } }, ["cluster.lease"], /121/, /from 2 to 120/],
  [
    { ...store(), cluster: { whenUnreachable: "no" } },
    ["cluster.whenUnreachable"],
    /"no"/,
    /"refuse", "wait"/,
  ],
  [{ ...store(), dynamicSecurity: {} }, ["dynamicSecurity"], /store in Redis/, /one of the two/],
  [
    {
      store: { redis: { username: "u", promise: "memory", replicas: 3, tls: { key: "k" } } },
      cluster: { lease: 0 },
    },
    [
      "cluster.lease",
      "store.redis",
      "store.redis.replicas",
      "store.redis.tls.key",
      "store.redis.username",
    ],
    /0/,
    /from 2 to 120/,
  ],
];
for (const [config, paths, found, expected] of bad) {
  Deno.test(`loadConfig() refuses ${JSON.stringify(config)}`, () => {
    const { config: none, problems } = load(config);
    assert.equal(none, undefined);
    const sorted = problems.toSorted((one, other) => one.path < other.path ? -1 : 1);
    assert.deepEqual(sorted.map(({ path }) => path), paths);
    assert.match(sorted[0]!.found, found);
    assert.match(sorted[0]!.expected, expected);
    assert.doesNotMatch(JSON.stringify(problems), /geheim/);
  });
}

Deno.test("loadConfig() fills in the keys of store.redis and cluster when they are absent", () => {
  const { config, problems } = load({ ...store(), cluster: {} });
  assert.deepEqual(problems, []);
  assert.deepEqual(config?.store, {
    redis: {
      url,
      keyPrefix: "dunlin",
      commandTimeout: 5,
      startTimeout: 30,
      replicas: 1,
      replicationTimeout: 1,
    },
  });
  assert.deepEqual(config?.cluster, {
    lease: 10,
    claimTimeout: 12,
    localFirst: false,
    whenUnreachable: "refuse",
  });
  assert.equal(load({}).config?.store, "denoKv");
  assert.equal(load({}).config?.cluster, undefined);
});

Deno.test("loadConfig() takes the Redis of the section cluster for the store when the store names none", () => {
  const { config, problems } = load({ cluster: { redis: { url }, lease: 5 } });
  assert.deepEqual(problems, []);
  assert.deepEqual(config?.store, load(store()).config?.store);
  assert.equal(config?.cluster?.claimTimeout, 7);
});

Deno.test("loadConfig() takes both sections when they name the same Redis in another order of keys", () => {
  const redis = { keyPrefix: "x", url };
  const { problems } = load({ store: { redis: { url, keyPrefix: "x" } }, cluster: { redis } });
  assert.deepEqual(problems, []);
});

Deno.test("loadConfig() puts a secret and a number in the place of ${NAME} when it is below store.redis", () => {
  const env = (name: string) => ({ PASSWORD: "geheim", TIMEOUT: "7" })[name];
  const text = store({ password: "${PASSWORD}", commandTimeout: "${TIMEOUT}" });
  const { config, problems, sources } = load(text, { ...nothingThere, env });
  assert.deepEqual(problems, []);
  const redis = redisOf(config!)!;
  assert.deepEqual([redis.password, redis.commandTimeout], ["geheim", 7]);
  assert.equal(sources.get("store.redis.password"), "environment");
});

for (const key of ["store.redis.password", "cluster.redis.sentinel.password"]) {
  Deno.test(`isSecret() is true of ${key}`, () => assert.equal(isSecret(key), true));
}

Deno.test("isSecret() is false of what else there is about Redis", () => {
  for (const key of ["store.redis.url", "store.redis.username", "store.redis.tls.key"]) {
    assert.equal(isSecret(key), false, key);
  }
});

Deno.test("differenceOf() shows no password of Redis, and all of it waits for a restart", () => {
  const one = load({}).config!;
  const other = load({ ...store({ password: "geheim" }), cluster: { name: "a" } }).config!;
  const changes = differenceOf(one, other);
  assert.deepEqual(changes.map(({ key }) => key).toSorted(), ["cluster", "store"]);
  assert.ok(changes.every(needsRestart));
  assert.match(JSON.stringify(changes), /not shown/);
  assert.doesNotMatch(JSON.stringify(changes), /geheim/);
});

const version = "1";
const hosted: typeof nothingThere = {
  ...nothingThere,
  readFile: (path) => path === "/etc/hostname" ? "box\n" : "",
};

function optionsOf(value: unknown, outside = hosted) {
  const { config, problems } = load(value);
  assert.deepEqual(problems, []);
  return redisOptionsOf(config!, redisOf(config!)!, version, outside);
}

Deno.test("redisOptionsOf() says all in the driver's words when nothing but a URL is there", () => {
  const { nodeName, ...options } = optionsOf(store());
  assert.match(nodeName, /^_box-[0-9a-f]{8}$/);
  assert.deepEqual(options, {
    place: { type: "single", address: { host: "h", port: 6379 }, database: 0 },
    tls: undefined,
    username: undefined,
    password: undefined,
    prefix: "dunlin",
    alone: true,
    version,
    leaseMs: 5_000,
    claimTimeoutMs: 7_000,
    commandTimeoutMs: 5_000,
    connectTimeoutMs: 5_000,
    startTimeoutMs: 30_000,
    wantedPromise: undefined,
    replicas: 1,
    replicationTimeoutMs: 1_000,
    castBytes: 16_777_216,
  });
});

/** [the section redis, its place for the driver] */
const places: readonly (readonly [object, unknown])[] = [
  [{ url: "redis://h" }, { type: "single", address: { host: "h", port: 6379 }, database: 0 }],
  [{ url: "rediss://[::1]:7/3" }, {
    type: "single",
    address: { host: "::1", port: 7 },
    database: 3,
  }],
  [{ sentinel: { name: "m", nodes: ["a:1", "[::2]:2"], database: 4, password: "s" } }, {
    type: "sentinel",
    name: "m",
    nodes: [{ host: "a", port: 1 }, { host: "::2", port: 2 }],
    database: 4,
    username: undefined,
    password: "s",
  }],
  [{ cluster: { nodes: ["a:1"] } }, { type: "cluster", nodes: [{ host: "a", port: 1 }] }],
];
for (const [redis, place] of places) {
  Deno.test(`redisOptionsOf() has the place of ${JSON.stringify(redis)}`, () => {
    assert.deepEqual(optionsOf({ store: { redis } }).place, place);
  });
}

Deno.test("redisOptionsOf() is of a node when there is a cluster, of a broker that is alone when there is none", () => {
  const cluster = { name: "a", lease: 20, claimTimeout: 3 };
  const { nodeName, alone, leaseMs, claimTimeoutMs } = optionsOf({ ...store(), cluster });
  assert.deepEqual([nodeName, alone, leaseMs, claimTimeoutMs], ["a", false, 20_000, 3_000]);
});

Deno.test("redisOptionsOf() takes the name of the host from HOSTNAME, and asks for one where there is none", () => {
  const named = { ...hosted, env: (name: string) => name === "HOSTNAME" ? "_no de!" : undefined };
  const cluster = { ...store(), cluster: {} };
  assert.equal(optionsOf(cluster, named).nodeName, "no-de-");
  assert.equal(optionsOf(cluster).nodeName, "box");
  assert.throws(() => optionsOf(cluster, nothingThere), /cluster\.name: this host has no name/);
  assert.match(optionsOf(store(), nothingThere).nodeName, /^_host-/);
});

Deno.test("redisOptionsOf() speaks TLS when the URL says so, or Sentinels have a section tls", () => {
  const none = { ca: undefined, cert: undefined, key: undefined, serverName: undefined };
  assert.deepEqual(optionsOf({ store: { redis: { url: "rediss://h" } } }).tls, none);
  const sentinel = { name: "m", nodes: ["a:1"] };
  assert.deepEqual(optionsOf({ store: { redis: { sentinel } } }).tls, undefined);
  const redis = { sentinel, tls: { serverName: "r" } };
  assert.deepEqual(optionsOf({ store: { redis } }).tls, { ...none, serverName: "r" });
});

Deno.test("readRedisTls() and redisOptionsOf() name the file that cannot be used, and where it stands", () => {
  const text = `{ "cluster": { "redis": { "url": "rediss://h",
    "tls": { "ca": "/no/such.pem" } } } }`;
  const { config } = loadConfig({ ...nothingThere, text });
  const [problem, ...others] = readRedisTls(config!, text, nothingThere.readFile);
  assert.deepEqual([problem?.path, problem?.line, others], ["cluster.redis.tls.ca", 2, []]);
  assert.match(problem!.found, /there is no \/no\/such\.pem/);
  assert.throws(
    () => redisOptionsOf(config!, redisOf(config!)!, version, nothingThere),
    /tls\.ca: found \/no\/such\.pem/,
  );
});

toolTest(
  ["openssl"],
  "redisOptionsOf() has the texts of the files when they are in order",
  () =>
    withAuthority(async (authority) => {
      const { certificate, key } = await authority.issue("broker");
      const tls = { ca: authority.certificate, certificate, key };
      const { config } = load({ store: { redis: { url: "rediss://h", tls } } });
      const readFile = (path: string) =>
        path === "/etc/hostname" ? "box" : Deno.readTextFileSync(path);
      assert.deepEqual(readRedisTls(config!, "{}", readFile), []);
      const outside = { ...nothingThere, readFile };
      assert.deepEqual(redisOptionsOf(config!, redisOf(config!)!, version, outside).tls, {
        ca: readFile(tls.ca),
        cert: readFile(certificate),
        key: readFile(key),
        serverName: undefined,
      });
    }),
);
