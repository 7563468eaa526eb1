/**
 * How often each may ask: so many a second, and ten seconds' worth at once after a pause.
 *
 * A mutable island; time is an argument. It remembers a bounded number of names, those that asked last.
 */

import type { Instant } from "../policy/identity.ts";

/** Seconds' worth that may come at once. */
const BURST = 10;
/** Names that are remembered. */
const MOST = 10_000;

interface Bucket {
  left: number;
  at: Instant;
}

export class RequestRate {
  readonly #buckets = new Map<string, Bucket>();

  /** Whether one more request of that name is within the rate; it counts if so. */
  admit(name: string, perSecond: number, now: Instant): boolean {
    const before = this.#buckets.get(name);
    const most = perSecond * BURST;
    const left = before === undefined
      ? most
      : Math.min(most, before.left + (now - before.at) / 1000 * perSecond);
    this.#buckets.delete(name); // put back at the end: the first is the one that asked longest ago
    this.#buckets.set(name, { left: left >= 1 ? left - 1 : left, at: now });
    if (this.#buckets.size > MOST) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return left >= 1;
  }
}
