/**
 * A port for a program that cannot be asked which one it took.
 */

/** Below what systems give to whoever connects: nobody gets one of these by chance before it is listened on. */
const FIRST = 20_000, COUNT = 12_000;

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
