/**
 * `sessions/kick`: ends a client's connection, by DISCONNECT with Administrative action (0x98) where it speaks
 * 5.0. Its session stays. MQTT 5.0 section 3.14.
 */

import { Reason } from "../../packet/reason_code.ts";
import { clientId, command, isRefused, refuse } from "./command.ts";
import { findClient } from "./find_client.ts";

export const sessionsKick = command({
  name: "sessions/kick",
  help: "ends the connection of a client; its session stays, and it may come back",
  changes: true,
  example: { clientId: "pump-7" },
  shape: { clientId },
  run({ clientId }, { view }) {
    const client = findClient(view, clientId);
    if (isRefused(client)) return client;
    if (client.live === undefined) {
      return refuse("conflict", `the client ${JSON.stringify(clientId)} is not connected`);
    }
    return {
      data: { clientId, address: client.live.connection.peer.address },
      events: [{ type: "kick", clientId, reason: Reason.administrativeAction }],
    };
  },
});
