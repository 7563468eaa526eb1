/**
 * The queue of one stored session in memory: deliveries sorted by the order of their messages, which
 * come nearly always last and go nearly always first. Mutable; owned by one session record.
 *
 * The items lie in chunks of bounded length, so that an item that comes or goes in the middle of a
 * million moves no more than a chunk. A chunk that is full is packed until somebody wants what is in it.
 */

import type { Delivery, Order } from "../session/message.ts";
import type { PackedDeliveries } from "./packed_deliveries.ts";
import { packed, unpacked } from "./packed_deliveries.ts";

/** Items in a chunk; one that grew to twice as many in the middle is cut in two. */
const CHUNK = 512;

/** Never empty. */
type Chunk = Delivery[] | PackedDeliveries;

export class DeliveryQueue {
  readonly #chunks: Chunk[] = [];
  #size = 0;

  /** How many deliveries there are. */
  get size(): number {
    return this.#size;
  }

  /** Puts a delivery in its place; it replaces one of the same order. */
  put(delivery: Delivery): void {
    const { order } = delivery.message;
    const last = this.#chunks[this.#chunks.length - 1];
    if (last === undefined || lastOrder(last) < order) {
      this.#append(last, delivery);
      this.#size += 1;
      return;
    }
    const number = this.#chunkFor(order);
    const chunk = this.#open(number)!;
    const at = placeOf(chunk, order);
    if (orderAt(chunk, at) === order) {
      chunk[at] = delivery;
      return;
    }
    chunk.splice(at, 0, delivery);
    this.#size += 1;
    if (chunk.length >= 2 * CHUNK) this.#chunks.splice(number + 1, 0, chunk.splice(CHUNK));
  }

  /** Takes the delivery of that order away; false when there was none. */
  delete(order: Order): boolean {
    const number = this.#chunkFor(order);
    const chunk = this.#open(number);
    if (chunk === undefined) return false;
    const at = placeOf(chunk, order);
    if (orderAt(chunk, at) !== order) return false;
    if (at === 0) chunk.shift();
    else chunk.splice(at, 1);
    if (chunk.length === 0) this.#chunks.splice(number, 1);
    this.#size -= 1;
    return true;
  }

  /** At most `most` deliveries, in order, from `from` on; a new array that the caller may keep. */
  read(from: Order, most: number): Delivery[] {
    const read: Delivery[] = [];
    let number = this.#chunkFor(from);
    let chunk = this.#open(number);
    let at = chunk === undefined ? 0 : placeOf(chunk, from);
    while (chunk !== undefined) {
      for (; at < chunk.length; at++) {
        if (read.length >= most) return read;
        read.push(chunk[at]!);
      }
      if (read.length >= most) return read;
      chunk = this.#open(++number);
      at = 0;
    }
    return read;
  }

  /** Behind the last chunk's last item; a chunk that is full is packed, where it can be. */
  #append(last: Chunk | undefined, delivery: Delivery): void {
    if (!Array.isArray(last) || last.length >= CHUNK) {
      if (Array.isArray(last)) this.#chunks[this.#chunks.length - 1] = packed(last) ?? last;
      this.#chunks.push([delivery]);
    } else last.push(delivery);
  }

  /** The items of a chunk, to be looked at or changed. */
  #open(number: number): Delivery[] | undefined {
    const chunk = this.#chunks[number];
    if (chunk === undefined || Array.isArray(chunk)) return chunk;
    return this.#chunks[number] = unpacked(chunk);
  }

  /** The first chunk that ends with `order` or later: where that order is, or would come. */
  #chunkFor(order: Order): number {
    const chunks = this.#chunks;
    const first = chunks[0];
    if (first === undefined || lastOrder(first) >= order) return 0;
    let low = 1;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lastOrder(chunks[middle]!) < order) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function lastOrder(chunk: Chunk): Order {
  return Array.isArray(chunk) ? orderAt(chunk, chunk.length - 1) : chunk.lastOrder;
}

function orderAt(chunk: readonly Delivery[], at: number): Order {
  return chunk[at]!.message.order;
}

/** The place of the first delivery of `order` or later; the chunk has one. */
function placeOf(chunk: readonly Delivery[], order: Order): number {
  if (orderAt(chunk, 0) >= order) return 0;
  let low = 1;
  let high = chunk.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (orderAt(chunk, middle) < order) low = middle + 1;
    else high = middle;
  }
  return low;
}
