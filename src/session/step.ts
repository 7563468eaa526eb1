/**
 * What a transition returns, and the three ways to return it.
 */

import type { Announced } from "../policy/announced.ts";
import type { ClientId, Identity, Instant } from "../policy/identity.ts";
import type { Rules } from "../policy/rules.ts";
import type { Demand, Effect, Persist } from "./effect.ts";
import type { Order } from "./message.ts";
import type { PersistedWrite } from "./run_write.ts";

/** The next state and what is asked of the world, in order. */
export interface Step<State, Out> {
  readonly state: State;
  readonly effects: readonly Out[];
}

/** What a transition may look at besides its state: time and chance are arguments. */
export interface Given {
  readonly now: Instant;
  readonly rules: Rules;
  /** What the connection was told, which holds whatever the rules say by now. */
  readonly announced: Announced;
  readonly identity: Identity;
  readonly connection: number;
  readonly version: 3 | 4 | 5;
  /** The order that the next message gets. */
  readonly order: Order;
  /** Publications of this connection whose PUBACK waits for the store, section 4.9. */
  readonly unacknowledged: number;
}

/** Last stage of the pipeline of a control packet. */
export type OnPacket<P, State> = (state: State, packet: P, given: Given) => Step<State, Demand>;

export const NOTHING: readonly never[] = [];

/** The next state and what it asks for. */
export function step<State, Out>(state: State, ...effects: Out[]): Step<State, Out> {
  return { state, effects };
}

/** Nothing happened: the same object comes back. */
export function stay<State>(state: State): Step<State, never> {
  return { state, effects: NOTHING };
}

/** The next state with its writes, after which nothing leaves: of a session that is not stored there are none. */
export function written<State>(
  state: State,
  of: ClientId,
  writes: readonly PersistedWrite[],
): Step<State, Persist> {
  return { state, effects: writes.length === 0 ? NOTHING : [durably(of, writes)] };
}

/** `then` leaves when the writes are durable; with no writes, when the earlier ones are. */
export function durably(
  of: ClientId,
  writes: readonly PersistedWrite[],
  ...then: Effect[]
): Persist {
  return { type: "persist", of, writes, then };
}
