/**
 * The section `cluster` of the configuration: that this broker is one node of several, and how they get along.
 * What they share is in the Redis of the section `store`.
 */

import * as z from "zod";
import { REDIS_DEFAULTS } from "../redis/redis_options.ts";
import { brokenRedis, redisSchema } from "./config_redis.ts";
import type { RedisConfig } from "./config_redis.ts";
import type { Breach } from "./config_rules.ts";

export const clusterSchema = z.strictObject({
  name: z.string().max(64).regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/).optional().meta({
    description:
      "What this node is called: one name is one node at a time, and one that comes with the " +
      "name of another takes its place. Default: the name of the host.",
    examples: ["a"],
  }),
  redis: redisSchema.optional().describe(
    "Where the Redis is that the nodes share. Default: as store.redis says.",
  ),
  lease: z.int().min(2).max(120).default(REDIS_DEFAULTS.leaseMs / 1000).describe(
    "In seconds: a node that is not heard of for that long is dead to the others, which take over what it " +
      "had. The same on all nodes.",
  ),
  claimTimeout: z.int().min(1).max(600).optional().describe(
    "In seconds: how long a CONNECT waits for the node that has its session, or for Redis. Default: " +
      "lease + 2.",
  ),
  localFirst: z.boolean().default(false).describe(
    "Whether a message for a shared subscription goes to members that are connected to the node of its " +
      "publisher, as long as there are any.",
  ),
  whenUnreachable: z.enum(["refuse", "wait"]).default("refuse").describe(
    "What becomes of a CONNECT while Redis does not answer: it is refused at once (Server unavailable, " +
      "0x88), or waits for claimTimeout.",
  ),
});

type ClusterValue = z.output<typeof clusterSchema>;

/** The section with everything decided. */
export function completeCluster(cluster: ClusterValue) {
  return { ...cluster, claimTimeout: cluster.claimTimeout ?? cluster.lease + 2 };
}

/** Where everything is kept. */
export type StoreConfig = "denoKv" | "memory" | { readonly redis: RedisConfig };

/** In a place of this machine, or in the Redis that one of the two sections names. */
export function completeStore(
  store: StoreConfig | undefined,
  cluster: ClusterValue | undefined,
): StoreConfig {
  return store ?? (cluster?.redis === undefined ? "denoKv" : { redis: cluster.redis });
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Broken rules of `store.redis` and `cluster`.
 *
 * @param isWrong whether the value at a path is already known to be not allowed
 */
export function brokenCluster(file: Fields, isWrong: (path: string) => boolean): Breach[] {
  const kept = redisOf(file["store"]);
  const shared = redisOf(file["cluster"]);
  const breaches = [
    ...(kept === undefined ? [] : brokenRedis("store.redis", kept, isWrong)),
    ...(shared === undefined ? [] : brokenRedis("cluster.redis", shared, isWrong)),
  ];
  if (file["cluster"] === undefined || isWrong("cluster") || isWrong("store")) return breaches;
  const told = (path: string, found: string, expected: string) =>
    breaches.push({ path, found, expected, severity: "error" });
  const { store } = file;
  if (typeof store === "string") {
    told(
      "cluster",
      `a cluster with "store": ${JSON.stringify(store)}`,
      '"store": {"redis": {…}}: what nodes share is kept in Redis',
    );
  } else if (kept === undefined && shared === undefined && store === undefined) {
    told(
      "cluster",
      "a cluster without a Redis",
      '"store": {"redis": {…}}: what nodes share is kept in Redis',
    );
  } else if (kept !== undefined && shared !== undefined && inOrder(kept) !== inOrder(shared)) {
    told(
      "cluster.redis",
      "another Redis than store.redis",
      "the same, or none: all that nodes share is in one place",
    );
  }
  return breaches;
}

/** Whether the file, as it was written, keeps its state in Redis. */
export function isInRedis(file: Fields): boolean {
  return redisOf(file["store"]) !== undefined || redisOf(file["cluster"]) !== undefined;
}

function redisOf(section: unknown): Fields | undefined {
  if (typeof section !== "object" || section === null) return undefined;
  const { redis } = section as Fields;
  return typeof redis === "object" && redis !== null ? redis as Fields : undefined;
}

/** As text that does not depend on the order of the keys. */
function inOrder(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  if (Array.isArray(value)) return `[${value.map(inOrder).join()}]`;
  const entries = Object.entries(value).toSorted(([one], [other]) => one < other ? -1 : 1);
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${inOrder(inner)}`).join()}}`;
}
