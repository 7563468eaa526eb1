/**
 * `sessions/delete`: ends a session with its subscriptions, its queue and what is in flight.
 */

import { queueLength } from "../../session/queue.ts";
import { clientId, command, isRefused } from "./command.ts";
import { findClient } from "./find_client.ts";

export const sessionsDelete = command({
  name: "sessions/delete",
  help: "ends a session with its subscriptions and queue, and the connection of its client",
  changes: true,
  example: { clientId: "pump-7" },
  shape: { clientId },
  run({ clientId }, { view }) {
    const client = findClient(view, clientId);
    if (isRefused(client)) return client;
    const { session, live } = client;
    return {
      data: {
        clientId,
        connected: live !== undefined,
        subscriptions: session.subscriptions.size,
        messagesDropped: queueLength(session.queue),
      },
      events: [{ type: "deleteSession", clientId }],
    };
  },
});
