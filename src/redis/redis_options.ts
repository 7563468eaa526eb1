/**
 * What the shared store is opened with: where Redis is, who asks, and how long what may take. The
 * configuration is read elsewhere; here nothing is read from a file or the environment.
 */

import type { StorePromise } from "../store/store.ts";

/** A Redis server, Sentinel, or node of a Redis Cluster. */
export interface RedisAddress {
  /** A host name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Which server is asked: one, the master that Sentinels name, or who of a Redis Cluster has the one slot. */
export type RedisPlace =
  | {
    readonly type: "single";
    readonly address: RedisAddress;
    /** Number of the database that the server is asked to select. */
    readonly database: number;
  }
  | {
    readonly type: "sentinel";
    /** What the Sentinels call the master. */
    readonly name: string;
    readonly nodes: readonly RedisAddress[];
    readonly database: number;
    /** Who the Sentinels are told that this is; often they ask nobody. */
    readonly username: string | undefined;
    readonly password: string | undefined;
  }
  | { readonly type: "cluster"; readonly nodes: readonly RedisAddress[] };

/** TLS to every server; texts are PEM, read already. */
export interface RedisTls {
  /** Who may have signed the server's certificate; undefined: whom the system trusts. */
  readonly ca: string | undefined;
  /** This client's own certificate; undefined: none is shown. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** The name that the server's certificate must have; undefined: the host that was asked for. */
  readonly serverName: string | undefined;
}

export interface RedisOptions {
  readonly place: RedisPlace;
  readonly tls: RedisTls | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** What the names of all keys begin with, in braces: installations with different prefixes never meet. */
  readonly prefix: string;
  /** What the configuration calls this node: one name is one node at a time. */
  readonly nodeName: string;
  /** The only one that may use the prefix: the start waits for the lease of another to end, and fails if it does not. */
  readonly alone: boolean;
  /** This program's, for `status`. */
  readonly version: string;
  /** Milliseconds after which a node that does not renew its lease may be declared dead. */
  readonly leaseMs: number;
  /** Milliseconds that a session which another node has is waited for; also while Redis is away. */
  readonly claimTimeoutMs: number;
  /** Milliseconds in which Redis answers a command, else the connection to it is given up. */
  readonly commandTimeoutMs: number;
  /** Milliseconds in which a connection to Redis must come about. */
  readonly connectTimeoutMs: number;
  /** Milliseconds for which the start waits for a Redis that is away, or has no promise yet. */
  readonly startTimeoutMs: number;
  /** What an acknowledgement must promise; undefined: whatever this Redis can, which is said at the start. */
  readonly wantedPromise: StorePromise | undefined;
  /** Replicas that must have a batch where `replicated` is promised. */
  readonly replicas: number;
  /** Milliseconds from when on it is told that replicas or disks are behind; what waits goes on waiting. */
  readonly replicationTimeoutMs: number;
  /** Bytes of QoS 0 messages that wait to be told to other nodes; above it they are lost, and counted. */
  readonly castBytes: number;
}

/** What holds where the configuration does not say otherwise; the rest it must say. */
export const REDIS_DEFAULTS = {
  prefix: "dunlin",
  leaseMs: 10_000,
  claimTimeoutMs: 12_000,
  commandTimeoutMs: 5_000,
  connectTimeoutMs: 5_000,
  startTimeoutMs: 30_000,
  replicas: 1,
  replicationTimeoutMs: 1_000,
  castBytes: 16_777_216,
} as const;

/** What the store says of itself, for the log. */
export interface RedisNotice {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  /** Values that belong to it. */
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** What the store counts, for metrics and `$SYS`; since it was opened. */
export interface RedisCounts {
  /** Messages that had no room in queues of sessions that nobody has. */
  readonly postsDropped: number;
  /** QoS 0 messages that did not get to another node. */
  readonly castsLost: number;
  /** Records of other nodes that were not understood. */
  readonly notesSkipped: number;
  readonly timesAway: number;
}
