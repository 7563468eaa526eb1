/**
 * `queues/purge`: drops what waits for a client.
 */

import { queueLength } from "../../session/queue.ts";
import { clientId, command, isRefused } from "./command.ts";
import { findClient } from "./find_client.ts";

export const queuesPurge = command({
  name: "queues/purge",
  help: "drops the messages that wait for a client; what is in flight to it stays",
  changes: true,
  example: { clientId: "pump-7" },
  shape: { clientId },
  run({ clientId }, { view }) {
    const client = findClient(view, clientId);
    if (isRefused(client)) return client;
    const { queue } = client.session;
    return {
      data: { clientId, messagesDropped: queueLength(queue), bytes: queue.bytes },
      events: [{ type: "purgeQueue", clientId }],
    };
  },
});
