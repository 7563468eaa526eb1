/**
 * The messages of one publisher of `own_load.ts`: numbered and dated in the payload, so that each subscriber's
 * deliveries can be checked off. Section 3.3 of MQTT 5.0 as far as the bytes go; knows no sockets.
 */

import { encodePublish } from "../../src/packet/publish_frame.ts";
import type { QoS } from "../../src/packet/packet.ts";
import type { Version } from "./own_client.ts";

/** Of the payload: the time as a double, then the number, then the stream. */
const HEADER = 16;

/** Writes the PUBLISH packets of one publisher by patching one that is encoded. */
export class Template {
  readonly #bytes: Uint8Array;
  readonly #packetIdAt: number;
  readonly #payloadAt: number;

  constructor(topic: string, stream: number, qos: QoS, payload: number, version: Version) {
    const content = new Uint8Array(Math.max(payload, HEADER)).fill(0x64);
    const frame = encodePublish({
      topic,
      payload: content,
      qos,
      retain: false,
      dup: false,
      packetId: qos === 0 ? 0 : 1,
      properties: undefined,
    }, version);
    this.#bytes = frame.bytes.slice();
    this.#packetIdAt = frame.packetIdAt;
    this.#payloadAt = this.#bytes.length - content.length;
    new DataView(this.#bytes.buffer).setUint32(this.#payloadAt + 12, stream);
  }

  /** Bytes of one packet. */
  get size(): number {
    return this.#bytes.length;
  }

  /** Writes message `number`, due at `time`, to `into` at `at`. */
  write(into: DataView, at: number, time: number, number: number, packetId: number): void {
    new Uint8Array(into.buffer).set(this.#bytes, at);
    into.setFloat64(at + this.#payloadAt, time);
    into.setUint32(at + this.#payloadAt + 8, number);
    if (packetId > 0) into.setUint16(at + this.#packetIdAt, packetId);
  }
}

/** What one subscriber has had of one stream. */
export class Received {
  /** The number that comes next when nothing is lost. */
  next = 0;
  count = 0;
  duplicates = 0;
  reordered = 0;
  foreign = 0;
  /** Numbers that were jumped over and may still come. */
  readonly #missing = new Set<number>();

  /** Checks a payload off; the time in it, or undefined where it does not count. */
  take(frame: Uint8Array, payloadAt: number, stream: number): number | undefined {
    const view = new DataView(frame.buffer, frame.byteOffset + payloadAt);
    if (frame.length - payloadAt < HEADER || view.getUint32(12) !== stream) {
      this.foreign += 1;
      return undefined;
    }
    const number = view.getUint32(8);
    if (number >= this.next) {
      for (let skipped = this.next; skipped < number; skipped++) this.#missing.add(skipped);
      this.next = number + 1;
    } else if (this.#missing.delete(number)) this.reordered += 1;
    else {
      this.duplicates += 1;
      return undefined;
    }
    this.count += 1;
    return view.getFloat64(0);
  }
}

/** The worst that happened, in the words of mqload. */
export function verdictOf(received: readonly Received[], expected: number): string {
  const sum = (what: (one: Received) => number) =>
    received.reduce((total, one) => total + what(one), 0);
  if (sum((one) => one.count) !== expected) return "LOST";
  if (sum((one) => one.foreign) > 0) return "FOREIGN";
  if (sum((one) => one.duplicates) > 0) return "DUP";
  return sum((one) => one.reordered) > 0 ? "REORDERED" : "exact";
}
