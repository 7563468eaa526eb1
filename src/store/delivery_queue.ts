/**
 * The queue of one stored session in memory: deliveries sorted by the order of their messages, which
 * come nearly always last and go nearly always first. Mutable; owned by one session record.
 *
 * The items lie in chunks of bounded length, so that an item that comes or goes in the middle of a
 * million moves no more than a chunk. A chunk that is full is packed until somebody wants what is in it; what came as
 * a run stays one, and takes in what comes behind it by itself and is alike, unless something is put between or taken from
 * the middle.
 */

import type { DeliveryRun, Queued } from "../session/delivery_run.ts";
import { deliveryAt, orderAt as orderIn, partOfRun, runLength } from "../session/delivery_run.ts";
import type { Delivery, Order } from "../session/message.ts";
import type { PackedDeliveries } from "./packed_deliveries.ts";
import { packed, unpacked } from "./packed_deliveries.ts";
import { RunPage } from "./run_page.ts";

/** Items in a chunk; one that grew to twice as many in the middle is cut in two. */
const CHUNK = 512;

/** Never empty. */
type Chunk = Delivery[] | PackedDeliveries | RunPage;

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

  /** Puts a run in its place: behind all others, as none of it is there. */
  putRun(run: DeliveryRun): void {
    const last = this.#chunks[this.#chunks.length - 1];
    if (last !== undefined && lastOrder(last) >= run.firstOrder) {
      for (let i = 0; i < runLength(run); i++) this.put(deliveryAt(run, i));
      return;
    }
    const length = runLength(run);
    const taken = last instanceof RunPage ? last.append(run) : 0;
    if (taken < length) this.#push(new RunPage(partOfRun(run, taken, length - taken)));
    this.#size += length;
  }

  /** Takes the delivery of that order away; false when there was none. */
  delete(order: Order): boolean {
    const number = this.#chunkFor(order);
    const page = this.#chunks[number];
    if (page instanceof RunPage && page.firstOrder === order) {
      page.drop();
      if (page.size === 0) this.#chunks.splice(number, 1);
      this.#size -= 1;
      return true;
    }
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

  /** Takes all of a run away that was read. */
  deleteRun(run: DeliveryRun): void {
    const number = this.#chunkFor(run.firstOrder);
    const page = this.#chunks[number];
    const length = runLength(run);
    if (!(page instanceof RunPage) || !page.dropFirst(run)) {
      for (let i = 0; i < length; i++) this.delete(orderIn(run, i));
      return;
    }
    if (page.size === 0) this.#chunks.splice(number, 1);
    this.#size -= length;
  }

  /** At most `most` deliveries, in order, from `from` on; a new array that the caller may keep. */
  read(from: Order, most: number): Queued[] {
    const read: Queued[] = [];
    let left = most;
    for (let number = this.#chunkFor(from); left > 0 && number < this.#chunks.length; number++) {
      const page = this.#chunks[number]!;
      if (page instanceof RunPage) {
        const run = page.read(from, left);
        if (run === undefined) continue;
        read.push(run);
        left -= runLength(run);
        continue;
      }
      const chunk = this.#open(number)!;
      for (let at = placeOf(chunk, from); left > 0 && at < chunk.length; at++, left--) {
        read.push(chunk[at]!);
      }
    }
    return read;
  }

  /** Behind the last chunk's last item; a chunk that is full is packed, where it can be. */
  #append(last: Chunk | undefined, delivery: Delivery): void {
    if (Array.isArray(last) && last.length < CHUNK) last.push(delivery);
    else if (!(last instanceof RunPage) || !last.appendOne(delivery)) this.#push([delivery]);
  }

  #push(chunk: Chunk): void {
    const last = this.#chunks[this.#chunks.length - 1];
    if (Array.isArray(last) && last.length >= CHUNK) {
      this.#chunks[this.#chunks.length - 1] = packed(last) ?? last;
    }
    this.#chunks.push(chunk);
  }

  /** The items of a chunk, to be looked at or changed. */
  #open(number: number): Delivery[] | undefined {
    const chunk = this.#chunks[number];
    if (chunk === undefined || Array.isArray(chunk)) return chunk;
    return this.#chunks[number] = chunk instanceof RunPage ? chunk.deliveries() : unpacked(chunk);
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
