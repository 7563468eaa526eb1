/**
 * A port for a program that cannot be asked which one it took.
 */

/** A TCP port of 127.0.0.1 that nobody listens on at the moment. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}
