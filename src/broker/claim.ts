/**
 * Whose a session is: one node's at most. It is fetched when its client connects, when another node that had it
 * is no more, or when something about it is due or asked for; and let go of when its client leaves.
 * MQTT 5.0 section 3.1.4; section 8 of the architecture.
 */

import { Reason } from "../packet/reason_code.ts";
import type { ClientId } from "../policy/identity.ts";
import * as fifo from "../session/fifo.ts";
import { EMPTY_QUEUE } from "../session/queue.ts";
import { restore } from "../session/restore.ts";
import { isStored, resting } from "../session/session.ts";
import { durably } from "../session/step.ts";
import type { PendingWill } from "../session/write.ts";
import { admitProven, turnAway } from "./admit.ts";
import { closeLive, rest } from "./close.ts";
import type { ClaimedSession, ClusterEvent } from "./cluster_event.ts";
import type { Errand } from "./cluster_tables.ts";
import { endSession } from "./end_session.ts";
import { manage, notFetched } from "./manage.ts";
import { goOnReading } from "./pressure.ts";
import { emptyClient } from "./recover.ts";
import { inTurn } from "./replicated.ts";
import { passOrder } from "./route.ts";
import { schedule } from "./schedule.ts";
import type { Client, Live, Tables } from "./tables.ts";
import { ask, replaceSession } from "./tables.ts";
import { fireWill, publishWill } from "./will.ts";

/** Milliseconds until something that is due for a session that could not be had is tried again. */
const LOOK_AGAIN = 5_000;

/** Its CONNECT waits until the session is this node's. */
export function beginClaim(tables: Tables, live: Live): void {
  const { claiming, posted } = tables.cluster!;
  const { clientId } = live.connection;
  const earlier = claiming.get(clientId) ?? tables.clients.get(clientId)?.live; // [MQTT-3.1.4-3]
  if (earlier !== undefined) takenOver(tables, earlier, "by a new connection");
  claiming.set(clientId, live);
  posted.set(clientId, new Set()); // what was posted before is read with it
  live.connection = { ...live.connection, stage: "loading" };
  tables.pending += 1;
  const most = tables.rules.limits.queueHead;
  tables.out.push({ type: "claim", connection: live.id, clientId, most, ifFree: false });
}

/** Has a session fetched for something that needs no connection. */
export function fetchFor(
  tables: Tables,
  clientId: ClientId,
  errand: Errand,
  ifFree: boolean,
): void {
  const { claiming, errands, posted } = tables.cluster!;
  const client = tables.clients.get(clientId);
  if (client !== undefined && claiming.has(clientId) && isDue(errand)) {
    // Its client is about to have it: of two answers only the later one would say all that waits for it.
    return lookAgain(tables, client, errand);
  }
  const others = errands.get(clientId);
  if (others !== undefined) {
    others.push(errand);
    return;
  }
  errands.set(clientId, [errand]);
  if (!posted.has(clientId)) posted.set(clientId, new Set());
  tables.out.push({ type: "claim", connection: 0, clientId, most: 0, ifFree });
}

/** What became of it, or what others want. */
export function onClaim(
  tables: Tables,
  event: ClusterEvent & { readonly type: "claimed" | "notClaimed" | "wanted" | "adopted" },
): void {
  switch (event.type) {
    case "claimed":
      passOrder(tables, event.highest);
      if (event.connection === 0) return runErrands(tables, event.clientId, event.stored);
      claimed(tables, event.connection, event.clientId, event.stored);
      return goOnReading(tables);
    case "notClaimed":
      if (event.connection === 0) {
        if (!isAsked(tables, event.clientId)) tables.cluster!.posted.delete(event.clientId);
        return dropErrands(tables, event.clientId, event.detail);
      }
      notClaimed(tables, event.connection, event.clientId, event.detail);
      return goOnReading(tables);
    case "wanted":
      return wanted(tables, event.clientId);
    case "adopted":
      return adopt(tables, event.clientId, event.stored);
  }
}

function claimed(
  tables: Tables,
  connection: number,
  clientId: ClientId,
  stored: ClaimedSession,
): void {
  tables.pending -= 1;
  tables.cluster!.owed.delete(clientId);
  const live = takeClaiming(tables, connection, clientId);
  settlePosted(tables, clientId, stored);
  // A later connection of the same client has asked as well, and is answered next.
  const row = tables.clients.get(clientId);
  if (live === undefined) {
    if (stored.will !== undefined) willOfDead(tables, row, stored.will);
    return forNobody(tables, clientId, row);
  }
  if (row !== undefined) take(tables, row, stored);
  if (stored.will !== undefined) willOfDead(tables, row, stored.will);
  admitProven(tables, live, stored);
  const kept = tables.clients.get(clientId);
  if (kept?.live !== undefined) return;
  if (kept === undefined) release(tables, clientId); // it was turned away
  else if (kept.here) letGo(tables, kept);
}

/** The connection that waits for it; undefined where it has gone, or another one waits by now. */
function takeClaiming(tables: Tables, connection: number, clientId: ClientId): Live | undefined {
  const { claiming } = tables.cluster!;
  const live = claiming.get(clientId);
  if (live?.id !== connection) return undefined;
  claiming.delete(clientId);
  return tables.connections.get(connection);
}

function notClaimed(tables: Tables, connection: number, clientId: ClientId, detail: string): void {
  tables.pending -= 1;
  const live = takeClaiming(tables, connection, clientId);
  if (!isAsked(tables, clientId)) tables.cluster!.posted.delete(clientId);
  if (live !== undefined) turnAway(tables, live, Reason.serverUnavailable, detail);
  const row = tables.clients.get(clientId);
  if (row?.here === true) forNobody(tables, clientId, row); // an errand has fetched it meanwhile
  releaseOwed(tables, clientId);
}

/** Nobody who waited for the session is there any more; unless another does, or has it, it is let go of. */
function forNobody(tables: Tables, clientId: ClientId, row: Client | undefined): void {
  if (tables.cluster!.claiming.has(clientId) || row?.live !== undefined) return;
  if (row?.here === true) letGo(tables, row);
  else release(tables, clientId);
}

/** Its client has connected to another node. */
function wanted(tables: Tables, clientId: ClientId): void {
  const { cluster, clients } = tables;
  const why = "by a connection to another node";
  const claiming = cluster!.claiming.get(clientId);
  if (claiming !== undefined) takenOver(tables, claiming, why); // let go of as soon as it has come
  const client = clients.get(clientId);
  if (client?.live !== undefined) return takenOver(tables, client.live, why);
  if (client?.here === true) return letGo(tables, client);
  if (claiming === undefined && !cluster!.errands.has(clientId)) release(tables, clientId);
}

function takenOver(tables: Tables, live: Live, why: string): void {
  closeLive(tables, live, "takenOver", Reason.sessionTakenOver, why);
}

/** The node that it was connected to is no more: as if its connection had broken just now. */
function adopt(tables: Tables, clientId: ClientId, stored: ClaimedSession): void {
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
  const waits = stored.will !== undefined && stored.will.publishAt !== Infinity;
  client.will = waits ? undefined : stored.will;
  if (!isStored(client.session)) { // nothing of it is left but its Will
    endSession(tables, client, "disconnected");
    return;
  }
  rest(tables, client);
  if (!waits) return;
  client.will = stored.will;
  schedule(tables, { type: "will", client }, stored.will.publishAt);
}

/** Its client was connected to a node that is no more, and is back before anybody else saw to that. */
function willOfDead(tables: Tables, row: Client | undefined, will: PendingWill): void {
  const client = row ?? emptyClient(tables, will.clientId, will.owner, 0);
  client.will = will;
  if (will.publishAt === Infinity) fireWill(tables, client);
}

/** Whether a connection waits for the session. */
function isAsked({ cluster }: Tables, clientId: ClientId): boolean {
  return cluster!.claiming.has(clientId);
}

/**
 * What was posted and read with the session does not come as mail any more. Most often nothing else was posted
 * while it was fetched: then nothing is waited for, unless another connection has asked for it, too.
 */
function settlePosted(tables: Tables, clientId: ClientId, { orders }: ClaimedSession): void {
  const { posted } = tables.cluster!;
  const own = posted.get(clientId);
  if (own === undefined || isAsked(tables, clientId)) return;
  if (own.size > 0) { for (const order of orders) own.delete(order); }
  if (own.size === 0) posted.delete(clientId);
}

/** Does what waited for the session, and lets go of it. */
function runErrands(tables: Tables, clientId: ClientId, stored: ClaimedSession): void {
  const { errands, owed } = tables.cluster!;
  const all = errands.get(clientId) ?? [];
  errands.delete(clientId);
  owed.delete(clientId);
  settlePosted(tables, clientId, stored);
  const client = tables.clients.get(clientId);
  if (stored.will !== undefined) willOfDead(tables, client, stored.will);
  const comes = client?.here === false; // or its client has connected meanwhile, and has it
  const claimedToo = tables.cluster!.claiming.has(clientId); // its client is about to have it
  if (comes) take(tables, client, stored);
  if (client === undefined && !claimedToo) release(tables, clientId);
  for (const errand of all) {
    if (client === undefined || tables.clients.get(clientId) !== client) ended(tables, errand);
    else if (errand.type === "expired") {
      if (comes && !claimedToo) endSession(tables, client, "expired");
    } else if (errand.type === "will") publishDue(tables, client);
    else manage(tables, errand);
  }
  if (!comes || claimedToo || !client.here || tables.clients.get(clientId) !== client) return;
  letGo(tables, client);
}

/** The session that it is about is no more. */
function ended(tables: Tables, errand: Errand): void {
  if (errand.type === "fetch") notFetched(tables, errand, "it has ended");
}

/** The session does not come. */
function dropErrands(tables: Tables, clientId: ClientId, detail: string): void {
  const { errands } = tables.cluster!;
  const all = errands.get(clientId) ?? [];
  errands.delete(clientId);
  const client = tables.clients.get(clientId);
  for (const errand of all) {
    if (errand.type === "fetch") notFetched(tables, errand, detail);
    else if (client?.here === false) lookAgain(tables, client, errand);
  }
  releaseOwed(tables, clientId);
}

function isDue({ type }: Errand): boolean {
  return type === "expired" || type === "will";
}

/** What was due is due still, unless whoever has the session has said otherwise. */
function lookAgain(tables: Tables, client: Client, { type }: Errand): void {
  const again = inTurn(tables, tables.now + LOOK_AGAIN);
  const { will, due, session } = client;
  if (type === "expired" && due.session === undefined && isStored(session)) {
    schedule(tables, { type: "session", client }, again);
  } else if (type === "will" && due.will === undefined && will !== undefined) {
    schedule(tables, { type: "will", client }, again);
  }
}

/** What is due for the session is not any more, or not yet; what an administrator wants of it stays. */
export function noneDue({ cluster }: Tables, clientId: ClientId): void {
  const { errands } = cluster!;
  const all = errands.get(clientId);
  if (all === undefined) return;
  const wanted = all.filter(({ type }) => type !== "expired" && type !== "will");
  if (wanted.length === 0) errands.delete(clientId);
  else errands.set(clientId, wanted);
}

/** Unless another node has by now, or its client has come back. */
function publishDue(tables: Tables, client: Client): void {
  if (client.will === undefined || client.will.publishAt > tables.now) return;
  publishWill(tables, client);
  if (!isStored(client.session)) endSession(tables, client, "expired");
}

/** The row has the session from now on, with its queue still in the store. */
function take(tables: Tables, client: Client, { orders, sizes }: ClaimedSession): void {
  client.here = true;
  client.at = tables.cluster!.node;
  let bytes = 0;
  for (const size of sizes) bytes += size;
  const queue = {
    ...EMPTY_QUEUE,
    tailOrders: fifo.fromArray(orders),
    tailSizes: fifo.fromArray(sizes),
    bytes,
  };
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
function releaseOwed(tables: Tables, clientId: ClientId): void {
  if (tables.cluster!.owed.delete(clientId)) release(tables, clientId);
}
