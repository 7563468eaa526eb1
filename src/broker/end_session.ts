/**
 * The end of a session. MQTT 5.0 section 4.1.
 */

import { queueLength } from "../session/queue.ts";
import type { SessionEnd } from "../session/reason_words.ts";
import { isStored, newSession } from "../session/session.ts";
import { durably } from "../session/step.ts";
import { allSubscriptions } from "../session/subscription_map.ts";
import { release } from "./ownership.ts";
import { cancel } from "./schedule.ts";
import { unindex } from "./subscribe.ts";
import type { Client, Tables } from "./tables.ts";
import { ask, NO_STREAMS, replaceSession } from "./tables.ts";
import { publishWill } from "./will.ts";

/** Forgets the session with all that hangs on it; its Will is published now [MQTT-3.1.3-9]. */
export function endSession(
  tables: Tables,
  client: Client,
  why: SessionEnd,
): void {
  const { clientId, session } = client;
  const stored = isStored(session);
  const waiting = queueLength(session.queue);
  cancel(tables, { type: "session", client });
  tables.runnable.delete(client);
  client.streams = NO_STREAMS;
  unindex(tables, client, allSubscriptions(session.subscriptions));
  replaceSession(tables, client, newSession(clientId, session.owner, 0));
  tables.clients.delete(clientId);
  tables.cluster?.posted.delete(clientId);
  if (stored) {
    const end = durably(clientId, [{ type: "deleteSession", clientId }]);
    tables.ending.set(clientId, end);
    ask(tables, end);
  }
  publishWill(tables, client);
  // With a Clean Start its client goes on with another.
  if (tables.cluster !== undefined && why !== "cleanStart") release(tables, clientId);
  tables.out.push({
    type: "observe",
    fact: {
      type: "sessionEnded",
      clientId,
      why,
      messagesDropped: waiting,
      ...(session.subscriptions.awaited && why === "cleanStart" ? { awaited: true } : {}),
    },
  });
}
