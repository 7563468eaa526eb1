/**
 * Has those who read give way to everybody else, after so many bytes of all of them together: a link whose next
 * bytes are always there already is read on and on without the event loop getting its turn, so that others, and
 * timers, would wait for seconds. A mutable island, one for each broker.
 */

/**
 * Bytes that are read in one turn of the event loop at most: few enough that small messages take no more than some
 * milliseconds, so many that a turn, 10 microseconds, is no cost.
 */
export const BYTES_A_TURN = 1 << 16;

export class FairTurns {
  #bytes = 0;
  #next: Promise<void> | undefined;

  /** Counts what was read; what is to be awaited before more is, undefined where it is nobody else's turn. */
  spent(bytes: number): Promise<void> | undefined {
    this.#bytes += bytes;
    if (this.#bytes < BYTES_A_TURN) return undefined;
    return this.#next ??= new Promise((resolve) => {
      // Not a timer, which takes a millisecond and more.
      setImmediate(() => {
        this.#bytes = 0;
        this.#next = undefined;
        resolve();
      });
    });
  }
}
