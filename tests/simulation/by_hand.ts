/**
 * The oracle of auto-subscribe: an onlooker at the broker's door who keeps by hand what every session is
 * subscribed to, from the packets, the rules and the facts alone, and compares that with what the broker has.
 * What rules make it writes into the ledger, so that all checkers hold the broker to that, too.
 *
 * Of a broker that has died it knows what the disk has: that this is right the clients themselves look at.
 */

import type { Broker } from "../../src/broker/broker.ts";
import type { Event } from "../../src/broker/event.ts";
import type { SubscriptionOptions } from "../../src/packet/packet.ts";
import { UNSUBSCRIBED_ORIGIN } from "../../src/policy/auto_subscribe_rule.ts";
import type { Effect } from "../../src/session/effect.ts";
import type { Fact } from "../../src/session/fact.ts";
import { allSubscriptions, originOf } from "../../src/session/subscription_map.ts";
import type { SubscriptionRecord } from "./ledger.ts";
import type { Wanted } from "./rule_sets.ts";
import { RULE_SETS } from "./rule_sets.ts";
import type { World } from "./world.ts";

interface Hand {
  readonly own: Map<string, SubscriptionOptions>;
  readonly unsubscribed: Set<string>;
  /**
   * Would be there but for a rule that was pinned for a time: whether the broker came by while it was depends
   * on how long it had to wait for the store.
   */
  readonly perhaps: Set<string>;
  /** Its client has never been here. */
  awaited: boolean;
  /** What the ledger has of it that rules have made, by full filter. */
  readonly records: Map<string, { readonly record: SubscriptionRecord; readonly text: string }>;
}

export class ByHand {
  readonly #world: World;
  /** By client id; those that the broker has a session of. */
  readonly #hands = new Map<string, Hand>();
  /** Records that end when the broker has gone along all sessions. */
  #closing: SubscriptionRecord[] = [];
  /** The place of the rules in RULE_SETS. */
  #set: number;
  /** The broker has heard of all that the disk has. */
  #recovered = false;
  compared = 0;

  constructor(world: World, set: number) {
    this.#world = world;
    this.#set = set;
  }

  get set(): number {
    return this.#set;
  }

  /** The rules are others; the broker hears of it by its event, or has them at its next start. */
  change(set: number): void {
    this.#set = set;
    if (this.#world.runtime === undefined) return;
    for (const clientId of this.#hands.keys()) this.#record(clientId);
  }

  /** Reads what a broker starts with, and listens to it from now on. */
  attend(broker: Broker): void {
    for (const { records } of this.#hands.values()) {
      for (const { record } of records.values()) this.#close(record);
    }
    this.#hands.clear();
    this.#recovered = false;
    for (const { clientId, subscriptions } of this.#world.disk.dump().sessions) {
      if (clientId.startsWith("\u0000")) continue;
      const hand = this.#begin(clientId);
      hand.awaited = false;
      for (const { full, options, origin } of subscriptions) {
        if (origin === undefined) hand.own.set(full, options);
        else if (origin === UNSUBSCRIBED_ORIGIN) hand.unsubscribed.add(full);
        else this.#close(this.#open(clientId, full, options)); // until it has been its turn
      }
    }
    const step = broker.step.bind(broker);
    broker.step = (event, now) => {
      const walking = broker.snapshot().walk !== undefined;
      const clientId = this.#sender(broker, event);
      const effects = step(event, now);
      this.#after(broker, event, clientId, effects, walking);
      return effects;
    };
  }

  /** Nothing waits for the store: what rules have made counts from now on. */
  looked(): void {
    const { clients, time, broker } = this.#world;
    if (broker.snapshot().walk !== undefined) return;
    for (const [clientId, { records }] of this.#hands) {
      const client = clients.find(({ id }) => id === clientId);
      if (client === undefined) continue;
      if (!client.connected && (client.online || !client.resumable)) continue;
      for (const { record } of records.values()) {
        if (record.confirmedAt !== Infinity) continue;
        Object.assign(record, { confirmedAt: time.now, session: client.session });
      }
    }
  }

  #sender(broker: Broker, event: Event): string | undefined {
    if (event.type !== "packet") return undefined;
    return broker.snapshot().connections.get(event.connection)?.connection.clientId;
  }

  #after(
    broker: Broker,
    event: Event,
    clientId: string | undefined,
    effects: readonly Effect[],
    walking: boolean,
  ): void {
    if (clientId !== undefined && event.type === "packet") this.#packet(clientId, event.packet);
    for (const effect of effects) if (effect.type === "observe") this.#fact(effect.fact);
    if (event.type === "recovered") {
      this.#recovered = true;
      for (const [clientId, hand] of this.#hands) {
        hand.awaited = broker.snapshot().clients.get(clientId)?.session.subscriptions.awaited ??
          false;
        this.#record(clientId);
      }
    }
    if (broker.snapshot().walk !== undefined || !this.#recovered) return;
    for (const record of this.#closing) {
      record.endConfirmedAt = Math.min(record.endConfirmedAt, this.#world.time.now);
    }
    this.#closing = [];
    if (walking || COMPARED.has(event.type) || clientId !== undefined && hasFilters(event)) {
      this.compare(broker);
    }
  }

  #packet(clientId: string, packet: (Event & { type: "packet" })["packet"]): void {
    const hand = this.#hands.get(clientId);
    if (hand === undefined) return;
    if (packet.type === "subscribe") {
      for (const { filter, options } of packet.subscriptions) {
        hand.own.set(filter, options);
        hand.unsubscribed.delete(filter);
      }
    } else if (packet.type === "unsubscribe") {
      const wants = this.#wants(clientId, hand);
      for (const filter of packet.filters) {
        if (hand.own.delete(filter)) continue; // a rule's is in its place, where there is one
        const rule = wants.find(({ full }) => full === filter);
        if (rule?.pinned === false) hand.unsubscribed.add(filter);
      }
    } else return;
    this.#record(clientId);
  }

  #fact(fact: Fact): void {
    if (fact.type === "connected") {
      const { clientId } = fact;
      const hand = this.#hands.get(clientId) ?? this.#begin(clientId);
      hand.awaited = false;
      this.#record(clientId);
    } else if (fact.type === "provisioned") {
      this.#begin(fact.clientId).awaited = true;
      this.#record(fact.clientId);
    } else if (fact.type === "sessionEnded") {
      const hand = this.#hands.get(fact.clientId);
      this.#hands.delete(fact.clientId);
      for (const { record } of hand?.records.values() ?? []) {
        record.endSentAt = -Infinity; // nothing is owed any more
        this.#close(record);
      }
    }
  }

  #begin(clientId: string): Hand {
    const hand = {
      own: new Map(),
      unsubscribed: new Set<string>(),
      perhaps: new Set<string>(),
      awaited: false,
      records: new Map(),
    };
    this.#hands.set(clientId, hand);
    return hand;
  }

  #wants(clientId: string, { awaited }: Hand): readonly Wanted[] {
    const client = this.#world.clients.find(({ id }) => id === clientId);
    return RULE_SETS[this.#set]!.wants(clientId, awaited ? undefined : client);
  }

  /** What rules make of the session. */
  #made(clientId: string, hand: Hand): readonly Wanted[] {
    return this.#wants(clientId, hand).filter(({ full, pinned }) =>
      !hand.own.has(full) && (pinned || !hand.unsubscribed.has(full))
    );
  }

  /** Brings the ledger up to date about a session. */
  #record(clientId: string): void {
    const hand = this.#hands.get(clientId)!;
    const made = this.#made(clientId, hand);
    for (const { full, pinned } of made) {
      if (pinned && hand.unsubscribed.delete(full)) hand.perhaps.add(full);
    }
    for (const [full, { record, text }] of hand.records) {
      if (made.some((each) => each.full === full && textOf(each.options) === text)) continue;
      hand.records.delete(full);
      this.#close(record);
    }
    for (const { full, options } of made) {
      if (hand.records.has(full)) continue;
      const record = this.#open(clientId, full, options);
      hand.records.set(full, { record, text: textOf(options) });
    }
  }

  /** A new record in the ledger, of which nothing is sure yet. */
  #open(clientId: string, full: string, options: SubscriptionOptions): SubscriptionRecord {
    const shared = full.startsWith("$share/");
    const record: SubscriptionRecord = {
      full,
      filter: shared ? full.slice("$share/g/".length) : full,
      shared,
      options,
      session: -1,
      serial: -1,
      sentAt: this.#world.time.now,
      confirmedAt: Infinity,
      endSentAt: Infinity,
      endConfirmedAt: Infinity,
    };
    this.#world.ledger.madeFor(clientId).push(record);
    return record;
  }

  #close(record: SubscriptionRecord): void {
    record.endSentAt = Math.min(record.endSentAt, this.#world.time.now);
    this.#closing.push(record);
  }

  /** Where either would be right, what the broker has done is right. */
  #settle(clientId: string, hand: Hand, without: Iterable<string>): void {
    if (hand.perhaps.size === 0) return;
    const wants = this.#wants(clientId, hand);
    for (const full of without) {
      const isPinned = wants.some((each) => each.full === full && each.pinned);
      if (hand.perhaps.has(full) && !isPinned) hand.unsubscribed.add(full);
    }
    hand.perhaps.clear();
    this.#record(clientId);
  }

  /** What the broker has of every session is what it should have. */
  compare(broker: Broker): void {
    this.compared += 1;
    for (const { clientId, session } of broker.snapshot().clients.values()) {
      const hand = this.#hands.get(clientId);
      if (hand !== undefined) this.#settle(clientId, hand, session.subscriptions.unsubscribed);
      const found = allSubscriptions(session.subscriptions)
        .map((each) => `${each.full} ${textOf(each.options)} by ${originOf(each)}`).sort();
      const expected = hand === undefined ? [] : [
        ...[...hand.own].map(([full, options]) => `${full} ${textOf(options)} by client`),
        ...this.#made(clientId, hand).map(({ full, options, rule }) =>
          `${full} ${textOf(options)} by ${rule}`
        ),
      ].sort();
      if (found.join("; ") !== expected.join("; ")) {
        this.#world.violation(
          "byHand",
          `${clientId} has ${found.join("; ")}; by hand it would have ${expected.join("; ")}`,
        );
      }
      const without = [...session.subscriptions.unsubscribed].sort().join("; ");
      const told = [...hand?.unsubscribed ?? []].sort().join("; ");
      if (without !== told) {
        this.#world.violation(
          "byHand",
          `${clientId} is without ${without}; it has unsubscribed ${told}`,
        );
      }
    }
  }
}

/** Events after which every session is looked at. */
const COMPARED: ReadonlySet<Event["type"]> = new Set([
  "rules",
  "recovered",
  "loaded",
  "authenticated",
]);

function hasFilters(event: Event): boolean {
  if (event.type !== "packet") return false;
  return event.packet.type === "subscribe" || event.packet.type === "unsubscribe";
}

function textOf(options: SubscriptionOptions): string {
  const { qos, noLocal, retainAsPublished, retainHandling, subscriptionIdentifier = 0 } = options;
  return `${qos}${noLocal ? " noLocal" : ""}${retainAsPublished ? " retain" : ""} ` +
    `${retainHandling} ${subscriptionIdentifier}`;
}
