/**
 * All sessions together: a deterministic machine from events to effects. It knows no time but what it
 * is told, no chance, no I/O; its state is a function of the list of its events.
 */

import { newConnection } from "../connection/connection.ts";
import { isConnected } from "../connection/stage.ts";
import { Reason, reasonName } from "../packet/reason_code.ts";
import { announcedBy } from "../policy/announced.ts";
import type { Instant } from "../policy/identity.ts";
import type { Rules } from "../policy/rules.ts";
import { rulesFor } from "../policy/rules.ts";
import type { Effect } from "../session/effect.ts";
import { eachBySelf } from "../session/delivery_run.ts";
import { arrived, queueLength, shiftTail, tailStart } from "../session/queue.ts";
import { admitLoaded, turnAway } from "./admit.ts";
import { onVerdict } from "./authenticate.ts";
import { beginWalk, mayWalk, walkOn } from "./auto_subscribe.ts";
import { answerRequest } from "./answer.ts";
import { underNewRules } from "./client_rules.ts";
import { closeLive, dropLink, leave } from "./close.ts";
import type { ClusterNode } from "./cluster_tables.ts";
import { newClusterTables } from "./cluster_tables.ts";
import type { Event } from "./event.ts";
import { onDeadline } from "./expire.ts";
import { manage } from "./manage.ts";
import { onNumberedRun } from "./on_numbered_run.ts";
import { onAcknowledged, onPacket } from "./on_packet.ts";
import { onRetainedRun } from "./on_retained_run.ts";
import { onRun } from "./on_run.ts";
import { goOnReading } from "./pressure.ts";
import { provision } from "./provision.ts";
import { publishOwn } from "./publish_own.ts";
import { onClaim } from "./claim.ts";
import { onForwarded, onShared } from "./elsewhere.ts";
import { announceChanges } from "./interest.ts";
import { onMail } from "./mail.ts";
import { onNodes, onReplicated } from "./replicated.ts";
import { recover, recovered, recoverMember } from "./recover.ts";
import { refill } from "./refill.ts";
import { cancel, schedule, scheduleRetry, takeDue } from "./schedule.ts";
import { onSettled } from "./settled.ts";
import { groupOf, pump } from "./shared.ts";
import type { Live, Tables } from "./tables.ts";
import { turnOutBanned, turnOutDenied, turnOutOn } from "./turn_out.ts";
import { durably } from "../session/step.ts";
import { ask, newTables, observeDrop, replaceSession } from "./tables.ts";

/** Deadlines that one tick acts on at most: what is left is due at the next one, at once. */
const DEADLINES_A_TICK = 1_000;

export class Broker {
  readonly #tables: Tables;

  /** @param node which of several it is; undefined: the only one */
  constructor(rules: Rules, node?: ClusterNode) {
    this.#tables = newTables(rules, node === undefined ? undefined : newClusterTables(node));
  }

  /**
   * Takes one event in and returns what is to be done, in order; the list is good until the next step, as one
   * for each would be a tenth of the memory that a message costs. `now` never falls.
   */
  step(event: Event, now: Instant): readonly Effect[] {
    const tables = this.#tables;
    const { out } = tables;
    while (out.length > 0) out.pop(); // keeps its memory, which setting the length does not
    tables.now = now;
    answer(tables, event);
    if (tables.cluster !== undefined) announceChanges(tables);
    return out;
  }

  /** When it wants the next `tick`; undefined for never. */
  nextDeadline(): Instant | undefined {
    const { runnable, turningOut } = this.#tables;
    return runnable.size > 0 || turningOut !== undefined || mayWalk(this.#tables)
      ? this.#tables.now
      : this.#tables.deadlines.next();
  }

  /** Read-only figures and tables, for services and tests. */
  snapshot(): Readonly<Tables> {
    return this.#tables;
  }
}

function answer(tables: Tables, event: Event): void {
  switch (event.type) {
    case "packet": {
      const live = tables.connections.get(event.connection);
      if (live !== undefined) onPacket(tables, live, event.packet);
      return;
    }
    case "run": {
      const live = tables.connections.get(event.connection);
      if (live !== undefined) onRun(tables, live, event.first, event.run);
      return;
    }
    case "numbered": {
      const live = tables.connections.get(event.connection);
      if (live !== undefined) onNumberedRun(tables, live, event.first, event.run);
      return;
    }
    case "retained": {
      const live = tables.connections.get(event.connection);
      if (live !== undefined) onRetainedRun(tables, live, event.run);
      return;
    }
    case "acknowledged": {
      const live = tables.connections.get(event.connection);
      if (live !== undefined) onAcknowledged(tables, live, event.run);
      return;
    }
    case "settled":
      return onSettled(tables, event.persists);
    case "opened":
      return open(tables, event);
    case "malformed":
      return refuseMalformed(tables, event);
    case "authenticated": {
      const live = tables.connections.get(event.connection);
      if (live !== undefined) onVerdict(tables, live, event.verdict);
      return;
    }
    case "loaded": {
      if (event.connection === 0) return recoverMember(tables, event.clientId, event.stored);
      tables.pending -= 1;
      const live = tables.connections.get(event.connection);
      if (live !== undefined) admitLoaded(tables, live, event.stored);
      return goOnReading(tables);
    }
    case "read":
      return goOn(tables, event);
    case "congested":
    case "drained":
      return congestion(tables, event.connection, event.type === "congested");
    case "closed": {
      const live = tables.connections.get(event.connection);
      if (live !== undefined) {
        leave(tables, live, event.reason, Reason.unspecifiedError, event.reason);
      }
      return;
    }
    case "tick":
      return tick(tables);
    case "store":
      return storeRoom(tables, event);
    case "indexed":
      return recover(tables, event.record);
    case "recovered":
      recovered(tables);
      if (followsRules(tables)) beginWalk(tables);
      return;
    case "provision":
      return provision(tables, event);
    case "publish":
      return publishOwn(tables, event.messages);
    case "deleteSession":
    case "purgeQueue":
    case "fetch":
    case "clearRetained":
    case "subscribeFor":
    case "unsubscribeFor":
    case "publishFor":
    case "sendOff":
      return manage(tables, event);
    case "claimed":
    case "notClaimed":
    case "wanted":
    case "adopted":
      return onClaim(tables, event);
    case "replicated":
      return onReplicated(tables, event);
    case "nodes":
      return onNodes(tables, event.nodes);
    case "mail":
      return onMail(tables, event);
    case "forwarded":
      return onForwarded(tables, event);
    case "shared":
      return onShared(tables, event);
    case "buried":
      return ask(tables, durably("", [event]));
    case "answer":
      return answerRequest(tables, event.answer);
    case "rules":
      return newRules(tables, event.rules);
    case "listenerRemoved":
      return listenerRemoved(tables, event.listener);
    case "banned":
      return turnOutBanned(tables, event.kind, event.value);
    case "kick": {
      const client = tables.clients.get(event.clientId);
      if (client?.live !== undefined) {
        closeLive(tables, client.live, "kicked", event.reason, reasonName(event.reason));
      }
      return;
    }
    case "shutdown":
      for (const live of [...tables.connections.values()]) {
        closeLive(tables, live, "shutdown", Reason.serverShuttingDown, "the broker is stopped");
      }
  }
}

/** What waits is asked about again when it leaves; a shared queue may now have somebody to go to. */
function newRules(tables: Tables, rules: Rules): void {
  const sameAccess = tables.rules.access === rules.access;
  const hadRules = !tables.rules.autoSubscribe.isEmpty;
  const { retryInterval } = tables.rules.limits;
  tables.rules = rules;
  underNewRules(tables);
  tables.tree.forget(rules.limits.matchCache);
  for (const group of tables.groups.values()) {
    if (queueLength(group.session.queue) > 0) pump(tables, group);
  }
  if (retryInterval !== rules.limits.retryInterval) {
    for (const live of tables.connections.values()) if (live.ready) scheduleRetry(tables, live);
  }
  if (!sameAccess) turnOutDenied(tables);
  if (hadRules || !rules.autoSubscribe.isEmpty || tables.walk !== undefined) beginWalk(tables);
}

/** Whether rules of auto-subscribe give something to sessions, or have given it. */
function followsRules({ rules, clients }: Tables): boolean {
  if (!rules.autoSubscribe.isEmpty) return true;
  for (const { session } of clients.values()) if (session.subscriptions.made > 0) return true;
  return false;
}

function listenerRemoved(tables: Tables, listener: string): void {
  const detail = `its listener "${listener}" has been removed`;
  for (const live of [...tables.connections.values()]) {
    if (live.connection.peer.listener !== listener) continue;
    closeLive(tables, live, "kicked", Reason.administrativeAction, detail);
  }
}

function open(tables: Tables, event: Event & { type: "opened" }): void {
  const rules = rulesFor(tables.rules, event.peer);
  const live: Live = {
    id: event.connection,
    connection: newConnection(event.connection, event.peer, announcedBy(rules)),
    rules,
    meter: undefined,
    connect: undefined,
    countedAs: undefined,
    entropy: event.entropy,
    client: undefined,
    ready: false,
    congested: false,
    heldBack: false,
    lastHeard: tables.now,
    unacknowledged: 0,
    subacks: 0,
    qos0Room: tables.rules.limits.outboxCongested,
    outgoingAliases: undefined,
    due: {
      connect: undefined,
      keepAlive: undefined,
      drain: undefined,
      retry: undefined,
      reauthentication: undefined,
      identity: undefined,
    },
  };
  tables.connections.set(live.id, live);
  const { connectTimeout } = rules.limits;
  schedule(tables, { type: "connect", live }, tables.now + connectTimeout * 1000);
}

/** Before CONNECT a CONNACK tells what a DISCONNECT tells after it, where the version is known. */
function refuseMalformed(tables: Tables, event: Event & { type: "malformed" }): void {
  const live = tables.connections.get(event.connection);
  if (live === undefined) return;
  const { stage, version } = live.connection;
  if (isConnected(stage)) {
    // Only a CONNECT names a version, and a second one is a Protocol Error whatever else it is.
    const reason = event.version === undefined ? event.reason : Reason.protocolError;
    return closeLive(tables, live, "malformedPacket", reason, event.detail); // [MQTT-3.14.2-1]
  }
  const answerable = event.version === 5 || event.reason === Reason.unsupportedProtocolVersion;
  if (stage === "authenticating" && version === 5) { // most likely a malformed AUTH
    const reason = event.version === undefined ? event.reason : Reason.protocolError;
    return turnAway(tables, live, reason, event.detail, "malformedPacket");
  }
  if (stage === "awaitingConnect" && event.version !== undefined && answerable) {
    live.connection = { ...live.connection, version: event.version };
    return turnAway(tables, live, event.reason, event.detail);
  }
  dropLink(tables, live, "malformedPacket", event.reason, event.detail);
}

/** The next part of a queue has come from the store. */
function goOn(tables: Tables, event: Event & { type: "read" }): void {
  const row = tables.clients.get(event.clientId) ?? groupOf(tables, event.clientId);
  const amid = tables.cluster?.amid.get(event.clientId);
  if (amid !== undefined) tables.cluster!.amid.delete(event.clientId);
  if (row === undefined || !row.reading) return;
  row.reading = false;
  if (event.queued.length === 0 && tailStart(row.session.queue) === event.from) {
    observeDrop(tables, event.clientId, "", "storedLost");
    const queue = shiftTail(row.session.queue);
    replaceSession(tables, row, { ...row.session, queue });
  }
  const queued = row.kind === "client" ? event.queued : eachBySelf(event.queued); // dealt out singly
  const queue = arrived(row.session.queue, queued, amid);
  replaceSession(tables, row, { ...row.session, queue });
  if (row.kind === "client") refill(tables, row);
  else pump(tables, row);
}

/** A client that does not take what it is sent costs its outbox, and that only for a time. */
function congestion(tables: Tables, id: number, congested: boolean): void {
  const live = tables.connections.get(id);
  if (live === undefined || live.congested === congested) return;
  live.congested = congested;
  tables.liveVersion += 1;
  if (congested) {
    const { drainTimeout } = tables.rules.limits;
    return schedule(tables, { type: "drain", live }, tables.now + drainTimeout * 1000);
  }
  cancel(tables, { type: "drain", live });
  if (live.client !== undefined) refill(tables, live.client);
}

/** The store takes nothing for now, or takes what waited. */
function storeRoom(tables: Tables, { full, detail }: Event & { type: "store" }): void {
  tables.storeFull = full;
  tables.out.push({ type: "observe", fact: { type: "store", full, detail } });
  goOnReading(tables);
}

function tick(tables: Tables): void {
  for (let i = 0; i < DEADLINES_A_TICK; i++) {
    const deadline = takeDue(tables);
    if (deadline === undefined) break;
    onDeadline(tables, deadline);
  }
  if (tables.turningOut !== undefined) turnOutOn(tables);
  if (tables.walk !== undefined) walkOn(tables);
  for (const client of [...tables.runnable]) {
    if (client.live !== undefined) client.live.qos0Room = tables.rules.limits.outboxCongested;
    refill(tables, client);
  }
}
