/**
 * Keys as Deno KV writes them into its database: each part is a byte for its type and bytes that sort
 * as the parts do. For whoever reads the database without Deno KV, because it is damaged or must not
 * be changed.
 */

import type { Key } from "./kv.ts";

const BYTES = 0x01;
const TEXT = 0x02;
const NUMBER = 0x21;

const toUtf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** How Deno KV marks a value that is bytes; the store writes no others. */
export const BYTES_VALUE = 3;

/** The bytes of a key; those of a prefix are the first of all keys that begin with it. */
export function encodeKey(key: Key): Uint8Array {
  const bytes: number[] = [];
  for (const part of key) {
    if (typeof part === "number") {
      bytes.push(NUMBER, ...encodeNumber(part));
      continue;
    }
    const text = typeof part === "string";
    bytes.push(text ? TEXT : BYTES);
    for (const byte of text ? toUtf8.encode(part) : part) {
      bytes.push(byte);
      if (byte === 0) bytes.push(0xff);
    }
    bytes.push(0);
  }
  return Uint8Array.from(bytes);
}

/** The key that these bytes are; undefined when they are none that the store writes. */
export function decodeKey(bytes: Uint8Array): Key | undefined {
  const key: (string | number | Uint8Array)[] = [];
  let at = 0;
  while (at < bytes.length) {
    const type = bytes[at++];
    if (type === NUMBER) {
      if (at + 8 > bytes.length) return undefined;
      key.push(decodeNumber(bytes.slice(at, at + 8)));
      at += 8;
      continue;
    }
    if (type !== BYTES && type !== TEXT) return undefined;
    const part: number[] = [];
    for (;; at++) {
      if (at >= bytes.length) return undefined;
      if (bytes[at] !== 0) part.push(bytes[at]!);
      else if (bytes[at + 1] !== 0xff) break;
      else part.push(bytes[at++]!);
    }
    at += 1;
    try {
      const raw = Uint8Array.from(part);
      key.push(type === TEXT ? fromUtf8.decode(raw) : raw);
    } catch {
      return undefined;
    }
  }
  return key.length === 0 ? undefined : key;
}

/** Which of two encoded keys is first: less than 0, 0, or more. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

/** Sorts as the numbers do: the sign turned for those above zero, all bits for those below. */
function encodeNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  if (bytes[0]! < 0x80) bytes[0]! |= 0x80;
  else for (let i = 0; i < 8; i++) bytes[i] = 255 - bytes[i]!;
  return bytes;
}

function decodeNumber(bytes: Uint8Array): number {
  if (bytes[0]! >= 0x80) bytes[0]! &= 0x7f;
  else for (let i = 0; i < 8; i++) bytes[i] = 255 - bytes[i]!;
  return new DataView(bytes.buffer).getFloat64(0);
}
