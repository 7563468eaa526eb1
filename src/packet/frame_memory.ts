/**
 * Memory for frames that are written often. A Uint8Array with memory of its own costs half a microsecond
 * and more in Deno, a view on a shared slab a few dozen nanoseconds.
 *
 * A view keeps its slab alive: whoever stores a frame for long stores a copy.
 */

const SLAB = 16 * 1024;
const LARGEST_SHARED = SLAB / 8;

let slab = new Uint8Array(0);
let used = 0;

/** Memory of `size` bytes for one frame, with any content: it must be written in full. */
export function frameMemory(size: number): Uint8Array {
  if (size > LARGEST_SHARED) return new Uint8Array(size);
  if (used + size > slab.length) {
    slab = new Uint8Array(SLAB);
    used = 0;
  }
  const frame = slab.subarray(used, used + size);
  used += size;
  return frame;
}
