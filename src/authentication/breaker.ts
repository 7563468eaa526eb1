/**
 * A circuit breaker: after some failures in a row nobody is sent to a server that does not answer, until a
 * time is over; then one is, and if that goes well all are. A mutable island, one for each server.
 */

import type { Instant } from "../policy/identity.ts";

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Milliseconds that it stays open. */
  readonly pause: number;
  readonly now: () => Instant;
  /** Told when it opens, with the last failure, and when it closes again. */
  readonly changed?: (open: boolean, error: unknown) => void;
}

/** What `run` rejects with while it is open. */
export const circuitOpen = new Error("not asked, as it has failed several times in a row");

export class Breaker {
  readonly #options: BreakerOptions;
  #inARow = 0;
  #openUntil: Instant = -Infinity;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  /** Does it, and takes a rejection for a failure. Rejects as it does, or with `circuitOpen`. */
  async run<Result>(task: () => Promise<Result>): Promise<Result> {
    const { failures, pause, now, changed } = this.#options;
    const open = this.#inARow >= failures;
    if (open) {
      if (now() < this.#openUntil) throw circuitOpen;
      this.#openUntil = now() + pause; // one goes to see; the others wait for what it finds
    }
    try {
      const result = await task();
      if (this.#inARow >= failures) changed?.(false, undefined);
      this.#inARow = 0;
      return result;
    } catch (error) {
      this.#inARow += 1;
      if (this.#inARow === failures) changed?.(true, error);
      if (this.#inARow >= failures) this.#openUntil = now() + pause;
      throw error;
    }
  }
}
