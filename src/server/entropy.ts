/**
 * Chance for the broker, which has none of its own: what it calls clients that do not say.
 */

/** 16 random bytes a call, asked of the system by the kilobyte. */
export function randomBytes(): () => Uint8Array {
  const pool = new Uint8Array(1024);
  let at = pool.length;
  return () => {
    if (at === pool.length) {
      crypto.getRandomValues(pool);
      at = 0;
    }
    return pool.slice(at, at += 16);
  };
}
