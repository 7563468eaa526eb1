/**
 * MQTT over WebSocket: RFC 6455 on any link, in binary frames, with no extension. MQTT 5.0 section 6.
 *
 * The frames are made here and not by the runtime, so that a write waits for the socket as every other
 * link's does (the outbox counts on it), what one client may send is bounded before it is kept, and an
 * idle connection holds no buffer.
 */

import type { Cidr } from "../policy/cidr.ts";
import type { ClientCertificate } from "../policy/identity.ts";
import { giveBuffer, takeBuffer } from "./buffer_pool.ts";
import { nextTurn } from "./deno_link.ts";
import { upgrade } from "./http_upgrade.ts";
import type { Link, Listener } from "./transport.ts";
import { Refused, withStep } from "./transport.ts";
import {
  CloseCode,
  closePayload,
  controlFrame,
  FRAME_MAXIMUM,
  FrameReader,
  headerSize,
  Opcode,
  writeHeader,
} from "./websocket_frames.ts";

export interface WebSocketOptions {
  /** The path of the URL; what stands behind a question mark is no part of it. */
  readonly path: string;
  /** Origins of web pages that may connect, `https://example.com`; `*` stands for every one. */
  readonly origins: readonly string[];
  /** Proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly Cidr[];
  /** Bytes of the upgrade request at most. */
  readonly maximumRequest: number;
  /** Bytes that one frame may carry. */
  readonly maximumFrame: number;
}

/** Milliseconds that a closed link has for its Close frame to leave. */
const CLOSE_PATIENCE = 1000;
/**
 * Bytes of headers and control frames after which all others get their turn: nobody else counts them, so that whoever
 * sends Pings alone never comes to where those wait who read much.
 */
const ASIDE_A_TURN = 1024;

/** A listener whose links are WebSocket connections on the links of another, be it TCP, TLS or Unix. */
export function webSocketOver(listener: Listener, options: WebSocketOptions): Listener {
  return withStep(listener, async (link) => {
    const address = await upgrade(link, options);
    return new WebSocketLink(link, address, options.maximumFrame);
  });
}

/** An upgraded connection as a link. */
export class WebSocketLink implements Link {
  readonly address: string;
  readonly certificate: ClientCertificate | undefined;
  readonly #link: Link;
  readonly #reader: FrameReader;
  /** Frames are being written. */
  #busy = false;
  /** Whoever waits for that to end: the outbox is one writer, a Pong may be before it. */
  #onIdle: (() => void) | undefined;
  /** Payload of the last Ping that is not answered yet: earlier ones need no answer, section 5.5.3. */
  #ping: Uint8Array | undefined;
  /** What the Close frame will say. */
  #closeCode: number = CloseCode.normal;
  #open = true;
  /** Bytes that were not for MQTT, since others had their turn on account of them. */
  #aside = 0;

  constructor(link: Link, address: string, maximumFrame: number) {
    this.#link = link;
    this.address = address;
    this.certificate = link.certificate;
    this.#reader = new FrameReader(maximumFrame, (opcode, payload) => {
      if (opcode === Opcode.ping) this.#pong(payload);
      if (opcode === Opcode.close && payload.length > 0) {
        this.#closeCode = payload[0]! * 256 + payload[1]!;
      }
    });
  }

  /** Rejects with a `Refused` where the client broke the rules of RFC 6455 or [MQTT-6.0.0-1]. */
  async read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const reader = this.#reader;
    for (;;) {
      if (reader.closed) return null;
      if (reader.violation !== undefined) {
        this.#closeCode = reader.violation.code;
        throw new Refused(`WebSocket: ${reader.violation.reason}`);
      }
      const count = await this.#link.read(into);
      if (count === null) return null;
      const found = reader.push(into, count);
      this.#aside += count - found;
      if (this.#aside >= ASIDE_A_TURN) {
        this.#aside = 0;
        await nextTurn();
      }
      if (found > 0) return found;
    }
  }

  /** Writes one frame, of 256 KiB at most. One write at a time. */
  async write(bytes: Uint8Array): Promise<number> {
    while (this.#busy) await new Promise<void>((resolve) => this.#onIdle = resolve);
    const size = Math.min(bytes.length, FRAME_MAXIMUM);
    const start = headerSize(size);
    const buffer = takeBuffer(start + size);
    writeHeader(buffer, Opcode.binary, size);
    buffer.set(size === bytes.length ? bytes : bytes.subarray(0, size), start);
    await this.#send(buffer.subarray(0, start + size));
    giveBuffer(buffer);
    return size;
  }

  /** Sends a Close frame, unless a write is under way, and ends the link behind it. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#busy) return this.#link.close();
    const timer = setTimeout(() => this.#link.close(), CLOSE_PATIENCE);
    const end = () => {
      clearTimeout(timer);
      this.#link.close();
    };
    this.#send(controlFrame(Opcode.close, closePayload(this.#closeCode))).then(end, end);
  }

  /** Answers a Ping, behind the frame that is being written. */
  #pong(payload: Uint8Array): void {
    this.#ping = payload;
    if (!this.#busy && this.#open) this.#send(undefined).catch(() => {}); // a read tells of it
  }

  /** Writes whole frames, and the Pong that has become due meanwhile. */
  async #send(frame: Uint8Array | undefined): Promise<void> {
    this.#busy = true;
    try {
      if (frame !== undefined) await writeAll(this.#link, frame);
      while (this.#ping !== undefined && this.#open) {
        const pong = controlFrame(Opcode.pong, this.#ping);
        this.#ping = undefined;
        await writeAll(this.#link, pong);
      }
    } finally {
      this.#busy = false;
      const waiting = this.#onIdle;
      this.#onIdle = undefined;
      waiting?.();
    }
  }
}

async function writeAll(link: Link, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await link.write(bytes.subarray(at));
}
