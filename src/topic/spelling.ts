/**
 * Names as the bytes that they are in packets, UTF-8. What is asked for by string is spelt out here; what has just been
 * read is in bytes already, and no string is made of it. MQTT 5.0 sections 1.5.4 and 4.7.
 */

/** A UTF-16 unit is three bytes of UTF-8 at most. */
const BYTES_A_UNIT = 3;
/** Of so many units a loop is faster than a call into the platform's converter, where they are ASCII. */
const SHORT = 48;

const ENCODER = new TextEncoder();
/** Keeps a leading U+FEFF [MQTT-1.5.4-3]. */
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** Where one name at a time is spelt out, in memory that the longest of them had need of. */
export class Spelling {
  bytes: Uint8Array = new Uint8Array(256);

  /** Puts the bytes of a name at the beginning of `bytes`, until the next one, and says how many they are. */
  spell(name: string): number {
    const { length } = name;
    if (length * BYTES_A_UNIT > this.bytes.length) {
      this.bytes = new Uint8Array(length * BYTES_A_UNIT);
    }
    if (length > SHORT) return ENCODER.encodeInto(name, this.bytes).written;
    for (let at = 0; at < length; at++) {
      const unit = name.charCodeAt(at);
      if (unit > 0x7f) return ENCODER.encodeInto(name, this.bytes).written;
      this.bytes[at] = unit;
    }
    return length;
  }
}

/** The name whose bytes are `bytes[from..to)`. */
export function read(bytes: Uint8Array, from: number, to: number): string {
  if (to - from > SHORT) return DECODER.decode(bytes.subarray(from, to));
  let name = "";
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (byte > 0x7f) return DECODER.decode(bytes.subarray(from, to));
    name += String.fromCharCode(byte);
  }
  return name;
}

const SLASH = 0x2f;

/** Where the level that begins at `from` ends: the offset of its `/`, or `to`. */
export function levelEndIn(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] !== SLASH) at++;
  return at;
}
