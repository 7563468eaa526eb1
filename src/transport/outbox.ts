/**
 * What waits to be written to one link: frames are copied into one buffer and leave in one write, so
 * a turn costs one system call a client however many packets it has for it. Only a large frame leaves from where it
 * lies, in a write of its own. A mutable island, owned by the runtime; it knows sizes and not MQTT. Section 6 of the
 * architecture.
 */

import { giveBuffer, holdBuffer, releaseBuffer, takeBuffer } from "./buffer_pool.ts";
import type { Link } from "./transport.ts";

export interface OutboxLimits {
  /** Bytes; where more than that wait, and the link has not taken them at once: `congested` is told. */
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
/** Bytes of a frame from which on a copy costs more than a write of its own. */
const LARGE = 1 << 15;

/** Bytes that leave before what is being gathered. */
interface Part {
  readonly bytes: Uint8Array;
  /** What they were gathered in; undefined where they lie elsewhere, and are held there. */
  readonly buffer: Uint8Array<ArrayBuffer> | undefined;
}

export class Outbox {
  readonly #link: Link;
  readonly #limits: OutboxLimits;
  readonly #tell: (state: OutboxState) => void;
  readonly #wrote: ((bytes: number) => void) | undefined;
  /** Undefined while empty: an idle connection costs no buffer. */
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #end = 0;
  /** Undefined as long as there was no large frame. */
  #parts: Part[] | undefined;
  /** Bytes of the parts. */
  #parted = 0;
  /** Bytes that a write under way has not written yet. */
  #underWay = 0;
  /** What they were gathered in; undefined where they lie elsewhere, and are held there. */
  #leaving: Uint8Array<ArrayBuffer> | undefined;
  /** What is being written; it goes on by itself, also when `drained` leads to more bytes. */
  #sending: Uint8Array | undefined;
  #congested = false;
  /** In the next turn of the event loop it is found out whether it is congested. */
  #asking = false;
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
    return this.#parted + this.#end + this.#underWay;
  }

  /** Its link has been closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Takes a frame, or several; false where it is full or closing. They are copied, but for large ones, whose memory
   * is held: see `holdBuffer`.
   */
  append(bytes: Uint8Array): boolean {
    // A view that is a small part would keep much more memory than the limit says.
    if (bytes.length >= LARGE && bytes.length >= bytes.buffer.byteLength / 2) {
      return this.#hold(bytes);
    }
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

  /**
   * Begins to write, unless a write is under way, which goes on by itself. However much a turn brings, or several
   * within one turn of the event loop, it congests nobody by itself: what the system takes at once has been taken, in
   * as many calls of `write` as it needs, before the next one.
   */
  flush(): void {
    if (this.#sending === undefined && this.#parted + this.#end > 0 && !this.#closed) this.#write();
    else if (this.#closing && this.buffered === 0) this.#finish();
    if (this.buffered > this.#limits.congested && !this.#congested && !this.#asking) {
      this.#asking = true;
      setImmediate(() => {
        this.#asking = false;
        if (this.buffered > this.#limits.congested) this.#become("congested");
      });
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

  /** Takes a frame without a copy. */
  #hold(bytes: Uint8Array): boolean {
    if (!this.#takes(bytes.length)) return false;
    if (this.#end > 0) {
      const buffer = this.#buffer!;
      this.#addPart({ bytes: buffer.subarray(0, this.#end), buffer });
      this.#buffer = undefined;
      this.#end = 0;
    }
    holdBuffer(bytes);
    this.#addPart({ bytes, buffer: undefined });
    return true;
  }

  #addPart(part: Part): void {
    (this.#parts ??= []).push(part);
    this.#parted += part.bytes.length;
  }

  /** What leaves next; undefined: nothing. */
  #nextBytes(): Uint8Array | undefined {
    const part = this.#parts?.shift();
    if (part !== undefined) {
      this.#parted -= part.bytes.length;
      this.#leaving = part.buffer;
      return part.bytes;
    }
    if (this.#end === 0) return undefined;
    const buffer = this.#leaving = this.#buffer!;
    const bytes = buffer.subarray(0, this.#end);
    this.#buffer = undefined;
    this.#end = 0;
    return bytes;
  }

  #takes(size: number): boolean {
    return !this.#closing && this.buffered + size <= this.#limits.maximum;
  }

  /** Where `size` bytes may be put, -1 where they may not. */
  #room(size: number): number {
    if (!this.#takes(size)) return -1;
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

  /** Writes what is there, and what comes meanwhile; not async, which cost as much memory as a message does. */
  #write(): void {
    const bytes = this.#sending = this.#nextBytes();
    if (bytes === undefined) {
      if (this.#closing) this.#finish();
      return;
    }
    this.#underWay = bytes.length;
    this.#writeOn(bytes);
  }

  #writeOn(bytes: Uint8Array): void {
    const from = bytes.length - this.#underWay;
    const whole = from === 0 && bytes.length <= ONE_WRITE;
    this.#link.write(whole ? bytes : bytes.subarray(from, from + ONE_WRITE))
      .then((count) => this.#written(bytes, count), () => this.#failed());
  }

  #written(bytes: Uint8Array, count: number): void {
    this.#wrote?.(count);
    if (this.#closed) return;
    this.#underWay -= count;
    if (this.#congested && this.buffered < this.#limits.drained) {
      this.#become("drained");
      if (this.#closed) return;
    }
    if (this.#underWay > 0) return this.#writeOn(bytes);
    if (this.#leaving === undefined) releaseBuffer(bytes);
    else giveBuffer(this.#leaving);
    this.#leaving = undefined;
    this.#write();
  }

  #become(state: "congested" | "drained"): void {
    this.#congested = state === "congested";
    try {
      this.#tell(state);
    } catch {
      this.#failed();
    }
  }

  #failed(): void {
    if (this.#closed) return;
    this.#finish();
    this.#tell("failed");
  }

  #finish(): void {
    clearTimeout(this.#lingering);
    this.#closing = true;
    this.#closed = true;
    this.#buffer = undefined;
    this.#end = 0;
    for (const { bytes, buffer } of this.#parts ?? []) {
      if (buffer === undefined) releaseBuffer(bytes);
    }
    this.#parts = undefined;
    this.#parted = 0;
    this.#underWay = 0;
    this.#link.close();
    this.#onClosed?.();
  }
}
