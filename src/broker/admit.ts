/**
 * From CONNECT to CONNACK: whose session it is, whether it goes on, who is turned away.
 * MQTT 5.0 sections 3.1.4, 3.2 and 4.1.
 */

import { onConnect } from "../connection/on_connect.ts";
import { isRefusal } from "../connection/guard.ts";
import { refusal, welcome } from "../connection/connack.ts";
import type { Connection } from "../connection/connection.ts";
import { encode } from "../packet/encode.ts";
import type { Auth, Connack, Connect } from "../packet/packet.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import { Reason } from "../packet/reason_code.ts";
import { connectedAs } from "../policy/connected_as.ts";
import type { ClientId, Identity } from "../policy/identity.ts";
import { ownerName, sameOwner } from "../policy/identity.ts";
import { permits } from "../policy/permits.ts";
import type { Queued } from "../session/delivery_run.ts";
import * as ids from "../session/packet_id_map.ts";
import { resume } from "../session/resume.ts";
import type { CloseReason } from "../session/fact.ts";
import { restore } from "../session/restore.ts";
import { queueLength } from "../session/queue.ts";
import { inflightUnder, isStored, newSession } from "../session/session.ts";
import type { Session } from "../session/session.ts";
import { settle } from "../session/settle.ts";
import { durably } from "../session/step.ts";
import { allSubscriptions } from "../session/subscription_map.ts";
import type { StoredSession, Write } from "../session/write.ts";
import { notLetIn, ownerChanged } from "./access.ts";
import { enact, ruled } from "./auto_subscribe.ts";
import { underOwnRules } from "./client_rules.ts";
import { closeLive, dropLink } from "./close.ts";
import { endSession } from "./end_session.ts";
import { fits, unfit } from "./outgoing.ts";
import { beginClaim } from "./claim.ts";
import { countInterests } from "./interest.ts";
import { overfull } from "./pressure.ts";
import { cancel, schedule } from "./schedule.ts";
import type { Client, Live, Tables } from "./tables.ts";
import { ask, NO_GROUPS, NO_STREAMS, observeDrop, replaceSession } from "./tables.ts";
import { countUser, tooManyOfUser } from "./user_count.ts";
import { keepWill } from "./will.ts";

/** CONNECT: reading stops until the client has been let in or turned away. */
export function admitConnect(tables: Tables, live: Live, connect: Connect): void {
  const assigned = connect.clientId === "" ? assignedClientId(live.entropy!) : "";
  live.entropy = undefined;
  const result = onConnect(live.connection, connect, live.rules, assigned);
  if (isRefusal(result)) {
    live.connection = result.connection;
    return turnAway(tables, live, result.reason, result.detail);
  }
  live.connection = result;
  live.connect = connect;
  if (tooLargeFor(result, welcome(result, live.rules, false))) {
    const detail = `its Maximum Packet Size of ${result.maximumPacketSize} is below a CONNACK`;
    return turnAway(tables, live, Reason.packetTooLarge, detail);
  }
  tables.out.push(
    { type: "pause", connection: live.id },
    {
      type: "authenticate",
      connection: live.id,
      step: "first",
      credentials: {
        clientId: result.clientId,
        username: connect.username,
        password: connect.password,
        authenticationMethod: connect.properties?.authenticationMethod,
        authenticationData: connect.properties?.authenticationData,
        protocolVersion: connect.protocolVersion,
        peer: result.peer,
      },
    },
  );
}

/** 16 characters behind `dunlin-`, 5 random bits each [MQTT-3.1.3-6]. */
function assignedClientId(entropy: Uint8Array): string {
  const letters: number[] = [];
  for (const byte of entropy) letters.push(ALPHABET.charCodeAt(byte & 31));
  return "dunlin-" + String.fromCharCode(...letters);
}

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** CONNACK with the reason, then the end [MQTT-3.2.2-7]. `detail` is for the log, `told` for the client. */
export function turnAway(
  tables: Tables,
  live: Live,
  reason: ReasonCode,
  detail: string,
  why: CloseReason = "refused",
  told = detail,
): void {
  const packet = refusal(live.connection, reason, told);
  if (!tooLargeFor(live.connection, packet)) {
    tables.out.push({ type: "send", to: live.id, packet });
  }
  dropLink(tables, live, why, reason, detail);
}

/** Whether the client could not be sent that packet [MQTT-3.1.2-24]. */
export function tooLargeFor({ maximumPacketSize }: Connection, packet: Connack | Auth): boolean {
  return maximumPacketSize !== Infinity && encode(packet, 5).length > maximumPacketSize;
}

/** The client is who it says: what CONNACK tells of the proof stands in its exchange already. */
export function admitIdentity(tables: Tables, live: Live, identity: Identity): void {
  const { assigned, peer, version } = live.connection;
  const clientId = assigned
    ? unusedClientId(tables, live.connection.clientId)
    : live.connection.clientId;
  live.connection = {
    ...live.connection,
    identity: connectedAs(identity, clientId, peer, version),
    clientId,
  };
  underOwnRules(tables, live);
  const { connection } = live;
  const denied = notLetIn(tables, connection);
  if (denied !== undefined) {
    tables.out.push({ type: "observe", fact: denied.fact });
    return turnAway(tables, live, Reason.notAuthorized, denied.told);
  }
  // It may have Authentication Data now, and by the client's own limits a Server Keep Alive.
  if (
    connection.maximumPacketSize !== Infinity &&
    tooLargeFor(connection, welcome(connection, live.rules, false))
  ) {
    const detail =
      `its Maximum Packet Size of ${connection.maximumPacketSize} is below the CONNACK that it is owed`;
    return turnAway(tables, live, Reason.packetTooLarge, detail);
  }
  if (tables.cluster !== undefined) return beginClaim(tables, live);
  admitProven(tables, live);
}

/**
 * The client is who it says, and in a cluster its session is this node's now: whether it may have it.
 *
 * @param stored the session as it was read, where it was
 */
export function admitProven(tables: Tables, live: Live, stored?: StoredSession<Queued>): void {
  const { connection } = live;
  const known = tables.clients.get(connection.clientId);
  if (known !== undefined && isOthers(tables, live, known.session)) return;
  const foreign = madeForOthers(tables, known, connection.identity);
  if (foreign !== undefined) {
    const told = "the session of that client id was made for somebody else";
    return turnAway(tables, live, Reason.notAuthorized, foreign, "refused", told);
  }
  if (tables.storeFull && overfull(tables) && needsStore(tables, connection)) {
    const detail = "the broker's store has no room for now";
    return turnAway(tables, live, Reason.serverUnavailable, detail);
  }
  const tooMany = tooManyOfUser(tables, live, known);
  if (tooMany !== undefined) return turnAway(tables, live, Reason.quotaExceeded, tooMany);
  countUser(tables, live);
  if (known === undefined) return admitNew(tables, live);
  if (known.live !== undefined) { // [MQTT-3.1.4-3]
    closeLive(tables, known.live, "takenOver", Reason.sessionTakenOver, "by a new connection");
  }
  const left = tables.clients.get(connection.clientId); // gone where it ended with its connection
  if (left === undefined) return admitNew(tables, live);
  if (connection.cleanStart) { // [MQTT-3.1.4-4]
    endSession(tables, left, "cleanStart");
    return admitNew(tables, live);
  }
  left.live = live;
  live.client = left;
  live.connection = { ...live.connection, stage: "loading" };
  countInterests(tables, left, 1);
  if (stored !== undefined) return admitLoaded(tables, live, stored);
  tables.pending += 1; // until it is loaded
  tables.out.push({
    type: "load",
    connection: live.id,
    clientId: left.clientId,
    most: tables.rules.limits.queueHead,
  });
}

/** Whether the session is somebody else's, as rules see it: then the client has been turned away. */
export function isOthers(tables: Tables, live: Live, session: Session): boolean {
  return !isUnclaimed(session) && isAnothers(tables, live, session.owner);
}

/** The same of a session that nothing is known of but who comes for it, or has it. */
export function isAnothers(tables: Tables, live: Live, owner: Identity): boolean {
  const { clientId, identity } = live.connection;
  if (tables.rules.takeover !== "sameIdentity" || sameOwner(owner, identity)) return false;
  const detail = `the session of client id "${clientId}" belongs to ${ownerName(owner)}, not to ${
    ownerName(identity)
  }`;
  const told = "the session of that client id belongs to somebody else";
  turnAway(tables, live, Reason.notAuthorized, detail, "refused", told);
  return true;
}

/** The id that was made for a client, with another end as long as a session has it [MQTT-3.2.2-16]. */
function unusedClientId({ clients }: Tables, made: ClientId): ClientId {
  let clientId = made;
  for (let count = 0; clients.has(clientId); count++) {
    const end = String(count);
    clientId = made.slice(0, -end.length) + end; // as long as before: its CONNACK was measured
  }
  return clientId;
}

/** Whether its CONNACK would wait for the store: what waits there has a limit, section 7. */
function needsStore(
  { clients, ending }: Tables,
  { clientId, sessionExpiryInterval, will }: Connection,
): boolean {
  return sessionExpiryInterval > 0 || will !== undefined || clients.has(clientId) ||
    ending.has(clientId);
}

function admitNew(tables: Tables, live: Live): void {
  const { connection } = live;
  if (tables.clients.size >= tables.rules.limits.maximumSessions) {
    return turnAway(tables, live, Reason.quotaExceeded, "the broker keeps maximumSessions already");
  }
  const client: Client = {
    kind: "client",
    clientId: connection.clientId,
    here: true,
    at: tables.cluster?.node,
    session: newSession(
      connection.clientId,
      connection.identity,
      connection.sessionExpiryInterval,
    ),
    rules: live.rules,
    live,
    will: undefined,
    streams: NO_STREAMS,
    reading: false,
    groups: NO_GROUPS,
    subscriber: undefined,
    due: { session: undefined, will: undefined },
  };
  tables.clients.set(client.clientId, client);
  live.client = client;
  greet(tables, live, client, client.session, false);
}

/** The store has given the session back; a connection that has gone meanwhile is no matter. */
export function admitLoaded(tables: Tables, live: Live, stored: StoredSession<Queued>): void {
  const { client, connection } = live;
  if (client === undefined || client.live !== live || connection.stage !== "loading") return;
  greet(tables, live, client, restore(client.session, stored, tables.now), true);
}

/** CONNACK, as soon as what it says is durable. */
function greet(
  tables: Tables,
  live: Live,
  client: Client,
  session: Session,
  loaded: boolean,
): void {
  const { connection } = live;
  const { clientId, identity: owner, sessionExpiryInterval: expiryInterval } = connection;
  cancel(tables, { type: "session", client });
  cancel(tables, { type: "will", client });
  const writes: Write[] = [];
  if (session.subscriptions.awaited) tables.tree.forget(); // plans did not ask what it may receive
  else if (loaded) ownerChanged(tables, client.session.owner, owner);
  const isAsked = session.owner === owner && session.expiryInterval === expiryInterval; // a new one is
  const owned = isAsked ? session : { ...session, owner, expiryInterval };
  const resumed = resume(owned, connection.window);
  const untouched = withoutTooLarge(tables, live, resumed, writes);
  const made = ruled(live.rules, untouched, "connecting", tables);
  const next = made === undefined ? untouched : made.session;
  replaceSession(tables, client, next);
  client.rules = live.rules;
  if (isStored(next)) {
    writes.push({ type: "putSession", clientId, owner, expiryInterval, expiresAt: Infinity });
    if (made !== undefined) { for (const write of made.writes) writes.push(write); }
  } else if (tables.ending.has(clientId)) {
    // The end of its stored session is on its way to the disk still: CONNACK may not overtake it.
    writes.push({ type: "deleteSession", clientId });
  }
  writes.push(...keepWill(client, connection));
  live.connection = { ...connection, stage: "connected", exchange: undefined };
  if (connection.keepAlive > 0) {
    const patience = connection.keepAlive * 1500; // [MQTT-3.1.2-22]
    schedule(tables, { type: "keepAlive", live }, tables.now + patience);
  }
  // Of a session that was made before its client came, the client has no half.
  const sessionPresent = loaded && !session.subscriptions.awaited;
  const connack = welcome(connection, live.rules, sessionPresent);
  ask(tables, durably(clientId, writes, { type: "send", to: live.id, packet: connack }));
  tables.out.push({
    type: "observe",
    fact: {
      type: "connected",
      connection: live.id,
      clientId,
      user: owner.user,
      peer: connection.peer,
      version: connection.version,
      cleanStart: connection.cleanStart,
      sessionPresent,
      expiryInterval,
      keepAlive: connection.keepAlive,
    },
  });
  if (made !== undefined) enact(tables, client, made);
}

/** Made for nobody, and nobody has come yet: the first who is let in has it. */
function isUnclaimed({ subscriptions, owner }: Session): boolean {
  return subscriptions.awaited && owner.user === undefined;
}

/**
 * Why a session that was made for nobody is not this client's; undefined: it is. Rules of the configuration are
 * asked for every message that waits; those of dynamic security about SUBSCRIBE only here, and so neither what
 * the session subscribes to nor what waits in it goes to who could not have subscribed.
 */
function madeForOthers(
  { rules }: Tables,
  known: Client | undefined,
  identity: Identity,
): string | undefined {
  if (known === undefined || rules.dynamic === undefined) return undefined;
  const { session } = known;
  if (!isUnclaimed(session)) return undefined;
  const waits = queueLength(session.queue) > 0;
  for (const { full, filter, origin, options } of allSubscriptions(session.subscriptions)) {
    if (origin !== undefined && !waits) continue; // the rules of auto-subscribe ask anew
    const decision = permits(rules, identity, "subscribe", filter, options.qos, false, full);
    if (decision.permitted) continue;
    return `the session made for client id "${session.clientId}" subscribes to ${full}, which ` +
      `${ownerName(identity)} may not: ${decision.rule}`;
  }
  return undefined;
}

/** What was sent before and is too large for the new connection counts as sent [MQTT-3.1.2-25]. */
function withoutTooLarge(
  tables: Tables,
  live: Live,
  session: Session,
  writes: Write[],
): Session {
  const { maximumPacketSize, mountPoint } = live.connection;
  if (maximumPacketSize === Infinity && mountPoint === "") return session;
  let next = session;
  for (const packetId of session.resending) {
    const { delivery } = inflightUnder(packetId, ids.get(session.inflight, packetId)!);
    if (delivery === undefined || fits(tables, live, delivery)) continue;
    observeDrop(tables, session.clientId, delivery.message.topic, unfit(live, delivery));
    const settled = settle(next, packetId);
    next = settled.session;
    for (const write of settled.writes) writes.push(write);
  }
  return next;
}
