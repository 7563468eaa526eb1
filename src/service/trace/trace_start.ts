/**
 * A trace as it is asked for, and as it can be seen while it runs.
 */

import type { ClientId, Instant, Seconds } from "../../policy/identity.ts";
import type { Request } from "../../session/request.ts";

/** What is followed: exactly one of these. */
export type Followed =
  | { readonly clientId: ClientId }
  /** A Topic Filter, against the names in the whole tree of topics. */
  | { readonly topic: string }
  /** An address, or a range such as `10.0.0.0/8`. */
  | { readonly address: string };

export interface TraceStart {
  readonly id: number;
  readonly followed: Followed;
  readonly seconds: Seconds;
  /** Events after which it ends. */
  readonly most: number;
  /** Bytes of each payload to show. */
  readonly payload: number;
  /** Where its events go when the request named no Response Topic. */
  readonly topic: string;
  /** Requests that the asker has to be permitted, or it is told nothing more. */
  readonly needs: readonly string[];
  readonly sender: NonNullable<Request["sender"]>;
  /** Who asked. */
  readonly by: { readonly user: string | undefined; readonly clientId: ClientId };
}

export interface TraceView {
  readonly start: TraceStart;
  readonly begun: Instant;
  /** So far. */
  readonly events: number;
  /** Events that were above the rate, or that whoever asked did not take. */
  readonly omitted: number;
}

/** Why a trace ended. */
export const traceEnds = {
  time: "its time is over",
  events: "it has told as many events as it was to",
  stopped: "it was stopped",
  askerGone: "the connection of who asked for it has ended",
  notPermitted: "the access rules do not let who asked for it trace any more",
  failed: "a defect of the broker: the log has the details",
} as const;

export type TraceEnd = keyof typeof traceEnds;
