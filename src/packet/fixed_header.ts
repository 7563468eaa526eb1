/**
 * The fixed header: packet type, flags and Remaining Length; and the Variable Byte Integer.
 * MQTT 5.0 sections 2.1 and 1.5.5. Knows nothing of what stands behind the fixed header.
 */

import { malformed } from "./refuse.ts";

/** The largest Variable Byte Integer, and so the largest Remaining Length in bytes. */
export const LARGEST_VARIABLE_BYTE_INTEGER = 268_435_455;

/** The packet type, the upper four bits of the first byte. MQTT 5.0 section 2.1.2. */
export const PacketType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const;

/** How many bytes a Variable Byte Integer takes in its minimal form [MQTT-1.5.5-1]. */
export function variableByteIntegerSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}

/**
 * Writes a Variable Byte Integer in its minimal form and returns the offset behind it.
 * Throws a RangeError for a value above 268,435,455, which no packet can carry.
 */
export function writeVariableByteInteger(bytes: Uint8Array, at: number, value: number): number {
  if (value > LARGEST_VARIABLE_BYTE_INTEGER) {
    throw new RangeError(
      `a Variable Byte Integer holds at most ${LARGEST_VARIABLE_BYTE_INTEGER}, found ${value}`,
    );
  }
  let rest = value;
  let next = at;
  while (rest >= 0x80) {
    bytes[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[next++] = rest;
  return next;
}

/**
 * The length in bytes of the frame that begins at `from`, fixed header included; 0 while too few bytes
 * are there to know. Throws MalformedPacket 0x81 for a Remaining Length of five bytes or one that is
 * longer than its value needs [MQTT-1.5.5-1].
 */
export function frameLength(bytes: Uint8Array, from: number, to: number): number {
  let remaining = 0;
  for (let index = 1; index <= 4; index++) {
    if (from + index >= to) return 0;
    const byte = bytes[from + index]!;
    remaining += (byte & 0x7f) * (1 << (7 * (index - 1)));
    if (byte < 0x80) {
      if (byte === 0 && index > 1) {
        malformed("Remaining Length is written in more bytes than its value needs [MQTT-1.5.5-1]");
      }
      return 1 + index + remaining;
    }
  }
  malformed("Remaining Length has more than four bytes (section 1.5.5)");
}

/**
 * Where the variable header of the whole frame `bytes[from..to)` begins. Throws MalformedPacket 0x81 where the
 * Remaining Length does not say how long the frame is.
 */
export function bodyAt(bytes: Uint8Array, from = 0, to = bytes.length): number {
  const size = to - from;
  if (frameLength(bytes, from, to) !== size || size < 2) {
    malformed(`Remaining Length does not fit a frame of ${size} bytes`);
  }
  return from + (size < 130 ? 2 : size < 16_387 ? 3 : size < 2_097_156 ? 4 : 5);
}
