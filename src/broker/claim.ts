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

/** Has a session fetched for something that needs no connection; if a CONNECT waits for it, that comes first. */
export function fetchFor(
  tables: Tables,
  clientId: ClientId,
  errand: Errand,
  ifFree: boolean,
): void {
  const { claiming, errands } = tables.cluster!;
  const known = errands.get(clientId);
  if (known !== undefined) known.all.push(errand);
  else if (claiming.has(clientId)) errands.set(clientId, { all: [errand], asked: undefined });
  else askFor(tables, clientId, [errand], ifFree);
}

function askFor(tables: Tables, clientId: ClientId, all: Errand[], ifFree: boolean): void {
  const { errands, posted } = tables.cluster!;
  errands.set(clientId, { all, asked: ifFree ? "ifFree" : "inAnyCase" });
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
      claimed(tables, event.connection, event.clientId, event.stored);
      return goOnReading(tables);
    case "notClaimed":
      if (event.connection === 0) return errandsRefused(tables, event.clientId, event.detail);
      notClaimed(tables, event.connection, event.clientId, event.detail);
      return goOnReading(tables);
    case "wanted":
      return wanted(tables, event.clientId);
    case "adopted":
      return adopt(tables, event.clientId, event.stored);
  }
}

/** @param connection the one that waits for it; 0: only errands do */
function claimed(
  tables: Tables,
  connection: number,
  clientId: ClientId,
  stored: ClaimedSession,
): void {
  const { claiming, errands, owed } = tables.cluster!;
  const asked = errands.get(clientId);
  let live: Live | undefined;
  if (connection !== 0) live = takeClaiming(tables, connection, clientId);
  else if (asked !== undefined) asked.asked = undefined;
  settlePosted(tables, clientId, stored);
  const row = tables.clients.get(clientId);
  if (claiming.has(clientId)) { // a later connection of the same client is answered next
    if (stored.will !== undefined) willOfDead(tables, row, stored.will);
    owed.add(clientId);
    return;
  }
  owed.delete(clientId);
  if (row?.here === false) take(tables, row, stored);
  if (stored.will !== undefined) willOfDead(tables, row, stored.will);
  if (live !== undefined) admitProven(tables, live, stored);
  const client = tables.clients.get(clientId);
  runErrands(tables, clientId, client);
  if (client === undefined) release(tables, clientId); // there is none, or who asked for it was turned away
  else if (tables.clients.get(clientId) === client && client.here && client.live === undefined) {
    letGo(tables, client);
  }
}

/** The connection that waits for it; undefined where it has gone, or another one waits by now. */
function takeClaiming(tables: Tables, connection: number, clientId: ClientId): Live | undefined {
  const { claiming } = tables.cluster!;
  tables.pending -= 1;
  const live = claiming.get(clientId);
  if (live?.id !== connection) return undefined;
  claiming.delete(clientId);
  return tables.connections.get(connection);
}

function notClaimed(tables: Tables, connection: number, clientId: ClientId, detail: string): void {
  const { claiming, errands, posted } = tables.cluster!;
  const live = takeClaiming(tables, connection, clientId);
  if (live !== undefined) turnAway(tables, live, Reason.serverUnavailable, detail);
  if (claiming.has(clientId)) return;
  const waiting = errands.get(clientId);
  if (waiting === undefined) posted.delete(clientId);
  else if (waiting.asked === undefined) {
    askFor(tables, clientId, waiting.all, waiting.all.every(isDue));
  }
  releaseOwed(tables, clientId);
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

/** Does what waited for the session, which is here if there is one. */
function runErrands(tables: Tables, clientId: ClientId, client: Client | undefined): void {
  const { errands } = tables.cluster!;
  const waiting = errands.get(clientId);
  if (waiting === undefined) return;
  errands.delete(clientId);
  for (const errand of waiting.all) {
    if (client === undefined || tables.clients.get(clientId) !== client) ended(tables, errand);
    else if (errand.type === "expired") {
      if (client.live === undefined) endSession(tables, client, "expired");
    } else if (errand.type === "will") publishDue(tables, client);
    else manage(tables, errand);
  }
}

/** The session that it is about is no more. */
function ended(tables: Tables, errand: Errand): void {
  if (errand.type === "fetch") notFetched(tables, errand, "it has ended");
}

/** The session does not come; it may come for a CONNECT, or if whoever has it is asked to let go of it. */
function errandsRefused(tables: Tables, clientId: ClientId, detail: string): void {
  const { claiming, errands, posted } = tables.cluster!;
  const refused = errands.get(clientId);
  if (refused === undefined) return;
  const { all, asked } = refused;
  refused.asked = undefined;
  if (claiming.has(clientId)) return;
  const client = tables.clients.get(clientId);
  const managed = all.filter((errand) => !isDue(errand));
  for (const errand of all) {
    if (isDue(errand) && client?.here === false) lookAgain(tables, client, errand);
  }
  if (asked === "ifFree" && managed.length > 0) {
    return askFor(tables, clientId, managed, false);
  }
  errands.delete(clientId);
  posted.delete(clientId);
  for (const errand of managed) {
    if (errand.type === "fetch") notFetched(tables, errand, detail);
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
  const waiting = cluster!.errands.get(clientId);
  if (waiting !== undefined) waiting.all = waiting.all.filter((errand) => !isDue(errand));
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
