/**
 * What must hold at the end of every run, told once more and apart from the code that is to do it.
 * Each checker reads the ledger, or the broker's tables while nothing is under way.
 */

import { isDeepStrictEqual } from "node:util";
import type { Tables } from "../../src/broker/tables.ts";
import { matches } from "../../src/topic/matches.ts";
import { queueLength } from "../../src/session/queue.ts";
import * as ids from "../../src/session/packet_id_map.ts";
import { counted, countedClients, recount, recountClients } from "../broker/recount.ts";
import type { Client } from "./client.ts";
import type { Ledger, Publication, Receipt, SubscriptionRecord } from "./ledger.ts";
import type { World } from "./world.ts";

/** What has happened in a world, and who is there. */
export type Scene = Pick<World, "clients" | "ledger" | "time" | "violation"> & {
  /** Milliseconds that the clocks of its brokers are apart at most; absent: there is one. */
  readonly skew?: number | undefined;
};

/** A broker of it. */
export type Process = Pick<World, "runtime" | "tables">;

/** All that can be said of messages when nothing is owed any more. */
export function whatWasSentHasCome(world: Scene): void {
  acknowledgedIsDelivered(world);
  sharedIsDelivered(world);
  noMoreThanSent(world);
  inOrder(world);
  onlyWhatWasAsked(world);
  refusedReachesNobody(world);
}

/** Subscriptions that were certainly in force from before the first PUBLISH until it was durable, or came to be due. */
export function certain(
  ledger: Ledger,
  client: Client,
  publication: Publication,
): SubscriptionRecord[] {
  const { acknowledgedAt, delay } = publication;
  const doneAt = delay === 0 ? acknowledgedAt : ledger.attendedAt(acknowledgedAt + delay * 1000);
  return ledger.allSubscriptionsOf(client.id).filter((record) =>
    record.session === client.session && matches(record.filter, publication.topic) &&
    record.confirmedAt < publication.firstSentAt &&
    doneAt < record.endSentAt &&
    !(record.options.noLocal && publication.publisher === client.id)
  );
}

/** Acknowledged means delivered: to every session that subscribed, unless a drop was owned up to. */
export function acknowledgedIsDelivered(world: Scene): void {
  const { ledger } = world;
  for (const client of world.clients) {
    const got = new Set(
      ledger.receiptsOf(client.id).filter(({ session }) => session === client.session)
        .map(({ publication }) => publication),
    );
    const missing = ledger.publications.filter((publication) =>
      publication.qos > 0 && publication.acknowledgedAt !== Infinity && !publication.will &&
      !publication.clears &&
      publication.expiry === Infinity && !got.has(publication) &&
      owed(certain(ledger, client, publication))
    );
    const excused = ledger.dropped.get(client.id) ?? 0;
    if (missing.length > excused) {
      world.violation(
        "delivered",
        `${client.id} never got ${missing.map(({ id, topic, qos }) => `#${id} ${topic} q${qos}`)}` +
          `, ${excused} drops observed`,
      );
    }
  }
}

/** At least once is owed by one of these. */
export function owed(records: readonly SubscriptionRecord[]): boolean {
  return records.some(({ shared, options }) => !shared && options.qos > 0);
}

/** A message for a group is delivered to some member, where there always was one that stays. */
export function sharedIsDelivered(world: Scene): void {
  const { ledger } = world;
  const got = new Set([...ledger.receipts.values()].flat().map(({ publication }) => publication));
  const missing: Publication[] = [];
  /** Clients and groups that the missing ones were for. */
  const involved = new Set<string>();
  for (const publication of ledger.publications) {
    const { qos, acknowledgedAt, will, clears, expiry } = publication;
    if (qos === 0 || acknowledgedAt === Infinity || will || clears) continue;
    if (expiry !== Infinity || got.has(publication)) continue;
    const members = membersFor(ledger, publication);
    // What a session had inflight with QoS 2 goes with it [MQTT-4.8.2-5]; a crash ends those not kept.
    const hasEnded = (id: string) =>
      ledger.ended.has(id) ||
      ledger.crashes > 0 && world.clients.some((each) => each.id === id && !each.lasting);
    if (members.some(([, { options }]) => options.qos === 0)) continue;
    if (qos === 2 && members.some(([id]) => hasEnded(id))) continue;
    const stays = world.clients.some((client) =>
      client.profile.sessionExpiry > 0 &&
      certain(ledger, client, publication).some(({ shared, endSentAt }) =>
        shared && endSentAt === Infinity
      )
    );
    if (!stays) continue;
    missing.push(publication);
    for (const [id, { full }] of members) involved.add(id).add(`\u0000${full}`);
  }
  let excused = 0;
  for (const id of involved) excused += ledger.dropped.get(id) ?? 0;
  if (missing.length > excused) {
    world.violation("shared", `no member of the group got ${missing.map(({ id }) => `#${id}`)}`);
  }
}

/** Below these only shared subscriptions match. */
function onlyShared(topic: string): boolean {
  return topic.startsWith("s/") || topic.startsWith("t/");
}

/** Whoever has ever been in a group that the message is for, with its client id. */
function membersFor(ledger: Ledger, { topic }: Publication): [string, SubscriptionRecord][] {
  return [...ledger.subscriptions, ...ledger.made].flatMap(([id, records]) =>
    records.filter(({ shared, filter }) => shared && matches(filter, topic))
      .map((record): [string, SubscriptionRecord] => [id, record])
  );
}

/** QoS 2 exactly once; QoS 0 at most once; QoS 1 no more first copies than were sent. */
export function noMoreThanSent(world: Scene): void {
  for (const client of world.clients) {
    const copies = new Map<string, number>();
    for (const receipt of world.ledger.receiptsOf(client.id)) {
      const { publication, qos, dup, retain, session } = receipt;
      if (retain || publication.retain || publication.will) continue; // as often as subscribed
      if (dup && publication.qos < 2) continue;
      if (dup && qos < 2) continue;
      if (world.ledger.crashes > 0 && qos === 0) continue; // left before the crash, and after it
      if (isChanging(world, client, receipt)) continue;
      const shared = onlyShared(publication.topic);
      // What a member of a group has not acknowledged with QoS 1 may go to any other, or to itself by
      // another QoS: section 4.8.2. What it was sent with QoS 2 may not [MQTT-4.8.2-4].
      if (shared && qos < 2) continue;
      const key = `${session} ${publication.id}`;
      const count = (copies.get(key) ?? 0) + 1;
      copies.set(key, count);
      const allowed = shared ? groupsOf(world.ledger, client, publication) : 1;
      const sent = publication.qos === 1 ? publication.sent : 1;
      if (count > allowed * sent) {
        world.violation(
          "once",
          `${client.id} got #${publication.id} ${count} times with QoS ${qos}, sent ${sent} times`,
        );
      }
    }
  }
}

/**
 * In a cluster the publisher's node and the subscriber's may not have the same subscriptions while one is replaced
 * or ends: by one of those that match the message goes into the queue, by the others it needs none, and comes once
 * more with QoS 0, as section 3.3.4 allows for subscriptions that overlap.
 */
function isChanging({ skew, ledger }: Scene, client: Client, { publication, at, qos }: Receipt) {
  if (skew === undefined || qos > 0 || publication.qos === 0) return false;
  const from = publication.firstSentAt;
  return ledger.allSubscriptionsOf(client.id).some((each) =>
    matches(each.filter, publication.topic) &&
    (each.sentAt <= at && from <= each.confirmedAt ||
      each.endSentAt <= at && from <= each.endConfirmedAt)
  );
}

function groupsOf(ledger: Ledger, client: Client, { topic }: Publication): number {
  const records = ledger.allSubscriptionsOf(client.id);
  return new Set(
    records.filter(({ shared, filter }) => shared && matches(filter, topic)).map(({ full }) =>
      full
    ),
  ).size;
}

/**
 * In order per publisher, topic and QoS [MQTT-4.6.0-5] [MQTT-4.6.0-6]: what a client gets is what the
 * publisher sent, repeated PUBLISH packets among it, with gaps and not otherwise. A copy that comes
 * after younger messages is in order where the publisher has sent it again after those: the first one
 * may have been lost with a link, or on its way to a subscription that was not there yet. What is
 * retained or delayed has an order of its own.
 */
export function inOrder(world: Scene): void {
  for (const client of world.clients) {
    const reached = new Map<string, number>();
    const seen = new Set<string>();
    for (const { publication, qos, retain, session, dup } of world.ledger.receiptsOf(client.id)) {
      const { id, publisher, topic, delay, will } = publication;
      if (retain || publication.retain || delay > 0 || will || onlyShared(topic)) continue;
      if (dup && seen.has(`${session} ${id}`)) continue; // told by DUP, in the order of section 4.4
      seen.add(`${session} ${id}`);
      const key = `${session} ${publisher} ${topic} ${publication.qos} ${qos}`;
      const from = reached.get(key) ?? 0;
      const at = world.ledger.sendsLike(publication).indexOf(publication, from);
      if (at === -1) {
        const last = world.ledger.sendsLike(publication)[from - 1];
        world.violation("order", `${client.id} got #${id} after #${last?.id} (QoS ${qos})`);
      } else reached.set(key, at + 1);
    }
  }
}

/** A refusal promises that nobody got the message, so that it may be published again. */
export function refusedReachesNobody(world: Scene): void {
  const { ledger } = world;
  for (const client of world.clients) {
    for (const { publication, qos } of ledger.receiptsOf(client.id)) {
      if (!publication.refused) continue;
      // An earlier copy may have been taken; of QoS 2 it would be known still, but for a crash.
      if (ledger.timesSent(publication) > 1 && (publication.qos < 2 || qos === 0)) continue;
      world.violation("refused", `${client.id} got #${publication.id}, which was refused`);
    }
  }
}

/** Nobody gets what no subscription of its asks for, nor with a higher QoS, nor before its time. */
export function onlyWhatWasAsked(world: Scene): void {
  for (const client of world.clients) {
    const records = world.ledger.allSubscriptionsOf(client.id);
    for (const receipt of world.ledger.receiptsOf(client.id)) {
      const { publication, at, qos } = receipt;
      const asked = records.filter((record) => couldAsk(record, receipt, client));
      if (!asked.some(({ options }) => options.qos >= qos)) {
        world.violation(
          "asked",
          `${client.id} got #${publication.id} ${publication.topic} QoS ${qos} unasked, ` +
            `${at - publication.firstSentAt} ms after it was sent at ` +
            `${publication.firstSentAt - 1_000_000} ms`,
        );
      }
      if (at < publication.firstSentAt + publication.delay * 1000 - (world.skew ?? 0)) {
        world.violation("asked", `${client.id} got #${publication.id} before its delay`);
      }
    }
  }
}

function couldAsk(record: SubscriptionRecord, { publication, at }: Receipt, client: Client) {
  return matches(record.filter, publication.topic) && record.sentAt <= at &&
    publication.firstSentAt <= record.endConfirmedAt &&
    !(record.options.noLocal && publication.publisher === client.id && !publication.retain);
}

/** Wills come exactly when they are due. The watcher, who is always there, has seen them all. */
export function willsWereKept(world: Scene, watcher: Client): void {
  const { ledger, time } = world;
  const receipts = ledger.receiptsOf(watcher.id).filter(({ publication }) => publication.will);
  const dropped = ledger.dropped.get(watcher.id) ?? 0;
  let missing = 0;
  for (const will of ledger.wills) {
    const got = receipts.filter(({ publication }) => publication === will.publication);
    const fired = will.state === "fired" || (will.state === "waiting" && will.dueAt <= time.now);
    const what = `the Will #${will.publication.id} of ${will.clientId}, ${will.state}`;
    if (got.length === 0) {
      if (!fired || will.uncertain || will.publication.qos === 0) continue;
      missing += 1;
      if (missing > dropped) world.violation("wills", `${what}, was not published`);
      continue;
    }
    if (!fired && !will.uncertain) world.violation("wills", `${what}, was published`);
    if (got[0]!.at < will.dueAt && !will.uncertain) {
      world.violation("wills", `${what}, came too soon`);
    }
    const copies = got.filter(({ dup }) => !dup).length;
    if (copies > 1 && will.publication.qos > 0) {
      world.violation("wills", `${what}, came ${copies} times`);
    }
  }
}

/** What is retained is the last that was acknowledged, or one that came at the same time. */
export function retainedIsLast(world: Scene & Process): void {
  const { ledger, tables, time } = world;
  const topics = new Set(
    ledger.publications.filter(({ retain }) => retain).map(({ topic }) => topic),
  );
  for (const topic of topics) {
    const all = ledger.publications.filter((each) =>
      each.retain && each.topic === topic && each.firstSentAt !== Infinity &&
      !(each.refused && ledger.timesSent(each) === 1)
    );
    if (all.length === 0) continue;
    // The moment of a Will or of a delayed message is not known: it may be the last one or not.
    const uncertain = ({ will, delay }: Publication) => will || delay > 0;
    const last = all.filter((each) => !uncertain(each) && each.acknowledgedAt !== Infinity);
    const candidates = all.filter((each) =>
      uncertain(each) || !last.some(({ firstSentAt }) => firstSentAt > each.settledAt)
    );
    const kept = tables.retained.get(topic);
    const id = kept === undefined ? -1 : idIn(kept.payload);
    const may = kept === undefined
      ? candidates.some(({ clears, expiry, acknowledgedAt }) =>
        clears || expiry !== Infinity || acknowledgedAt === Infinity
      )
      : candidates.some((each) => each.id === id);
    if (!may && (kept === undefined || kept.expiresAt > time.now)) {
      world.violation(
        "retained",
        `retained on ${topic} is #${id}; it may be ${candidates.map((each) => `#${each.id}`)}`,
      );
    }
  }
}

/** The number of the publication that a payload was made of. */
export function idIn(payload: Uint8Array): number {
  return Number(new TextDecoder().decode(payload.subarray(0, payload.indexOf(0x3a))));
}

/** Nothing is owed while everybody is here and idle; totals are what they are the total of. */
export function tablesAreQuiet(world: Process): string[] {
  const { tables } = world;
  const wrong: string[] = [];
  const say = (condition: boolean, text: string) => condition ? wrong.push(text) : 0;
  say(world.runtime === undefined, "the process is down");
  say(tables.storeFull, "the store is full");
  say(tables.pending !== 0, `pending ${tables.pending}`);
  say(world.runtime?.idle !== true, "the committer is busy");
  say(tables.heldBack.size > 0, "heldBack");
  say(tables.runnable.size > 0, "runnable");
  say(tables.delayed.size > 0, "delayed");
  for (const live of tables.connections.values()) {
    const who = live.connection.clientId;
    say(!live.ready, `${who} is not ready`);
    say(live.congested, `${who} is congested`);
    say(live.heldBack, `${who} is held back`);
    say((live.meter?.owes ?? 0) > 0, `${who} is above a rate`);
    say(live.unacknowledged !== 0, `${who} unacknowledged ${live.unacknowledged}`);
    say(live.client?.live !== live, `${who} is not its client's`);
  }
  for (const { clientId, session, streams, reading, live } of tables.clients.values()) {
    say(reading, `${clientId} is reading`);
    if (live === undefined) continue;
    say(streams.length > 0, `${clientId} streams ${streams.length}`);
    say(queueLength(session.queue) > 0, `${clientId} queue ${queueLength(session.queue)}`);
    say(ids.size(session.inflight) > 0, `${clientId} inflight ${ids.size(session.inflight)}`);
    say(ids.size(session.received) > 0, `${clientId} received ${ids.size(session.received)}`);
    say(session.resending.length > 0, `${clientId} resending`);
    say(session.sendQuota !== live.connection.window, `${clientId} quota ${session.sendQuota}`);
  }
  for (const { key, session, reading, members, elsewhere } of tables.groups.values()) {
    say(members.length + elsewhere.size === 0, `${key} is empty`);
    say(reading, `${key} is reading`);
    say(queueLength(session.queue) > 0, `${key} queue ${queueLength(session.queue)}`);
  }
  return wrong;
}

/** Sums that are kept are the sums. */
export function totalsAreSums(world: Scene & Process): void {
  const { tables } = world;
  const found = recount(tables);
  const told = counted(tables);
  if (!isDeepStrictEqual(found, told)) {
    world.violation(
      "totals",
      `queues have ${JSON.stringify(found)}, the totals say ${JSON.stringify(told)}`,
    );
  }
  const ofClients = recountClients(tables);
  const toldOfClients = countedClients(tables);
  if (!isDeepStrictEqual(ofClients, toldOfClients)) {
    world.violation(
      "totals",
      `clients have ${JSON.stringify(ofClients)}, the totals say ${JSON.stringify(toldOfClients)}`,
    );
  }
  const known = deadlinesOfRows(tables);
  if (tables.deadlines.size !== known) {
    world.violation("totals", `${tables.deadlines.size} deadlines, ${known} known`);
  }
  for (const live of tables.connections.values()) {
    const owed = live.meter?.shares.filter((share) => share.credit < 0) ?? [];
    if (owed.length !== (live.meter?.owes ?? 0)) {
      world.violation("totals", `owes ${live.meter?.owes} buckets, counted ${owed.length}`);
    }
  }
}

/** Deadlines that a row, a topic, a bucket or a delayed message holds. */
function deadlinesOfRows(tables: Readonly<Tables>): number {
  const rows = [...tables.connections.values(), ...tables.clients.values()];
  const held = rows.flatMap(({ due }) => Object.values(due)).filter((entry) => entry !== undefined);
  const buckets = new Set(tables.buckets.values());
  for (const { meter } of tables.connections.values()) {
    for (const { bucket } of meter?.shares ?? []) buckets.add(bucket);
  }
  const filling = [...buckets].filter(({ due }) => due !== undefined).length;
  return held.length + tables.retainedDue.size + tables.delayed.size + filling;
}

/** Everybody has gone for good and all sessions have expired: nothing is left. */
export function nothingIsLeft(world: World): void {
  const { tables, disk } = world;
  const left = {
    connections: tables.connections.size,
    clients: tables.clients.size,
    groups: tables.groups.size,
    deadlines: tables.deadlines.size,
    delayed: tables.delayed.size,
    queuedMessages: tables.queuedMessages,
    queuedBytes: tables.queuedBytes,
    queuedBy: tables.queuedBy.size,
    connectedBy: tables.connectedBy.size,
    delayedBytes: tables.delayedBytes,
    ending: tables.ending.size,
    pending: tables.pending,
    links: world.openLinks,
    wires: world.runtime!.size,
    storedSessions: disk.dump().sessions.length,
    storedWills: disk.dump().wills.length,
    storedDelayed: disk.dump().delayed.length,
    strays: disk.strays,
  };
  for (const [what, count] of Object.entries(left)) {
    if (count !== 0) world.violation("left", `${count} ${what} left when all have gone`);
  }
}
