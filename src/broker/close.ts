/**
 * The end of a Network Connection, whoever brought it about. MQTT 5.0 sections 3.14 and 4.13.
 */

import { expiresAt } from "../connection/on_connect.ts";
import { isConnected } from "../connection/stage.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import type { CloseReason } from "../session/fact.ts";
import type { SessionEnd } from "../session/reason_words.ts";
import { resting } from "../session/session.ts";
import { durably } from "../session/step.ts";
import { endSession } from "./end_session.ts";
import { unmeter } from "./meter.ts";
import { cancel, schedule } from "./schedule.ts";
import { letGo } from "./ownership.ts";
import { countInterests } from "./interest.ts";
import { inTurn } from "./replicated.ts";
import { giveBack } from "./shared.ts";
import type { Client, Live, Tables } from "./tables.ts";
import { ask, replaceSession } from "./tables.ts";
import { uncountUser } from "./user_count.ts";
import { dropWill, fireWill } from "./will.ts";

/**
 * Closes a connection that is let in, or was about to be: told why, where its version can be told. `detail` is
 * for the log, `told` for the client; `serverReference` is where it may go, section 3.14.2.2.5.
 */
export function closeLive(
  tables: Tables,
  live: Live,
  reason: CloseReason,
  reasonCode: ReasonCode,
  detail: string,
  told = detail,
  serverReference?: string,
): void {
  sayGoodbye(tables, live, reasonCode, told, serverReference);
  dropLink(tables, live, reason, reasonCode, detail);
}

/** Closes the connection of a client whose session is deleted with it: in a cluster nobody can have it in between. */
export function closeForGood(
  tables: Tables,
  live: Live,
  reason: CloseReason,
  reasonCode: ReasonCode,
  detail: string,
): void {
  sayGoodbye(tables, live, reasonCode, detail);
  dropLink(tables, live, reason, reasonCode, detail, "deleted");
}

/** DISCONNECT, where the client's version has one for the Server to send: section 3.14. */
function sayGoodbye(
  tables: Tables,
  live: Live,
  reasonCode: ReasonCode,
  told: string,
  serverReference?: string,
): void {
  const { version, problemInformation } = live.connection;
  if (version === 5 && live.ready) {
    tables.out.push({
      type: "send",
      to: live.id,
      packet: {
        type: "disconnect",
        reasonCode,
        properties: problemInformation || serverReference !== undefined
          ? {
            ...(problemInformation ? { reasonString: told.slice(0, 200) } : {}),
            ...(serverReference === undefined ? {} : { serverReference }),
          }
          : undefined,
      },
    });
  }
}

/**
 * The link is closed by the broker; what is in its outbox is written out first. A client that has taken its leave
 * sees the end of its link when its Will is gone for good, whatever becomes of the broker then [MQTT-3.14.4-3].
 *
 * @param end as `leave` has it
 */
export function dropLink(
  tables: Tables,
  live: Live,
  reason: CloseReason,
  reasonCode: ReasonCode,
  detail: string,
  end?: SessionEnd,
): void {
  const close = { type: "close", connection: live.id } as const;
  const { client } = live;
  if (reason === "clientDisconnected" && client?.live === live && client.will !== undefined) {
    tables.out.push({ type: "pause", connection: live.id });
    ask(tables, durably(client.clientId, dropWill(client), close));
  } else {
    tables.out.push(close);
  }
  leave(tables, live, reason, reasonCode, detail, end);
}

/**
 * Takes the connection out of the tables; its session rests or ends, its Will is fired or dropped.
 *
 * @param end why the session ends now, however long it is to be kept
 */
export function leave(
  tables: Tables,
  live: Live,
  reason: CloseReason,
  reasonCode: ReasonCode,
  detail: string,
  end?: SessionEnd,
): void {
  const { client, connection } = live;
  tables.connections.delete(live.id);
  tables.heldBack.delete(live);
  unmeter(tables, live);
  uncountUser(tables, live);
  tables.liveVersion += 1;
  cancel(tables, { type: "connect", live });
  cancel(tables, { type: "reauthentication", live });
  cancel(tables, { type: "identity", live });
  cancel(tables, { type: "keepAlive", live });
  cancel(tables, { type: "drain", live });
  cancel(tables, { type: "retry", live });
  tables.out.push({
    type: "observe",
    fact: {
      type: "disconnected",
      connection: live.id,
      clientId: connection.clientId,
      user: connection.identity.user,
      peer: connection.peer,
      letIn: isConnected(connection.stage),
      reason,
      reasonCode,
      detail,
    },
  });
  if (client === undefined || client.live !== live) return;
  if (isConnected(connection.stage)) rest(tables, client, end);
  else client.live = undefined; // it was never greeted: the session rests as before, and was not claimed
}

/** The session without its connection; in a cluster it is nobody's from now on. */
export function rest(tables: Tables, client: Client, end?: SessionEnd): void {
  countInterests(tables, client, -1);
  client.live = undefined;
  client.reading = false;
  giveBack(tables, client);
  fireWill(tables, client);
  const { session } = client;
  if (end !== undefined) return endSession(tables, client, end);
  if (session.expiryInterval === 0) return endSession(tables, client, "disconnected");
  replaceSession(tables, client, resting(session));
  beginAbsence(tables, client);
  if (tables.cluster !== undefined) letGo(tables, client);
}

/** From now on it counts how long the session is to be kept. */
export function beginAbsence(
  tables: Tables,
  client: Client,
): void {
  const { clientId, session: { owner, expiryInterval } } = client;
  const until = expiresAt(tables.now, expiryInterval);
  schedule(tables, { type: "session", client }, inTurn(tables, until));
  ask(
    tables,
    durably(clientId, [
      { type: "putSession", clientId, owner, expiryInterval, expiresAt: until },
    ]),
  );
}
