/**
 * What a service of the broker is: a pure function from a request and what can be seen to an outcome, which
 * says what to reply and what is to be done. Everything about the broker that can be asked or changed at run
 * time is one; MQTT, HTTP and the command line are ways to the same.
 *
 * A service must not do anything: the events, settings, instructions and tasks of its outcome are done by the
 * shell (server/control.ts), in this order; the reply leaves when they are durable.
 */

import type { Event } from "../broker/event.ts";
import type { Tables } from "../broker/tables.ts";
import type { Ban, BanKind } from "../policy/bans.ts";
import type { ClientId, Instant, NodeId } from "../policy/identity.ts";
import type { Rules } from "../policy/rules.ts";
import type { Delivery, Order } from "../session/message.ts";
import type { Request } from "../session/request.ts";
import type { RecentDrops } from "./recent_drops.ts";
import type { Statistics } from "./statistics.ts";
import type { TraceStart, TraceView } from "./trace/trace_start.ts";

export type { Request };

/** Durable texts of a service, by names that are its own: another service does not see them. */
export type Settings = ReadonlyMap<string, string>;

export interface Service<State = unknown> {
  /** What its settings stand under in the store, such as `dynamic-security`. Without a slash. */
  readonly name: string;
  /** It answers requests to this topic and below it, such as `$CONTROL/dynamic-security/v1`. */
  readonly prefix: string;
  /** Its state at start, before the first connection. Throws an Error where a setting makes no sense. */
  begin(settings: Settings): State;
  perform(state: State, request: Request, view: View): Outcome<State>;
  /** The reply of a request that was not performed, or whose reply finds no room. */
  refuse(refusal: Refused, request: Request): unknown;
  /**
   * The rules that hold where those of the configuration are these: asked at start, when they are read again,
   * and after every outcome with another state. Absent: the same.
   */
  rules?(state: State, configured: Rules): Rules;
  /** What is to be done when all services have begun, such as what restores bans. */
  begun?(state: State, view: View): Pick<Outcome<State>, "events" | "instructions">;
  /**
   * Another node of the cluster has changed settings: the state that says so, and what that leads to here, as it
   * led to there. Absent: the service keeps none. Throws an Error where a setting makes no sense.
   */
  changed?(
    state: State,
    changes: readonly SettingChange[],
    view: View,
  ): Pick<Outcome<State>, "state" | "events" | "instructions">;
}

/** Why a request is not performed. */
export interface Refused {
  readonly reason: RefusalReason;
  /** For people, without a full stop. */
  readonly detail: string;
}

/** The closed list of reasons: one word each, the same in replies, in the log of audit and over HTTP. */
export const refusalReasons = {
  unknownCommand: "there is no such command",
  badRequest: "the request does not have the form that the command expects",
  notFound: "what it is about is not there",
  conflict: "it cannot be done in the state that things are in",
  notPermitted: "the identity may not do that",
  limit: "a limit of the broker would be passed",
  tooManyRequests: "the identity asks too often",
  requestTooLarge: "the request is above the limit managementRequest",
  replyTooLarge:
    "the reply is above the Maximum Packet Size of the client: ask for less with limit",
  unavailable: "it needs what this broker does not have",
  failed: "it was tried and failed",
} as const;

export type RefusalReason = keyof typeof refusalReasons;

export interface Outcome<State> {
  /** From now on; the same object where nothing changed. */
  readonly state: State;
  /** A JSON value. Undefined: it comes with the outcome that follows the task. */
  readonly reply: unknown;
  /** For the broker, in order. What they make durable is so before the reply leaves. */
  readonly events: readonly Event[];
  readonly settings: readonly SettingChange[];
  readonly instructions: readonly Instruction[];
  /** What takes time. The settings become durable with those of the outcome that follows it, all or nothing. */
  readonly task?: Pending<State> | undefined;
  /** Lines for the log `audit`; who and from where is added. */
  readonly audit: readonly Audit[];
}

/** A setting and its value; undefined takes it away. */
export interface SettingChange {
  readonly name: string;
  readonly value: string | undefined;
}

export interface Audit {
  /** What was done, or refused: `sessions/kick`. */
  readonly message: string;
  /** Never a secret. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A task and what becomes of its result: by then the state may be another. */
export interface Pending<State> {
  readonly task: Task;
  then(result: TaskResult, state: State, view: View): Outcome<State>;
}

/** What the shell does for a service and takes time. */
export type Task =
  | { readonly type: "hashPassword"; readonly password: string }
  /** Whether the password is the one that was hashed. */
  | { readonly type: "verifyPassword"; readonly password: string; readonly hash: string }
  /** Read the configuration again. `dryRun`: only say what would change. */
  | { readonly type: "reload"; readonly dryRun: boolean }
  /** Read a queue as the store has it. */
  | {
    readonly type: "readQueue";
    readonly clientId: ClientId;
    readonly from: Order;
    readonly most: number;
  }
  /** Have a session of the cluster that is nobody's come here, do that with it, and let go of it. */
  | {
    readonly type: "fetchSession";
    readonly clientId: ClientId;
    readonly events: readonly Event[];
  }
  /** Ask other nodes of the cluster the same: each answers for itself alone. */
  | {
    readonly type: "askNodes";
    readonly nodes: readonly NodeId[];
    /** Its payload is what they are given. */
    readonly request: Request;
  }
  /** What the shared state says of the nodes. */
  | { readonly type: "clusterStatus" };

export type TaskResult =
  | { readonly type: "hashed"; readonly hash: string }
  | { readonly type: "verified"; readonly matches: boolean }
  /** What has changed, or every problem that keeps it from holding. */
  | {
    readonly type: "reloaded";
    readonly ok: boolean;
    readonly report: Readonly<Record<string, unknown>>;
    readonly problems: readonly string[];
  }
  | { readonly type: "queue"; readonly queued: readonly Delivery[] }
  /** What its queue held when it came. */
  | { readonly type: "fetched"; readonly messages: number; readonly bytes: number }
  | {
    readonly type: "answers";
    readonly answers: readonly NodeAnswer[];
    /** They did not answer in time. */
    readonly unanswered: readonly NodeId[];
  }
  | { readonly type: "clusterStatus"; readonly nodes: readonly NodeView[] }
  | { readonly type: "failed"; readonly reason: RefusalReason; readonly detail: string };

/** What another node says to a request: the data of its reply, or why it is refused. */
export type NodeAnswer =
  & { readonly node: NodeId }
  & ({ readonly data: Readonly<Record<string, unknown>> } | { readonly refused: Refused });

/** A node as the shared state knows it. */
export interface NodeView {
  readonly node: NodeId;
  readonly name: string;
  readonly version: string;
  readonly slot: number;
  /** The place in the log up to which it has taken everything in. */
  readonly applied: string;
  /** Milliseconds until its lease ends, unless it is renewed. */
  readonly lease: number;
  /** Of its tables; empty where it did not tell yet. */
  readonly checksum: string;
}

/** What the shell does at once. */
export type Instruction =
  | { readonly type: "ban"; readonly ban: Ban }
  | { readonly type: "unban"; readonly kind: BanKind; readonly value: string }
  | { readonly type: "logLevel"; readonly level: LogLevel }
  | { readonly type: "trace"; readonly start: TraceStart }
  | { readonly type: "stopTrace"; readonly id: number }
  | {
    readonly type: "drain";
    /** Where clients of MQTT 5.0 are sent, section 4.11; undefined: they are told no place. */
    readonly serverReference: string | undefined;
    /** The other server is theirs for good: 0x9D in place of 0x9C. */
    readonly moved: boolean;
    /** Seconds over which they are sent off, so that they do not all come to the other at once. */
    readonly seconds: number;
  };

export type LogLevel = "debug" | "info" | "warn" | "error";

/** What a service can see. Nothing of it may be changed. */
export interface View {
  readonly now: Instant;
  readonly broker: Readonly<Tables>;
  readonly world: World;
}

/** What the shell knows beside the broker. */
export interface World {
  readonly version: string;
  readonly startedAt: Instant;
  /** What an acknowledgement promises. */
  readonly promise: string;
  /** The rules of the configuration, without what services lay over them. */
  readonly configured: Rules;
  readonly listeners: readonly ListenerView[];
  readonly statistics: Readonly<Statistics>;
  /** What was dropped of late. */
  readonly recentDrops: Pick<RecentDrops, "of">;
  /** The traces that run, and how many there were. */
  readonly traces: { readonly begun: number; readonly running: readonly TraceView[] };
  bans(now: Instant): readonly Ban[];
  readonly logLevel: LogLevel;
  readonly logLevelConfigured: LogLevel;
  /** Clients are being sent off. */
  readonly draining: boolean;
  /** Why the store that nodes share cannot be reached. Absent: it can, or there is none. */
  readonly storeUnreachable?: string | undefined;
}

/** A listener as it is. */
export interface ListenerView {
  readonly name: string;
  /** As in the configuration. */
  readonly type: string;
  readonly tls: boolean;
  /** Where it listens: `127.0.0.1:1883`, or a path. */
  readonly address: string;
  readonly allowAnonymous: boolean;
  readonly maximumConnections: number;
  readonly mountPoint: string;
  readonly accepting: boolean;
}

/** An outcome that only says something. */
export function replied<State>(state: State, reply: unknown): Outcome<State> {
  return { state, reply, events: NONE, settings: NONE, instructions: NONE, audit: NONE };
}

const NONE: readonly never[] = [];
