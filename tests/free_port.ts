/**
 * A port for a program that cannot be asked which one it took.
 */

/**
 * Below what systems give to whoever connects, so nobody gets one of these by chance before it is listened on; and ten
 * thousand in all, as a Redis Cluster takes the port ten thousand above, too.
 */
const FIRST = 12_000, COUNT = 10_000;

/** A TCP port of 127.0.0.1 that nobody listens on at the moment. */
export function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
