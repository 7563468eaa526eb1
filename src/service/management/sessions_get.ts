/**
 * `sessions/get`: all that is known of one session.
 */

import { clientId, command, isRefused } from "./command.ts";
import { findClient } from "./find_client.ts";
import { sessionDetails } from "./rows.ts";

export const sessionsGet = command({
  name: "sessions/get",
  help: "shows one session with its connection and its Will",
  changes: false,
  example: { clientId: "pump-7" },
  shape: { clientId },
  run({ clientId }, at) {
    const client = findClient(at.view, clientId);
    return isRefused(client) ? client : { data: { session: sessionDetails(client, at) } };
  },
});
