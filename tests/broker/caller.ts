/**
 * The far end of one link to the broker under test: it sends packets or raw bytes, and keeps what comes
 * back in order. It acknowledges nothing by itself.
 */

import assert from "node:assert/strict";
import { decode } from "../../src/packet/decode.ts";
import { encode } from "../../src/packet/encode.ts";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import { joined } from "../../src/packet/joined.ts";
import type { Connack, Packet, ProtocolVersion, Publish } from "../../src/packet/packet.ts";
import type { Link } from "../../src/transport/transport.ts";
import { acknowledgement, lineOf } from "./packets.ts";

/** The link between the two, in memory. */
export class MemoryLink implements Link {
  readonly address: string;
  closed = false;
  /** Bytes of every packet that came out, by its number. */
  readonly #hear: (bytes: Uint8Array) => void;
  #inbound: Uint8Array[] = [];
  #ended = false;
  #reader: (() => void) | undefined;
  #stalled: (() => void)[] | undefined;

  constructor(address: string, hear: (bytes: Uint8Array) => void) {
    this.address = address;
    this.#hear = hear;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#inbound.length === 0) {
      if (this.#ended || this.closed) return null;
      await new Promise<void>((resolve) => this.#reader = resolve);
    }
    const first = this.#inbound[0]!;
    const count = Math.min(first.length, into.length);
    into.set(first.subarray(0, count));
    if (count === first.length) this.#inbound.shift();
    else this.#inbound[0] = first.subarray(count);
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    while (this.#stalled !== undefined) {
      await new Promise<void>((resolve) => this.#stalled!.push(resolve));
      if (this.closed) throw new Error("closed");
    }
    this.#hear(bytes.slice());
    return bytes.length;
  }

  close(): void {
    this.closed = true;
    this.stall(false);
    this.#wake();
  }

  /** Bytes towards the broker. */
  push(bytes: Uint8Array): void {
    this.#inbound.push(bytes.slice());
    this.#wake();
  }

  /** The client hangs up: the broker reads what was sent, and then the end. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The client takes nothing any more; or again. */
  stall(stalled: boolean): void {
    const waiting = this.#stalled;
    this.#stalled = stalled ? waiting ?? [] : undefined;
    if (!stalled) { for (const resolve of waiting ?? []) resolve(); }
  }

  #wake(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.();
  }
}

export class Caller {
  readonly link: MemoryLink;
  readonly version: ProtocolVersion;
  /** All that came, with the size of each on the wire. */
  readonly packets: Packet[] = [];
  readonly sizes: number[] = [];
  readonly #turn: () => Promise<void>;
  readonly #splitter = new FrameSplitter(268_435_460);
  #taken = 0;

  constructor(address: string, version: ProtocolVersion, turn: () => Promise<void>) {
    this.version = version;
    this.#turn = turn;
    this.link = new MemoryLink(address, (bytes) => this.#hear(bytes));
  }

  /** The broker has closed the link. */
  get closed(): boolean {
    return this.link.closed;
  }

  /** Sends packets in one piece and waits until the broker has nothing more to do at this time. */
  async send(...packets: readonly Packet[]): Promise<void> {
    for (const packet of packets) this.link.push(encode(packet, this.version));
    await this.#turn();
  }

  /** Sends bytes as they are. */
  async sendBytes(...bytes: readonly number[]): Promise<void> {
    this.link.push(Uint8Array.from(bytes));
    await this.#turn();
  }

  /** Sends frames in one piece; `sendBytes` has no stack for more than 125,000 bytes. */
  async sendFrames(...frames: readonly Uint8Array[]): Promise<void> {
    this.link.push(joined(frames));
    await this.#turn();
  }

  /** The link ends without a good-bye. */
  async hangUp(): Promise<void> {
    this.link.end();
    await this.#turn();
  }

  /** The client stops taking what it is sent; or goes on. */
  async stall(stalled: boolean): Promise<void> {
    this.link.stall(stalled);
    await this.#turn();
  }

  /** What has come since the last call. */
  take(): readonly Packet[] {
    const from = this.#taken;
    this.#taken = this.packets.length;
    return this.packets.slice(from);
  }

  /** The same, a line a packet. */
  lines(): readonly string[] {
    return this.take().map(lineOf);
  }

  /** Lets the next look begin behind the CONNACK again. */
  rewind(): void {
    this.#taken = 1;
  }

  /** The PUBLISH packets of what has come since the last call. */
  publishes(): readonly Publish[] {
    return this.take().filter((packet) => packet.type === "publish");
  }

  /** Fails unless exactly these lines have come since the last look. */
  expect(...lines: readonly string[]): void {
    assert.deepEqual(this.lines(), lines);
  }

  /** The CONNACK. */
  get connack(): Connack {
    const first = this.packets[0];
    assert.equal(first?.type, "connack");
    return first as Connack;
  }

  /** Acknowledges every PUBLISH and PUBREL until none comes, and returns the PUBLISH packets. */
  async drink(): Promise<readonly Publish[]> {
    const all: Publish[] = [];
    for (let round = 0; round < 10_000; round++) {
      const came = this.take();
      const answers: Packet[] = [];
      for (const packet of came) {
        if (packet.type === "publish") {
          all.push(packet);
          if (packet.qos === 1) answers.push(acknowledgement("puback", packet.packetId));
          if (packet.qos === 2) answers.push(acknowledgement("pubrec", packet.packetId));
        } else if (packet.type === "pubrel") {
          answers.push(acknowledgement("pubcomp", packet.packetId));
        }
      }
      if (answers.length === 0) return all;
      await this.send(...answers);
    }
    throw new Error("the messages do not end");
  }

  #hear(bytes: Uint8Array): void {
    this.#splitter.push(bytes);
    for (;;) {
      const frame = this.#splitter.next();
      if (frame === undefined) return;
      this.sizes.push(frame.length);
      this.packets.push(decode(frame.slice(), this.version));
    }
  }
}
