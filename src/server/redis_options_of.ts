/**
 * What the configuration says about the Redis that keeps everything, in the words of the driver, with the files
 * of its TLS read; and what is wrong with those.
 */

import type { RedisAddress, RedisOptions, RedisPlace, RedisTls } from "../redis/redis_options.ts";
import { readClientMaterial } from "../transport/tls_material.ts";
import type { Config } from "./config.ts";
import type { Problem } from "./config_problem.ts";
import type { RedisConfig } from "./config_redis.ts";
import { REDIS_URL } from "./config_redis.ts";
import { nameAlone } from "./alone.ts";
import { parseConfigText } from "./config_source.ts";
import type { Outside } from "./config_substitute.ts";
import { tlsProblemText } from "./config_tls.ts";

/** The Redis of a configuration; undefined where everything is kept on this machine. */
export function redisOf({ store }: Pick<Config, "store">): RedisConfig | undefined {
  return typeof store === "string" ? undefined : store.redis;
}

/** One word for where everything is kept. */
export function storeName({ store }: Pick<Config, "store">): "denoKv" | "memory" | "redis" {
  return typeof store === "string" ? store : "redis";
}

/**
 * The options.
 *
 * @param version of this program
 * @throws an Error that names every file which cannot be used, or says that the host has no name
 */
export function redisOptionsOf(
  config: Pick<Config, "cluster" | "limits">,
  redis: RedisConfig,
  version: string,
  outside: Outside,
): RedisOptions {
  const { cluster, limits } = config;
  const commandTimeoutMs = redis.commandTimeout * 1000;
  const lease = cluster?.lease ?? LEASE_ALONE;
  return {
    place: placeOf(redis),
    tls: tlsOfRedis(redis, outside.readFile),
    username: redis.username,
    password: redis.password,
    prefix: redis.keyPrefix,
    nodeName: cluster === undefined
      ? nameAlone(hostName(outside) ?? "host")
      : cluster.name ?? hostName(outside) ?? noName(),
    alone: cluster === undefined,
    version,
    leaseMs: lease * 1000,
    claimTimeoutMs: (cluster?.claimTimeout ?? lease + 2) * 1000,
    commandTimeoutMs,
    connectTimeoutMs: commandTimeoutMs,
    startTimeoutMs: redis.startTimeout * 1000,
    wantedPromise: redis.promise,
    replicas: redis.replicas,
    replicationTimeoutMs: redis.replicationTimeout * 1000,
    castBytes: limits.castBytes,
  };
}

/** In seconds: whoever comes in the place of one that was killed waits for that long. */
const LEASE_ALONE = 5;

function placeOf({ url, sentinel, cluster }: RedisConfig): RedisPlace {
  if (sentinel !== undefined) {
    const { name, nodes, database, username, password } = sentinel;
    return { type: "sentinel", name, nodes: nodes.map(addressOf), database, username, password };
  }
  if (cluster !== undefined) return { type: "cluster", nodes: cluster.nodes.map(addressOf) };
  const [, , host = "", port = "6379", database = "0"] = REDIS_URL.exec(url ?? "") ?? [];
  return { type: "single", address: addressOf(`${host}:${port}`), database: Number(database) };
}

function addressOf(text: string): RedisAddress {
  const colon = text.lastIndexOf(":");
  return {
    host: text.slice(0, colon).replace(/^\[(.*)\]$/, "$1"),
    port: Number(text.slice(colon + 1)),
  };
}

function tlsOfRedis(redis: RedisConfig, readFile: Outside["readFile"]): RedisTls | undefined {
  if (redis.tls === undefined && redis.url?.startsWith("rediss:") !== true) return undefined;
  const { material, problems } = readClientMaterial(redis.tls ?? {}, readFile, Date.now());
  if (material === undefined) {
    const errors = problems.filter(({ severity }) => severity === "error");
    throw new Error(errors.map((one) => `store.redis.tls.${tlsProblemText(one)}`).join("\n"));
  }
  const { ca, certificate: cert, key } = material;
  return { ca, cert, key, serverName: redis.tls?.serverName };
}

/** As the system calls this machine: it tells that to programs which may ask for anything only. */
function hostName({ env, readFile }: Outside): string | undefined {
  let name = env("HOSTNAME");
  try {
    name ??= readFile("/etc/hostname");
  } catch {
    // There are systems without it.
  }
  const usable = (name ?? "").trim().replace(/[^A-Za-z0-9_.-]/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return usable === "" ? undefined : usable.slice(0, 64);
}

function noName(): never {
  throw new Error("cluster.name: this host has no name to take; give this node one");
}

/**
 * What is wrong with the files of the TLS to Redis.
 *
 * @param text of the configuration, for the positions
 */
export function readRedisTls(
  { store }: Pick<Config, "store">,
  text: string,
  readFile: Outside["readFile"],
): Problem[] {
  const tls = redisOf({ store })?.tls;
  if (tls === undefined) return [];
  const { values } = parseConfigText(text);
  const { problems } = readClientMaterial(tls, readFile, Date.now());
  return problems.map(({ key, found, expected, severity }) => {
    const places = ["store", "cluster"].map((section) => `${section}.redis.tls.${key}`);
    const path = places.find((place) => values.has(place)) ?? places[0]!;
    return { path, ...values.get(path), found, expected, severity };
  });
}
