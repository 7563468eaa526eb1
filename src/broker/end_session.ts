/**
 * The beginning and the end of what the store keeps of a session. MQTT 5.0 section 4.1.
 */

import * as fifo from "../session/fifo.ts";
import * as ids from "../session/packet_id_map.ts";
import { queueLength } from "../session/queue.ts";
import type { Session } from "../session/session.ts";
import { isStored, newSession } from "../session/session.ts";
import { durably } from "../session/step.ts";
import { allSubscriptions } from "../session/subscription_map.ts";
import type { Write } from "../session/write.ts";
import { cancel } from "./schedule.ts";
import { unindex } from "./subscribe.ts";
import type { Client, Tables } from "./tables.ts";
import { ask, replaceSession } from "./tables.ts";
import { publishWill } from "./will.ts";

/** Everything of a session that was not stored before, as writes. */
export function storeWhole(session: Session): readonly Write[] {
  const { clientId } = session;
  return [
    ...allSubscriptions(session.subscriptions).map((subscription): Write => ({
      type: "putSubscription",
      clientId,
      subscription,
    })),
    ...ids.entries(session.received).map(([packetId]): Write => ({
      type: "putReceived",
      clientId,
      packetId,
    })),
    ...ids.entries(session.inflight).map(([packetId, inflight]): Write => ({
      type: "putInflight",
      clientId,
      packetId,
      inflight,
    })),
    ...fifo.toArray(session.queue.head).map((delivery): Write => ({
      type: "putQueued",
      clientId,
      delivery,
    })),
  ];
}

/** Forgets the session with all that hangs on it; its Will is published now [MQTT-3.1.3-9]. */
export function endSession(
  tables: Tables,
  client: Client,
  why: "expired" | "cleanStart" | "disconnected" | "deleted",
): void {
  const { clientId, session } = client;
  const stored = isStored(session);
  const waiting = queueLength(session.queue);
  cancel(tables, { type: "session", client });
  tables.runnable.delete(client);
  unindex(tables, client, allSubscriptions(session.subscriptions));
  replaceSession(tables, client, newSession(clientId, session.owner, 0));
  tables.clients.delete(clientId);
  if (stored) ask(tables, durably(clientId, [{ type: "deleteSession", clientId }]));
  publishWill(tables, client);
  tables.out.push({
    type: "observe",
    fact: { type: "sessionEnded", clientId, why, messagesDropped: waiting },
  });
}
