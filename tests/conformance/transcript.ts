/** What went over the links of one row, in order, so that a failure shows the whole conversation. */

import { decode } from "../../src/packet/decode.ts";
import type { Packet, ProtocolVersion } from "../../src/packet/packet.ts";
import { lineOf } from "../broker/packets.ts";

/** Bytes of one packet that are shown; the rest is only counted. */
const SHOWN = 64;
/** Lines of a transcript that are kept. */
const KEPT = 400;

export class Transcript {
  /** A line, or what makes one when it is asked for. */
  readonly #lines: (string | (() => string))[] = [];
  #left = 0;

  /** A line of its own: time passes, the broker restarts. */
  note(line: string | (() => string)): void {
    if (this.#lines.length < KEPT) this.#lines.push(line);
    else this.#left += 1;
  }

  /** Bytes on the link of the peer that has this name. */
  bytes(name: string, direction: "->" | "<-", bytes: Uint8Array, version: ProtocolVersion): void {
    this.note(() => `${name} ${direction} ${hexOf(bytes)}   ${words(bytes, version)}`);
  }

  /** All lines. */
  get text(): string {
    const rest = this.#left === 0 ? "" : `\n  … and ${this.#left} lines more`;
    const lines = this.#lines.map((line) => typeof line === "string" ? line : line());
    return lines.map((line) => `  ${line}`).join("\n") + rest;
  }
}

/** Bytes in hexadecimal, cut where there are many. */
export function hexOf(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, SHOWN), (byte) => byte.toString(16).padStart(2, "0"));
  return shown.join(" ") + (bytes.length > SHOWN ? ` … ${bytes.length} bytes` : "");
}

/** The packet in a line, or that the bytes are none. */
function words(bytes: Uint8Array, version: ProtocolVersion): string {
  try {
    return lineOf(decode(bytes.slice(), version));
  } catch {
    return "(not one well-formed packet)";
  }
}

/** A packet as text for a failure. */
export function show(packet: Packet): string {
  const text = JSON.stringify(
    packet,
    (_, value) => value instanceof Uint8Array ? hexOf(value) : value,
  );
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}
