/**
 * The broker's clock: the wall clock at start plus the monotonic time since, so a jump of the system
 * clock disconnects nobody; and one timer for all deadlines.
 */

import type { Instant } from "../policy/identity.ts";
import { Steering } from "./steering.ts";

export interface Clock {
  now(): Instant;
  /** Calls back at that instant, instead of an earlier wish; undefined: never. */
  wakeAt(when: Instant | undefined): void;
  stop(): void;
}

/** A clock that can be brought to another. */
export interface WallClock extends Clock {
  /** Makes good what it is off by, in milliseconds: behind (above 0), or ahead. It neither falls nor jumps. */
  steer(behind: number): void;
}

/** setTimeout takes no longer waits: it fires early and is set again. */
const LONGEST_WAIT = 2 ** 31 - 1;

/**
 * The real clock.
 *
 * @param offset milliseconds that are added: nodes of a cluster go by one clock
 */
export function wallClock(wake: () => void, offset = 0): WallClock {
  const start = Date.now() - performance.now() + offset;
  const steering = new Steering();
  const now = () => {
    const elapsed = performance.now();
    return start + elapsed + steering.at(elapsed);
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  let immediate: ReturnType<typeof setImmediate> | undefined;
  let due: Instant = Infinity;
  let firesAt: Instant = Infinity;
  function arm(): void {
    firesAt = due;
    const wait = Math.ceil(due - now());
    // What is due already waits for others to be served, not for the millisecond that a timer takes at least.
    if (wait <= 0) immediate = setImmediate(look);
    else timer = setTimeout(look, Math.min(LONGEST_WAIT, wait));
  }
  function disarm(): void {
    clearTimeout(timer);
    clearImmediate(immediate);
  }
  function look(): void {
    firesAt = Infinity;
    if (due === Infinity) return;
    if (now() < due) return arm();
    due = Infinity;
    wake();
  }
  return {
    now,
    wakeAt(when = Infinity) {
      due = when;
      // A timer that fires too early looks again: a new one for every connection that comes costs more.
      if (due >= firesAt) return;
      disarm();
      arm();
    },
    steer: (behind) => steering.steer(performance.now(), behind),
    stop: disarm,
  };
}
