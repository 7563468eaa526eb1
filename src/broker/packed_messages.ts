/**
 * Messages that are kept for long, packed: a retained message is three objects and a string, 250 bytes that the
 * garbage collector copies twice and marks again and again; packed it is its topic, its payload and 24 bytes. Part of
 * the island `retained_tree.ts`. MQTT 5.0 section 3.3.1.3.
 *
 * What has properties, a large payload or a topic beyond ASCII is kept as it is.
 */

import { copied } from "../packet/frame_memory.ts";
import type { QoS } from "../packet/packet.ts";
import { decodeUtf8 } from "../packet/utf8.ts";
import type { ClientId } from "../policy/identity.ts";
import type { Message } from "../session/message.ts";
import type { PackedMemory, Place } from "../topic/packed_memory.ts";
import { offsetOf } from "../topic/packed_memory.ts";
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
    if (
      properties !== undefined || payload.length > LARGEST_PAYLOAD ||
      topic.length > LONGEST_TOPIC || !isAscii(topic)
    ) {
      return -this.#objects.put(message);
    }
    const place = this.#memory.take(HEADER + topic.length + payload.length);
    const { bytes, words, doubles } = this.#memory.pageOf(place);
    const at = offsetOf(place);
    doubles[(at >>> 3) + ORDER] = message.order;
    doubles[(at >>> 3) + EXPIRES_AT] = message.expiresAt;
    words[(at >>> 2) + PUBLISHER] = this.#publishers.take(message.publisher);
    words[(at >>> 2) + FORM] = message.qos | (message.retain ? RETAIN : 0) |
      topic.length << TOPIC_SHIFT | payload.length << PAYLOAD_SHIFT;
    let to = at + HEADER;
    for (let i = 0; i < topic.length; i++) bytes[to++] = topic.charCodeAt(i);
    for (let i = 0; i < payload.length; i++) bytes[to++] = payload[i]!;
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

  take(number: number): Message {
    if (number < 0) return this.#objects.take(-number);
    const message = this.get(number);
    this.#publishers.give(this.#publisherOf(number));
    this.#memory.give(number);
    return message;
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

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}
