/**
 * A bare WebSocket client: it sends the request and the frames that it is told to, wrong ones included, and
 * hands out what comes, one frame at a time. It answers nothing by itself.
 */

import assert from "node:assert/strict";
import type { Packet, ProtocolVersion } from "../../src/packet/packet.ts";
import { decode } from "../../src/packet/decode.ts";
import { encode } from "../../src/packet/encode.ts";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import type { Frame } from "../transport/client_frames.ts";
import { frameBytes } from "../transport/client_frames.ts";
import { within } from "./within.ts";

export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/** The request of a client that keeps to the rules. */
export function upgradeRequest(more: readonly string[] = [], protocol = "mqtt"): string {
  return [
    "GET /mqtt HTTP/1.1",
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Protocol: ${protocol}`,
    ...more,
    "",
    "",
  ].join("\r\n");
}

export class RawWebSocket {
  readonly #conn: Deno.Conn;
  readonly #splitter = new FrameSplitter(268_435_460);
  /** Bytes that have come and belong to nothing yet. */
  #bytes = new Uint8Array(0);
  /** What the server answered the request with. */
  answer = "";

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Sends the request and reads the head of the answer. */
  static async open(port: number, request = upgradeRequest()): Promise<RawWebSocket> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    const client = new RawWebSocket(conn);
    await client.sendBytes(Uint8Array.from(request, (letter) => letter.charCodeAt(0)));
    for (;;) {
      const text = String.fromCharCode(...client.#bytes);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        client.answer = text.slice(0, end + 2);
        client.#bytes = client.#bytes.slice(end + 4);
        return client;
      }
      if (!await client.#more()) return client;
    }
  }

  /** The same, and the server has to accept it. */
  static async connect(port: number, more: readonly string[] = []): Promise<RawWebSocket> {
    const client = await RawWebSocket.open(port, upgradeRequest(more));
    assert.equal(client.status, 101, client.answer);
    return client;
  }

  /** The status code of the answer; 0 where there was none. */
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d{3}) /.exec(this.answer)?.[1] ?? 0);
  }

  /** A header of the answer. */
  header(name: string): string | undefined {
    const line = this.answer.split("\r\n").find((each) =>
      each.toLowerCase().startsWith(`${name}:`)
    );
    return line?.slice(name.length + 1).trim();
  }

  /** This end's address, as the broker logs it. */
  get address(): string {
    const { hostname, port } = this.#conn.localAddr as Deno.NetAddr;
    return `${hostname}:${port}`;
  }

  async sendBytes(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  sendFrame(frame: Frame): Promise<void> {
    return this.sendBytes(frameBytes(frame));
  }

  /** A packet in a frame of its own. */
  sendPacket(packet: Packet, version: ProtocolVersion): Promise<void> {
    return this.sendFrame({ opcode: 2, payload: encode(packet, version) });
  }

  /** The next frame; undefined where the server has closed the link. */
  async frame(): Promise<ServerFrame | undefined> {
    for (;;) {
      const found = this.#takeFrame();
      if (found !== undefined) return found;
      if (!await this.#more()) return undefined;
    }
  }

  /** The next packet; undefined where a Close frame or the end of the link comes instead. */
  async packet(version: ProtocolVersion): Promise<Packet | undefined> {
    for (;;) {
      const whole = this.#splitter.next();
      if (whole !== undefined) return decode(whole.slice(), version);
      const frame = await this.frame();
      if (frame === undefined || frame.opcode === 8) return undefined;
      assert.equal(frame.opcode, 2, "MQTT travels in binary frames");
      this.#splitter.push(frame.payload);
    }
  }

  /** Waits for a Close frame, which it skips others for, and for the end behind it; the code. */
  async closed(): Promise<number> {
    let code = 0;
    for (;;) {
      const frame = await this.frame();
      if (frame === undefined) break;
      if (frame.opcode === 8) code = frame.payload[0]! * 256 + frame.payload[1]!;
    }
    this.close();
    return code;
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It is closed.
    }
  }

  #takeFrame(): ServerFrame | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    assert.equal(bytes[0]! & 0xf0, 0x80, "a whole frame without reserved bits");
    assert.ok(bytes[1]! < 128, "no mask");
    const start = bytes[1] === 127 ? 10 : bytes[1] === 126 ? 4 : 2;
    if (bytes.length < start) return undefined;
    let size = start === 2 ? bytes[1]! : 0;
    for (const byte of bytes.subarray(2, start)) size = size * 256 + byte;
    if (bytes.length < start + size) return undefined;
    this.#bytes = bytes.slice(start + size);
    return { opcode: bytes[0]! & 15, payload: bytes.slice(start, start + size) };
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const read = this.#conn.read(buffer).catch((error) => {
      if (error instanceof Deno.errors.ConnectionReset) return null;
      throw error;
    });
    const count = await within(read, "bytes from the broker");
    if (count === null) return false;
    const all = new Uint8Array(this.#bytes.length + count);
    all.set(this.#bytes);
    all.set(buffer.subarray(0, count), this.#bytes.length);
    this.#bytes = all;
    return true;
  }
}
