/**
 * Where the queued messages of one session stand in the store: order, place and size of each, sorted by
 * order, and no message. Orders come nearly always last and go nearly always first.
 *
 * Three numbers a message in typed arrays: a million of them must cost no more than 24 MB. Mutable;
 * owned by one session of a `StoreIndex`.
 */

import type { Order } from "../session/message.ts";

/** A segment's number times 65,536 plus the entry's number in it. */
export type Place = number;

/** No place. */
export const NOWHERE: Place = -1;

/** Rows in a chunk that is full. */
const MOST_ROWS = 512;
const SMALLEST = 2;

/** Rows `from` to before `to` are in use; none is empty. */
interface Chunk {
  rows: Float64Array;
  from: number;
  to: number;
}

export class PlaceQueue {
  readonly #chunks: Chunk[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Puts an order in its turn; the place that it had before, or `NOWHERE`. */
  put(order: Order, place: Place, size: number): Place {
    const chunks = this.#chunks;
    const last = chunks[chunks.length - 1];
    if (last === undefined || orderAt(last, last.to - 1) < order) {
      this.#append(last, order, place, size);
      return NOWHERE;
    }
    const number = this.#chunkOf(order);
    const chunk = chunks[number]!;
    const row = rowOf(chunk, order);
    if (orderAt(chunk, row) === order) {
      const before = chunk.rows[row * 3 + 1]!;
      setRow(chunk, row, order, place, size);
      return before;
    }
    this.#size += 1;
    this.#insert(number, chunk, row, order, place, size);
    return NOWHERE;
  }

  /** Takes an order out; the place that it had, or `NOWHERE`. */
  delete(order: Order): Place {
    const number = this.#chunkOf(order);
    const chunk = this.#chunks[number];
    if (chunk === undefined) return NOWHERE;
    const row = rowOf(chunk, order);
    if (row === chunk.to || orderAt(chunk, row) !== order) return NOWHERE;
    const place = chunk.rows[row * 3 + 1]!;
    if (row === chunk.from) chunk.from += 1;
    else {
      chunk.rows.copyWithin(row * 3, (row + 1) * 3, chunk.to * 3);
      chunk.to -= 1;
    }
    if (chunk.from === chunk.to) this.#chunks.splice(number, 1);
    this.#size -= 1;
    return place;
  }

  /** The places of at most `most` orders, from `from` on. */
  places(from: Order, most: number): Place[] {
    return this.#column(1, from, most);
  }

  /** All orders, the first first. */
  orders(): Order[] {
    return this.#column(0, -Infinity, Infinity);
  }

  /** The sizes, as `orders()` has them. */
  sizes(): number[] {
    return this.#column(2, -Infinity, Infinity);
  }

  #column(column: number, from: Order, most: number): number[] {
    // Of its size at once: that of a whole queue may be kept for long.
    const read = new Array<number>(Math.min(this.#size, most));
    let length = 0;
    for (let number = this.#chunkOf(from); number < this.#chunks.length; number++) {
      const chunk = this.#chunks[number]!;
      for (let row = rowOf(chunk, from); row < chunk.to && length < read.length; row++) {
        read[length++] = chunk.rows[row * 3 + column]!;
      }
    }
    read.length = length;
    return read;
  }

  #append(last: Chunk | undefined, order: Order, place: Place, size: number): void {
    let chunk = last;
    if (chunk === undefined || chunk.to === MOST_ROWS) {
      chunk = { rows: new Float64Array(SMALLEST * 3), from: 0, to: 0 };
      this.#chunks.push(chunk);
    }
    makeRoom(chunk);
    setRow(chunk, chunk.to++, order, place, size);
    this.#size += 1;
  }

  #insert(number: number, full: Chunk, at: number, order: Order, place: Place, size: number): void {
    let chunk = full;
    let row = at;
    if (chunk.from > 0) { // the freed row in front takes it in
      chunk.rows.copyWithin((chunk.from - 1) * 3, chunk.from * 3, row * 3);
      chunk.from -= 1;
      return setRow(chunk, row - 1, order, place, size);
    }
    if (chunk.to === MOST_ROWS) {
      const half = MOST_ROWS / 2;
      const rest = { rows: chunk.rows.slice(half * 3), from: 0, to: MOST_ROWS - half };
      chunk.to = half;
      this.#chunks.splice(number + 1, 0, rest);
      if (row > half) {
        chunk = rest;
        row -= half;
      }
    }
    makeRoom(chunk);
    chunk.rows.copyWithin((row + 1) * 3, row * 3, chunk.to * 3);
    chunk.to += 1;
    setRow(chunk, row, order, place, size);
  }

  /** The first chunk that ends with `order` or later. */
  #chunkOf(order: Order): number {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length;
    if (high > 0 && orderAt(chunks[0]!, chunks[0]!.to - 1) >= order) return 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const chunk = chunks[middle]!;
      if (orderAt(chunk, chunk.to - 1) < order) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function orderAt(chunk: Chunk, row: number): Order {
  return chunk.rows[row * 3]!;
}

function setRow(chunk: Chunk, row: number, order: Order, place: Place, size: number): void {
  chunk.rows[row * 3] = order;
  chunk.rows[row * 3 + 1] = place;
  chunk.rows[row * 3 + 2] = size;
}

/** Makes room for a row at the end of a chunk that is not full. */
function makeRoom(chunk: Chunk): void {
  if (chunk.to * 3 < chunk.rows.length) return;
  const rows = new Float64Array(Math.min(MOST_ROWS, Math.max(SMALLEST, chunk.to * 2)) * 3);
  rows.set(chunk.rows);
  chunk.rows = rows;
}

/** The first row of `order` or later; `chunk.to` when there is none. */
function rowOf(chunk: Chunk, order: Order): number {
  let low = chunk.from;
  let high = chunk.to;
  if (orderAt(chunk, low) >= order) return low;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (orderAt(chunk, middle) < order) low = middle + 1;
    else high = middle;
  }
  return low;
}
