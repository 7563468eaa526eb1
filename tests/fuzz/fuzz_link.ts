/** The far end of a connection in the fuzzer: it sends its input and reads again what comes back. */

import { decode } from "../../src/packet/decode.ts";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import { MalformedPacket } from "../../src/packet/malformed_packet.ts";
import type { ProtocolVersion } from "../../src/packet/packet.ts";
import type { Link } from "../../src/transport/transport.ts";

/** Larger than any packet that the broker sends. */
const LARGEST = 268_435_460;

export class FuzzLink implements Link {
  readonly address: string;
  closed = false;
  /** Packets that have come. */
  packets = 0;
  /** Why what has come is no packet. */
  wrong: unknown;
  readonly #input: Uint8Array;
  readonly #most: number;
  readonly #version: ProtocolVersion;
  readonly #splitter = new FrameSplitter(LARGEST);
  #sent = 0;
  #ended = false;
  #reader: ((count: null) => void) | undefined;

  /** @param most bytes of the input that are sent in one piece */
  constructor(address: string, input: Uint8Array, most: number) {
    this.address = address;
    this.#input = input;
    this.#most = most;
    this.#version = versionOf(input);
  }

  /** The whole input is read and more is waited for, or it has ended. */
  get idle(): boolean {
    return this.closed || this.#reader !== undefined;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.closed) return Promise.resolve(null);
    const from = this.#sent;
    const count = Math.min(this.#most, into.length, this.#input.length - from);
    if (count > 0) {
      into.set(this.#input.subarray(from, from + count));
      this.#sent += count;
      return Promise.resolve(count);
    }
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve) => this.#reader = resolve);
  }

  write(bytes: Uint8Array): Promise<number> {
    try {
      this.#splitter.push(bytes);
      for (let frame = this.#splitter.next(); frame !== undefined; frame = this.#splitter.next()) {
        decode(frame, this.#version);
        this.packets += 1;
      }
      this.#splitter.keep(); // the bytes are the outbox's again
    } catch (error) {
      this.wrong ??= error;
    }
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.closed = true;
    this.end();
  }

  /** It hangs up. */
  end(): void {
    this.#ended = true;
    this.#reader?.(null);
    this.#reader = undefined;
  }
}

/** What the CONNECT at the beginning names, or the version that is answered for one that cannot be read. */
function versionOf(input: Uint8Array): ProtocolVersion {
  try {
    const splitter = new FrameSplitter(LARGEST);
    splitter.push(input);
    const frame = splitter.next();
    const packet = frame === undefined ? undefined : decode(frame, 4);
    return packet?.type === "connect" ? packet.protocolVersion : 4;
  } catch (error) {
    return error instanceof MalformedPacket ? error.version ?? 4 : 4;
  }
}
