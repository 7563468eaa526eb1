/**
 * Has those who read give way to everybody else, after so many bytes of all of them together: a link whose next
 * bytes are always there already is read on and on without the event loop getting its turn, so that others, and
 * timers, would wait for seconds. A mutable island, one for each broker.
 */

/**
 * Bytes that are taken in within one turn of the event loop at most, and one read more: few enough that small
 * messages take less than a millisecond, so many that a turn, 10 microseconds, is no cost.
 */
export const BYTES_A_TURN = 1 << 16;

/** Bytes of a read from which on its link has to queue: who sends less at a time floods nobody. */
export const MUCH = 1 << 12;

/** A link that has read much. */
interface Waiting {
  readonly bytes: number;
  readonly resolve: () => void;
}

export class FairTurns {
  #bytes = 0;
  /** For all who have read little. */
  #next: PromiseWithResolvers<void> | undefined;
  /**
   * Those who have read much, first come first served, each at most once. When all of them had the same turn, 50
   * flooding publishers were 3 MB between two messages of anybody else.
   */
  readonly #queue: Waiting[] = [];
  #scheduled = false;

  /**
   * Asks for a turn for what one link has read.
   *
   * @returns what is to be awaited before it is dealt with, undefined where that may be at once. After little it is
   *   the next turn of the event loop, after much when the queue has come to it.
   */
  spent(bytes: number): Promise<void> | undefined {
    if (this.#bytes < BYTES_A_TURN) {
      this.#bytes += bytes;
      return undefined;
    }
    this.#schedule();
    if (bytes < MUCH) return (this.#next ??= Promise.withResolvers()).promise;
    return new Promise((resolve) => this.#queue.push({ bytes, resolve }));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#begin); // not a timer, which takes a millisecond and more
  }

  /** Begins a turn with those who have read little, then as many of the queue as it has bytes for. */
  readonly #begin = () => {
    this.#scheduled = false;
    this.#bytes = 0;
    this.#next?.resolve();
    this.#next = undefined;
    let at = 0;
    for (; at < this.#queue.length && this.#bytes < BYTES_A_TURN; at++) {
      const { bytes, resolve } = this.#queue[at]!;
      this.#bytes += bytes;
      resolve();
    }
    this.#queue.splice(0, at);
    if (this.#queue.length > 0) this.#schedule();
  };
}
