/** A TCP connection that speaks MQTT 5.0 in whole packets; it knows no protocol beyond that. */

import { decode } from "../../src/packet/decode.ts";
import { encode } from "../../src/packet/encode.ts";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import type { Packet } from "../../src/packet/packet.ts";

/** Who is told what a link brings. */
export interface Ear {
  packet(packet: Packet): void;
  /** Of the broker's bytes one makes no sense. */
  unreadable(problem: string): void;
  /** No more will come; not called after `close()`. */
  ended(): void;
}

export class Link {
  readonly #conn: Deno.TcpConn;
  readonly #ear: Ear;
  #closed = false;
  #pending: Uint8Array[] = [];
  #writing = false;

  private constructor(conn: Deno.TcpConn, ear: Ear) {
    this.#conn = conn;
    this.#ear = ear;
  }

  /** Connects to 127.0.0.1; rejects where nobody listens. */
  static async dial(port: number, ear: Ear): Promise<Link> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    const link = new Link(conn, ear);
    void link.#read();
    return link;
  }

  send(packet: Packet): void {
    if (this.#closed) return;
    this.#pending.push(encode(packet, 5).slice());
    if (!this.#writing) void this.#write();
  }

  /** Ends it, what is unsent and unread is lost; the ear hears nothing any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#conn.close();
    } catch {
      // It has ended.
    }
  }

  /** Sends what is there, then says that no more comes. */
  async finish(): Promise<void> {
    while (this.#writing && !this.#closed) await new Promise((resolve) => setTimeout(resolve, 1));
    await this.#conn.closeWrite().catch(() => {});
  }

  async #write(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#pending.length > 0 && !this.#closed) {
        const [first] = this.#pending;
        const bytes = this.#pending.length === 1 ? first! : joined(this.#pending);
        this.#pending = [];
        for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
      }
    } catch {
      // The reader hears of it.
    }
    this.#writing = false;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(16_384);
    const splitter = new FrameSplitter(1 << 20);
    for (;;) {
      const count = await this.#conn.read(buffer).catch(() => null);
      if (this.#closed) return;
      if (count === null) break;
      splitter.push(buffer.subarray(0, count));
      try {
        for (let frame = splitter.next(); frame !== undefined; frame = splitter.next()) {
          this.#ear.packet(decode(frame.slice(), 5));
          if (this.#closed) return;
        }
        splitter.keep();
      } catch (error) {
        this.#ear.unreadable(String(error));
        break;
      }
    }
    this.close();
    this.#ear.ended();
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
