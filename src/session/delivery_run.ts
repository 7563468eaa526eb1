/**
 * Deliveries with QoS 1 or 2 that are alike but for order and payload, as the bytes of their packets: so they came
 * from one publisher, so they wait, and so they leave to a subscriber of the same version. MQTT 5.0 section 3.3.
 *
 * A delivery by itself is three objects that are made, packed, unpacked and written out; of a run that is none of it.
 */

import type { NumberedFrames } from "../packet/numbered_run.ts";
import { partOfFrames, payloadOf, payloadsOf } from "../packet/numbered_run.ts";
import type { ProtocolVersion } from "../packet/packet.ts";
import type { Delivery, Order } from "./message.ts";
import { deliveryLike, messageSize } from "./message.ts";

/** The packets are whole, plain ones, whose bytes may be kept. */
export interface DeliveryRun extends NumberedFrames {
  /** What each is, but for its order and payload, which here are 0 and none. */
  readonly like: Delivery;
  /** Of the version that the packets are written in. */
  readonly version: ProtocolVersion;
  readonly firstOrder: Order;
  /** From the order of one to that of the next. */
  readonly orderStep: number;
}

/** What waits in a queue. */
export type Queued = Delivery | DeliveryRun;

/** Whether it is a run. */
export function isRun(queued: Queued): queued is DeliveryRun {
  return "like" in queued;
}

/** How many deliveries it is. */
export function runLength({ packetIdsAt }: NumberedFrames): number {
  return packetIdsAt.length;
}

/** The order of one of them. */
export function orderAt({ firstOrder, orderStep }: DeliveryRun, index: number): Order {
  return firstOrder + index * orderStep;
}

/** The size of `count` of them together from that one on, as `messageSize` counts. */
export function sizeOfPart(run: DeliveryRun, index: number, count: number): number {
  return count * messageSize(run.like.message) + payloadsOf(run, index, count);
}

/** The size of one of them. */
export function sizeAt(run: DeliveryRun, index: number): number {
  return sizeOfPart(run, index, 1);
}

/** The size of all of them. */
export function runSize(run: DeliveryRun): number {
  return sizeOfPart(run, 0, runLength(run));
}

/** The size of each of them, where all have the same. */
export function evenSize(run: DeliveryRun): number | undefined {
  const { bytes, packetIdsAt } = run;
  const length = bytes.length / packetIdsAt.length;
  for (let i = 1; i < packetIdsAt.length; i++) {
    if (packetIdsAt[i]! - packetIdsAt[i - 1]! !== length) return undefined;
  }
  return sizeAt(run, 0);
}

/** One of them by itself, its payload a view on the run's bytes. */
export function deliveryAt(run: DeliveryRun, index: number): Delivery {
  return deliveryLike(run.like, orderAt(run, index), payloadOf(run, index, run.version));
}

/** All of them, each by itself. */
export function deliveriesOf(run: DeliveryRun): Delivery[] {
  const deliveries = new Array<Delivery>(runLength(run));
  for (let i = 0; i < deliveries.length; i++) deliveries[i] = deliveryAt(run, i);
  return deliveries;
}

/** Each delivery by itself, in their order; the same array where there is no run. */
export function eachBySelf(queued: readonly Queued[]): readonly Delivery[] {
  if (!queued.some(isRun)) return queued as readonly Delivery[];
  return queued.flatMap((each) => isRun(each) ? deliveriesOf(each) : [each]);
}

/** Deliveries in it. */
export function lengthOf(queued: readonly Queued[]): number {
  let length = 0;
  for (let i = 0; i < queued.length; i++) {
    const each = queued[i]!;
    length += isRun(each) ? runLength(each) : 1;
  }
  return length;
}

/** Their size together, as `messageSize` counts. */
export function sizeOf(queued: readonly Queued[]): number {
  let size = 0;
  for (let i = 0; i < queued.length; i++) {
    const each = queued[i]!;
    size += isRun(each) ? runSize(each) : messageSize(each.message);
  }
  return size;
}

/** `count` of them from that one on. */
export function partOfRun(run: DeliveryRun, index: number, count: number): DeliveryRun {
  if (index === 0 && count === runLength(run)) return run;
  const { bytes, packetIdsAt, payload } = partOfFrames(run, index, count);
  return {
    bytes,
    packetIdsAt,
    payload,
    like: run.like,
    version: run.version,
    firstOrder: orderAt(run, index),
    orderStep: run.orderStep,
  };
}
