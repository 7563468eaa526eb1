/**
 * The broker's clock: the wall clock at start plus the monotonic time since, so a jump of the system
 * clock disconnects nobody; and one timer for all deadlines.
 */

import type { Instant } from "../policy/identity.ts";

export interface Clock {
  now(): Instant;
  /** Calls back at that instant, instead of an earlier wish; undefined: never. */
  wakeAt(when: Instant | undefined): void;
  stop(): void;
}

/** setTimeout takes no longer waits: a later deadline is asked for again when it fires. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** The real clock. */
export function wallClock(wake: () => void): Clock {
  const start = Date.now() - performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let due: Instant = Infinity;
  const now = () => start + performance.now();
  return {
    now,
    wakeAt(when = Infinity) {
      if (when === due && timer !== undefined) return;
      clearTimeout(timer);
      timer = undefined;
      due = when;
      if (when === Infinity) return;
      const wait = Math.min(LONGEST_WAIT, Math.max(0, Math.ceil(when - now())));
      timer = setTimeout(() => {
        timer = undefined;
        wake();
      }, wait);
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
