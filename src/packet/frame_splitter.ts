/**
 * Bytes as they arrive on a Network Connection, cut into whole control packets. MQTT 5.0 section 2.1.4.
 *
 * Looks at nothing but the fixed header. Copies only what is cut off by the end of a chunk or left unpulled,
 * into a buffer that grows with the bytes that really came, never with the length that a header claims.
 */

import { frameLength } from "./fixed_header.ts";
import { MalformedPacket } from "./malformed_packet.ts";
import { Reason } from "./reason_code.ts";

const NOTHING: Uint8Array<ArrayBuffer> = new Uint8Array(0);
const SMALLEST_BUFFER = 64;
/** Bytes from which on a copy of a frame costs more than a read. */
const LARGE = 1 << 14;

/** Where it gets memory from, of at least a size and with any content, and gives it back to. */
export interface Buffers {
  take(size: number): Uint8Array<ArrayBuffer>;
  give(buffer: Uint8Array<ArrayBuffer>): void;
}

const NEW: Buffers = { take: (size) => new Uint8Array(size), give() {} };

/**
 * `push(chunk)`, then `while (splitter.advance())`, or `while ((frame = splitter.next()))`. The bytes to come are those of `#kept`, then those
 * of `#chunk`. Once `next()` has thrown, the connection cannot be read on: it throws again.
 */
export class FrameSplitter {
  #maximumPacketSize: number;
  readonly #buffers: Buffers;
  #kept = NOTHING;
  #keptFrom = 0;
  #keptTo = 0;
  /** Memory that views may lie on until the next `push()`. */
  #left: Uint8Array<ArrayBuffer>[] | undefined;
  #chunk: Uint8Array = NOTHING;
  #chunkFrom = 0;
  #chunkTo = 0;
  #bytes: Uint8Array = NOTHING;
  #from = 0;
  #to = 0;

  /** @param maximumPacketSize of a whole control packet in bytes, fixed header included */
  constructor(maximumPacketSize: number, buffers = NEW) {
    this.#maximumPacketSize = maximumPacketSize;
    this.#buffers = buffers;
  }

  /** Bytes of a whole control packet at most. */
  get maximumPacketSize(): number {
    return this.#maximumPacketSize;
  }

  /** Another limit from the next packet on. */
  limitPackets(maximumPacketSize: number): void {
    this.#maximumPacketSize = maximumPacketSize;
  }

  /** The first of the bytes that are held, which begins a packet; undefined where none is. */
  get firstByte(): number | undefined {
    if (this.#keptFrom < this.#keptTo) return this.#kept[this.#keptFrom];
    return this.#chunkFrom < this.#chunkTo ? this.#chunk[this.#chunkFrom] : undefined;
  }

  /** Bytes that are held and not yet handed out. */
  get buffered(): number {
    return this.#keptTo - this.#keptFrom + this.#chunkTo - this.#chunkFrom;
  }

  /**
   * How many bytes a read should bring, `most` at most, so that no large frame is cut, as what is cut has to be copied:
   * the frames to come are taken for as large as the last one.
   */
  readSize(most: number): number {
    const size = this.#to - this.#from;
    if (size < LARGE) return most;
    const missing = this.buffered === 0 ? 0 : size - this.buffered;
    if (missing < 0 || missing > most) return most;
    const whole = missing + Math.floor((most - missing) / size) * size;
    return whole === 0 ? most : whole;
  }

  /**
   * Takes the next bytes. The chunk is referred to, not copied: it must not be overwritten before `next()`
   * has returned undefined or `keep()` was called.
   *
   * @param to where the bytes in it end: a view that ends there would cost each read 100 bytes
   */
  push(chunk: Uint8Array, to = chunk.length): void {
    if (this.#left !== undefined) this.#giveBack(this.#left);
    this.keep();
    this.#chunk = chunk;
    this.#chunkFrom = 0;
    this.#chunkTo = to;
  }

  /** Copies what is left of the chunk, so that its memory may be used again while `next()` is not called. */
  keep(): void {
    this.#take(this.#chunkTo - this.#chunkFrom, 0);
  }

  /** Where the frame that `advance()` came to lies: `bytes[from..to)`, until it is called again. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }
  get from(): number {
    return this.#from;
  }
  get to(): number {
    return this.#to;
  }
  /** Where the bytes end that lie right behind it; `to` where there are none. */
  get end(): number {
    return this.#bytes === this.#chunk ? this.#chunkTo : this.#to;
  }

  /** Passes over whole frames behind the one that was found, up to `to`, which is not after `end`. */
  passOver(to: number): void {
    if (this.#bytes !== this.#chunk) return; // nothing lies behind it
    this.#chunkFrom = to;
    if (to === this.#chunkTo) this.#forgetChunk();
  }

  /**
   * Goes on to the next whole frame, fixed header included; false where more bytes are needed. No view is made
   * of it, as that costs as much as reading an acknowledgement. Throws MalformedPacket 0x95 where the fixed
   * header claims more than the Maximum Packet Size, 0x81 where the Remaining Length is ill-formed.
   */
  advance(): boolean {
    const found = this.#keptFrom < this.#keptTo ? this.#advanceKept() : this.#advanceChunk();
    if (!found) this.#bytes = NOTHING; // an idle connection keeps no memory alive
    return found;
  }

  /** `advance()`, and the frame as a view: valid until the chunk is overwritten, or until the next `push()`. */
  next(): Uint8Array | undefined {
    return this.advance() ? this.#bytes.subarray(this.#from, this.#to) : undefined;
  }

  #advanceChunk(): boolean {
    const chunk = this.#chunk;
    const from = this.#chunkFrom;
    const to = this.#chunkTo;
    const length = this.#lengthAt(chunk, from, to);
    if (length === 0 || from + length > to) {
      this.#take(to - from, length);
      return false;
    }
    this.#chunkFrom = from + length;
    if (this.#chunkFrom === to) this.#forgetChunk();
    this.#found(chunk, from, length);
    return true;
  }

  /** Where bytes were kept the frame is completed there, with no more of the chunk than it needs. */
  #advanceKept(): boolean {
    let length = this.#lengthAt(this.#kept, this.#keptFrom, this.#keptTo);
    while (length === 0) {
      if (this.#take(1, 0) === 0) return false;
      length = this.#lengthAt(this.#kept, this.#keptFrom, this.#keptTo);
    }
    const missing = length - (this.#keptTo - this.#keptFrom);
    if (missing > 0 && this.#take(missing, length) < missing) return false;
    this.#found(this.#kept, this.#keptFrom, length);
    this.#keptFrom += length;
    if (this.#keptFrom === this.#keptTo) this.#forgetKept();
    return true;
  }

  #found(bytes: Uint8Array, from: number, length: number): void {
    this.#bytes = bytes;
    this.#from = from;
    this.#to = from + length;
  }

  #lengthAt(bytes: Uint8Array, from: number, to: number): number {
    const length = frameLength(bytes, from, to);
    if (length > this.#maximumPacketSize) {
      throw new MalformedPacket(
        Reason.packetTooLarge,
        `a packet of ${length} bytes, the Maximum Packet Size is ${this.#maximumPacketSize}`,
      );
    }
    return length;
  }

  /** Moves up to `count` bytes from the chunk behind the kept ones and returns how many there were. */
  #take(count: number, frameSize: number): number {
    const taken = Math.min(count, this.#chunkTo - this.#chunkFrom);
    if (taken === 0) return 0;
    if (this.#keptTo + taken > this.#kept.length) this.#grow(taken, frameSize);
    this.#kept.set(this.#chunk.subarray(this.#chunkFrom, this.#chunkFrom + taken), this.#keptTo);
    this.#keptTo += taken;
    this.#chunkFrom += taken;
    if (this.#chunkFrom === this.#chunkTo) this.#forgetChunk();
    return taken;
  }

  /**
   * Doubling keeps the cost of many small chunks linear; the size of the frame, where it is known, caps it.
   * Always other memory: views on this may still be in use.
   */
  #grow(more: number, frameSize: number): void {
    const live = this.#keptTo - this.#keptFrom;
    const needed = live + more;
    const doubled = Math.max(2 * needed, SMALLEST_BUFFER);
    const size = frameSize >= needed ? Math.min(doubled, frameSize) : doubled;
    const grown = this.#buffers.take(size);
    grown.set(this.#kept.subarray(this.#keptFrom, this.#keptTo));
    this.#leave();
    this.#kept = grown;
    this.#keptFrom = 0;
    this.#keptTo = live;
  }

  #forgetChunk(): void {
    this.#chunk = NOTHING;
    this.#chunkFrom = 0;
    this.#chunkTo = 0;
  }

  #leave(): void {
    if (this.#kept !== NOTHING) (this.#left ??= []).push(this.#kept);
  }

  #giveBack(left: readonly Uint8Array<ArrayBuffer>[]): void {
    for (const buffer of left) this.#buffers.give(buffer);
    this.#left = undefined;
  }

  #forgetKept(): void {
    this.#leave();
    this.#kept = NOTHING;
    this.#keptFrom = 0;
    this.#keptTo = 0;
  }
}
