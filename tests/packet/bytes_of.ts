/** A notation for frames in tables: hexadecimal, with strings and lengths worked out. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { decode } from "../../src/packet/decode.ts";
import {
  variableByteIntegerSize,
  writeVariableByteInteger,
} from "../../src/packet/fixed_header.ts";
import { MalformedPacket } from "../../src/packet/malformed_packet.ts";
import type { Packet, ProtocolVersion } from "../../src/packet/packet.ts";

/** The bytes of a hexadecimal string, blanks ignored. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, "");
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, index) => parseInt(digits.slice(2 * index, 2 * index + 2), 16),
  );
}

function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** A UTF-8 Encoded String as hexadecimal, with its length. */
export function s(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return `${toHex(Uint8Array.of(bytes.length >> 8, bytes.length & 0xff))} ${toHex(bytes)} `;
}

/** Properties as hexadecimal, behind a Property Length of one byte. */
export function p(...properties: string[]): string {
  const length = hex(properties.join("")).length;
  return `${toHex(Uint8Array.of(length))} ${properties.join(" ")} `;
}

/** A frame from its first byte and the hexadecimal pieces of its body. */
export function frame(first: number, ...body: string[]): Uint8Array {
  const bytes = hex(body.join(""));
  const length = variableByteInteger(bytes.length);
  const whole = new Uint8Array(1 + length.length + bytes.length);
  whole[0] = first;
  whole.set(length, 1);
  whole.set(bytes, 1 + length.length);
  return whole;
}

/** A Variable Byte Integer in the fewest bytes. */
export function variableByteInteger(value: number): Uint8Array {
  const bytes = new Uint8Array(variableByteIntegerSize(value));
  writeVariableByteInteger(bytes, 0, value);
  return bytes;
}

/** One row: what it shows, in which versions, the bytes, and the packet or the Reason Code of the refusal. */
export type Row = readonly [
  name: string,
  versions: readonly ProtocolVersion[],
  frame: Uint8Array,
  expected: Packet | number,
];

/** What `decode()` makes of a frame: the packet, or the MalformedPacket that it threw. */
export function decoded(frame: Uint8Array, version: ProtocolVersion): Packet | MalformedPacket {
  try {
    return decode(frame, version);
  } catch (error) {
    if (error instanceof MalformedPacket) return error;
    throw error;
  }
}

/** Registers a test for each row and version. */
export function table(of: string, rows: readonly Row[]): void {
  for (const [name, versions, bytes, expected] of rows) {
    for (const version of versions) {
      Deno.test(`${of} ${name} (version ${version})`, () => {
        const found = decoded(bytes, version);
        if (typeof expected === "number") {
          const code = found instanceof MalformedPacket ? found.reasonCode : found;
          strictEqual(code, expected, found instanceof MalformedPacket ? found.message : "");
        } else {
          deepStrictEqual(found, expected);
        }
      });
    }
  }
}
