/**
 * So many at once, the others in a line, and the line has an end. For what takes a while: hashing a
 * password, asking another server.
 */

/** What `run` rejects with when the line is full. */
export const lineFull = new Error("too many are waiting to be looked at");

export class Turns {
  readonly #atOnce: number;
  readonly #mostWaiting: number;
  #running = 0;
  readonly #waiting = new Set<() => void>();

  constructor(atOnce: number, mostWaiting: number) {
    this.#atOnce = atOnce;
    this.#mostWaiting = mostWaiting;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Does it when it is its turn. Rejects with `lineFull`, or as it does. */
  async run<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.#atOnce) {
      if (this.#waiting.size >= this.#mostWaiting) throw lineFull;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await task();
    } finally {
      this.#next();
    }
  }

  /** Hands the turn on, so that nobody who comes just now takes it. */
  #next(): void {
    for (const first of this.#waiting) {
      this.#waiting.delete(first);
      return first();
    }
    this.#running -= 1;
  }
}
