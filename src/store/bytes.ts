/**
 * Numbers, texts and byte strings one after the other in a growing buffer, and back. What records and
 * segments of a store are made of; knows neither.
 */

import { damaged } from "./store_error.ts";

const UTF8 = new TextEncoder();
/** U+FEFF is a character like any other [MQTT-1.5.4-3]. */
const FROM_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Texts up to this length are tried as ASCII first, which is faster than the encoder. */
const SHORT_TEXT = 64;

/** Short texts that were read of late, by a number made of their bytes: the same come again and again. */
const KNOWN = 256;
const known: ({ readonly bytes: Uint8Array; readonly text: string } | undefined)[] = [];
for (let n = 0; n < KNOWN; n++) known.push(undefined);

export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** A copy of what was written, from `from` to before `to`. */
  slice(from = 0, to = this.#length): Uint8Array {
    return this.#bytes.slice(from, Math.min(to, this.#length));
  }

  /** What was written, from `from` to before `to`: valid until `clear()`. */
  view(from = 0, to = this.#length): Uint8Array {
    return this.#bytes.subarray(from, Math.min(to, this.#length));
  }

  /** Begins anew in the same memory, unless that is more than `most` bytes. */
  clear(most: number): void {
    this.#length = 0;
    if (this.#bytes.length <= most) return;
    this.#bytes = new Uint8Array(most);
    this.#view = new DataView(this.#bytes.buffer);
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1, seven bits a byte, the lowest first. */
  varint(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#grow(8);
    const bytes = this.#bytes;
    while (value > 0x7fff_ffff) {
      bytes[this.#length++] = (value % 128) | 0x80;
      value = Math.floor(value / 128);
    }
    while (value > 0x7f) {
      bytes[this.#length++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    bytes[this.#length++] = value;
  }

  /** A whole number of either sign, less than 2^52. */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  float(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#grow(8);
    this.#view.setFloat64(this.#length, value);
    this.#length += 8;
  }

  /** The bytes alone: where they end must be known otherwise. */
  raw(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Length and bytes. */
  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** Length and bytes of a text. */
  text(text: string): void {
    if (text.length <= SHORT_TEXT && this.#ascii(text)) return;
    this.bytes(UTF8.encode(text));
  }

  /** A short text, if it is all ASCII; writes nothing otherwise. */
  #ascii(text: string): boolean {
    const { length } = text;
    if (this.#length + length + 1 > this.#bytes.length) this.#grow(length + 1);
    const bytes = this.#bytes;
    const start = this.#length + 1;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[start + i] = code;
    }
    bytes[start - 1] = length;
    this.#length = start + length;
    return true;
  }

  #grow(by: number): void {
    const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + by));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** Reads what a `ByteWriter` wrote; throws a `damaged` StoreError at what it cannot have written. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #where: string;
  #at = 0;

  /** @param where what it is, for the error */
  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes;
    this.#where = where;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    if (this.#at >= this.#bytes.length) throw this.wrong("it is cut off");
    return this.#bytes[this.#at++]!;
  }

  varint(): number {
    const bytes = this.#bytes;
    if (this.#at < bytes.length && bytes[this.#at]! < 0x80) return bytes[this.#at++]!;
    let value = 0;
    let times = 1;
    for (let n = 0; n < 8; n++) {
      if (this.#at >= bytes.length) break;
      const byte = bytes[this.#at++]!;
      value += (byte & 0x7f) * times;
      if (byte < 0x80) return value;
      times *= 128;
    }
    throw this.wrong("a number does not end");
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  float(): number {
    if (this.left < 8) throw this.wrong("it is cut off");
    const bytes = this.raw(8);
    return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0); // rare: not worth one for each reader
  }

  /** A view on the next bytes. */
  raw(length: number): Uint8Array {
    if (this.left < length) throw this.wrong("it is cut off");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A view on bytes that stand after their length. */
  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  text(): string {
    const bytes = this.bytes();
    if (bytes.length > SHORT_TEXT) return this.#decoded(bytes);
    let number = bytes.length;
    for (let i = 0; i < bytes.length; i++) number = (number * 31 + bytes[i]!) | 0;
    const place = (number ^ (number >>> 8) ^ (number >>> 16)) & (KNOWN - 1);
    const before = known[place];
    if (before !== undefined && equal(before.bytes, bytes)) return before.text;
    const text = this.#decoded(bytes);
    known[place] = { bytes: bytes.slice(), text };
    return text;
  }

  #decoded(bytes: Uint8Array): string {
    try {
      return FROM_UTF8.decode(bytes);
    } catch (error) {
      throw this.wrong("a text is not UTF-8", error);
    }
  }

  /** Nothing may follow. */
  end(): void {
    if (this.left > 0) throw this.wrong(`${this.left} bytes too many`);
  }

  /** The error to throw at what cannot have been written. */
  wrong(found: string, cause?: unknown): Error {
    return damaged(this.#where, `${found} (at byte ${this.#at} of ${this.#bytes.length})`, cause);
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
