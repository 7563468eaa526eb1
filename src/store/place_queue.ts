/**
 * Where the queued messages of one session stand in the store: order, place and size of each, sorted by
 * order, and no message. Orders come nearly always last and go nearly always first.
 *
 * Twelve bytes a message: orders and places are kept as differences to those of their chunk, and what is
 * too far from it gets a chunk of its own. Mutable; owned by one session of a `StoreIndex`.
 */

import type { Order } from "../session/message.ts";
import type { Block } from "./place_rows.ts";
import { capacity, MOST_ROWS, PlaceRows, ROW } from "./place_rows.ts";

/** A segment's number times 2,048 plus the entry's number in it. */
export type Place = number;

/** No place. */
export const NOWHERE: Place = -1;

/** What a number in a row reaches to, up and down. */
const REACH = 2 ** 31;

/** Rows `from` to before `to` of its block are in use; none is empty. */
interface Chunk {
  block: Block;
  from: number;
  to: number;
  /** What the numbers in its rows count from. */
  readonly order: Order;
  readonly place: Place;
}

export class PlaceQueue {
  readonly #rows: PlaceRows;
  readonly #chunks: Chunk[] = [];
  #size = 0;

  /** @param rows where its memory comes from, shared by all queues of a store */
  constructor(rows: PlaceRows = new PlaceRows()) {
    this.#rows = rows;
  }

  get size(): number {
    return this.#size;
  }

  /** Puts an order in its turn; the place that it had before, or `NOWHERE`. */
  put(order: Order, place: Place, size: number): Place {
    const chunks = this.#chunks;
    const last = chunks[chunks.length - 1];
    if (last === undefined || orderAt(last, last.to - 1) < order) {
      this.#add(chunks.length, order, place, size);
      return NOWHERE;
    }
    const number = this.#chunkOf(order);
    const chunk = chunks[number]!;
    const row = rowOf(chunk, order);
    if (orderAt(chunk, row) !== order) {
      this.#insert(number, row, order, place, size);
      return NOWHERE;
    }
    const before = placeIn(chunk, row);
    if (fits(chunk, order, place)) setRow(chunk, row, order, place, size);
    else {
      this.#remove(number, row);
      const now = this.#chunkOf(order);
      const then = chunks[now];
      this.#insert(now, then === undefined ? 0 : rowOf(then, order), order, place, size);
    }
    return before;
  }

  /** Takes an order out; the place that it had, or `NOWHERE`. */
  delete(order: Order): Place {
    const number = this.#chunkOf(order);
    const chunk = this.#chunks[number];
    if (chunk === undefined) return NOWHERE;
    const row = rowOf(chunk, order);
    if (orderAt(chunk, row) !== order) return NOWHERE;
    const place = placeIn(chunk, row);
    this.#remove(number, row);
    return place;
  }

  /** Gives its memory back; it is empty after that. */
  clear(): void {
    for (const { block } of this.#chunks) this.#rows.give(block);
    this.#chunks.length = 0;
    this.#size = 0;
  }

  /** The places of at most `most` orders, from `from` on. */
  places(from: Order, most: number): Place[] {
    return this.#column(placeIn, from, most);
  }

  /** All orders, the first first. */
  orders(): Order[] {
    return this.#column(orderAt, -Infinity, Infinity);
  }

  /** The sizes, as `orders()` has them. */
  sizes(): number[] {
    return this.#column(sizeAt, -Infinity, Infinity);
  }

  #column(value: (chunk: Chunk, row: number) => number, from: Order, most: number): number[] {
    // Of its size at once: that of a whole queue may be kept for long.
    const read = new Array<number>(Math.min(this.#size, most));
    let length = 0;
    for (let number = this.#chunkOf(from); number < this.#chunks.length; number++) {
      const chunk = this.#chunks[number]!;
      for (let row = rowOf(chunk, from); row < chunk.to && length < read.length; row++) {
        read[length++] = value(chunk, row);
      }
    }
    read.length = length;
    return read;
  }

  /** Puts a row in at `row` of a chunk, or before all of a chunk, or after the last chunk. */
  #insert(number: number, row: number, order: Order, place: Place, size: number): void {
    const chunk = this.#chunks[number];
    if (chunk === undefined) return this.#add(number, order, place, size);
    if (row === chunk.from) {
      // Between two chunks: behind the one before, if it takes it, or into one that is to be filled.
      const before = this.#chunks[number - 1];
      if (before !== undefined && before.to < MOST_ROWS && fits(before, order, place)) {
        return this.#add(number, order, place, size);
      }
      if (chunk.to - chunk.from > MOST_ROWS / 2 || !fits(chunk, order, place)) {
        return this.#begin(number, order, place, size);
      }
    } else if (chunk.to === MOST_ROWS || !fits(chunk, order, place)) {
      this.#split(number, row);
      return this.#add(number + 1, order, place, size);
    }
    this.#size += 1;
    if (chunk.from > 0) { // the freed row in front takes it in
      moveRows(chunk, chunk.from - 1, chunk.from, row);
      chunk.from -= 1;
      return setRow(chunk, row - 1, order, place, size);
    }
    this.#makeRoom(chunk);
    moveRows(chunk, row + 1, row, chunk.to);
    chunk.to += 1;
    setRow(chunk, row, order, place, size);
  }

  /** Puts a row behind the chunk before `number`, if there is one that takes it, or begins one there. */
  #add(number: number, order: Order, place: Place, size: number): void {
    const chunk = this.#chunks[number - 1];
    if (chunk === undefined || chunk.to === MOST_ROWS || !fits(chunk, order, place)) {
      return this.#begin(number, order, place, size);
    }
    this.#makeRoom(chunk);
    setRow(chunk, chunk.to++, order, place, size);
    this.#size += 1;
  }

  /** Makes a chunk of one row. Behind a full one many are expected. */
  #begin(number: number, order: Order, place: Place, size: number): void {
    const before = this.#chunks[number - 1];
    const block = this.#rows.take(before?.to === MOST_ROWS ? MOST_ROWS : 1);
    const chunk = { block, from: 0, to: 1, order, place };
    setRow(chunk, 0, order, place, size);
    if (number === this.#chunks.length) this.#chunks.push(chunk);
    else this.#chunks.splice(number, 0, chunk);
    this.#size += 1;
  }

  /** Moves the rows from `row` on into a chunk of their own, behind. */
  #split(number: number, row: number): void {
    const chunk = this.#chunks[number]!;
    const block = this.#rows.take(chunk.to - row);
    const { order, place } = chunk;
    const rest = { block, from: 0, to: chunk.to - row, order, place };
    copyRows(rest, 0, chunk, row, chunk.to);
    chunk.to = row;
    this.#chunks.splice(number + 1, 0, rest);
  }

  #remove(number: number, row: number): void {
    const chunk = this.#chunks[number]!;
    if (row === chunk.from) chunk.from += 1;
    else {
      moveRows(chunk, row, row + 1, chunk.to);
      chunk.to -= 1;
    }
    if (chunk.from === chunk.to) {
      this.#rows.give(chunk.block);
      this.#chunks.splice(number, 1);
    }
    this.#size -= 1;
  }

  /** Makes room for a row at the end of a chunk that is not full. */
  #makeRoom(chunk: Chunk): void {
    if (chunk.to < capacity(chunk.block)) return;
    const { block } = chunk;
    chunk.block = this.#rows.take(chunk.to + 1);
    chunk.block.memory.set(
      block.memory.subarray(block.at, block.at + chunk.to * ROW),
      chunk.block.at,
    );
    this.#rows.give(block);
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
  return chunk.order + chunk.block.memory[chunk.block.at + row * ROW]!;
}

function placeIn(chunk: Chunk, row: number): Place {
  return chunk.place + chunk.block.memory[chunk.block.at + row * ROW + 1]!;
}

function sizeAt(chunk: Chunk, row: number): number {
  return chunk.block.memory[chunk.block.at + row * ROW + 2]! >>> 0;
}

function fits(chunk: Chunk, order: Order, place: Place): boolean {
  return Math.abs(order - chunk.order) < REACH && Math.abs(place - chunk.place) < REACH;
}

function setRow(chunk: Chunk, row: number, order: Order, place: Place, size: number): void {
  const { memory, at } = chunk.block;
  memory[at + row * ROW] = order - chunk.order;
  memory[at + row * ROW + 1] = place - chunk.place;
  memory[at + row * ROW + 2] = size;
}

/** Moves the rows `from` to before `end` of a chunk to `to` and on. */
function moveRows({ block: { memory, at } }: Chunk, to: number, from: number, end: number): void {
  memory.copyWithin(at + to * ROW, at + from * ROW, at + end * ROW);
}

function copyRows(into: Chunk, to: number, chunk: Chunk, from: number, end: number): void {
  const { memory, at } = chunk.block;
  into.block.memory.set(
    memory.subarray(at + from * ROW, at + end * ROW),
    into.block.at + to * ROW,
  );
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
