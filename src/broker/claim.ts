/**
 * Claims: a session is fetched when its client connects, wherever it has been before, and CONNECT waits for it.
 * Errands (errands.ts) ask for sessions in the same way. MQTT 5.0 section 3.1.4; section 8 of the architecture.
 */

import { Reason } from "../packet/reason_code.ts";
import type { ClientId } from "../policy/identity.ts";
import { NEVER_EXPIRES } from "../policy/identity.ts";
import { isStored } from "../session/session.ts";
import { admitProven, isAnothers, isOthers, turnAway } from "./admit.ts";
import { adopt, willOfDead } from "./adopt.ts";
import { beginAbsence, closeLive } from "./close.ts";
import type { ClaimedSession, ClusterEvent } from "./cluster_event.ts";
import { cameBack } from "./elsewhere.ts";
import { askAfterAll, errandsRefused, runErrands } from "./errands.ts";
import { letGo, release, releaseOwed, take } from "./ownership.ts";
import { goOnReading } from "./pressure.ts";
import { recoverMember } from "./recover.ts";
import { passOrder } from "./route.ts";
import type { Client, Live, Tables } from "./tables.ts";

/** Its CONNECT waits until the session is this node's. */
export function beginClaim(tables: Tables, live: Live): void {
  const { claiming, posted } = tables.cluster!;
  const { clientId } = live.connection;
  const known = tables.clients.get(clientId);
  const waiting = claiming.get(clientId);
  // Asked when the session has come, too; but by then whoever had it has been sent off.
  if (known !== undefined && isOthers(tables, live, known.session)) return;
  if (waiting !== undefined && isAnothers(tables, live, waiting.connection.identity)) return;
  const earlier = waiting ?? known?.live; // [MQTT-3.1.4-3]
  if (earlier !== undefined) takenOver(tables, earlier, "by a new connection");
  claiming.set(clientId, live);
  posted.set(clientId, new Set()); // what was posted before is read with it
  live.connection = { ...live.connection, stage: "loading" };
  tables.pending += 1;
  const most = tables.rules.limits.queueHead;
  tables.out.push({ type: "claim", connection: live.id, clientId, most, ifFree: false });
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
  if (row?.here === false) {
    take(tables, row, stored);
    // Of a node that is no more: to groups belongs what was in flight to who is not to have it now.
    if (row.groups.size > 0 && !isResumed(live)) recoverMember(tables, clientId, stored);
  }
  if (stored.will !== undefined) willOfDead(tables, row, stored.will);
  if (live !== undefined) admitProven(tables, live, stored);
  const client = tables.clients.get(clientId);
  runErrands(tables, clientId, client);
  if (client === undefined) release(tables, clientId); // there is none, or who asked for it was turned away
  else if (tables.clients.get(clientId) === client && client.here && client.live === undefined) {
    if (wasConnected(client)) beginAbsence(tables, client);
    letGo(tables, client);
  }
}

/** Whether the session is that of a client whose node is no more: nobody has said yet when it ends. */
function wasConnected({ session, due }: Client): boolean {
  return isStored(session) && due.session === undefined && !session.subscriptions.awaited &&
    session.expiryInterval < NEVER_EXPIRES;
}

/** Whether somebody goes on with the session, and is sent again what was not acknowledged. */
function isResumed(live: Live | undefined): boolean {
  return live !== undefined && !live.connection.cleanStart;
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
  if (waiting === undefined) {
    // The claim of a later connection may have been answered before: then what it posted meanwhile is on its way.
    if (tables.clients.get(clientId)?.here !== true) posted.delete(clientId);
  } else if (waiting.asked === undefined) askAfterAll(tables, clientId, waiting);
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

/**
 * What was posted and read with the session does not come as mail any more. Most often nothing else was posted
 * while it was fetched: then nothing is waited for, unless another connection has asked for it, too. Where there is
 * no session, what was posted was for one that another node has ended, and has come to nothing.
 */
function settlePosted(
  { cluster, clients }: Tables,
  clientId: ClientId,
  { orders }: ClaimedSession,
): void {
  const { claiming, posted } = cluster!;
  const own = posted.get(clientId);
  if (own === undefined || claiming.has(clientId)) return;
  if (own.size > 0) { for (const order of orders) cameBack(own, order); }
  const row = clients.get(clientId);
  const isNew = row === undefined || !isStored(row.session);
  if (own.size === 0 || isNew) posted.delete(clientId);
}
