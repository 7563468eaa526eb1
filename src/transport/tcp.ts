/**
 * MQTT over TCP. MQTT 5.0 section 4.2.
 */

import { DenoLink, listenerOf } from "./deno_link.ts";
import type { Listener } from "./transport.ts";

/**
 * Listens on an address and port; port 0 takes a free one.
 *
 * @param tcpBacklog connections that the system holds until they are accepted
 * @throws Deno.errors.AddrInUse and the like, with the system's words
 */
export function listenTcp(hostname: string, port: number, tcpBacklog: number): Listener {
  const listener = Deno.listen({ hostname, port, tcpBacklog });
  const { port: bound } = listener.addr;
  const address = hostname.includes(":") ? `[${hostname}]:${bound}` : `${hostname}:${bound}`;
  return listenerOf(listener, address, (conn) => {
    conn.setNoDelay(true); // the outbox coalesces what belongs together
    const { hostname: peer, port: peerPort } = conn.remoteAddr;
    const address = peer.includes(":") ? `[${peer}]:${peerPort}` : `${peer}:${peerPort}`;
    return new DenoLink(conn, address);
  });
}
