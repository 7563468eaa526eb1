/**
 * What links of a listener go through before their first byte of MQTT: the header of a proxy, TLS, an
 * upgrade to WebSocket. Bounded in time, and logged where it comes to nothing.
 */

import type { ConnectionId, Peer } from "../policy/identity.ts";
import type { Link, Listener } from "../transport/transport.ts";
import { Refused } from "../transport/transport.ts";
import type { TurnAwayReason } from "../session/reason_words.ts";
import type { Log } from "./log.ts";

/** Serves a link to its end. */
export type Serve = (link: Link, id: ConnectionId, peer: Peer) => Promise<void>;

export interface Opening {
  /** Seconds that it may take. */
  readonly timeout: number;
  /** The links that are being opened: closing them ends that. */
  readonly underWay: Set<Link>;
  readonly log: Log;
  readonly counted?: (why: TurnAwayReason) => void;
}

/** Serves the links of a listener once they are open; as it is for a listener that has no such steps. */
export function whenOpen(listener: Listener, serve: Serve, opening: Opening): Serve {
  const { timeout, underWay, log, counted } = opening;
  const { open } = listener;
  if (open === undefined) return serve;
  return async (link, id, peer) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      link.close();
    }, timeout * 1000);
    let opened: Link;
    underWay.add(link);
    try {
      opened = await open(link);
    } catch (error) {
      link.close();
      const detail = late
        ? `nothing to serve after ${timeout} s (handshakeTimeout)`
        : String(error);
      // A health check of a proxy opens a link and closes it again: that is no news.
      const level = late || error instanceof Refused ? "info" : "debug";
      const { listener, address } = peer;
      log[level]("link refused", { listener, address, reason: "openingFailed", detail });
      counted?.("openingFailed");
      return;
    } finally {
      clearTimeout(timer);
      underWay.delete(link);
    }
    await serve(opened, id, { ...peer, address: opened.address, certificate: opened.certificate });
  };
}
