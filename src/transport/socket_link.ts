/**
 * A socket of node:tls as a link: what it gives by events is handed out by reads, one at a time.
 */

import type { TLSSocket } from "node:tls";
import type { ClientCertificate } from "../policy/identity.ts";
import type { Link } from "./transport.ts";

/** Milliseconds that a closed link has to tell the other side so. */
const CLOSE_PATIENCE = 1000;

/** A read that waits for bytes. */
interface Waiting {
  readonly into: Uint8Array<ArrayBuffer>;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: unknown) => void;
}

export class SocketLink implements Link {
  readonly address: string;
  readonly certificate: ClientCertificate | undefined;
  readonly #socket: TLSSocket;
  /** What it runs on. */
  readonly #below: Link;
  /** What has come and was not read yet; the socket is paused as long as there is something. */
  #chunk: Uint8Array | undefined;
  #at = 0;
  #waiting: Waiting | undefined;
  /** Null: the other side has closed it; else why it is over. */
  #end: Error | null | undefined;
  #open = true;

  constructor(socket: TLSSocket, below: Link, certificate: ClientCertificate | undefined) {
    this.address = below.address;
    this.certificate = certificate;
    this.#socket = socket;
    this.#below = below;
    socket.on("data", (chunk: Uint8Array) => this.#came(chunk));
    socket.on("end", () => this.#ended(null));
    socket.on("error", (error) => this.#ended(error));
    socket.on("close", () => this.#ended(null));
  }

  read(into: Uint8Array<ArrayBuffer>): Promise<number | null> {
    if (this.#chunk !== undefined) return Promise.resolve(this.#take(this.#chunk, into));
    if (this.#end === null) return Promise.resolve(null);
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => this.#waiting = { into, resolve, reject });
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (!this.#open) return reject(new Error("the link is closed"));
      this.#socket.write(bytes, (error) => {
        if (error) reject(error);
        else resolve(bytes.length);
      });
    });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#chunk = undefined;
    this.#ended(new Error("the link is closed"));
    const timer = setTimeout(() => this.#destroy(), CLOSE_PATIENCE);
    Deno.unrefTimer(timer);
    this.#socket.end(() => {
      clearTimeout(timer);
      this.#destroy();
    });
  }

  #destroy(): void {
    this.#socket.destroy();
    this.#below.close();
  }

  #came(chunk: Uint8Array): void {
    if (!this.#open) return;
    this.#chunk = chunk;
    this.#at = 0;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    const count = waiting === undefined ? 0 : this.#take(chunk, waiting.into);
    if (this.#chunk !== undefined) this.#socket.pause();
    waiting?.resolve(count);
  }

  /** Copies what fits; asks for more where nothing is left. */
  #take(chunk: Uint8Array, into: Uint8Array<ArrayBuffer>): number {
    const count = Math.min(into.length, chunk.length - this.#at);
    into.set(
      this.#at === 0 && count === chunk.length ? chunk : chunk.subarray(this.#at, this.#at + count),
    );
    this.#at += count;
    if (this.#at === chunk.length) {
      this.#chunk = undefined;
      if (this.#socket.isPaused()) this.#socket.resume();
    }
    return count;
  }

  #ended(end: Error | null): void {
    if (this.#end === undefined) this.#end = end;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return;
    if (end === null) waiting.resolve(null);
    else waiting.reject(end);
  }
}
