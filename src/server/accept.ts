/**
 * The loop of one listener: takes links in, as long as there is room for them.
 */

import type { ConnectionId, Peer } from "../policy/identity.ts";
import type { TurnAwayReason } from "../session/reason_words.ts";
import { turnAwayReasons } from "../session/reason_words.ts";
import type { Link, Listener } from "../transport/transport.ts";
import type { Door } from "./door.ts";
import type { Log } from "./log.ts";
import type { Serve } from "./open_link.ts";

/** Milliseconds before the next try, when the system has no room for another connection. */
const PAUSE = 100;

export interface Accepting {
  /** The one that links come in by at the moment. */
  readonly door: () => Door;
  /** Whether the broker as a whole has room for another. */
  readonly room: () => boolean;
  readonly nextId: () => ConnectionId;
  /** Has the link served as the door serves it. */
  readonly serve: (serve: Serve, link: Link, id: ConnectionId, peer: Peer) => Promise<void>;
  /** A link is served no more. */
  readonly ended?: () => void;
  readonly counted: (why: TurnAwayReason) => void;
  readonly log: Log;
}

/** Accepts until the listener is closed. Does not reject. */
export async function acceptLinks(listener: Listener, options: Accepting): Promise<void> {
  const { log, serve, counted } = options;
  let door = options.door();
  let refuse = refusals(log, door.config.name, counted);
  let open = 0;
  const ended = () => {
    open -= 1;
    options.ended?.();
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
        listener: options.door().config.name,
        reason: String(error),
      });
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      continue;
    }
    if (link === undefined) return;
    if (door !== options.door()) {
      door = options.door();
      refuse = refusals(log, door.config.name, counted);
    }
    // Before TLS, and before a byte is read: it costs no more than this.
    const turned = door.turnedAway(link.address) ??
      (open >= door.config.maximumConnections || !options.room() ? "connectionLimit" : undefined);
    if (turned !== undefined) {
      link.close();
      refuse(link.address, turned);
      continue;
    }
    open += 1;
    const { address } = link;
    const { listener: name, anonymousAllowed, certificateUse } = door.peer;
    const peer = { address, listener: name, anonymousAllowed, certificateUse };
    serve(door.serve, link, options.nextId(), peer).then(ended, failed);
  }
}

/** Counts connections that are turned away, and says so at most once a second for each reason. */
export function refusals(
  log: Log,
  listener: string,
  counted: (why: TurnAwayReason) => void,
): (address: string, why: TurnAwayReason) => void {
  const told = new Map<TurnAwayReason, { count: number; next: number }>();
  return (address, why) => {
    counted(why);
    let line = told.get(why);
    if (line === undefined) told.set(why, line = { count: 0, next: -Infinity });
    line.count += 1;
    const now = performance.now();
    if (now < line.next) return;
    line.next = now + 1000;
    log.warn("connections turned away", {
      listener,
      address,
      count: line.count,
      reason: why,
      detail: turnAwayReasons[why],
    });
    line.count = 0;
  };
}
