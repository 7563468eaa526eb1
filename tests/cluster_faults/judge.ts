/**
 * What must hold at the end of a run with faults, when all faults are over and everything has been drained.
 * Pure: reads the ledger, judges nothing while it goes on. Each check is told apart from the code that is to
 * do it. MQTT 5.0 sections 4.3, 4.6, 4.8.2 and 3.1.2.5; issue 8.
 */

import { matches } from "../../src/topic/matches.ts";
import type { Ledger, Publication, Receipt, SubscriptionRecord, Violation } from "./ledger.ts";
import { willsOnce } from "./judge_wills.ts";

/** What the judge has to know besides what happened. */
export interface Terms {
  /** Milliseconds after which a node that says nothing is dead. */
  readonly lease: number;
}

/** All that is wrong; what clients saw by themselves included. */
export function judge(ledger: Ledger, terms: Terms): readonly Violation[] {
  return [
    ...ledger.violations,
    ...acknowledgedIsDelivered(ledger),
    ...sharedByOne(ledger),
    ...onceWithQos2(ledger),
    ...noMoreThanSent(ledger),
    ...inOrder(ledger),
    ...asked(ledger),
    ...willsOnce(ledger, terms),
    ...allAcknowledged(ledger),
  ];
}

/** By topic, what was published there. */
function byTopic(ledger: Ledger): Map<string, Publication[]> {
  const topics = new Map<string, Publication[]>();
  for (const publication of ledger.publications) {
    const list = topics.get(publication.topic);
    if (list === undefined) topics.set(publication.topic, [publication]);
    else list.push(publication);
  }
  return topics;
}

/** The session is still the one that subscribed, and can be owed something. */
function stays(ledger: Ledger, { connection, endSentAt }: SubscriptionRecord): boolean {
  if (connection === undefined) return true;
  return endSentAt === Infinity && ledger.connections[connection]!.endedAt === Infinity;
}

/** Acknowledged means delivered: to every session that was subscribed from before the PUBLISH until behind its acknowledgement. */
export function acknowledgedIsDelivered(ledger: Ledger): Violation[] {
  const topics = byTopic(ledger);
  const violations: Violation[] = [];
  for (const record of ledger.subscriptions) {
    if (record.shared || record.qos === 0 || !stays(ledger, record)) continue;
    const got = new Set(
      ledger.receiptsOf(record.client).filter(({ session }) => session === record.session)
        .map(({ publication }) => publication),
    );
    for (const [topic, publications] of topics) {
      if (!matches(record.filter, topic)) continue;
      for (const publication of publications) {
        if (!certainlyIn(record, publication) || got.has(publication)) continue;
        violations.push({
          kind: "lost",
          text: `${record.client} never got ${words(publication)} by ${record.full}`,
          publication,
          client: record.client,
          at: publication.firstSentAt,
        });
      }
    }
  }
  return violations;
}

/** The broker owes it to whoever has this subscription. */
function certainlyIn(record: SubscriptionRecord, publication: Publication): boolean {
  return publication.qos > 0 && !publication.will && !publication.refused &&
    publication.acknowledgedAt !== Infinity &&
    record.confirmedAt < publication.firstSentAt && publication.acknowledgedAt < record.endSentAt;
}

/**
 * A message for a group comes to one member: with QoS 2 to exactly one, exactly once; with QoS 1 to one at least.
 */
export function sharedByOne(ledger: Ledger): Violation[] {
  const groups = new Map<string, SubscriptionRecord[]>();
  for (const record of ledger.subscriptions) {
    if (!record.shared) continue;
    const members = groups.get(record.full);
    if (members === undefined) groups.set(record.full, [record]);
    else members.push(record);
  }
  const topics = byTopic(ledger);
  const violations: Violation[] = [];
  for (const [full, members] of groups) {
    const { filter } = members[0]!;
    const receivers = new Map<Publication, string[]>();
    for (const client of new Set(members.map((member) => member.client))) {
      for (const { publication, qos } of ledger.receiptsOf(client)) {
        if (!matches(filter, publication.topic)) continue;
        const list = receivers.get(publication) ?? [];
        if (list.length === 0) receivers.set(publication, list);
        list.push(`${client} with QoS ${qos}`);
      }
    }
    const lasting = members.filter(({ connection }) => connection === undefined);
    // What was inflight with QoS 2 goes with the session that it was inflight to [MQTT-4.8.2-5].
    const passing = members.some(({ qos, connection }) => qos === 2 && connection !== undefined);
    const exact = members.every(({ qos, connection }) => qos === 2 && connection === undefined);
    for (const [topic, publications] of topics) {
      if (!matches(filter, topic)) continue;
      for (const publication of publications) {
        const by = receivers.get(publication) ?? [];
        if (by.length === 0) {
          if (passing && publication.qos === 2) continue;
          if (!lasting.some((record) => certainlyIn(record, publication))) continue;
          violations.push({
            kind: "sharedLost",
            text: `no member of ${full} got ${words(publication)}`,
            publication,
            at: publication.firstSentAt,
          });
        } else if (by.length > 1 && exact && publication.qos === 2) {
          violations.push({
            kind: "sharedTwice",
            text: `${words(publication)} of ${full} came to ${by.join(" and ")}`,
            publication,
            client: by[1]!.split(" ")[0],
            at: publication.firstSentAt,
          });
        }
      }
    }
  }
  return violations;
}

/** QoS 2 exactly once to a session; QoS 0 at most once. */
export function onceWithQos2(ledger: Ledger): Violation[] {
  const violations: Violation[] = [];
  for (const [client, receipts] of ledger.receipts) {
    const seen = new Map<string, Receipt>();
    for (const receipt of receipts) {
      const { publication, qos, session } = receipt;
      if (qos === 1 || publication.will || receipt.retain) continue; // Wills have a check of their own
      const key = `${session} ${publication.id}`;
      const first = seen.get(key);
      if (first === undefined) {
        seen.set(key, receipt);
        continue;
      }
      violations.push({
        kind: qos === 2 ? "twice" : "qos0Twice",
        text: `${client} got ${words(publication)} twice with QoS ${qos}: on connection ` +
          `${first.connection} as ${first.packetId} and on ${receipt.connection} as ` +
          `${receipt.packetId}${receipt.dup ? ", DUP" : ""}`,
        publication,
        client,
        at: receipt.at,
      });
    }
  }
  return violations;
}

/** QoS 1: what is not marked DUP comes no more often than it was sent. */
export function noMoreThanSent(ledger: Ledger): Violation[] {
  const violations: Violation[] = [];
  const shared = new Set(
    ledger.subscriptions.filter((each) => each.shared).map((each) => each.client),
  );
  for (const [client, receipts] of ledger.receipts) {
    if (shared.has(client)) continue; // may go to any other member, and come back [MQTT-4.8.2-6]
    const copies = new Map<string, number>();
    for (const { publication, qos, session, dup, retain } of receipts) {
      if (qos !== 1 || dup || retain || publication.will) continue;
      const key = `${session} ${publication.id}`;
      const count = (copies.get(key) ?? 0) + 1;
      copies.set(key, count);
      const sent = publication.qos === 1 ? publication.sends.length : 1;
      if (count !== sent + 1) continue;
      violations.push({
        kind: "more",
        text: `${client} got ${words(publication)} ${count} times without DUP, sent ${sent} times`,
        publication,
        client,
        at: publication.firstSentAt,
      });
    }
  }
  return violations;
}

/** First copies come in the order in which they were published, per publisher, topic and QoS [MQTT-4.6.0-5]. */
export function inOrder(ledger: Ledger): Violation[] {
  const violations: Violation[] = [];
  const shared = new Set(
    ledger.subscriptions.filter((each) => each.shared).map((each) => each.client),
  );
  for (const [client, receipts] of ledger.receipts) {
    if (shared.has(client)) continue;
    const latest = new Map<string, Publication>();
    const seen = new Set<string>();
    for (const { publication, qos, session, retain } of receipts) {
      if (retain || publication.will) continue;
      const copy = `${session} ${publication.id}`;
      if (seen.has(copy)) continue;
      seen.add(copy);
      // A node that is fenced and does not know yet may pass on a QoS 0 message that it has read.
      const link = publication.qos === 0 ? publication.sends[0]!.connection : "";
      const { publisher, topic, qos: published } = publication;
      const stream = `${link} ${session} ${publisher} ${topic} ${published} ${qos}`;
      const last = latest.get(stream);
      if (last === undefined || last.id < publication.id) {
        latest.set(stream, publication);
        continue;
      }
      // Its first copy may have come before the subscription, the one that was sent again behind it.
      const early = !ledger.subscriptions.some((record) =>
        record.client === client && matches(record.filter, publication.topic) &&
        certainlyIn(record, publication)
      );
      if (early && publication.sends.some((send) => send.at > last.firstSentAt)) continue;
      violations.push({
        kind: "order",
        text: `${client} got ${words(publication)} after ${words(last)}`,
        publication,
        other: last,
        client,
        at: publication.firstSentAt,
      });
    }
  }
  return violations;
}

/** Nobody gets what he never asked for. */
export function asked(ledger: Ledger): Violation[] {
  const filters = new Map<string, Set<string>>();
  for (const { client, filter } of ledger.subscriptions) {
    const set = filters.get(client) ?? new Set();
    filters.set(client, set.add(filter));
  }
  const violations: Violation[] = [];
  for (const [client, receipts] of ledger.receipts) {
    const known = new Map<string, boolean>();
    for (const { publication, at } of receipts) {
      const { topic } = publication;
      let fits = known.get(topic);
      if (fits === undefined) {
        fits = [...filters.get(client) ?? []].some((filter) => matches(filter, topic));
        known.set(topic, fits);
      }
      if (fits) continue;
      violations.push({
        kind: "asked",
        text: `${client} got ${words(publication)}, for which it has no subscription`,
        publication,
        client,
        at,
      });
    }
  }
  return violations;
}

/** When all has been drained every PUBLISH with QoS 1 and 2 has its answer. */
export function allAcknowledged(ledger: Ledger): Violation[] {
  return ledger.publications.filter(({ qos, will, sends, acknowledgedAt, refused }) =>
    qos > 0 && !will && sends.length > 0 && acknowledgedAt === Infinity && !refused
  ).map((publication) => ({
    kind: "unanswered",
    text: `${words(publication)} was never acknowledged`,
    publication,
    client: publication.publisher,
    at: publication.firstSentAt,
  }));
}

/** What one node answered to a subscription to all retained messages, by topic. */
export type Retained = ReadonlyMap<string, Publication | undefined>;

/** Retained is what was acknowledged last on its topic, or what was sent behind that: the same on every node. */
export function retainedIsLast(ledger: Ledger, node: number, retained: Retained): Violation[] {
  const violations: Violation[] = [];
  for (const [topic, publications] of byTopic(ledger)) {
    const candidates = publications.filter((each) => each.retain && each.sends.length > 0);
    const last = candidates.findLast((each) => each.acknowledgedAt !== Infinity && !each.refused);
    if (last === undefined) continue;
    const found = retained.get(topic);
    if (found !== undefined && candidates.includes(found) && found.id >= last.id) continue;
    violations.push({
      kind: "retained",
      text: `node ${node} retains ${found === undefined ? "nothing" : words(found)} on ${topic}, ` +
        `acknowledged last was ${words(last)}`,
      publication: last,
      at: last.firstSentAt,
    });
  }
  return violations;
}

/** A message in words. */
export function words({ id, topic, qos }: Publication): string {
  return `#${id} (${topic}, QoS ${qos})`;
}
