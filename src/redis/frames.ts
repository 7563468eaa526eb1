/**
 * Numbers and texts as Lua's `struct` reads them inside Redis: the lowest byte first, each text behind its
 * length in four bytes. What batches and entries of streams are framed with; knows neither.
 */

import { damaged } from "../store/store_error.ts";

const UTF8 = new TextEncoder();
const FROM_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Texts up to this length are tried as ASCII first, which is faster than the encoder. */
const SHORT_TEXT = 64;

/** The same bytes as what the client of Redis takes; not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}

export class FrameWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 4_096) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written: valid until `clear()`. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Begins anew in the same memory, unless that is more than `most` bytes. */
  clear(most: number): void {
    this.#length = 0;
    if (this.#bytes.length <= most) return;
    this.#bytes = new Uint8Array(most);
    this.#view = new DataView(this.#bytes.buffer);
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number of four bytes. */
  number(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  float(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Length and bytes. */
  bytes(bytes: Uint8Array): void {
    this.number(bytes.length);
    this.raw(bytes);
  }

  /** Length and bytes of a text. */
  text(text: string): void {
    const start = this.open();
    this.rawText(text);
    this.close(start);
  }

  /** The bytes of a text alone. */
  rawText(text: string): void {
    this.#room(3 * text.length);
    const at = this.#length;
    if (text.length <= SHORT_TEXT) {
      let i = 0;
      for (; i < text.length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        this.#bytes[at + i] = code;
      }
      if (i === text.length) {
        this.#length += i;
        return;
      }
    }
    this.#length += UTF8.encodeInto(text, this.#bytes.subarray(at)).written;
  }

  /** Leaves four bytes for the length of what follows, which `close` writes; the place for it. */
  open(): number {
    this.number(0);
    return this.#length;
  }

  close(start: number): void {
    this.#view.setUint32(start - 4, this.#length - start, true);
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + bytes));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Reads what a `FrameWriter`, or Lua, wrote; throws a `damaged` StoreError at what they cannot have written. */
export class FrameReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #where: string;
  #at = 0;

  /** @param where what it is, for the error */
  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#where = where;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    if (this.left < 1) throw this.#cut();
    return this.#bytes[this.#at++]!;
  }

  number(): number {
    if (this.left < 4) throw this.#cut();
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  /** A view on the bytes behind their length. */
  bytes(): Uint8Array {
    return this.#take(this.number());
  }

  text(): string {
    return this.#decoded(this.bytes());
  }

  /** A view on all that follows. */
  rest(): Uint8Array {
    return this.#take(this.left);
  }

  restText(): string {
    return this.#decoded(this.rest());
  }

  #take(length: number): Uint8Array {
    if (this.left < length) throw this.#cut();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #decoded(bytes: Uint8Array): string {
    try {
      return FROM_UTF8.decode(bytes);
    } catch (error) {
      throw damaged(this.#where, "a text is not UTF-8", error);
    }
  }

  #cut(): Error {
    return damaged(this.#where, `it is cut off at byte ${this.#at} of ${this.#bytes.length}`);
  }
}
