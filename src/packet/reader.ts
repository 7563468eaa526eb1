/**
 * A place in a frame, and the data types of MQTT 5.0 section 1.5 read from there. Every function moves the
 * reader on and throws MalformedPacket 0x81 where the packet ends too early. `what` names the field.
 */

import { malformed } from "./refuse.ts";
import { decodeUtf8 } from "./utf8.ts";

/** Bytes not yet read: `bytes[at..end)`. The one value of this folder that is changed in place. */
export interface Reader {
  readonly bytes: Uint8Array;
  at: number;
  end: number;
}

/** Bytes left to read. */
export function remaining(reader: Reader): number {
  return reader.end - reader.at;
}

/** Section 1.5.1. */
export function readByte(reader: Reader, what: string): number {
  if (reader.at >= reader.end) malformed(`the packet ends before ${what}`);
  return reader.bytes[reader.at++]!;
}

/** Section 1.5.2. */
export function readTwoByteInteger(reader: Reader, what: string): number {
  const { bytes, at } = reader;
  if (at + 2 > reader.end) malformed(`the packet ends before or within ${what}`);
  reader.at = at + 2;
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** Section 1.5.3. */
export function readFourByteInteger(reader: Reader, what: string): number {
  const high = readTwoByteInteger(reader, what);
  return high * 0x1_0000 + readTwoByteInteger(reader, what);
}

/** Section 1.5.5; only the minimal form is accepted [MQTT-1.5.5-1]. */
export function readVariableByteInteger(reader: Reader, what: string): number {
  let value = 0;
  for (let shift = 0; shift <= 21; shift += 7) {
    const byte = readByte(reader, what);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (byte === 0 && shift > 0) {
        malformed(`${what} is written in more bytes than its value needs [MQTT-1.5.5-1]`);
      }
      return value;
    }
  }
  malformed(`${what} has more than four bytes (section 1.5.5)`);
}

/** A UTF-8 Encoded String, section 1.5.4. */
export function readString(reader: Reader, what: string): string {
  const from = skipBinary(reader, what);
  return decodeUtf8(reader.bytes, from, reader.at, what);
}

/** Binary Data, section 1.5.6, copied: what is read here is kept longer than the frame. */
export function readBinary(reader: Reader, what: string): Uint8Array {
  const from = skipBinary(reader, what);
  return reader.bytes.slice(from, reader.at);
}

/** Passes over Binary Data or a string and returns where its content began. */
export function skipBinary(reader: Reader, what: string): number {
  const size = readTwoByteInteger(reader, what);
  const from = reader.at;
  if (from + size > reader.end) {
    malformed(`${what} claims ${size} bytes, the packet has ${reader.end - from} left`);
  }
  reader.at = from + size;
  return from;
}
