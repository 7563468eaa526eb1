/**
 * Virtual time: events in a heap, run one after the other, promises in between. While it is installed
 * `setTimeout` and `setImmediate` are virtual too, so that the outbox's own timers are a part of the simulation.
 */

import type { Entry } from "../../src/broker/deadlines.ts";
import { Deadlines } from "../../src/broker/deadlines.ts";
import type { Clock } from "../../src/server/wall_clock.ts";

/** Microtask turns after an event: more than any chain of promises between two events is long. */
const MICROTASKS = 24;

/** Events of a run at most. */
const MOST_EVENTS = 600_000;

/** Where every simulation begins: any instant does. */
const START = 1_000_000;

interface Timer {
  readonly id: number;
  readonly call: () => void;
}

export class VirtualTime {
  now = START;
  /** Events that were run. */
  events = 0;
  readonly #due = new Deadlines<Timer>();
  readonly #timers = new Map<number, Entry<Timer>>();
  #last = 0;

  /** Calls after so many milliseconds; what it returns cancels that. */
  after(milliseconds: number, call: () => void): number {
    const id = ++this.#last;
    this.#timers.set(id, this.#due.add({ id, call }, this.now + Math.max(0, milliseconds)));
    return id;
  }

  cancel(id: number | undefined): void {
    const timer = id === undefined ? undefined : this.#timers.get(id);
    if (timer === undefined) return;
    this.#due.remove(timer);
    this.#timers.delete(timer.value.id);
  }

  /** Runs all events of so many milliseconds; stops early where `until` says so. */
  async run(milliseconds: number, until?: () => boolean): Promise<void> {
    const end = this.now + milliseconds;
    await microtasks();
    while (until === undefined || !until()) {
      const next = this.#due.next();
      if (next === undefined || next > end) break;
      this.now = Math.max(this.now, next);
      const { id, call } = this.#due.due(this.now)!;
      this.#timers.delete(id);
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
    const { setTimeout, clearTimeout, setImmediate } = globalThis;
    const virtual = (call: () => void, milliseconds = 0) => this.after(milliseconds, call);
    globalThis.setTimeout = virtual as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((id?: number) => this.cancel(id)) as typeof clearTimeout;
    globalThis.setImmediate =
      ((call: () => void) => this.after(0, call)) as unknown as typeof setImmediate;
    return () => {
      globalThis.setTimeout = setTimeout;
      globalThis.clearTimeout = clearTimeout;
      globalThis.setImmediate = setImmediate;
    };
  }
}

async function microtasks(): Promise<void> {
  for (let i = 0; i < MICROTASKS; i++) await undefined;
}
