/**
 * Buffers that outboxes hand on to each other, so that a busy broker allocates none and an idle
 * connection holds none. Sizes are powers of two; a few of each size are kept.
 */

const SMALLEST = 10; // 1 KiB: a few acknowledgements
const LARGEST = 20; // 1 MiB: larger ones are rare and are left to the garbage collector
/** Bytes that are kept of each size at most. */
const KEPT_BYTES = 1 << 22;

const free: Uint8Array<ArrayBuffer>[][] = [];
for (let power = 0; power <= LARGEST; power++) free.push([]);

/** A buffer of at least that many bytes, with any content. */
export function takeBuffer(size: number): Uint8Array<ArrayBuffer> {
  const power = Math.max(SMALLEST, 32 - Math.clz32(size - 1));
  if (power > LARGEST) return new Uint8Array(size);
  return free[power]!.pop() ?? new Uint8Array(1 << power);
}

/** Gives a buffer back that nobody uses any more. */
export function giveBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  const power = 31 - Math.clz32(buffer.length);
  if (power > LARGEST || buffer.length !== 1 << power) return;
  const list = free[power]!;
  if (list.length << power < KEPT_BYTES && list.length < 1024) list.push(buffer);
}
