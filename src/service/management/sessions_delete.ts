/**
 * `sessions/delete`: ends a session with its subscriptions, its queue and what is in flight.
 */

import { queueLength } from "../../session/queue.ts";
import { clientId, command, isRefused } from "./command.ts";
import { doneTo, findClient } from "./find_client.ts";

export const sessionsDelete = command({
  name: "sessions/delete",
  help: "ends a session with its subscriptions and queue, and the connection of its client",
  changes: true,
  example: { clientId: "pump-7" },
  shape: { clientId },
  run({ clientId }, at) {
    const client = findClient(at.view, clientId);
    if (isRefused(client)) return client;
    const { session, live } = client;
    const events = [{ type: "deleteSession", clientId }] as const;
    return doneTo(client, at, events, queueLength(session.queue), ({ messages }) => ({
      clientId,
      connected: live !== undefined,
      subscriptions: session.subscriptions.size,
      messagesDropped: messages ?? null,
    }));
  },
});
