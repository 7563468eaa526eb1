/**
 * Deliveries that wait in memory, packed: their payloads in one piece of memory, and what else there is to say of
 * them once for all that are alike. It knows sizes and not MQTT.
 *
 * A delivery is three objects of 250 bytes, which the garbage collector copies twice and marks again and again as
 * long as it waits: half of what storing 100,000 messages had cost. Packed it is its payload and 14 bytes.
 */

import type { Delivery, Order } from "../session/message.ts";
import { deliveryLike, isLike } from "../session/message.ts";

/** Payloads above that size are not copied: there the objects are the smaller part. */
const LARGEST_PAYLOAD = 256;
/** Kinds of deliveries in one pack: a byte each says which. */
const MOST_KINDS = 16;

/** Read by the functions of this file only, but for `size` and the orders. */
export interface PackedDeliveries {
  readonly size: number;
  /** Of the last one. */
  readonly lastOrder: Order;
  readonly orders: Float64Array;
  /** Deliveries of which the others are copies, but for order and payload. */
  readonly kinds: readonly Delivery[];
  /** Which of `kinds` each is like. */
  readonly kindOf: Uint8Array;
  readonly payloads: Uint8Array;
  /** Where each payload ends. */
  readonly ends: Uint32Array;
}

/** The deliveries, at least one, sorted by order, packed; undefined where they are too large or too different. */
export function packed(deliveries: readonly Delivery[]): PackedDeliveries | undefined {
  const size = deliveries.length;
  const kinds: Delivery[] = [];
  const kindOf = new Uint8Array(size);
  const ends = new Uint32Array(size);
  const orders = new Float64Array(size);
  let end = 0;
  for (let i = 0, kind = 0; i < size; i++) {
    const delivery = deliveries[i]!;
    const { payload, order } = delivery.message;
    if (payload.length > LARGEST_PAYLOAD) return undefined;
    if (kinds.length === 0 || !isLike(delivery, kinds[kind]!)) {
      kind = kinds.findIndex((other) => isLike(delivery, other));
      if (kind === -1) kind = kinds.push(withoutPayload(delivery)) - 1;
      if (kinds.length > MOST_KINDS) return undefined;
    }
    kindOf[i] = kind;
    orders[i] = order;
    ends[i] = end += payload.length;
  }
  const payloads = new Uint8Array(end);
  for (let i = 0, at = 0; i < size; at = ends[i++]!) {
    payloads.set(deliveries[i]!.message.payload, at);
  }
  return { size, lastOrder: orders[size - 1]!, orders, kinds, kindOf, payloads, ends };
}

/** The deliveries again. */
export function unpacked(pack: PackedDeliveries): Delivery[] {
  const { size, orders, kinds, kindOf, payloads, ends } = pack;
  const deliveries = new Array<Delivery>(size);
  for (let i = 0, from = 0; i < size; from = ends[i++]!) {
    const payload = payloads.subarray(from, ends[i]!);
    deliveries[i] = deliveryLike(kinds[kindOf[i]!]!, orders[i]!, payload);
  }
  return deliveries;
}

/** What stands for its kind keeps no payload alive. */
function withoutPayload(delivery: Delivery): Delivery {
  return { ...delivery, message: { ...delivery.message, payload: NOTHING } };
}

const NOTHING = new Uint8Array();
