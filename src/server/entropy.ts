/**
 * Chance for the broker, which has none of its own: what it calls clients that do not say.
 */

/** 16 random bytes a call, asked of the system by the kilobyte: memory of their own would cost more than they. */
export function randomBytes(): () => Uint8Array {
  let pool = new ArrayBuffer(0);
  let at = 0;
  return () => {
    if (at === pool.byteLength) {
      pool = crypto.getRandomValues(new Uint8Array(1024)).buffer;
      at = 0;
    }
    const bytes = new Uint8Array(pool, at, 16);
    at += 16;
    return bytes;
  };
}
