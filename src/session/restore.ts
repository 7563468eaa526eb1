/**
 * Folds what the store kept of a session into the part of it that stayed in memory.
 */

import type { Instant } from "../policy/identity.ts";
import type { Queued } from "./delivery_run.ts";
import * as ids from "./packet_id_map.ts";
import { arrived } from "./queue.ts";
import type { Flight, Session } from "./session.ts";
import type { StoredSession } from "./write.ts";

/** The whole session, as it was when its client left and with what has been queued since. */
export function restore(session: Session, stored: StoredSession<Queued>, now: Instant): Session {
  let received = ids.emptyPacketIdMap<Instant>();
  for (const packetId of stored.received) received = ids.set(received, packetId, now);
  let inflight = ids.emptyPacketIdMap<Flight>();
  let last = { packetId: 0, sequence: 0 };
  for (const [packetId, entry] of stored.inflight) {
    inflight = ids.set(inflight, packetId, entry);
    if (entry.sequence > last.sequence) last = { packetId, sequence: entry.sequence };
  }
  return {
    ...session,
    received,
    inflight,
    queue: arrived(session.queue, stored.queued),
    nextPacketId: ids.following(last.packetId),
    nextSequence: last.sequence + 1,
  };
}
