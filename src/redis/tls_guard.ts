/**
 * A listener for the errors of a TLS connection, from its very beginning: npm:redis has none between the end of
 * the handshake and the next turn, and a server that refuses the client's certificate says so just then, which
 * would end the process. (npm:redis 6.3.1, dist/lib/client/socket.js: `once(socket, "secureConnect")`.)
 *
 * npm:redis takes no socket of ours, so `tls.connect` is another function while it makes its own, which it does
 * before its `connect()` returns; nobody else sees it.
 */

import tls from "node:tls";

/**
 * Calls a function that makes TLS connections.
 *
 * @param failed told each error of a connection that it has made
 */
export function guarded<T>(connect: () => T, failed: (error: Error) => void): T {
  const original = tls.connect;
  const replaced = (...given: Parameters<typeof original>) => {
    const socket = original(...given);
    socket.on("error", failed);
    return socket;
  };
  tls.connect = replaced as typeof original;
  try {
    return connect();
  } finally {
    tls.connect = original;
  }
}
