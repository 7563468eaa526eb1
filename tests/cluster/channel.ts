/**
 * The way from a node to the shared state and back: it takes time, it is cut, a request or its answer gets
 * lost and is sent again; and the node's process may stand still or die on its side of it.
 */

import type { Fenced } from "./state.ts";
import { FENCED } from "./state.ts";

/** Time as the model needs it: real or virtual. */
export interface Time {
  readonly now: number;
  after(milliseconds: number, call: () => void): number;
  cancel(id: number | undefined): void;
}

/** What the way is like. */
export interface Nature {
  readonly time: Time;
  /** Milliseconds of one way, drawn each time. */
  readonly latency: () => number;
  /** Whether an answer gets lost, drawn each time. */
  readonly lost: () => boolean;
  /** Whether a message that nobody waits for gets lost, drawn each time. */
  readonly castLost: () => boolean;
  /** The shared state can be reached by nobody. */
  readonly isDown: () => boolean;
}

/** Milliseconds until what failed is tried again. */
export const RETRY = 200;

export class Channel {
  readonly nature: Nature;
  /** This node alone cannot reach the shared state. */
  cut = false;
  /** Its process has died. */
  gone = false;
  #paused = false;
  #backlog: (() => void)[] = [];
  readonly #onFenced: () => void;
  readonly #onReachable: (reachable: boolean) => void;
  #reached = true;

  constructor(
    nature: Nature,
    onFenced: () => void,
    onReachable: (reachable: boolean) => void,
  ) {
    this.nature = nature;
    this.#onFenced = onFenced;
    this.#onReachable = onReachable;
  }

  get isOpen(): boolean {
    return !this.cut && !this.nature.isDown();
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** The process stands still: what comes to it waits. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    while (this.#backlog.length > 0 && !this.#paused) this.#backlog.shift()!();
  }

  /** On the node's side: now, or when its process goes on, or never. */
  run(call: () => void): void {
    if (this.gone) return;
    if (this.#paused) this.#backlog.push(call);
    else call();
  }

  /** The same after a time; what it returns cancels that. */
  after(milliseconds: number, call: () => void): number {
    return this.nature.time.after(milliseconds, () => this.run(call));
  }

  /**
   * Does something in the shared state and comes back with the answer. It is done again where it, or the
   * answer, got lost: so it has to be such that this does no harm.
   */
  call<T>(ask: () => T | Fenced, then: (answer: T) => void): void {
    if (this.gone) return;
    const { time, latency, lost } = this.nature;
    const failed = () => {
      if (!this.isOpen) this.#reach(false);
      this.after(RETRY, () => this.call(ask, then));
    };
    time.after(latency(), () => { // what has left a process arrives, though it may have died since
      if (!this.isOpen) return this.run(failed);
      const answer = ask();
      time.after(latency(), () => {
        if (!this.isOpen || lost()) return this.run(failed);
        this.run(() => {
          this.#reach(true);
          if (answer === FENCED) return this.#onFenced();
          then(answer as T);
        });
      });
    });
  }

  #reach(reached: boolean): void {
    if (this.#reached === reached) return;
    this.#reached = reached;
    this.#onReachable(reached);
  }
}
