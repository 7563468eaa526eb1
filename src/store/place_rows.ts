/**
 * Memory for the rows of place queues: blocks of a few sizes cut from slabs and used again. A million
 * small arrays that grow by doubling leave holes in the memory of the process, these do not. Mutable;
 * owned by one `StoreIndex`.
 */

/** Numbers in a row: order, place and size. */
export const ROW = 3;

/** Rows in blocks of each class. */
const CLASSES = [4, 16, 64, 256] as const;
/** Rows in a block of the largest class. */
export const MOST_ROWS = 256;
/** Numbers in a slab, 48 KiB: a whole number of blocks of every class. */
const SLAB = 16 * MOST_ROWS * ROW;

/** Rows `at / ROW` and on of a slab. */
export interface Block {
  readonly memory: Int32Array;
  readonly at: number;
  readonly class: number;
}

export class PlaceRows {
  readonly #free: Block[][] = CLASSES.map(() => []);

  /** A block of at least so many rows, no more than `MOST_ROWS`, with any content. */
  take(rows: number): Block {
    const number = rows <= 4 ? 0 : rows <= 16 ? 1 : rows <= 64 ? 2 : 3;
    const free = this.#free[number]!;
    if (free.length === 0) {
      const memory = new Int32Array(SLAB);
      const length = CLASSES[number]! * ROW;
      for (let at = SLAB - length; at >= 0; at -= length) free.push({ memory, at, class: number });
    }
    return free.pop()!;
  }

  /** Gives a block back that nobody uses any more. */
  give(block: Block): void {
    this.#free[block.class]!.push(block);
  }
}

/** Rows that a block holds. */
export function capacity(block: Block): number {
  return CLASSES[block.class]!;
}
