/**
 * Virtual time: events in a heap, run one after the other, promises in between. While it is installed
 * `setTimeout` is virtual too, so that the outbox's own timer is a part of the simulation.
 */

import { Deadlines } from "../../src/broker/deadlines.ts";
import type { Clock } from "../../src/server/wall_clock.ts";

/** Microtask turns after an event: more than any chain of promises between two events is long. */
const MICROTASKS = 24;

/** Events of a run at most. */
const MOST_EVENTS = 600_000;

/** Where every simulation begins: any instant does. */
const START = 1_000_000;

export class VirtualTime {
  now = START;
  /** Events that were run. */
  events = 0;
  readonly #due = new Deadlines<number>();
  readonly #calls = new Map<number, () => void>();
  #last = 0;

  /** Calls after so many milliseconds; what it returns cancels that. */
  after(milliseconds: number, call: () => void): number {
    const id = ++this.#last;
    this.#due.set(id, this.now + Math.max(0, milliseconds));
    this.#calls.set(id, call);
    return id;
  }

  cancel(id: number | undefined): void {
    if (id === undefined) return;
    this.#due.delete(id);
    this.#calls.delete(id);
  }

  /** Runs all events of so many milliseconds; stops early where `until` says so. */
  async run(milliseconds: number, until?: () => boolean): Promise<void> {
    const end = this.now + milliseconds;
    await microtasks();
    while (until === undefined || !until()) {
      const next = this.#due.next();
      if (next === undefined || next > end) break;
      this.now = Math.max(this.now, next);
      const id = this.#due.due(this.now)!;
      const call = this.#calls.get(id)!;
      this.#calls.delete(id);
      this.events += 1;
      if (this.events > MOST_EVENTS) throw new Error(`more than ${MOST_EVENTS} events: it spins`);
      call();
      await microtasks();
    }
    if (until === undefined || !until()) this.now = end;
  }

  /** The broker's clock: one wish to be woken, until `stop`. */
  clock(wake: () => void): Clock {
    let wish: number | undefined;
    let stopped = false;
    return {
      now: () => this.now,
      wakeAt: (when) => {
        this.cancel(wish);
        wish = undefined;
        if (when === undefined || when === Infinity || stopped) return;
        wish = this.after(when - this.now, () => {
          wish = undefined;
          if (!stopped) wake();
        });
      },
      stop: () => {
        stopped = true;
        this.cancel(wish);
      },
    };
  }

  /** Puts this time in the place of the real timers; what it returns puts them back. */
  install(): () => void {
    const { setTimeout, clearTimeout } = globalThis;
    const virtual = (call: () => void, milliseconds = 0) => this.after(milliseconds, call);
    globalThis.setTimeout = virtual as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((id?: number) => this.cancel(id)) as typeof clearTimeout;
    return () => {
      globalThis.setTimeout = setTimeout;
      globalThis.clearTimeout = clearTimeout;
    };
  }
}

async function microtasks(): Promise<void> {
  for (let i = 0; i < MICROTASKS; i++) await undefined;
}
