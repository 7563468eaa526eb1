/**
 * Messages that are kept for long, packed: a retained message is three objects and a string, 250 bytes that the
 * garbage collector copies twice and marks again and again; packed it is its topic, its payload and 24 bytes. Part of
 * the island `retained_tree.ts`. MQTT 5.0 section 3.3.1.3.
 *
 * What has properties, a large payload or a topic beyond ASCII is kept as it is.
 */

import { copied } from "../packet/frame_memory.ts";
import type { ProtocolVersion, QoS } from "../packet/packet.ts";
import { writeRetained } from "../packet/retained_run.ts";
import { decodeUtf8 } from "../packet/utf8.ts";
import type { ClientId, Instant } from "../policy/identity.ts";
import type { Message, Order } from "../session/message.ts";
import type { PackedMemory, Place } from "../topic/packed_memory.ts";
import { offsetOf } from "../topic/packed_memory.ts";
import { DOLLAR } from "../topic/rest_matches.ts";
import type { Shelf } from "../topic/shelf.ts";
import { ObjectShelf } from "../topic/shelf.ts";

/** Doubles of a packed message, and words of 32 bits. */
const ORDER = 0;
const EXPIRES_AT = 1;
const PUBLISHER = 4;
const FORM = 5;
/** Bytes before the topic, which the payload follows. */
const HEADER = 24;
/** A longer topic or payload is not packed: there the objects are the smaller part. */
const LONGEST_TOPIC = 255;
const LARGEST_PAYLOAD = 512;

/** FORM: QoS in two bits, RETAIN in one, then the length of the topic in eight and that of the payload above. */
const RETAIN = 1 << 2;
const TOPIC_SHIFT = 3;
const PAYLOAD_SHIFT = 11;

export class PackedMessages implements Shelf<Message> {
  readonly #memory: PackedMemory;
  readonly #objects = new ObjectShelf<Message>();
  readonly #publishers = new Names();

  /** @param memory where the packed ones are to lie */
  constructor(memory: PackedMemory) {
    this.#memory = memory;
  }

  /** Keeps a message and nothing that it lies on; above 0 the place of a packed one, else the number of an object. */
  put(message: Message): number {
    const { topic, payload, properties } = message;
    if (properties !== undefined || isLong(topic.length, payload.length) || !isAscii(topic)) {
      return -this.#objects.put(message);
    }
    const form = message.qos | (message.retain ? RETAIN : 0) | topic.length << TOPIC_SHIFT |
      payload.length << PAYLOAD_SHIFT;
    const place = this.#take(form, message.order, message.expiresAt, message.publisher);
    const { bytes } = this.#memory.pageOf(place);
    let to = offsetOf(place) + HEADER;
    for (let i = 0; i < topic.length; i++) bytes[to++] = topic.charCodeAt(i);
    for (let i = 0; i < payload.length; i++) bytes[to++] = payload[i]!;
    return place;
  }

  /**
   * The same with a message that is still the bytes that were read: with QoS 0, RETAIN and nothing else, of a topic in
   * ASCII, `read[topicAt..topicTo)`, and a payload, `read[payloadAt..end)`.
   */
  putRead(
    order: Order,
    publisher: ClientId,
    read: Uint8Array,
    topicAt: number,
    topicTo: number,
    payloadAt: number,
    end: number,
  ): number {
    if (isLong(topicTo - topicAt, end - payloadAt)) {
      return -this.#objects.put({
        order,
        topic: decodeUtf8(read, topicAt, topicTo, "Topic Name"),
        payload: copied(read, payloadAt, end),
        qos: 0,
        retain: true,
        properties: undefined,
        expiresAt: Infinity,
        publisher,
      });
    }
    const form = RETAIN | topicTo - topicAt << TOPIC_SHIFT | end - payloadAt << PAYLOAD_SHIFT;
    const place = this.#take(form, order, Infinity, publisher);
    const { bytes } = this.#memory.pageOf(place);
    let to = offsetOf(place) + HEADER;
    for (let at = topicAt; at < topicTo; at++) bytes[to++] = read[at]!;
    for (let at = payloadAt; at < end; at++) bytes[to++] = read[at]!;
    return place;
  }

  /** A piece for a message of that form, with all but topic and payload in it. */
  #take(form: number, order: Order, expiresAt: Instant, publisher: ClientId): Place {
    const place = this.#memory.take(
      HEADER + (form >>> TOPIC_SHIFT & 0xff) + (form >>> PAYLOAD_SHIFT),
    );
    const { words, doubles } = this.#memory.pageOf(place);
    const at = offsetOf(place);
    doubles[(at >>> 3) + ORDER] = order;
    doubles[(at >>> 3) + EXPIRES_AT] = expiresAt;
    words[(at >>> 2) + PUBLISHER] = this.#publishers.take(publisher);
    words[(at >>> 2) + FORM] = form;
    return place;
  }

  /** The message, with a payload of its own. */
  get(number: number): Message {
    if (number < 0) return this.#objects.get(-number);
    const { bytes, words, doubles } = this.#memory.pageOf(number);
    const at = offsetOf(number);
    const form = words[(at >>> 2) + FORM]!;
    const topicAt = at + HEADER;
    const payloadAt = topicAt + (form >>> TOPIC_SHIFT & 0xff);
    return {
      order: doubles[(at >>> 3) + ORDER]!,
      topic: decodeUtf8(bytes, topicAt, payloadAt, "Topic Name"),
      payload: copied(bytes, payloadAt, payloadAt + (form >>> PAYLOAD_SHIFT)),
      qos: (form & 3) as QoS,
      retain: (form & RETAIN) !== 0,
      properties: undefined,
      expiresAt: doubles[(at >>> 3) + EXPIRES_AT]!,
      publisher: this.#publishers.at(words[(at >>> 2) + PUBLISHER]!),
    };
  }

  /** Whether it is packed and needs nothing in a PUBLISH but topic and payload; where its topic begins with `$`, no. */
  isPlain(number: number): boolean {
    if (number < 0) return false;
    const { bytes, doubles } = this.#memory.pageOf(number);
    const at = offsetOf(number);
    return doubles[(at >>> 3) + EXPIRES_AT] === Infinity && bytes[at + HEADER] !== DOLLAR;
  }

  /** Of one that is plain. */
  orderOf(place: Place): Order {
    return this.#memory.pageOf(place).doubles[(offsetOf(place) >>> 3) + ORDER]!;
  }
  qosOf(place: Place): QoS {
    return (this.#formOf(place) & 3) as QoS;
  }
  publisherOf(place: Place): ClientId {
    return this.#publishers.at(this.#publisherOf(place));
  }
  topicSizeOf(place: Place): number {
    return this.#formOf(place) >>> TOPIC_SHIFT & 0xff;
  }
  payloadSizeOf(place: Place): number {
    return this.#formOf(place) >>> PAYLOAD_SHIFT;
  }

  /** Writes its PUBLISH with QoS 0 and RETAIN, of `retainedSize` bytes. */
  write(into: Uint8Array, at: number, place: Place, version: ProtocolVersion): void {
    const topicAt = offsetOf(place) + HEADER;
    const payloadAt = topicAt + this.topicSizeOf(place);
    const end = payloadAt + this.payloadSizeOf(place);
    const { bytes } = this.#memory.pageOf(place);
    writeRetained(into, at, bytes, topicAt, payloadAt, end, version);
  }

  take(number: number): Message {
    if (number < 0) return this.#objects.take(-number);
    const message = this.get(number);
    this.#publishers.give(this.#publisherOf(number));
    this.#memory.give(number);
    return message;
  }

  #formOf(place: Place): number {
    return this.#memory.pageOf(place).words[(offsetOf(place) >>> 2) + FORM]!;
  }

  #publisherOf(place: Place): number {
    return this.#memory.pageOf(place).words[(offsetOf(place) >>> 2) + PUBLISHER]!;
  }
}

/** Client ids by numbers, as long as somebody has taken them. */
class Names {
  readonly #numbers = new Map<ClientId, number>();
  readonly #names: (ClientId | undefined)[] = [];
  readonly #taken: number[] = [];
  readonly #free: number[] = [];
  /** Messages of one publisher come one behind the other. */
  #last = 0;

  take(name: ClientId): number {
    let number = this.#names[this.#last] === name ? this.#last : this.#numbers.get(name);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#names.length;
      this.#numbers.set(name, number);
      this.#names[number] = name;
      this.#taken[number] = 0;
    }
    this.#taken[number]! += 1;
    return this.#last = number;
  }

  at(number: number): ClientId {
    return this.#names[number]!;
  }

  give(number: number): void {
    this.#taken[number]! -= 1;
    if (this.#taken[number]! > 0) return;
    this.#numbers.delete(this.#names[number]!);
    this.#names[number] = undefined;
    this.#free.push(number);
  }
}

function isLong(topic: number, payload: number): boolean {
  return topic > LONGEST_TOPIC || payload > LARGEST_PAYLOAD;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
