/**
 * Has those who read give way to everybody else, after so many bytes of all of them together: a link whose next
 * bytes are always there already is read on and on without the event loop getting its turn, so that others, and
 * timers, would wait for seconds. A mutable island, one for each broker.
 */

/**
 * Bytes that are taken in within one turn of the event loop before anybody has to queue: few enough that small
 * messages take less than a millisecond, so many that a turn, 10 to 20 microseconds, is no cost.
 */
export const BYTES_A_TURN = 1 << 16;

/** Bytes of a read from which on its link has to queue: who sends less at a time floods nobody. */
export const MUCH = 1 << 12;

/**
 * Milliseconds of one turn that links of the queue hand on to each other, and one read more. A message of 64 KiB
 * takes 60 microseconds: with a turn for each of them it took 20 more.
 */
export const TIME_A_TURN = 0.5;

/** A link that reads much. */
interface Waiting {
  readonly bytes: number;
  readonly resolve: () => void;
}

export class FairTurns {
  readonly #soon: (then: () => void) => void;
  readonly #now: () => number;
  #bytes = 0;
  /** When links of the queue hand nothing on any more. */
  #until = 0;
  #number = 0;
  /** Links that read much and were given this turn, and have not come again. */
  #inHand = 0;
  /** For all who have read little. */
  #next: PromiseWithResolvers<void> | undefined;
  /**
   * Those who read much, first come first served, each at most once. When all of them had the same turn, 50
   * flooding publishers were 3 MB between two messages of anybody else.
   */
  readonly #queue: Waiting[] = [];
  #scheduled = false;

  /**
   * @param soon calls what it is given in the next turn of the event loop; see `PollTurn`
   * @param now in milliseconds
   */
  constructor(
    soon: (then: () => void) => void = setImmediate,
    now: () => number = () => performance.now(),
  ) {
    this.#soon = soon;
    this.#now = now;
  }

  /** The turn that it is: other links have had theirs where it has changed. */
  get number(): number {
    return this.#number;
  }

  /**
   * Asks for a turn for what one link has read.
   *
   * @returns what is to be awaited before it is dealt with, undefined where that may be at once. After little it is
   *   the next turn of the event loop, after much when the queue has come to it.
   */
  spent(bytes: number): Promise<void> | undefined {
    if (this.#bytes < BYTES_A_TURN) {
      this.#bytes += bytes;
      if (bytes >= MUCH) this.#inHand += 1;
      return undefined;
    }
    this.#schedule();
    if (bytes < MUCH) return (this.#next ??= Promise.withResolvers()).promise;
    return new Promise((resolve) => this.#queue.push({ bytes, resolve }));
  }

  /**
   * Asks for another turn, by a link that has dealt with all that it has read, for what it is going to read. The
   * queue goes on with what is left of the time: one after the other, so that the memory that one has read into and
   * written from is still in the processor's cache when the next one does. 50 publishers of 64 KiB messages: 1.4
   * times the messages for a second of processor, against reading first and waiting then.
   *
   * @param bytes that it reads at most, no less than `MUCH`
   */
  again(bytes: number): Promise<void> | undefined {
    if (this.#inHand > 0) this.#inHand -= 1;
    const turn = this.spent(bytes);
    if (turn !== undefined && this.#inHand === 0 && this.#now() < this.#until) {
      this.#inHand = 1;
      this.#queue.shift()!.resolve(); // there is at least the one that asks
    }
    return turn;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#soon(this.#begin); // not a timer, which takes a millisecond and more
  }

  /** Begins a turn with those who have read little, then as many of the queue as it has bytes for. */
  readonly #begin = () => {
    this.#scheduled = false;
    this.#number += 1;
    this.#until = this.#now() + TIME_A_TURN;
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
    this.#inHand = at;
    if (this.#queue.length > 0) this.#schedule();
  };
}
