/**
 * The session that a command is about, or the refusal that says that there is none.
 */

import type { Client } from "../../broker/tables.ts";
import type { Refused, View } from "../service.ts";
import { refuse } from "./command.ts";

export function findClient({ broker }: View, clientId: string): Client | Refused {
  return broker.clients.get(clientId) ??
    refuse(
      "notFound",
      `there is no session with the client identifier ${JSON.stringify(clientId)}`,
    );
}
