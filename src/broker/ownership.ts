/**
 * Whose a session is: one node's at most. What it means for the tables that it is this node's from now on, or
 * nobody's. Section 8 of the architecture.
 */

import type { ClientId } from "../policy/identity.ts";
import { EMPTY_QUEUE, storedQueue } from "../session/queue.ts";
import { resting } from "../session/session.ts";
import { durably } from "../session/step.ts";
import type { ClaimedSession } from "./cluster_event.ts";
import type { Client, Tables } from "./tables.ts";
import { ask, replaceSession } from "./tables.ts";

/** The row has the session from now on, with its queue still in the store. */
export function take(tables: Tables, client: Client, { orders, sizes }: ClaimedSession): void {
  client.here = true;
  client.at = tables.cluster!.node;
  const queue = storedQueue(orders, sizes);
  replaceSession(tables, client, { ...client.session, queue });
}

/** The session is nobody's from now on: of its row only what every node has is left. */
export function letGo(tables: Tables, client: Client): void {
  client.here = false;
  client.at = undefined;
  tables.liveVersion += 1;
  replaceSession(tables, client, { ...resting(client.session), queue: EMPTY_QUEUE });
  release(tables, client.clientId);
}

/**
 * Tells the store so; not while the session has been asked for again, as the store may have answered that already
 * and this would take back what the answer gives.
 */
export function release(tables: Tables, clientId: ClientId): void {
  const { claiming, errands, owed } = tables.cluster!;
  if (claiming.has(clientId) || errands.has(clientId)) {
    owed.add(clientId);
    return;
  }
  tables.cluster!.posted.delete(clientId);
  ask(tables, durably(clientId, [{ type: "release", clientId }]));
}

/** What was asked for does not come: if it was to be let go of before, it is now. */
export function releaseOwed(tables: Tables, clientId: ClientId): void {
  if (tables.cluster!.owed.delete(clientId)) release(tables, clientId);
}
