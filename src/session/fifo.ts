/**
 * A queue, first in first out, that is never changed: a change makes a new queue which shares all
 * it can with the old one. No section of the standard; it holds what waits for a Packet Identifier.
 *
 * The first and the last items lie in a chunk each, copied on every change, so an item that was
 * taken off is let go at once. Full chunks lie between them in a queue of the same kind, whose
 * items are chunks: a million items are five queues deep. A change copies one chunk, and one at
 * the next depth only when a chunk is full or used up; no version of a queue is ever slow.
 */

/** The most items in a chunk that grows: larger ones cost less memory and more copying. */
const CHUNK = 16;
/** Items in a chunk of a queue that is made at once: it is long, and mostly waits. */
const LONG_CHUNK = 64;

/** Made and read by the functions of this file only. */
export interface Fifo<T> {
  readonly size: number;
  /** Empty only when the whole queue is. */
  readonly head: readonly T[];
  readonly middle: Fifo<readonly T[]> | undefined;
  /** Empty only when the middle is, too: `peekLast` looks nowhere else for the last item. */
  readonly tail: readonly T[];
}

const EMPTY: Fifo<never> = { size: 0, head: [], middle: undefined, tail: [] };

/** The queue without items; always the same object. */
export function emptyFifo<T>(): Fifo<T> {
  return EMPTY;
}

/** The queue of these items, built at once: a million pushes leave a hundred megabytes to collect. */
export function fromArray<T>(items: readonly T[]): Fifo<T> {
  const size = items.length;
  if (size === 0) return emptyFifo();
  const head = items.slice(0, LONG_CHUNK);
  if (size <= LONG_CHUNK) return { size, head, middle: undefined, tail: EMPTY.tail };
  const chunks: (readonly T[])[] = [];
  let at = LONG_CHUNK;
  for (; at + LONG_CHUNK < size; at += LONG_CHUNK) chunks.push(items.slice(at, at + LONG_CHUNK));
  const middle = chunks.length === 0 ? undefined : fromArray(chunks);
  return { size, head, middle, tail: items.slice(at) };
}

/** How many items the queue has. */
export function size<T>(fifo: Fifo<T>): number {
  return fifo.size;
}

/** The queue with `item` after all others. */
export function push<T>(fifo: Fifo<T>, item: T): Fifo<T> {
  const { size, head, middle, tail } = fifo;
  if (size === 0) return { size: 1, head: [item], middle: undefined, tail: EMPTY.tail };
  if (tail.length < CHUNK) return { size: size + 1, head, middle, tail: appended(tail, item) };
  return { size: size + 1, head, middle: push(middle ?? emptyFifo(), tail), tail: [item] };
}

/** The queue with all of these after all others, in their order: a copy for each chunk, not for each item. */
export function pushAll<T>(fifo: Fifo<T>, items: readonly T[]): Fifo<T> {
  if (fifo.size === 0) return fromArray(items);
  const { head } = fifo;
  let { middle, tail } = fifo;
  for (let at = 0; at < items.length;) {
    if (tail.length >= CHUNK) {
      middle = push<readonly T[]>(middle ?? emptyFifo(), tail);
      tail = EMPTY.tail;
    }
    const more = Math.min(CHUNK - tail.length, items.length - at);
    const longer = new Array<T>(tail.length + more);
    for (let i = 0; i < tail.length; i++) longer[i] = tail[i]!;
    for (let i = 0; i < more; i++) longer[tail.length + i] = items[at + i]!;
    tail = longer;
    at += more;
  }
  return { size: fifo.size + items.length, head, middle, tail };
}

/** The queue, which is not empty, with `item` in the place of its last one. */
export function withLast<T>(fifo: Fifo<T>, item: T): Fifo<T> {
  const { size, head, middle, tail } = fifo;
  if (tail.length > 0) return { size, head, middle, tail: tail.with(-1, item) };
  return { size, head: head.with(-1, item), middle, tail };
}

/** The queue, which is not empty, with `item` in the place of its first one. */
export function withFirst<T>(fifo: Fifo<T>, item: T): Fifo<T> {
  const { size, head, middle, tail } = fifo;
  return { size, head: head.with(0, item), middle, tail };
}

/** The queue with `item` before all others. */
export function pushFront<T>(fifo: Fifo<T>, item: T): Fifo<T> {
  const { size, head, middle, tail } = fifo;
  if (head.length < CHUNK) return { size: size + 1, head: prepended(item, head), middle, tail };
  if (tail.length === 0) return { size: size + 1, head: [item], middle: undefined, tail: head };
  return { size: size + 1, head: [item], middle: pushFront(middle ?? emptyFifo(), head), tail };
}

/** The first item, or undefined when there is none. */
export function peek<T>(fifo: Fifo<T>): T | undefined {
  return fifo.head[0];
}

/** The last item; undefined of an empty queue. */
export function peekLast<T>({ head, tail }: Fifo<T>): T | undefined {
  return tail.length > 0 ? tail[tail.length - 1] : head[head.length - 1];
}

/** The queue without its first item; an empty one comes back as it is. */
export function shift<T>(fifo: Fifo<T>): Fifo<T> {
  const { size, head, middle, tail } = fifo;
  if (size <= 1) return emptyFifo();
  if (head.length > 1) return { size: size - 1, head: head.slice(1), middle, tail };
  const next = middle === undefined ? undefined : peek(middle);
  if (next === undefined) {
    return { size: size - 1, head: tail, middle: undefined, tail: EMPTY.tail };
  }
  return { size: size - 1, head: next, middle: shift(middle!), tail };
}

/** The first items, `most` at most; a new array that the caller may keep. */
export function first<T>(fifo: Fifo<T>, most: number): T[] {
  const items: T[] = [];
  let { head, middle } = fifo;
  for (;;) {
    if (items.length + head.length <= most) items.push(...head);
    else for (let i = 0; items.length < most; i++) items.push(head[i]!);
    if (items.length >= most || items.length === fifo.size) return items;
    const next = middle === undefined ? undefined : peek(middle);
    head = next ?? fifo.tail;
    if (next !== undefined) middle = shift(middle!);
  }
}

/** The queue without its first `count` items, of which it has as many: a copy at most, not one for each. */
export function drop<T>(fifo: Fifo<T>, count: number): Fifo<T> {
  const size = fifo.size - count;
  if (size <= 0) return emptyFifo();
  let { head, middle, tail } = fifo;
  let left = count;
  while (left >= head.length) {
    left -= head.length;
    const next = middle === undefined ? undefined : peek(middle);
    head = next ?? tail;
    if (next === undefined) tail = EMPTY.tail;
    else middle = shift(middle!);
  }
  return { size, head: left === 0 ? head : head.slice(left), middle, tail };
}

/** The items in their order; a new array that the caller may keep. */
export function toArray<T>(fifo: Fifo<T>): T[] {
  const items = fifo.head.slice();
  if (fifo.middle !== undefined) {
    for (const chunk of toArray(fifo.middle)) {
      for (const item of chunk) items.push(item);
    }
  }
  for (const item of fifo.tail) items.push(item);
  return items;
}

// Written out because pushing onto a copy would set aside room for items that never come.
function appended<T>(items: readonly T[], item: T): T[] {
  const copy = new Array<T>(items.length + 1);
  for (let at = 0; at < items.length; at++) copy[at] = items[at]!;
  copy[items.length] = item;
  return copy;
}

function prepended<T>(item: T, items: readonly T[]): T[] {
  const copy = new Array<T>(items.length + 1);
  copy[0] = item;
  for (let at = 0; at < items.length; at++) copy[at + 1] = items[at]!;
  return copy;
}
