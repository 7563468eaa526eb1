/** A link whose writes a test lets through, in the portions that it likes. */

import assert from "node:assert/strict";
import type { Link } from "../../src/transport/transport.ts";

interface PendingWrite {
  readonly bytes: Uint8Array;
  readonly resolve: (written: number) => void;
  readonly reject: (error: Error) => void;
}

export class FakeLink implements Link {
  readonly address = "fake";
  /** What has been written, as far as it was let through. */
  readonly written: number[] = [];
  closed = 0;
  /** Is told of each `close`. */
  onClose: () => void = () => {};
  #pending: PendingWrite | undefined;

  /** Bytes that the write under way asks to be written; 0 where there is none. */
  get asked(): number {
    return this.#pending?.bytes.length ?? 0;
  }

  read(_into?: Uint8Array): Promise<number | null> {
    return new Promise(() => {});
  }

  write(bytes: Uint8Array): Promise<number> {
    assert.equal(this.#pending, undefined, "a write while another one is under way");
    assert.ok(bytes.length > 0, "a write of nothing");
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#pending = { bytes, resolve, reject };
    return promise;
  }

  /** Lets that many bytes of the write under way through; all where no number is given. */
  async let(count?: number): Promise<void> {
    const { bytes, resolve } = this.#take();
    const through = count ?? bytes.length;
    for (const byte of bytes.subarray(0, through)) this.written.push(byte);
    resolve(through);
    await settled();
  }

  /** Lets everything through until nothing is under way. */
  async letAll(): Promise<void> {
    while (this.#pending !== undefined) await this.let();
  }

  /** The write under way fails. */
  async break(): Promise<void> {
    this.#take().reject(new Error("broken pipe"));
    await settled();
  }

  close(): void {
    this.closed += 1;
    this.onClose();
  }

  #take(): PendingWrite {
    const pending = this.#pending;
    assert.ok(pending !== undefined, "no write is under way");
    this.#pending = undefined;
    return pending;
  }
}

/** All that follows from settled promises has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
