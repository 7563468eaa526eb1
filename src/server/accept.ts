/**
 * The loop of one listener: takes links in, as long as there is room for them.
 */

import type { ConnectionId, Peer } from "../policy/identity.ts";
import type { Link, Listener } from "../transport/transport.ts";
import type { Turned } from "./gate.ts";
import type { Log } from "./log.ts";

/** Milliseconds before the next try, when the system has no room for another connection. */
const PAUSE = 100;

export interface Accepting {
  readonly peer: Omit<Peer, "address">;
  /** Connections of this listener at once. */
  readonly maximum: number;
  /** Why a link from that address may not come in; undefined where it may. */
  readonly turnedAway: (address: string) => Turned | undefined;
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
    // Before TLS, and before a byte is read: it costs no more than this.
    const turned = options.turnedAway(link.address) ??
      (open >= maximum || !options.room() ? "connectionLimit" : undefined);
    if (turned !== undefined) {
      link.close();
      refuse(link.address, turned);
      continue;
    }
    open += 1;
    serve(link, options.nextId(), { ...peer, address: link.address }).then(ended, failed);
  }
}

/** Says that connections are turned away, at most once a second for each reason, and how many. */
export function refusals(log: Log, listener: string): (address: string, why: Why) => void {
  const told: Record<Why, { count: number; next: number }> = {
    connectionLimit: { count: 0, next: -Infinity },
    connectRate: { count: 0, next: -Infinity },
    banned: { count: 0, next: -Infinity },
  };
  return (address, why) => {
    const line = told[why];
    line.count += 1;
    const now = performance.now();
    if (now < line.next) return;
    line.next = now + 1000;
    log.warn(`connections turned away: ${WORDS[why].what}`, {
      listener,
      address,
      count: line.count,
      reason: WORDS[why].reason,
    });
    line.count = 0;
  };
}

type Why = Turned | "connectionLimit";

const WORDS: Readonly<Record<Why, { readonly what: string; readonly reason: string }>> = {
  connectionLimit: {
    what: "the connection limit is reached",
    reason: "maximumConnections, or the file descriptors of the process",
  },
  connectRate: { what: "too many from one address", reason: "connectRate" },
  banned: { what: "the address is banned", reason: "banned" },
};
