/**
 * A connection of QUIC with its one stream as a link. RFC 9000 sections 2 and 10.
 */

import type { Link } from "./transport.ts";
import { Refused } from "./transport.ts";

/** Milliseconds for the last bytes to reach the other side: a connection that is closed forgets them. */
const LINGER = 2_000;

/** A mutable island: what becomes of one connection. */
export class QuicLink implements Link {
  readonly address: string;
  readonly #conn: Deno.QuicConn;
  #reader: ReadableStreamBYOBReader | undefined;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  /** Lent to the stream while it reads. */
  #scratch: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #writing = false;
  #written = false;
  #open = true;

  /** @param conn whose handshake may still be under way */
  constructor(conn: Deno.QuicConn) {
    const { hostname, port } = conn.remoteAddr;
    this.address = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
    this.#conn = conn;
    conn.closed.catch(() => {}); // whoever reads or writes is told
  }

  /** Comes to its end when the link is closed. */
  async handshake(): Promise<this> {
    await this.#conn.handshake; // also where it failed: `opened` is told why
    this.#mustBeOpen();
    return this;
  }

  /**
   * Waits for the client's stream, which is seen with its first byte.
   *
   * Rejects with a `Refused` where the handshake failed, with another error where the client went away.
   */
  async opened(): Promise<this> {
    const stream = await this.#firstStream();
    this.#mustBeOpen();
    this.#reader = stream.readable.getReader({ mode: "byob" });
    this.#writer = stream.writable.getWriter();
    this.#reader.closed.catch(() => {});
    this.#writer.closed.catch(() => {});
    return this;
  }

  async #firstStream(): Promise<Deno.QuicBidirectionalStream> {
    try {
      const { value } = await this.#conn.incomingBidirectionalStreams.getReader().read();
      if (value !== undefined) return value;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw /handshake failed|protocol compliance/.test(text)
        ? new Refused(`QUIC: ${text}`)
        : error;
    }
    throw new Error("the client closed the connection before it opened a stream");
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    this.#mustBeOpen();
    // The stream takes the buffer away for as long as it reads: it gets one of the link's own.
    const lent = this.#scratch.length === into.length ? this.#scratch : new Uint8Array(into.length);
    const { value, done } = await this.#reader!.read(lent);
    this.#mustBeOpen();
    if (done) return null;
    into.set(value);
    this.#scratch = new Uint8Array(value.buffer);
    return value.length;
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.#mustBeOpen();
    this.#writing = true;
    this.#written = true;
    try {
      await this.#writer!.write(bytes);
    } finally {
      this.#writing = false;
    }
    return bytes.length;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#reader?.cancel().catch(() => {});
    if (this.#writing || !this.#written) return this.#end();
    // The end of the stream tells a client that it is over; it is given the time to hear it.
    this.#writer!.close().catch(() => {});
    const timer = setTimeout(() => this.#end(), LINGER);
    Deno.unrefTimer(timer);
    const gone = () => clearTimeout(timer);
    this.#conn.closed.then(gone, gone);
  }

  #end(): void {
    this.#conn.close({ closeCode: 0, reason: "" });
  }

  #mustBeOpen(): void {
    if (!this.#open) throw new Error("the link is closed");
  }
}
