/**
 * The section `redis` of the configuration, in `store` or in `cluster`: where the Redis is that keeps what nodes
 * share, who asks it, and what it must promise. Shapes, and the rules between its keys.
 */

import * as z from "zod";
import { REDIS_DEFAULTS } from "../redis/redis_options.ts";
import type { StorePromise } from "../store/store.ts";
import type { Breach } from "./config_rules.ts";

const path = z.string().min(1).max(4_096);
const nodes = z.array(
  z.string().max(300).regex(/^(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@[\]]+):\d{1,5}$/).meta({
    description: "A host and its port.",
    examples: ["redis-1.example.com:6379"],
  }),
).min(1).max(64);
const user = z.string().min(1).max(1_024).regex(/^[^\s\0]+$/).optional();
const secret = (description: string) =>
  z.string().min(1).max(4_096).optional().meta({
    description,
    examples: ["${file:/run/secrets/redis-password}"],
  });

/** In the order from weak to strong. */
const promises = [
  "memory",
  "everySecond",
  "fsynced",
  "replicated",
  "replicatedAndFsynced",
] as const satisfies readonly StorePromise[];

export const redisSchema = z.strictObject({
  // What stands before an @ may be a password: config_rules.ts tells of it without showing it.
  url: z.string().max(1_024).regex(/^rediss?:\/\/\S+$/).optional().meta({
    description: "One Redis: redis:// or, over TLS, rediss://, host, port, and /{number} for " +
      "another database than 0.",
    examples: ["redis://redis.example.com:6379"],
  }),
  sentinel: z.strictObject({
    name: z.string().min(1).max(256).describe("What the Sentinels call the master."),
    nodes: nodes.describe("Sentinels, each as host:port."),
    database: z.int().min(0).max(65_535).default(0).describe("The number of the database."),
    username: user.describe("Who asks the Sentinels. Default: they are told nobody."),
    password: secret("The password for the Sentinels. Default: none."),
  }).optional().describe("The master that Sentinels watch over, in the place of url."),
  cluster: z.strictObject({
    nodes: nodes.describe("Some nodes of it, each as host:port; they name the others."),
  }).optional().describe("A Redis Cluster, in the place of url."),
  tls: z.strictObject({
    ca: path.optional().describe(
      "A file of certificates in PEM of authorities that may have signed Redis's. Default: those of the " +
        "system.",
    ),
    certificate: path.optional().describe(
      "The file of the certificate that is shown to Redis, in PEM. Default: none is.",
    ),
    key: path.optional().describe("The file of its private key, in PEM."),
    serverName: z.string().min(1).max(253).optional().describe(
      "The name that Redis's certificate must have. Default: the host that is asked.",
    ),
  }).optional().describe(
    "How TLS is spoken: with rediss://, and with Sentinels and a Redis Cluster where it is there.",
  ),
  username: user.describe("The user of Redis's ACL. Default: the one called default."),
  password: secret("The password. Default: none."),
  keyPrefix: z.string().max(64).regex(/^[^\s{}\0]+$/).default(REDIS_DEFAULTS.prefix).meta({
    description:
      "What all keys begin with, {keyPrefix}:… with the braces, so that Redis keeps them " +
      "together; installations with different ones never meet. No blanks, no braces.",
    examples: ["dunlin"],
  }),
  commandTimeout: z.int().min(1).max(60).default(REDIS_DEFAULTS.commandTimeoutMs / 1000).describe(
    "In seconds: a connection to Redis that does not answer for that long is given up for another.",
  ),
  startTimeout: z.int().min(0).max(3_600).default(REDIS_DEFAULTS.startTimeoutMs / 1000).describe(
    "In seconds: how long the start waits for Redis to be there.",
  ),
  promise: z.enum(promises).optional().describe(
    "What an acknowledgement must mean; the broker does not start where Redis cannot hold it. Default: " +
      "what its appendonly and appendfsync say.",
  ),
  replicas: z.int().min(1).max(16).default(REDIS_DEFAULTS.replicas).describe(
    "How many replicas must have what is acknowledged, where replicated is promised.",
  ),
  replicationTimeout: z.int().min(1).max(60).default(1).describe(
    "In seconds: from when on it is told that replicas or disks are behind; what waits goes on waiting.",
  ),
});

/** The section with everything decided. */
export type RedisConfig = z.output<typeof redisSchema>;

type Fields = Readonly<Record<string, unknown>>;

/** What the three places of a Redis are called; one of them is to be there. */
const PLACES = ["url", "sentinel", "cluster"] as const;

/** Host, port and database of a URL: nothing else stands there. */
export const REDIS_URL =
  /^(rediss?):\/\/(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@[\]]+)(?::(\d{1,5}))?(?:\/(\d{1,5})?)?$/;

/**
 * Broken rules of one section.
 *
 * @param here its path, such as `store.redis`
 * @param isWrong whether the value at a path is already known to be not allowed
 */
export function brokenRedis(
  here: string,
  redis: Fields,
  isWrong: (path: string) => boolean,
): Breach[] {
  const breaches: Breach[] = [];
  const broken = (key: string, found: string, expected: string) => {
    const where = key === "" ? here : `${here}.${key}`;
    if (!isWrong(where)) breaches.push({ path: where, found, expected, severity: "error" });
  };
  const { url, tls, username, password, promise } = redis;
  const named = PLACES.filter((place) => redis[place] !== undefined);
  if (named.length === 0) broken("", "no place", `one of ${PLACES.join(", ")}: where Redis is`);
  for (const place of named.slice(1)) {
    broken(place, `${named[0]} too`, `one of ${PLACES.join(", ")}, not two`);
  }
  if (typeof url === "string") {
    if (url.includes("@")) {
      const expected = `host and port only; username and password are keys of ${here}`;
      broken("url", "a user or a password in it (not shown)", expected);
    } else if (!isPlace(REDIS_URL.exec(url)?.[3], REDIS_URL.test(url))) {
      const expected =
        "redis://host:port or rediss://host:port, with /{number} behind it or nothing";
      broken("url", JSON.stringify(url), expected);
    }
    if (tls !== undefined && url.startsWith("redis:")) {
      broken("tls", "tls with a url that begins with redis://", "a url that begins with rediss://");
    }
  }
  for (const place of ["sentinel", "cluster"]) {
    const { nodes } = fieldsOf(redis[place]);
    if (!Array.isArray(nodes)) continue;
    nodes.forEach((node, at) => {
      const port = typeof node === "string" ? node.slice(node.lastIndexOf(":") + 1) : "0";
      if (isPlace(port, true)) return;
      broken(`${place}.nodes[${at}]`, JSON.stringify(node), "a port of at most 65535");
    });
  }
  const { certificate, key } = fieldsOf(tls);
  for (const [one, other] of [["certificate", "key"], ["key", "certificate"]] as const) {
    const pair = { certificate, key };
    if (pair[one] === undefined || pair[other] !== undefined) continue;
    broken(`tls.${one}`, `${one} without ${other}`, `${other} too`);
  }
  if (username !== undefined && password === undefined) {
    broken("username", "username without password", "password too");
  }
  const sentinel = fieldsOf(redis["sentinel"]);
  if (sentinel["username"] !== undefined && sentinel["password"] === undefined) {
    broken("sentinel.username", "username without password", "password too");
  }
  const replicated = promise === undefined || promise === "replicated" ||
    promise === "replicatedAndFsynced" || isWrong(`${here}.promise`);
  if (redis["replicas"] !== undefined && !replicated) {
    const expected = 'no replicas, or a promise that is "replicated" or "replicatedAndFsynced"';
    broken("replicas", `replicas with the promise ${JSON.stringify(promise)}`, expected);
  }
  return breaches;
}

/** A port is the one number here that no pattern bounds. */
function isPlace(port: string | undefined, matches: boolean): boolean {
  return matches && Number(port ?? 0) <= 65_535;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : {};
}
