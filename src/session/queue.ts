/**
 * The queue of a session: messages that have no Packet Identifier yet, oldest first. Immutable.
 *
 * Its head is in memory, ready to be sent; its tail is only in the store, and all that is kept of it
 * here are orders and sizes, as `tail.ts` says: an absent client costs about 16 bytes a queued message,
 * whatever the messages are, and hardly any where they came in runs. A queue that is not stored has no
 * tail. What the store kept as runs comes between the two as runs, to be sent as such: whoever wants single
 * messages of the head calls `opened`.
 */

import * as fifo from "./fifo.ts";
import type { Fifo } from "./fifo.ts";
import type { DeliveryRun, Queued } from "./delivery_run.ts";
import {
  deliveriesOf,
  eachBySelf,
  isRun,
  partOfRun,
  runLength,
  runSize,
  sizeOf,
} from "./delivery_run.ts";
import type { Delivery, Order } from "./message.ts";
import { messageSize } from "./message.ts";
import * as tails from "./tail.ts";
import type { Tail } from "./tail.ts";
import { EMPTY_TAIL } from "./tail.ts";

export interface Queue {
  readonly head: Fifo<Delivery>;
  /** Behind the head and before the tail: few, as the head is bounded and they count as part of it. */
  readonly runs: readonly DeliveryRun[];
  readonly tail: Tail;
  /** Head and tail together, as `messageSize` counts. */
  readonly bytes: number;
}

const NO_RUNS: readonly DeliveryRun[] = [];

export const EMPTY_QUEUE: Queue = {
  head: fifo.emptyFifo(),
  runs: NO_RUNS,
  tail: EMPTY_TAIL,
  bytes: 0,
};

/** A queue of which all is in the store, as the store tells of it: order and size of each, oldest first. */
export function storedQueue(orders: readonly Order[], sizes: readonly number[]): Queue {
  let bytes = 0;
  for (const size of sizes) bytes += size;
  return { ...EMPTY_QUEUE, tail: tails.tailOf(orders, sizes), bytes };
}

/** Messages in the queue, head and tail. */
export function queueLength(queue: Queue): number {
  return headLength(queue) + queue.tail.length;
}

/** Messages of the head, those in runs with them. */
export function headLength({ head, runs }: Queue): number {
  let length = fifo.size(head);
  for (let i = 0; i < runs.length; i++) length += runLength(runs[i]!);
  return length;
}

/** The orders of all its messages, oldest first. */
export function queueOrders(queue: Queue): Order[] {
  const orders = fifo.toArray(opened(queue).head).map(({ message }) => message.order);
  return [...orders, ...tailOrders(queue)];
}

/** With each message of its runs by itself in the head. */
export function opened(queue: Queue): Queue {
  if (queue.runs.length === 0) return queue;
  return {
    ...queue,
    head: fifo.pushAll(queue.head, queue.runs.flatMap(deliveriesOf)),
    runs: NO_RUNS,
  };
}

/** The orders of its tail, oldest first. */
export function tailOrders(queue: Queue): Order[] {
  return tails.ordersOf(queue.tail);
}

/** Without so many messages of its first run, of which the head is empty; `size` is theirs. */
export function withoutFirst(queue: Queue, count: number, size: number): Queue {
  const [first, ...others] = queue.runs;
  const left = runLength(first!) - count;
  const runs = left === 0 ? others : [partOfRun(first!, count, left), ...others];
  return { ...queue, runs, bytes: queue.bytes - size };
}

/** Messages of the tail. */
export function tailLength(queue: Queue): number {
  return queue.tail.length;
}

/** With the delivery at the end. `toTail`: only the store has it. Nothing overtakes: behind a tail comes tail. */
export function enqueue(queue: Queue, delivery: Delivery, toTail: boolean): Queue {
  const bytes = queue.bytes + messageSize(delivery.message);
  if (!toTail && tailLength(queue) === 0) {
    const front = opened(queue);
    return { ...front, head: fifo.push(front.head, delivery), bytes };
  }
  const { order } = delivery.message;
  return { ...queue, tail: tails.push(queue.tail, order, messageSize(delivery.message)), bytes };
}

/** With a run at the end that only the store has. */
export function enqueueRun(queue: Queue, run: DeliveryRun): Queue {
  return { ...queue, tail: tails.pushRun(queue.tail, run), bytes: queue.bytes + runSize(run) };
}

/**
 * With a delivery from another node, whose order may be below that of what is in the queue already: the tail is
 * in order always, as it is read from the store, and from there comes in order.
 */
export function enqueueInOrder(queue: Queue, delivery: Delivery, toTail: boolean): Queue {
  const { order } = delivery.message;
  const last = tails.lastOrder(queue.tail);
  if (last === undefined || last < order) return enqueue(queue, delivery, toTail);
  const orders = tails.ordersOf(queue.tail);
  const sizes = tails.sizesOf(queue.tail);
  const size = messageSize(delivery.message);
  let at = orders.length;
  while (at > 0 && orders[at - 1]! > order) at--;
  orders.splice(at, 0, order);
  sizes.splice(at, 0, size);
  return { ...queue, tail: tails.tailOf(orders, sizes), bytes: queue.bytes + size };
}

/**
 * With deliveries back that were sent once, in the order of arrival: in front, unless others that came
 * back before are still there.
 */
export function putBack(queue: Queue, deliveries: readonly Delivery[]): Queue {
  const front = opened(queue);
  let { head, bytes } = front;
  for (const delivery of deliveries) bytes += messageSize(delivery.message);
  const last = deliveries.at(-1);
  const first = fifo.peek(head);
  if (last !== undefined && first !== undefined && first.message.order < last.message.order) {
    const all = [...fifo.toArray(head), ...deliveries];
    all.sort((a, b) => a.message.order - b.message.order);
    return { ...front, head: fifoOf(all), bytes };
  }
  for (let i = deliveries.length - 1; i >= 0; i--) head = fifo.pushFront(head, deliveries[i]!);
  return { ...front, head, bytes };
}

function fifoOf(deliveries: readonly Delivery[]): Fifo<Delivery> {
  let queue = fifo.emptyFifo<Delivery>();
  for (const delivery of deliveries) queue = fifo.push(queue, delivery);
  return queue;
}

/** Without its oldest message; `order` is that message's. */
export function dropOldest(queue: Queue): { queue: Queue; order: Order } | undefined {
  const front = opened(queue);
  const first = fifo.peek(front.head);
  if (first !== undefined) return { queue: shiftHead(front), order: first.message.order };
  const order = tailStart(queue);
  if (order === undefined) return undefined;
  return { queue: shiftTail(queue), order };
}

/** Without the first message of its head, which the caller has peeked at. */
export function shiftHead(queue: Queue): Queue {
  const first = fifo.peek(queue.head)!;
  const bytes = queue.bytes - messageSize(first.message);
  return { ...queue, head: fifo.shift(queue.head), bytes };
}

/**
 * The first delivery of its head that `wanted` says yes to, and the queue without it; undefined where
 * there is none. Only for the rare case that not everybody may have the first: it copies the head.
 */
export function takeOut(
  queue: Queue,
  wanted: (delivery: Delivery) => boolean,
): { readonly delivery: Delivery; readonly queue: Queue } | undefined {
  const all = fifo.toArray(queue.head);
  const at = all.findIndex(wanted);
  if (at === -1) return undefined;
  const delivery = all[at]!;
  all.splice(at, 1);
  const bytes = queue.bytes - messageSize(delivery.message);
  return { delivery, queue: { ...queue, head: fifoOf(all), bytes } };
}

/** Without the first entry of its tail, which the store turned out not to have. */
export function shiftTail(queue: Queue): Queue {
  const { tail, bytes } = queue;
  return { ...queue, tail: tails.shift(tail), bytes: bytes - (tails.firstSize(tail) ?? 0) };
}

/** With all of its head left to the store, as when the client goes away. */
export function atRest(queue: Queue): Queue {
  const head = fifo.toArray(opened(queue).head);
  if (head.length === 0) return queue;
  let { tail } = queue;
  for (let i = head.length - 1; i >= 0; i--) {
    const { message } = head[i]!;
    tail = tails.unshift(tail, message.order, messageSize(message));
  }
  return { ...EMPTY_QUEUE, tail, bytes: queue.bytes };
}

/**
 * With what was read from the store moved from the tail to the head. `read` is the store's oldest part
 * in order; what was dropped while the read was under way is no longer in the tail and is left out.
 * A tail entry that the store passed over is gone and leaves the tail too.
 *
 * @param amid orders that have come while the read was under way, so that it may have passed them over: they stay,
 *   and what has come behind them stays with them, though it was read: it is not to overtake them
 */
export function arrived(
  queue: Queue,
  read: readonly Queued[],
  amid: ReadonlySet<Order> = NONE,
): Queue {
  const left = amid.size === 0 ? tails.without(queue.tail, read) : undefined;
  if (left !== undefined) return arrivedAll(queue, read, left);
  let next = opened(queue);
  const later: (readonly [Order, number])[] = [];
  for (const delivery of eachBySelf(read)) {
    let order = tailStart(next);
    while (order !== undefined && order < delivery.message.order) {
      if (amid.size > 0 && amid.has(order)) later.push([order, tails.firstSize(next.tail)!]);
      next = shiftTail(next);
      order = tailStart(next);
    }
    if (order !== delivery.message.order) continue;
    if (later.length > 0 && amid.has(order)) {
      later.push([order, tails.firstSize(next.tail)!]);
      next = shiftTail(next);
      continue;
    }
    next = shiftTail(next);
    next = {
      ...next,
      head: fifo.push(next.head, delivery),
      bytes: next.bytes + messageSize(delivery.message),
    };
  }
  return later.length === 0 ? next : withInFront(next, later);
}

/** They all move: half of what draining a queue had cost when each moved by itself. */
function arrivedAll(queue: Queue, read: readonly Queued[], left: tails.Left): Queue {
  const moved = { tail: left.tail, bytes: queue.bytes - left.size + sizeOf(read) };
  if (read.length > 0 && read.every(isRun)) {
    return { head: queue.head, runs: [...queue.runs, ...read], ...moved };
  }
  const { head } = opened(queue);
  return { head: fifo.pushAll(head, eachBySelf(read)), runs: NO_RUNS, ...moved };
}

const NONE: ReadonlySet<Order> = new Set();

/** With entries of the tail back in front of it. */
function withInFront(queue: Queue, entries: readonly (readonly [Order, number])[]): Queue {
  let { tail, bytes } = queue;
  for (const [order, size] of entries.toReversed()) {
    tail = tails.unshift(tail, order, size);
    bytes += size;
  }
  return { ...queue, tail, bytes };
}

/** The oldest order of the tail: what the store is to be read from. */
export function tailStart(queue: Queue): Order | undefined {
  return tails.firstOrder(queue.tail);
}
