/** A frame put together from the pieces of its body. MQTT 5.0 section 2.1. Checks nothing. */

import { variableByteIntegerSize, writeVariableByteInteger } from "./fixed_header.ts";

/** The frame with this first byte and these pieces, in order, behind its fixed header. */
export function withBody(firstByte: number, pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const frame = new Uint8Array(1 + variableByteIntegerSize(length) + length);
  frame[0] = firstByte;
  let at = writeVariableByteInteger(frame, 1, length);
  for (const piece of pieces) {
    frame.set(piece, at);
    at += piece.length;
  }
  return frame;
}
