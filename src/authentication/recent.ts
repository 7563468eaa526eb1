/**
 * A table of what was seen lately: each value for a time, and so many of them at most. A mutable island,
 * owned by whoever makes one.
 */

import type { Instant } from "../policy/identity.ts";

interface Kept<Value> {
  readonly value: Value;
  readonly until: Instant;
}

export class Recent<Value> {
  readonly #most: number;
  readonly #now: () => Instant;
  /** The one that was set last stands last. */
  readonly #kept = new Map<string, Kept<Value>>();

  /** @param most values; the one that was set longest ago goes for one more. 0 keeps none */
  constructor(most: number, now: () => Instant) {
    this.#most = most;
    this.#now = now;
  }

  /** Values that are held, those included whose time is over and that nobody asked for since. */
  get size(): number {
    return this.#kept.size;
  }

  /** The value, unless its time is over. */
  get(key: string): Value | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    if (kept.until > this.#now()) return kept.value;
    this.#kept.delete(key);
    return undefined;
  }

  /** Keeps a value until an instant. */
  set(key: string, value: Value, until: Instant): void {
    this.#kept.delete(key);
    if (this.#most === 0) return;
    if (this.#kept.size >= this.#most) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest);
        break;
      }
    }
    this.#kept.set(key, { value, until });
  }

  /** Takes a value out. */
  delete(key: string): void {
    this.#kept.delete(key);
  }

  /** Forgets all. */
  clear(): void {
    this.#kept.clear();
  }
}
