/**
 * Memory that frames are written into. A Uint8Array with memory of its own costs half a microsecond and more
 * in Deno, a view on a shared slab a few dozen nanoseconds.
 *
 * A view keeps its slab alive: whoever keeps bytes for long keeps a copy, from `copied`.
 */

/** Bytes for frames, one behind the other. */
export interface Memory {
  /** What is taken lies here, until more is taken. */
  readonly bytes: Uint8Array;
  /** Where so many bytes may be written, with any content before that; -1 where there is no room. */
  take(size: number): number;
}

/** A slab for what is small; what is above an eighth of it has memory of its own. */
class Slabs implements Memory {
  bytes: Uint8Array = new Uint8Array(0);
  readonly #size: number;
  #slab = this.bytes;
  #used = 0;
  #end = 0;

  constructor(size: number) {
    this.#size = size;
  }

  take(size: number): number {
    if (size > this.#size / 8) {
      this.bytes = new Uint8Array(size);
      this.#end = size;
      return 0;
    }
    if (this.#used + size > this.#slab.length) {
      this.#slab = new Uint8Array(this.#size);
      this.#used = 0;
    }
    this.bytes = this.#slab;
    const at = this.#used;
    this.#used = this.#end = at + size;
    return at;
  }

  /** A view on what was taken last, which begins there. */
  taken(at: number): Uint8Array {
    return this.bytes.subarray(at, this.#end);
  }
}

/** For frames, which are written out and forgotten. */
export const frames = new Slabs(16 * 1024);

/** Memory of `size` bytes for one frame, with any content: it must be written in full. */
export function frameMemory(size: number): Uint8Array {
  return frames.taken(frames.take(size));
}

/** For payloads, which may be inflight for a while: one that is keeps little else alive. */
const payloads = new Slabs(2 * 1024);

/** Below that a loop is faster than a view and `set`. */
const SHORT = 128;

/** A copy of `bytes[from..to)` that may be kept; it shares memory with few others. */
export function copied(bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array {
  const size = to - from;
  const copy = payloads.taken(payloads.take(size));
  if (size > SHORT) copy.set(bytes.subarray(from, to));
  else for (let at = 0; at < size; at++) copy[at] = bytes[from + at]!;
  return copy;
}
