/**
 * The tail of a queue: of messages that only the store has their orders and sizes, oldest first. Immutable.
 *
 * A message by itself costs 16 bytes. Messages that came as a run and are all of one size are one entry of 64 bytes,
 * and with the runs behind it one still: 100,000 of one publisher are stored, and leave again, without a step for each.
 */

import * as fifo from "./fifo.ts";
import type { Fifo } from "./fifo.ts";
import type { DeliveryRun, Queued } from "./delivery_run.ts";
import { evenSize, isRun, lengthOf, orderAt, runLength, sizeAt } from "./delivery_run.ts";
import type { Order } from "./message.ts";

/** Made and read by the functions of this file only. */
export interface Tail {
  /** Messages. */
  readonly length: number;
  readonly entries: Fifo<Order | Stretch>;
  /** For each entry the size of its message, or of each of them. */
  readonly sizes: Fifo<number>;
}

/** Orders that follow each other at the same distance. */
interface Stretch {
  readonly first: Order;
  readonly step: number;
  readonly count: number;
}

export const EMPTY_TAIL: Tail = { length: 0, entries: fifo.emptyFifo(), sizes: fifo.emptyFifo() };

/** Of messages by themselves. */
export function tailOf(orders: readonly Order[], sizes: readonly number[]): Tail {
  if (orders.length === 0) return EMPTY_TAIL;
  return { length: orders.length, entries: fifo.fromArray(orders), sizes: fifo.fromArray(sizes) };
}

/** The oldest order; undefined of an empty one. */
export function firstOrder({ entries }: Tail): Order | undefined {
  const entry = fifo.peek(entries);
  return isStretch(entry) ? entry.first : entry;
}

/** The size of the oldest; undefined of an empty one. */
export function firstSize({ sizes }: Tail): number | undefined {
  return fifo.peek(sizes);
}

/** The newest order; undefined of an empty one. */
export function lastOrder({ entries }: Tail): Order | undefined {
  const entry = fifo.peekLast(entries);
  return isStretch(entry) ? behind(entry) - entry.step : entry;
}

/** All orders, oldest first. */
export function ordersOf({ entries }: Tail): Order[] {
  return fifo.toArray(entries).flatMap((entry) =>
    isStretch(entry)
      ? Array.from({ length: entry.count }, (_, at) => entry.first + at * entry.step)
      : [entry]
  );
}

/** The sizes, in the same order. */
export function sizesOf({ entries, sizes }: Tail): number[] {
  const each = fifo.toArray(sizes);
  return fifo.toArray(entries).flatMap((entry, at) =>
    new Array<number>(isStretch(entry) ? entry.count : 1).fill(each[at]!)
  );
}

/** With a message behind all others. */
export function push(tail: Tail, order: Order, size: number): Tail {
  const { length, entries, sizes } = tail;
  const last = fifo.peekLast(entries);
  if (isStretch(last) && behind(last) === order && fifo.peekLast(sizes) === size) {
    return { length: length + 1, entries: fifo.withLast(entries, longer(last, 1)), sizes };
  }
  return { length: length + 1, entries: fifo.push(entries, order), sizes: fifo.push(sizes, size) };
}

/** With a run behind all others. */
export function pushRun(tail: Tail, run: DeliveryRun): Tail {
  const count = runLength(run);
  const length = tail.length + count;
  const size = evenSize(run);
  const { entries, sizes } = tail;
  if (size === undefined) {
    return {
      length,
      entries: fifo.pushAll(entries, Array.from({ length: count }, (_, at) => orderAt(run, at))),
      sizes: fifo.pushAll(sizes, Array.from({ length: count }, (_, at) => sizeAt(run, at))),
    };
  }
  const { firstOrder: first, orderStep: step } = run;
  const last = fifo.peekLast(entries);
  if (
    isStretch(last) && last.step === step && behind(last) === first &&
    fifo.peekLast(sizes) === size
  ) return { length, entries: fifo.withLast(entries, longer(last, count)), sizes };
  return {
    length,
    entries: fifo.push<Order | Stretch>(entries, { first, step, count }),
    sizes: fifo.push(sizes, size),
  };
}

/** With a message before all others. */
export function unshift({ length, entries, sizes }: Tail, order: Order, size: number): Tail {
  return {
    length: length + 1,
    entries: fifo.pushFront(entries, order),
    sizes: fifo.pushFront(sizes, size),
  };
}

/** Without the oldest. */
export function shift(tail: Tail): Tail {
  const { length, entries, sizes } = tail;
  if (length <= 1) return EMPTY_TAIL;
  const entry = fifo.peek(entries);
  if (isStretch(entry) && entry.count > 1) {
    return { length: length - 1, entries: fifo.withFirst(entries, rest(entry, 1)), sizes };
  }
  return { length: length - 1, entries: fifo.shift(entries), sizes: fifo.shift(sizes) };
}

/** What is left without those that were read, and by how much its sizes are less. */
export interface Left {
  readonly tail: Tail;
  readonly size: number;
}

/** What is left behind these; undefined where it does not begin with just these. */
export function without(tail: Tail, read: readonly Queued[]): Left | undefined {
  const entries = fifo.first(tail.entries, lengthOf(read));
  const sizes = fifo.first(tail.sizes, entries.length);
  let at = 0; // the entry
  let gone = 0; // of its orders
  let length = 0;
  let size = 0;
  for (let i = 0; i < read.length; i++) {
    const each = read[i]!;
    const step = isRun(each) ? each.orderStep : 1;
    let order = isRun(each) ? each.firstOrder : each.message.order;
    let left = isRun(each) ? runLength(each) : 1;
    while (left > 0) {
      const entry = entries[at];
      const inStretch = isStretch(entry);
      if ((inStretch ? entry.first + gone * entry.step : entry) !== order) return undefined;
      const most = inStretch && entry.step === step ? entry.count - gone : 1;
      const count = Math.min(left, most);
      size += count * sizes[at]!;
      length += count;
      left -= count;
      order += count * step;
      gone += count;
      if (!inStretch || gone === entry.count) {
        at += 1;
        gone = 0;
      }
    }
  }
  return { tail: dropped(tail, length, at, gone), size };
}

/** Without `length` messages, which are so many entries and then so many of the next one. */
function dropped(tail: Tail, length: number, entries: number, more: number): Tail {
  if (length === tail.length) return EMPTY_TAIL;
  const left = fifo.drop(tail.entries, entries);
  const first = fifo.peek(left);
  return {
    length: tail.length - length,
    entries: more > 0 && isStretch(first) ? fifo.withFirst(left, rest(first, more)) : left,
    sizes: fifo.drop(tail.sizes, entries),
  };
}

function isStretch(entry: Order | Stretch | undefined): entry is Stretch {
  return typeof entry === "object";
}

/** The order that would come next. */
function behind({ first, step, count }: Stretch): Order {
  return first + count * step;
}

function longer({ first, step, count }: Stretch, by: number): Stretch {
  return { first, step, count: count + by };
}

function rest({ first, step, count }: Stretch, gone: number): Stretch {
  return { first: first + gone * step, step, count: count - gone };
}
