/**
 * What a node that is no more has left to this one: its sessions, as if their connections had broken just now, and
 * their Wills. MQTT 5.0 section 3.1.2.5; section 8 of the architecture.
 */

import type { ClientId } from "../policy/identity.ts";
import { restore } from "../session/restore.ts";
import { isStored } from "../session/session.ts";
import type { PendingWill } from "../session/write.ts";
import { rest } from "./close.ts";
import type { ClaimedSession } from "./cluster_event.ts";
import { endSession } from "./end_session.ts";
import { release, take } from "./ownership.ts";
import { emptyClient } from "./recover.ts";
import { schedule } from "./schedule.ts";
import type { Client, Tables } from "./tables.ts";
import { replaceSession } from "./tables.ts";
import { fireWill } from "./will.ts";

/** The node that it was connected to is no more: as if its connection had broken just now. */
export function adopt(tables: Tables, clientId: ClientId, stored: ClaimedSession): void {
  const { claiming, errands } = tables.cluster!;
  let client = tables.clients.get(clientId);
  // It has been asked for already: what is let go of now would be missing when that is answered.
  if (claiming.has(clientId) || errands.has(clientId)) {
    if (stored.will !== undefined) willOfDead(tables, client, stored.will);
    return;
  }
  if (client === undefined) {
    const owner = stored.will?.owner;
    if (owner === undefined) return release(tables, clientId);
    tables.clients.set(clientId, client = emptyClient(tables, clientId, owner, 0));
  }
  take(tables, client, stored);
  replaceSession(tables, client, restore(client.session, stored, tables.now));
  if (!isStored(client.session)) { // nothing of it is left but its Will, which is due [MQTT-3.1.3-9]
    client.will = stored.will;
    endSession(tables, client, "disconnected");
    return;
  }
  const waits = stored.will !== undefined && stored.will.publishAt !== Infinity;
  client.will = waits ? undefined : stored.will;
  rest(tables, client);
  if (!waits) return;
  client.will = stored.will;
  schedule(tables, { type: "will", client }, stored.will.publishAt);
}

/** Its client was connected to a node that is no more, and is back before anybody else saw to that. */
export function willOfDead(tables: Tables, row: Client | undefined, will: PendingWill): void {
  const client = row ?? emptyClient(tables, will.clientId, will.owner, 0);
  client.will = will;
  if (will.publishAt === Infinity) fireWill(tables, client);
}
