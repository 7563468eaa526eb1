/**
 * What waits to be written to one link: frames are copied into one buffer and leave in one write, so
 * a turn costs one system call a client however many packets it has for it. A mutable island, owned by
 * the runtime; it knows sizes and not MQTT. Section 6 of the architecture.
 */

import { giveBuffer, takeBuffer } from "./buffer_pool.ts";
import type { Link } from "./transport.ts";

export interface OutboxLimits {
  /** Bytes; above: `congested` is told. */
  readonly congested: number;
  /** Bytes; below, after that: `drained` is told. */
  readonly drained: number;
  /** Bytes; above, nothing more is taken. */
  readonly maximum: number;
  /** Milliseconds that `end` waits for what is written. */
  readonly linger: number;
}

/** What becomes of an outbox; told at most once until the other. */
export type OutboxState = "congested" | "drained" | "failed";

/** Bytes in one call of `write`: a larger buffer leaves in several. */
const ONE_WRITE = 1 << 18;

export class Outbox {
  readonly #link: Link;
  readonly #limits: OutboxLimits;
  readonly #tell: (state: OutboxState) => void;
  readonly #wrote: ((bytes: number) => void) | undefined;
  /** Undefined while empty: an idle connection costs no buffer. */
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #end = 0;
  /** Bytes that a write under way has not written yet. */
  #underWay = 0;
  /** The loop that writes runs: it goes on by itself, also when `drained` leads to more bytes. */
  #writing = false;
  #congested = false;
  #closing = false;
  #closed = false;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  #onClosed: (() => void) | undefined;

  /** @param wrote is told how many bytes the link has taken, once a write */
  constructor(
    link: Link,
    limits: OutboxLimits,
    tell: (state: OutboxState) => void,
    wrote?: (bytes: number) => void,
  ) {
    this.#link = link;
    this.#limits = limits;
    this.#tell = tell;
    this.#wrote = wrote;
  }

  /** Bytes that are not written yet. */
  get buffered(): number {
    return this.#end + this.#underWay;
  }

  /** Its link has been closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Copies a frame in; false where it is full or closing. */
  append(bytes: Uint8Array): boolean {
    const at = this.#room(bytes.length);
    if (at < 0) return false;
    this.#buffer!.set(bytes, at);
    return true;
  }

  /** The same with a Packet Identifier written into the copy. */
  appendAs(bytes: Uint8Array, packetIdAt: number, packetId: number): boolean {
    const at = this.#room(bytes.length);
    if (at < 0) return false;
    const buffer = this.#buffer!;
    buffer.set(bytes, at);
    buffer[at + packetIdAt] = packetId >>> 8;
    buffer[at + packetIdAt + 1] = packetId & 0xff;
    return true;
  }

  /** What was taken with `take` lies here, until anything else is done. */
  get bytes(): Uint8Array {
    return this.#buffer!;
  }

  /** Room for a frame that the caller writes at once: where it begins, -1 where it is full or closing. */
  take(size: number): number {
    return this.#room(size);
  }

  /** Takes four bytes, as a big-endian number; false where it is full or closing. */
  appendWord(word: number): boolean {
    const at = this.#room(4);
    if (at < 0) return false;
    const buffer = this.#buffer!;
    buffer[at] = word >>> 24;
    buffer[at + 1] = word >>> 16;
    buffer[at + 2] = word >>> 8;
    buffer[at + 3] = word;
    return true;
  }

  /** Begins to write, unless a write is under way, which goes on by itself. */
  flush(): void {
    if (!this.#writing && this.#end > 0 && !this.#closed) this.#write();
    else if (this.#closing && this.buffered === 0) this.#finish();
    if (!this.#congested && this.buffered > this.#limits.congested && !this.#closed) {
      this.#congested = true;
      this.#tell("congested");
    }
  }

  /** Closes the link once everything is written; takes nothing more. */
  end(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.flush();
    if (!this.#closed) this.#lingering = setTimeout(() => this.#finish(), this.#limits.linger);
  }

  /** Resolves when its link has been closed; for one who waits. */
  whenClosed(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#onClosed = resolve);
  }

  /** Closes the link now. */
  abort(): void {
    this.#finish();
  }

  /** Where `size` bytes may be put, -1 where they may not. */
  #room(size: number): number {
    if (this.#closing || this.buffered + size > this.#limits.maximum) return -1;
    const at = this.#end;
    const end = at + size;
    if (this.#buffer === undefined) {
      this.#buffer = takeBuffer(size);
    } else if (end > this.#buffer.length) {
      const larger = takeBuffer(Math.max(end, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, at));
      giveBuffer(this.#buffer);
      this.#buffer = larger;
    }
    this.#end = end;
    return at;
  }

  async #write(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#end > 0 && !this.#closed) {
        const buffer = this.#buffer!;
        const end = this.#end;
        this.#buffer = undefined;
        this.#end = 0;
        this.#underWay = end;
        while (this.#underWay > 0) {
          const from = end - this.#underWay;
          const written = await this.#link.write(
            buffer.subarray(from, Math.min(end, from + ONE_WRITE)),
          );
          this.#wrote?.(written);
          if (this.#closed) return;
          this.#underWay -= written;
          if (this.#congested && this.buffered < this.#limits.drained) {
            this.#congested = false;
            this.#tell("drained");
          }
        }
        giveBuffer(buffer);
      }
      if (this.#closing) this.#finish();
    } catch {
      if (this.#closed) return;
      this.#finish();
      this.#tell("failed");
    } finally {
      this.#writing = false;
    }
  }

  #finish(): void {
    clearTimeout(this.#lingering);
    this.#closing = true;
    this.#closed = true;
    this.#buffer = undefined;
    this.#end = 0;
    this.#underWay = 0;
    this.#link.close();
    this.#onClosed?.();
  }
}
