/**
 * What is to be done with a session that is not here, though its client is not: its end or its Will is due, or an
 * administrator asks something of it. The session is fetched for that, and let go of again.
 */

import type { ClientId } from "../policy/identity.ts";
import { isStored } from "../session/session.ts";
import type { Errand, Errands } from "./cluster_tables.ts";
import { endSession } from "./end_session.ts";
import { manage, notFetched } from "./manage.ts";
import { releaseOwed } from "./ownership.ts";
import { inTurn } from "./replicated.ts";
import { schedule } from "./schedule.ts";
import type { Client, Tables } from "./tables.ts";
import { publishWill } from "./will.ts";

/** Milliseconds until something that is due for a session that could not be had is tried again. */
const LOOK_AGAIN = 5_000;

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

/** Asks for it on their behalf. */
function askFor(tables: Tables, clientId: ClientId, all: Errand[], ifFree: boolean): void {
  const { errands, posted } = tables.cluster!;
  errands.set(clientId, { all, asked: ifFree ? "ifFree" : "inAnyCase" });
  if (!posted.has(clientId)) posted.set(clientId, new Set());
  tables.out.push({ type: "claim", connection: 0, clientId, most: 0, ifFree });
}

/** The CONNECT that they have waited for has not had the session: now it is asked for on their own behalf. */
export function askAfterAll(tables: Tables, clientId: ClientId, { all }: Errands): void {
  askFor(tables, clientId, all, all.every(isDue));
}

/** Does what waited for the session, which is here if there is one. */
export function runErrands(tables: Tables, clientId: ClientId, client: Client | undefined): void {
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
export function errandsRefused(tables: Tables, clientId: ClientId, detail: string): void {
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
