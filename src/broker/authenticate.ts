/**
 * Enhanced authentication: AUTH packets between a client and its authentication method, before CONNACK and
 * as a re-authentication after it. What the data in them prove is not known here.
 * MQTT 5.0 sections 4.12 and 3.15.
 */

import { isRefusal } from "../connection/guard.ts";
import { authFor, farewellCode, onAuth } from "../connection/on_auth.ts";
import type { Auth } from "../packet/packet.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import { Reason, reasonName } from "../packet/reason_code.ts";
import { rulesForClient } from "../policy/client_limits.ts";
import { connectedAs } from "../policy/connected_as.ts";
import type { Identity, Verdict } from "../policy/identity.ts";
import { ownerName, sameOwner } from "../policy/identity.ts";
import type { CloseReason } from "../session/fact.ts";
import { isStored } from "../session/session.ts";
import { durably } from "../session/step.ts";
import type { Write } from "../session/write.ts";
import { notLetIn, ownerChanged } from "./access.ts";
import { admitIdentity, tooLargeFor, turnAway } from "./admit.ts";
import { followRules } from "./auto_subscribe.ts";
import { closeLive, dropLink } from "./close.ts";
import { putUnder } from "./rate.ts";
import { cancel, schedule } from "./schedule.ts";
import type { Client, Live, Tables } from "./tables.ts";
import { ask, replaceSession } from "./tables.ts";

/** An AUTH at a stage that allows one: the next step, or the first one of a re-authentication. */
export function authenticate(tables: Tables, live: Live, auth: Auth): void {
  const before = live.connection;
  const result = onAuth(before, auth, live.rules.limits);
  if (isRefusal(result)) {
    return refuse(tables, live, result.reason, result.detail, "protocolError");
  }
  live.connection = result;
  if (result.stage === "authenticating") {
    tables.out.push({ type: "pause", connection: live.id });
  } else if (before.stage === "connected") {
    const { reauthenticationTimeout } = live.rules.limits;
    const until = tables.now + reauthenticationTimeout * 1000;
    schedule(tables, { type: "reauthentication", live }, until);
  }
  tables.out.push({
    type: "authenticate",
    connection: live.id,
    step: before.stage === "connected" ? "first" : "next",
    credentials: {
      clientId: result.clientId,
      username: undefined,
      password: undefined,
      authenticationMethod: result.authenticationMethod,
      authenticationData: auth.properties?.authenticationData,
      protocolVersion: result.version,
      peer: result.peer,
    },
  });
}

/** What the proof came to; a verdict that nobody waits for any more is no matter. */
export function onVerdict(tables: Tables, live: Live, verdict: Verdict): void {
  const { stage, exchange } = live.connection;
  if (exchange === undefined ? stage !== "authenticating" : exchange.turn !== "broker") return;
  switch (verdict.type) {
    case "refused": {
      // How others get in is no business of who does not.
      const told = verdict.told ?? wordsOf(verdict.reason);
      return refuse(tables, live, verdict.reason, verdict.detail, "refused", told);
    }
    case "continue":
      return askForMore(tables, live, verdict.data);
    case "accepted":
      if (exchange !== undefined) {
        const over = { ...exchange, turn: "over" as const, data: verdict.data };
        live.connection = { ...live.connection, exchange: over };
      }
      schedule(tables, { type: "identity", live }, verdict.expiresAt ?? Infinity);
      if (stage === "authenticating") return admitIdentity(tables, live, verdict.identity);
      return reauthenticated(tables, live, live.client!, verdict.identity);
  }
}

/** `not authorized` and the like: what the code says by itself. */
function wordsOf(reason: ReasonCode): string {
  return reasonName(reason).replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** AUTH 0x18 [MQTT-4.12.0-2]; before CONNACK the client is read again. */
function askForMore(tables: Tables, live: Live, data: Uint8Array | undefined): void {
  const { connection } = live;
  if (connection.exchange === undefined) { // [MQTT-4.12.0-6]
    const detail = "the authenticator asks for AUTH where CONNECT named no Authentication Method";
    return turnAway(tables, live, Reason.implementationSpecificError, detail);
  }
  if (!sendAuth(tables, live, Reason.continueAuthentication, data)) return;
  live.connection = { ...connection, exchange: { ...connection.exchange, turn: "client" } };
  if (connection.stage === "authenticating") {
    tables.out.push({ type: "resume", connection: live.id });
  }
}

/** AUTH 0x00: the client is whom it was, maybe with other roles; a session has one owner. */
function reauthenticated(tables: Tables, live: Live, client: Client, proven: Identity): void {
  const { identity: before, clientId, peer, version } = live.connection;
  if (!sameOwner(before, proven)) {
    const detail = `${ownerName(proven)} on a connection of ${ownerName(before)}`;
    const told = "a re-authentication proves the same user as before";
    return refuse(tables, live, Reason.notAuthorized, detail, "refused", told);
  }
  const identity = connectedAs(proven, clientId, peer, version);
  const denied = notLetIn(tables, { ...live.connection, identity });
  if (denied !== undefined) {
    tables.out.push({ type: "observe", fact: denied.fact });
    return refuse(tables, live, Reason.notAuthorized, denied.told, "refused");
  }
  if (!sendAuth(tables, live, Reason.success, live.connection.exchange?.data)) return;
  cancel(tables, { type: "reauthentication", live });
  live.connection = { ...live.connection, stage: "connected", exchange: undefined, identity };
  const { session } = client;
  client.rules = rulesForClient(tables.rules, identity);
  putUnder(tables, live, client.rules);
  if (sameRights(before, identity)) return;
  replaceSession(tables, client, { ...session, owner: identity });
  ownerChanged(tables, before, identity); // what its roles may receive stands in the cached matches
  const writes: Write[] = [];
  const { expiryInterval } = session;
  const owner = identity;
  if (isStored(session)) {
    writes.push({ type: "putSession", clientId, owner, expiryInterval, expiresAt: Infinity });
  }
  if (client.will !== undefined) { // it is published with the rights that the client has now
    client.will = { ...client.will, owner };
    writes.push({ type: "putWill", will: client.will });
  }
  if (writes.length > 0) ask(tables, durably(clientId, writes));
  followRules(tables, client);
}

function sameRights(a: Identity, b: Identity): boolean {
  return a.roles.length === b.roles.length && a.roles.every((role, at) => role === b.roles[at]) &&
    JSON.stringify(a.rules) === JSON.stringify(b.rules);
}

/** Sends an AUTH; false where it is larger than the client takes, which ends the connection. */
function sendAuth(
  tables: Tables,
  live: Live,
  reasonCode: ReasonCode,
  data: Uint8Array | undefined,
): boolean {
  const packet = authFor(live.connection, reasonCode, data);
  if (tooLargeFor(live.connection, packet)) { // [MQTT-3.1.2-24]
    const detail =
      `an AUTH is above its Maximum Packet Size of ${live.connection.maximumPacketSize}`;
    refuse(tables, live, Reason.packetTooLarge, detail, "refused");
    return false;
  }
  tables.out.push({ type: "send", to: live.id, packet });
  return true;
}

/** The end, told by CONNACK or, for a client that has got one, by DISCONNECT [MQTT-4.12.1-2]. */
function refuse(
  tables: Tables,
  live: Live,
  reason: ReasonCode,
  detail: string,
  why: CloseReason,
  told = detail,
): void {
  if (live.connection.stage === "authenticating") {
    return turnAway(tables, live, reason, detail, why, told);
  }
  closeLive(tables, live, why, farewellCode(reason), detail, told);
}

/** connectTimeout is over and the link is in no session yet. */
export function connectTimedOut(tables: Tables, live: Live): void {
  const { connectTimeout } = live.rules.limits;
  const { stage, exchange } = live.connection;
  const within = `within connectTimeout (${connectTimeout} s)`;
  if (stage !== "authenticating") {
    const detail = stage === "awaitingConnect"
      ? `no complete CONNECT ${within}`
      : `its session was not loaded ${within}`;
    return dropLink(tables, live, "connectTimeout", Reason.keepAliveTimeout, detail);
  }
  if (exchange?.turn === "client") {
    const detail = `its authentication was not completed ${within}`;
    return turnAway(tables, live, Reason.notAuthorized, detail, "connectTimeout");
  }
  const detail = `who it is could not be decided ${within}`;
  turnAway(tables, live, Reason.serverUnavailable, detail, "connectTimeout");
}

/** What proved its identity is worth nothing any more, such as a token. */
export function identityExpired(tables: Tables, live: Live): void {
  const detail = "what its identity was proven with has expired";
  closeLive(tables, live, "identityExpired", Reason.maximumConnectTime, detail);
}

/** reauthenticationTimeout is over. */
export function reauthenticationTimedOut(tables: Tables, live: Live): void {
  const { reauthenticationTimeout } = live.rules.limits;
  const detail = "its re-authentication was not completed within reauthenticationTimeout " +
    `(${reauthenticationTimeout} s)`;
  const reason = live.connection.exchange?.turn === "client"
    ? Reason.notAuthorized
    : Reason.serverUnavailable;
  refuse(tables, live, reason, detail, "refused");
}
