/** A link whose other end has said everything already: reads give it in the portions that a test likes. */

import type { Link } from "../../src/transport/transport.ts";

export class ScriptedLink implements Link {
  readonly address: string;
  /** What has been written. */
  readonly written: number[] = [];
  closed = 0;
  readonly #chunks: Uint8Array[];

  /** After the last portion the stream ends. */
  constructor(chunks: readonly Uint8Array[], address = "192.0.2.1:50123") {
    this.address = address;
    this.#chunks = chunks.filter((chunk) => chunk.length > 0);
  }

  /** Bytes that nobody has read. */
  get left(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  get writtenText(): string {
    return String.fromCharCode(...this.written);
  }

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return Promise.resolve(null);
    const now = chunk.subarray(0, into.length);
    if (now.length < chunk.length) this.#chunks.unshift(chunk.subarray(now.length));
    into.set(now);
    return Promise.resolve(now.length);
  }

  write(bytes: Uint8Array): Promise<number> {
    this.written.push(...bytes);
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.closed += 1;
  }
}

/** The bytes cut at these places, in any order and out of range ones included. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  const ends = [...sorted, bytes.length];
  return ends.map((end, at) => bytes.slice(at === 0 ? 0 : ends[at - 1]!, end));
}
