/**
 * Runs of deliveries that came one behind the other and are alike, as one run: it grows at its end and is taken from
 * at its front. Mutable; owned by one queue of deliveries. What was read of it stays as it is: the bytes of a page
 * are written once.
 */

import { partOfFrames } from "../packet/numbered_run.ts";
import type { ProtocolVersion } from "../packet/packet.ts";
import { encodePublish } from "../packet/publish_frame.ts";
import type { DeliveryRun } from "../session/delivery_run.ts";
import { deliveriesOf, partOfRun, runLength } from "../session/delivery_run.ts";
import type { Delivery, Order } from "../session/message.ts";
import { isLike, publishOf } from "../session/message.ts";

/**
 * Deliveries in a full page: what is read at once, and sent, unless limits say otherwise. As long as pages were up to
 * 20 short of that, every part of a queue was the end of one page and the beginning of the next.
 */
const MOST = 256;
/** Of a packet in a run: above that its Remaining Length takes more than one byte. */
const LARGEST_PAYLOAD = 127;

export class RunPage {
  readonly #like: Delivery;
  readonly #version: ProtocolVersion;
  /** Of the first that it ever had. */
  readonly #order: Order;
  readonly #orderStep: number;
  #bytes: Uint8Array;
  /** Of `#bytes`, what is written. */
  #end: number;
  readonly #packetIdsAt: number[];
  /** Bytes of the payloads of all that it ever had. */
  #payload: number;
  /** How many are gone from its front. */
  #gone = 0;

  constructor(run: DeliveryRun) {
    this.#like = run.like;
    this.#version = run.version;
    this.#order = run.firstOrder;
    this.#orderStep = run.orderStep;
    this.#bytes = run.bytes;
    this.#end = run.bytes.length;
    this.#packetIdsAt = run.packetIdsAt.slice();
    this.#payload = run.payload;
  }

  /** How many deliveries are left. */
  get size(): number {
    return this.#packetIdsAt.length - this.#gone;
  }

  get firstOrder(): Order {
    return this.#orderAt(this.#gone);
  }

  get lastOrder(): Order {
    return this.#orderAt(this.#packetIdsAt.length - 1);
  }

  /** Takes as much of a run in at its end as it has room for; how many: 0 of one not alike, or not the next in order. */
  append(run: DeliveryRun): number {
    const count = Math.min(runLength(run), MOST - this.#packetIdsAt.length);
    if (count <= 0 || run.orderStep !== this.#orderStep) return 0;
    if (run.firstOrder !== this.lastOrder + run.orderStep) return 0;
    if (run.version !== this.#version || !isLike(run.like, this.#like)) return 0;
    const { bytes, packetIdsAt, payload } = partOfRun(run, 0, count);
    const from = this.#take(bytes);
    this.#payload += payload;
    for (let i = 0; i < count; i++) this.#packetIdsAt.push(from + packetIdsAt[i]!);
    return count;
  }

  /**
   * Takes a delivery in that came by itself, as the packet that it would be in a run; false where it is not alike, or
   * not the next, or there is no room. Whatever publisher sends runs, now and then a read ends in the middle of a
   * packet: were that one kept by itself, those around it would be sent one by one with it.
   */
  appendOne(delivery: Delivery): boolean {
    const { order, payload } = delivery.message;
    if (order !== this.lastOrder + this.#orderStep || payload.length > LARGEST_PAYLOAD) {
      return false;
    }
    if (this.#packetIdsAt.length === MOST || !isLike(delivery, this.#like)) return false;
    // Any Packet Identifier but 0, with which nobody could read the packet again.
    const { bytes, packetIdAt } = encodePublish(publishOf(delivery, 1, false, 0), this.#version);
    if (packetIdAt !== this.#packetIdsAt[0]) return false; // its Remaining Length takes more bytes
    this.#packetIdsAt.push(this.#take(bytes) + packetIdAt);
    this.#payload += payload.length;
    return true;
  }

  /** Those from that order on, `most` at most; undefined where there are none. */
  read(order: Order, most: number): DeliveryRun | undefined {
    const behind = Math.ceil((order - this.firstOrder) / this.#orderStep);
    const first = this.#gone + Math.max(0, behind);
    const count = Math.min(most, this.#packetIdsAt.length - first);
    if (count <= 0) return undefined;
    const all = {
      bytes: this.#bytes.subarray(0, this.#end),
      packetIdsAt: this.#packetIdsAt,
      payload: this.#payload,
    };
    const { bytes, packetIdsAt, payload } = partOfFrames(all, first, count);
    return { // spelt out: a spread makes an object that V8 takes for of another kind than all other runs
      bytes,
      packetIdsAt,
      payload,
      like: this.#like,
      version: this.#version,
      firstOrder: this.#orderAt(first),
      orderStep: this.#orderStep,
    };
  }

  /** Lets go of the first delivery. */
  drop(): void {
    this.#gone += 1;
  }

  /** Lets go of a run that it begins with; false where it does not. */
  dropFirst(run: DeliveryRun): boolean {
    const count = runLength(run);
    if (run.firstOrder !== this.firstOrder || run.orderStep !== this.#orderStep) return false;
    if (count > this.size) return false;
    this.#gone += count;
    return true;
  }

  /** Each by itself. */
  deliveries(): Delivery[] {
    const run = this.read(-Infinity, this.size);
    return run === undefined ? [] : deliveriesOf(run);
  }

  #orderAt(index: number): Order {
    return this.#order + index * this.#orderStep;
  }

  /** Copies the bytes behind those that are there; where they begin. */
  #take(bytes: Uint8Array): number {
    const from = this.#end;
    const end = from + bytes.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(bytes, from);
    this.#end = end;
    return from;
  }

  /** By much at a time, as what is outgrown waits for the garbage collector; never beyond what a full page takes. */
  #grow(size: number): void {
    const full = Math.ceil(this.#end / this.#packetIdsAt.length * MOST);
    const bytes = new Uint8Array(Math.max(size, Math.min(4 * this.#bytes.length, full)));
    bytes.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = bytes;
  }
}
