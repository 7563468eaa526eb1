/**
 * Buffers for what is read and written, handed on from link to link, so that a busy broker allocates none.
 * Sizes are powers of two; a few of each size are kept. Small ones are cut from larger memory: one of its own
 * costs the runtime more than its 256 bytes, in time and in space.
 */

const SMALLEST = 8; // 256 B: what an idle connection reads into; a CONNACK
const CUT = 10; // up to 1 KiB they are cut
const SLAB = 1 << 14;
const LARGEST = 20; // 1 MiB: larger ones are rare and are left to the garbage collector
/** Bytes that are kept of each size at most. */
const KEPT_BYTES = 1 << 23;

/** Buffers of which a part is needed for longer than whoever took them needs them. */
const holds = new WeakMap<ArrayBufferLike, Hold>();

interface Hold {
  count: number;
  /** The buffer, once whoever took it has given it back. */
  given: Uint8Array<ArrayBuffer> | undefined;
}

const free: Uint8Array<ArrayBuffer>[][] = [];
/** The fewest that lay in each list since the last `letGoUnused`: so many of them nobody has needed. */
const fewest: number[] = [];
for (let power = 0; power <= LARGEST; power++) {
  free.push([]);
  fewest.push(0);
}

/** A buffer of at least that many bytes, with any content. */
export function takeBuffer(size: number): Uint8Array<ArrayBuffer> {
  const power = Math.max(SMALLEST, 32 - Math.clz32(size - 1));
  if (power > LARGEST) return new Uint8Array(size);
  const list = free[power]!;
  const buffer = list.pop();
  if (buffer === undefined) return power > CUT ? new Uint8Array(1 << power) : cut(power);
  if (list.length < fewest[power]!) fewest[power] = list.length;
  return buffer;
}

/**
 * Lets go of what nobody has needed since the last call: after a storm its buffers, 34 MB of several sizes, were kept
 * for good. Those that are cut stay: a few in use keep all of their memory alive anyway.
 */
export function letGoUnused(): void {
  for (let power = CUT + 1; power <= LARGEST; power++) {
    const list = free[power]!;
    const unused = list.splice(0, fewest[power]!); // the ones at the end are taken first
    // Frees the memory at once: after a storm it may be minutes until the garbage collector comes.
    for (const { buffer } of unused) buffer.transfer(0);
    fewest[power] = list.length;
  }
}

/** Fills the list of a small size up and returns one of it. */
function cut(power: number): Uint8Array<ArrayBuffer> {
  const size = 1 << power;
  const slab = new ArrayBuffer(SLAB);
  for (let at = size; at < SLAB; at += size) free[power]!.push(new Uint8Array(slab, at, size));
  return new Uint8Array(slab, 0, size);
}

/** Gives a buffer back that nobody uses any more. */
export function giveBuffer(buffer: Uint8Array<ArrayBuffer>): void {
  const power = 31 - Math.clz32(buffer.length);
  if (power > LARGEST || buffer.length !== 1 << power) return;
  const hold = power > CUT ? holds.get(buffer.buffer) : undefined;
  if (hold !== undefined) {
    hold.given = buffer;
    return;
  }
  const list = free[power]!;
  if (list.length << power < KEPT_BYTES && list.length < 1024) list.push(buffer);
}

/**
 * Has the memory that a view lies on stay as it is until `releaseBuffer(view)`. Whoever took the buffer gives it back
 * as ever, but writes no more into what the view shows. Memory that is nobody's buffer is nobody's to write into.
 */
export function holdBuffer(view: Uint8Array): void {
  const hold = holds.get(view.buffer);
  if (hold === undefined) holds.set(view.buffer, { count: 1, given: undefined });
  else hold.count += 1;
}

/** Ends one `holdBuffer`; the last one hands the buffer on, if it has been given back. */
export function releaseBuffer(view: Uint8Array): void {
  const hold = holds.get(view.buffer)!;
  hold.count -= 1;
  if (hold.count > 0) return;
  holds.delete(view.buffer);
  if (hold.given !== undefined) giveBuffer(hold.given);
}

/** Whether somebody needs what is in the buffer. */
export function isHeld(buffer: Uint8Array): boolean {
  return holds.has(buffer.buffer);
}
