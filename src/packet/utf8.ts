/**
 * UTF-8 Encoded Strings, MQTT 5.0 section 1.5.4. Short ASCII, which is what nearly all topics are, is read
 * and written by plain loops: a call into the platform's converter costs several times as much.
 * Must not drop a leading U+FEFF [MQTT-1.5.4-3].
 */

import { malformed } from "./refuse.ts";

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();
const SHORT = 48;

/**
 * One for each length: all units at once make one flat string, 0.2 us with its first use for a topic of 20. Put
 * together of pieces it is a tree of them, which whoever uses it first has to copy: 0.7 us.
 */
const UNITS: readonly number[][] = Array.from(
  { length: SHORT + 1 },
  (_, length) => new Array<number>(length).fill(0),
);

/**
 * The string in `bytes[from..to)`. Throws MalformedPacket 0x81 for ill-formed UTF-8, encoded surrogates
 * included [MQTT-1.5.4-1], and for U+0000 [MQTT-1.5.4-2]; `what` names the field in the message.
 */
export function decodeUtf8(bytes: Uint8Array, from: number, to: number, what: string): string {
  const length = to - from;
  if (length > SHORT) return decodeAny(bytes, from, to, what);
  const units = UNITS[length]!;
  let all = 0;
  for (let at = 0; at < length; at++) {
    const byte = bytes[from + at]!;
    if (byte === 0) return decodeAny(bytes, from, to, what);
    units[at] = byte;
    all |= byte;
  }
  return all > 0x7f ? decodeAny(bytes, from, to, what) : String.fromCharCode(...units);
}

function decodeAny(bytes: Uint8Array, from: number, to: number, what: string): string {
  let text = "";
  try {
    text = DECODER.decode(bytes.subarray(from, to));
  } catch {
    malformed(`${what} is not well-formed UTF-8 [MQTT-1.5.4-1]`);
  }
  if (text.includes("\0")) malformed(`${what} contains U+0000 [MQTT-1.5.4-2]`);
  return text;
}

/** How many bytes a string takes in UTF-8; a lone surrogate counts as the U+FFFD that is written for it. */
export function utf8Size(text: string): number {
  let size = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      size += 1;
      continue;
    }
    size += 2;
    if (unit >= 0xd800 && unit < 0xdc00) {
      const next = text.charCodeAt(index + 1);
      if (next >= 0xdc00 && next < 0xe000) index++;
    }
  }
  return size;
}

/** Writes a string, without its length, and returns the offset behind it. `size` is its `utf8Size`. */
export function writeUtf8(bytes: Uint8Array, at: number, text: string, size: number): number {
  if (size !== text.length || size > SHORT) {
    ENCODER.encodeInto(text, bytes.subarray(at, at + size));
    return at + size;
  }
  for (let index = 0; index < size; index++) bytes[at + index] = text.charCodeAt(index);
  return at + size;
}

/** Writes a string behind its two length bytes and returns the offset behind it. */
export function writeString(bytes: Uint8Array, at: number, text: string, size: number): number {
  bytes[at] = size >>> 8;
  bytes[at + 1] = size & 0xff;
  return writeUtf8(bytes, at + 2, text, size);
}

/** The `utf8Size` of a string that has to fit a packet. Throws a RangeError above 65,535 bytes. */
export function stringSize(text: string, what: string): number {
  const size = utf8Size(text);
  if (size > 0xffff) {
    throw new RangeError(`${what} has ${size} bytes, a packet carries at most 65535`);
  }
  return size;
}
