/**
 * The loop of one listener: takes links in, as long as there is room for them.
 */

import type { ConnectionId, Peer } from "../policy/identity.ts";
import type { Link, Listener } from "../transport/transport.ts";
import type { Log } from "./log.ts";

/** Milliseconds before the next try, when the system has no room for another connection. */
const PAUSE = 100;

export interface Accepting {
  readonly peer: Omit<Peer, "address">;
  /** Connections of this listener at once. */
  readonly maximum: number;
  /** Whether the broker as a whole has room for another. */
  readonly room: () => boolean;
  readonly nextId: () => ConnectionId;
  readonly serve: (link: Link, id: ConnectionId, peer: Peer) => Promise<void>;
  readonly log: Log;
}

/** Accepts until the listener is closed. Does not reject. */
export async function acceptLinks(listener: Listener, options: Accepting): Promise<void> {
  const { log, maximum, peer, serve } = options;
  const refuse = refusals(log, peer.listener);
  let open = 0;
  const ended = () => {
    open -= 1;
  };
  const failed = (error: unknown) => {
    ended();
    log.error("a connection failed", { reason: String(error) });
  };
  for (;;) {
    let link: Link | undefined;
    try {
      link = await listener.accept();
    } catch (error) {
      log.error("cannot accept a connection", {
        listener: peer.listener,
        reason: String(error),
      });
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      continue;
    }
    if (link === undefined) return;
    if (open >= maximum || !options.room()) {
      link.close();
      refuse(link.address);
      continue;
    }
    open += 1;
    serve(link, options.nextId(), { ...peer, address: link.address }).then(ended, failed);
  }
}

/** Says that connections are turned away, at most once a second, and how many. */
function refusals(log: Log, listener: string): (address: string) => void {
  let count = 0;
  let next = -Infinity;
  return (address) => {
    count += 1;
    const now = performance.now();
    if (now < next) return;
    next = now + 1000;
    log.warn("connections turned away: the connection limit is reached", {
      listener,
      address,
      count,
      reason: "maximumConnections, or the file descriptors of the process",
    });
    count = 0;
  };
}
