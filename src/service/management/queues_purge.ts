/**
 * `queues/purge`: drops what waits for a client.
 */

import { queueLength } from "../../session/queue.ts";
import { clientId, command, isRefused } from "./command.ts";
import { doneTo, findClient } from "./find_client.ts";

export const queuesPurge = command({
  name: "queues/purge",
  help: "drops the messages that wait for a client; what is in flight to it stays",
  changes: true,
  example: { clientId: "pump-7" },
  shape: { clientId },
  run({ clientId }, at) {
    const client = findClient(at.view, clientId);
    if (isRefused(client)) return client;
    const { queue } = client.session;
    const events = [{ type: "purgeQueue", clientId }] as const;
    return doneTo(client, at, events, queueLength(queue), ({ messages, bytes }) => ({
      clientId,
      messagesDropped: messages ?? null,
      bytes: bytes ?? null,
    }));
  },
});
