/**
 * Writes → the arguments of one `commit` inside Redis. Every write is a *record*: its kind, its length, its
 * fields. Messages stand apart, each once, however many sessions get it. The kinds are numbered in note.ts.
 *
 * A record of what all nodes keep in their tables has the top bit of its kind set: as it stands here it goes
 * into the log.
 */

import type { AnyWrite } from "../session/cluster_write.ts";
import { waitsForAll } from "../session/cluster_write.ts";
import type { Delivery, Message, Order } from "../session/message.ts";
import { messageSize } from "../session/message.ts";
import { ByteWriter } from "../store/bytes.ts";
import {
  encodeDelayed,
  encodeMessage,
  encodeSession,
  encodeSetting,
  encodeSubscription,
  encodeWill,
  writeMessage,
} from "../store/record.ts";
import { asBuffer, FrameWriter } from "./frames.ts";
import { Kind, REPLICATED } from "./note.ts";
import { writeHead, writeInflightHead } from "./values.ts";

/** Bytes of memory that are kept from one batch to the next. */
const MOST_KEPT = 1 << 20;

/** A batch as Redis takes it; its buffers are valid until the next one is made. */
export interface Batch {
  /** Highest order that it carries; 0: none. */
  readonly highest: Order;
  /** Every living node must have taken it in before it is done. */
  readonly waits: boolean;
  /** A session ends with it. */
  readonly ends: boolean;
  /** Length of each body, all bodies, all records. */
  readonly lengths: Buffer;
  readonly bodies: Buffer;
  readonly records: Buffer;
}

export class BatchEncoder {
  readonly #records = new FrameWriter(65_536);
  readonly #lengths = new FrameWriter(4_096);
  readonly #bodies = new ByteWriter(65_536);
  readonly #head = new ByteWriter(256);
  /** Of messages in this batch, by order: their numbers, from 1. */
  readonly #numbers = new Map<Order, number>();
  #lastMessage: Message | undefined;
  #lastNumber = 0;
  #highest: Order = 0;
  #waits = false;
  #ends = false;

  /** The writes as a batch. What was made before is no longer valid. */
  encode(writes: readonly AnyWrite[]): Batch {
    this.#records.clear(MOST_KEPT);
    this.#lengths.clear(MOST_KEPT);
    this.#bodies.clear(MOST_KEPT);
    this.#numbers.clear();
    this.#lastMessage = undefined;
    this.#highest = 0;
    this.#waits = false;
    this.#ends = false;
    for (let i = 0; i < writes.length; i++) this.#write(writes[i]!);
    this.#lastMessage = undefined;
    return {
      highest: this.#highest,
      waits: this.#waits,
      ends: this.#ends,
      lengths: asBuffer(this.#lengths.view()),
      bodies: asBuffer(this.#bodies.view()),
      records: asBuffer(this.#records.view()),
    };
  }

  #write(write: AnyWrite): void {
    const to = this.#records;
    const kind = Kind[write.type];
    if (!this.#waits && waitsForAll(write)) this.#waits = true;
    switch (write.type) {
      case "putSession": {
        const start = this.#begin(kind | REPLICATED);
        to.text(write.clientId);
        to.bytes(encodeSession(write));
        return to.close(start);
      }
      case "putSubscription": {
        const start = this.#begin(kind | REPLICATED);
        to.text(write.clientId);
        to.text(write.subscription.full);
        to.bytes(encodeSubscription(write.subscription));
        return to.close(start);
      }
      case "deleteSubscription":
        return this.#texts(kind | REPLICATED, write.clientId, write.filter);
      case "deleteSession":
        this.#ends = true;
        return this.#texts(kind | REPLICATED, write.clientId);
      case "deleteWill":
      case "release":
        return this.#texts(kind | REPLICATED, write.clientId);
      case "putReceived":
      case "deleteReceived":
      case "deleteInflight":
        return this.#texts(kind, write.clientId, String(write.packetId));
      case "putInflight": {
        const { clientId, packetId, inflight } = write;
        const body = inflight.delivery === undefined ? 0 : this.#body(inflight.delivery.message);
        const start = this.#begin(kind);
        to.text(clientId);
        to.text(String(packetId));
        to.number(body);
        this.#head.clear(MOST_KEPT);
        writeInflightHead(this.#head, inflight);
        to.bytes(this.#head.view());
        return to.close(start);
      }
      case "putQueued": {
        const start = this.#begin(kind);
        to.text(write.clientId);
        this.#delivery(write.delivery);
        this.#deliveryHead(write.delivery);
        return to.close(start);
      }
      case "post": {
        const { messages, bytes, dropOldest } = write.bound;
        const start = this.#begin(kind);
        to.text(write.clientId);
        this.#delivery(write.delivery);
        to.float(messages);
        to.float(bytes);
        to.byte(dropOldest ? 1 : 0);
        this.#deliveryHead(write.delivery);
        return to.close(start);
      }
      case "deleteQueued":
        return this.#texts(kind, write.clientId, String(write.order));
      case "putRetained":
        this.#seen(write.message.order);
        return this.#value(kind | REPLICATED, write.message.topic, encodeMessage(write.message));
      case "deleteRetained":
        return this.#texts(
          kind | REPLICATED,
          write.topic,
          write.order === undefined ? undefined : String(write.order),
        );
      case "putWill": {
        const { will } = write;
        const replicated = will.publishAt === Infinity ? 0 : REPLICATED;
        return this.#value(kind | replicated, will.clientId, encodeWill(will));
      }
      case "putDelayed": {
        const { message } = write;
        this.#seen(message.order);
        return this.#value(kind, String(message.order), encodeDelayed(write));
      }
      case "deleteDelayed":
        return this.#texts(kind, String(write.order));
      case "putSetting":
        return this.#value(kind | REPLICATED, write.name, encodeSetting(write));
      case "deleteSetting":
        return this.#texts(kind | REPLICATED, write.name);
      case "forward": {
        const body = this.#body(write.message);
        const start = this.#begin(kind);
        to.text(write.node);
        to.number(body);
        return to.close(start);
      }
      case "share": {
        const body = this.#body(write.message);
        const start = this.#begin(kind);
        to.text(write.node);
        to.text(write.group);
        to.number(body);
        return to.close(start);
      }
      case "taken":
        return this.#texts(kind, write.node, write.entry);
      case "announce":
        return this.#texts(kind | REPLICATED, write.full, String(write.interest));
      case "buried":
        return this.#texts(kind, write.node);
    }
  }

  /** Begins a record; where its length is to be closed. */
  #begin(kind: number): number {
    this.#records.byte(kind);
    return this.#records.open();
  }

  #texts(kind: number, first: string, second?: string): void {
    const to = this.#records;
    const start = this.#begin(kind);
    to.text(first);
    if (second !== undefined) to.text(second);
    to.close(start);
  }

  #value(kind: number, name: string, value: Uint8Array): void {
    const to = this.#records;
    const start = this.#begin(kind);
    to.text(name);
    to.bytes(value);
    to.close(start);
  }

  /** Number of the body, order and size. */
  #delivery({ message }: Delivery): void {
    const to = this.#records;
    to.number(this.#body(message));
    to.text(String(message.order));
    to.text(String(messageSize(message)));
  }

  #deliveryHead(delivery: Delivery): void {
    this.#head.clear(MOST_KEPT);
    writeHead(this.#head, delivery);
    this.#records.bytes(this.#head.view());
  }

  /** The number of a message among the bodies. */
  #body(message: Message): number {
    if (message === this.#lastMessage) return this.#lastNumber;
    this.#lastMessage = message;
    const known = this.#numbers.get(message.order);
    if (known !== undefined) return this.#lastNumber = known;
    this.#seen(message.order);
    const before = this.#bodies.length;
    writeMessage(this.#bodies, message);
    this.#lengths.number(this.#bodies.length - before);
    const number = this.#lengths.length / 4;
    this.#numbers.set(message.order, number);
    return this.#lastNumber = number;
  }

  #seen(order: Order): void {
    if (order > this.#highest) this.#highest = order;
  }
}
