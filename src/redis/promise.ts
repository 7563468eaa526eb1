/**
 * What an acknowledgement promises, and by which command of Redis it is kept: which of both follows from what
 * the server was found to be (probe.ts) and what the configuration wants. Nothing is asked here.
 *
 * With appendfsync everysec Redis writes to the file before it answers, but not while its disk is busy with the
 * sync before: so `everySecond` is up to two seconds, and then of a killed redis-server, too.
 */

import type { StorePromise } from "../store/store.ts";
import type { Reply } from "./client.ts";
import type { RedisOptions } from "./redis_options.ts";

/** What was found. Undefined: it may not be asked (managed servers often forbid CONFIG). */
export interface Findings {
  /** Of Redis, as `[7, 0, 15]`. */
  readonly version: readonly number[];
  readonly appendonly: boolean | undefined;
  readonly appendfsync: string | undefined;
  readonly maxmemory: number | undefined;
  readonly maxmemoryPolicy: string | undefined;
  /** Replicas that are connected. */
  readonly replicas: number;
  /** Whether all of those say `appendonly yes` and `appendfsync always`; undefined: they were not asked. */
  readonly replicasFsync: boolean | undefined;
}

/** How what is written becomes as durable as promised. */
export interface Durability {
  readonly promise: StorePromise;
  /** Asked behind each batch; undefined: the answer to the batch itself says it. */
  readonly wait: readonly string[] | undefined;
  /** Whether the answer to `wait` says that it is kept. */
  isMet(reply: Reply): boolean;
  /** What an answer lacks. */
  words(reply: Reply): string;
  /** Milliseconds after which it is worth a word that it is not kept yet. */
  readonly patience: number;
}

/** Milliseconds that one WAIT takes at most; it is repeated. */
const WAIT = 250;

/** Why this Redis cannot be used, or how the promise is kept; `notes` is for the log. */
export type Decision =
  /** `later`: it may become otherwise by itself, as replicas connect. */
  | { readonly type: "refused"; readonly reason: string; readonly later: boolean }
  | {
    readonly type: "taken";
    readonly durability: Durability;
    readonly notes: readonly string[];
  };

/** What the configuration says of it; see redis_options.ts. */
type Wanted = Pick<RedisOptions, "wantedPromise" | "replicas" | "replicationTimeoutMs">;

/** Decides. */
export function decide(found: Findings, wanted: Wanted): Decision {
  const { wantedPromise, replicas } = wanted;
  const { version, maxmemory, maxmemoryPolicy } = found;
  const name = version.join(".");
  if ((version[0] ?? 0) < 7) {
    return refused(`Redis ${name} was found, 7.0 or later is expected (functions): upgrade it`);
  }
  if (
    maxmemory !== 0 && maxmemoryPolicy !== undefined && maxmemoryPolicy !== "noeviction"
  ) {
    return refused(
      `maxmemory-policy ${maxmemoryPolicy} was found with maxmemory ${maxmemory ?? "unknown"}, ` +
        `noeviction is expected, as Redis would throw sessions and messages away: ` +
        `set maxmemory-policy noeviction, or maxmemory 0`,
    );
  }
  const notes: string[] = [];
  if (maxmemoryPolicy === undefined) {
    notes.push("Redis does not tell maxmemory-policy: it must be noeviction");
  }
  const local = localPromise(found);
  if (local === undefined) {
    notes.push("Redis does not tell how it persists: what is promised is the configuration's word");
  }
  const promise = wantedPromise ?? local ?? "memory";
  const reason = whyNot(promise, local, found, replicas);
  if (reason !== undefined) {
    return { type: "refused", reason, later: reason === fewReplicas(promise, found, replicas) };
  }
  const durability = durabilityOf(promise, local, found, wanted);
  return { type: "taken", durability, notes };
}

/** What the master keeps by itself; undefined: it does not tell. */
function localPromise({ appendonly, appendfsync }: Findings): StorePromise | undefined {
  if (appendonly === false) return "memory";
  if (appendonly === undefined || appendfsync === undefined) return undefined;
  return appendfsync === "always"
    ? "fsynced"
    : appendfsync === "everysec"
    ? "everySecond"
    : "memory";
}

function hasWaitAof({ version }: Findings): boolean {
  const [major = 0, minor = 0] = version;
  return major > 7 || (major === 7 && minor >= 2);
}

/** Why a promise cannot be kept; undefined: it can, or the configuration is believed. */
function whyNot(
  promise: StorePromise,
  local: StorePromise | undefined,
  found: Findings,
  replicas: number,
): string | undefined {
  const persists = `appendonly ${said(found.appendonly)} and appendfsync ${
    found.appendfsync ?? "unknown"
  } were found`;
  switch (promise) {
    case "memory":
      return undefined;
    case "everySecond":
      return local === "memory"
        ? `the promise "everySecond" is wanted, but ${persists}: set appendonly yes and ` +
          `appendfsync everysec, or want "memory"`
        : undefined;
    case "fsynced":
      return local === undefined || local === "fsynced"
        ? undefined
        : `the promise "fsynced" is wanted, but ${persists}: set appendonly yes and ` +
          `appendfsync always, or want "${local}"`;
    case "replicated":
      return fewReplicas(promise, found, replicas);
    case "replicatedAndFsynced": {
      if (local !== undefined && local !== "fsynced") {
        return `the promise "replicatedAndFsynced" is wanted, but ${persists}: set appendonly yes ` +
          `and appendfsync always on the master and its replicas, or want "replicated"`;
      }
      const few = fewReplicas(promise, found, replicas);
      if (few !== undefined || hasWaitAof(found) || found.replicasFsync !== false) return few;
      return `the promise "replicatedAndFsynced" is wanted, but a replica was found without appendonly ` +
        `yes and appendfsync always: set both on all replicas, or want "replicated"`;
    }
  }
}

function fewReplicas(
  promise: StorePromise,
  found: Findings,
  replicas: number,
): string | undefined {
  if (found.replicas >= replicas) return undefined;
  return `the promise "${promise}" is wanted, but ${found.replicas} connected replicas were found, ` +
    `${replicas} expected: start them, or want less`;
}

function said(yes: boolean | undefined): string {
  return yes === undefined ? "unknown" : yes ? "yes" : "no";
}

function durabilityOf(
  promise: StorePromise,
  local: StorePromise | undefined,
  found: Findings,
  { replicas, replicationTimeoutMs: patience }: Wanted,
): Durability {
  if (promise === "replicated" || promise === "replicatedAndFsynced") {
    const aof = promise === "replicatedAndFsynced" && hasWaitAof(found);
    const localFsync = aof && local !== "fsynced" ? 1 : 0;
    return {
      promise,
      wait: aof
        ? ["WAITAOF", String(localFsync), String(replicas), String(WAIT)]
        : ["WAIT", String(replicas), String(WAIT)],
      isMet: (reply) => has(reply, localFsync, replicas),
      patience,
      words: (reply) => `${countIn(reply)} of ${replicas} replicas have the last batch`,
    };
  }
  return { promise, wait: undefined, isMet: () => true, words: () => "", patience };
}

function has(reply: Reply, localFsync: number, replicas: number): boolean {
  if (Array.isArray(reply) && Number(reply[0]) < localFsync) return false;
  return countIn(reply) >= replicas;
}

/** How many replicas have it: WAIT answers a number, WAITAOF the master's and theirs. */
function countIn(reply: Reply): number {
  return Number(Array.isArray(reply) ? reply[1] : reply);
}

function refused(reason: string): Decision {
  return { type: "refused", reason, later: false };
}
