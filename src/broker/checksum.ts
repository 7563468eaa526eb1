/**
 * A checksum of what every node of a cluster keeps in its tables: stored sessions with their subscriptions,
 * retained messages, and who wants what. It depends neither on the order in which that came nor on who looks,
 * so that nodes which have taken in the same end with the same. Section 8 of the architecture.
 *
 * It reads the tables and changes nothing. What only one node has is not in it: queues, connections, `$SYS`.
 */

import type { Session } from "../session/session.ts";
import { isStored } from "../session/session.ts";
import { allSubscriptions, originOf } from "../session/subscription_map.ts";
import type { Tables } from "./tables.ts";

/**
 * The checksum of all three: `{sessions}.{retained}.{routes}`, 16 hexadecimal digits each, so that where two
 * differ it can be seen in what.
 */
export function checksumOf(tables: Readonly<Tables>): string {
  const parts = checksumInParts(tables, Infinity);
  for (;;) {
    const part = parts.next();
    if (part.done === true) return part.value;
  }
}

/**
 * The same little by little: between two parts the tables may change, and then the answer is one of what was
 * there when it was looked at.
 *
 * @param entries to be looked at before it pauses
 */
export function* checksumInParts(
  tables: Readonly<Tables>,
  entries: number,
): Generator<undefined, string> {
  let left = entries;
  const sessions = new Sum();
  for (const { session } of tables.clients.values()) {
    if (!isStored(session)) continue;
    left -= 1 + addSession(sessions, session);
    if (left > 0) continue;
    left = entries;
    yield;
  }
  const retained = new Sum();
  for (const { topic, order } of tables.retained.matching("#")) { // without $SYS, which is a node's own
    retained.begin(topic);
    retained.number(order);
    retained.end();
    if (--left > 0) continue;
    left = entries;
    yield;
  }
  const routes = new Sum();
  const { cluster } = tables;
  if (cluster !== undefined) {
    for (const [full, { announced }] of cluster.wanted) {
      if (announced > 0) addRoute(routes, cluster.node, full, announced);
      if (--left > 0) continue;
      left = entries;
      yield;
    }
    for (const [node, filters] of cluster.routes) {
      for (const [full, interest] of filters) {
        addRoute(routes, node, full, interest);
        if (--left > 0) continue;
        left = entries;
        yield;
      }
    }
  }
  return `${sessions.text()}.${retained.text()}.${routes.text()}`;
}

/** Adds a session and each of its subscriptions; how many these are. */
function addSession(to: Sum, { clientId, owner, expiryInterval, subscriptions }: Session): number {
  to.begin(clientId);
  to.word(owner.user ?? "");
  to.number(expiryInterval);
  to.number(subscriptions.awaited ? 1 : 0);
  to.end();
  const all = allSubscriptions(subscriptions);
  for (let i = 0; i < all.length; i++) {
    const subscription = all[i]!;
    const { qos, noLocal, retainAsPublished, retainHandling, subscriptionIdentifier } =
      subscription.options;
    to.begin(clientId);
    to.word(subscription.full);
    to.word(originOf(subscription));
    to.number(qos + (noLocal ? 4 : 0) + (retainAsPublished ? 8 : 0) + retainHandling * 16);
    to.number(subscriptionIdentifier ?? 0);
    to.end();
  }
  for (const full of subscriptions.unsubscribed) {
    to.begin(clientId);
    to.word(full);
    to.number(-1);
    to.end();
  }
  return all.length + subscriptions.unsubscribed.size;
}

function addRoute(to: Sum, node: string, full: string, interest: number): void {
  to.begin(node);
  to.word(full);
  to.number(interest);
  to.end();
}

/** FNV-1a of an entry in two lanes, added up over all entries: addition does not ask for the order. */
class Sum {
  private high = 0;
  private low = 0;
  private one = 0;
  private other = 0;

  /** Another entry begins, with that word. */
  begin(word: string): void {
    this.one = 0x811c9dc5;
    this.other = 0x9e3779b9;
    this.word(word);
  }

  word(word: string): void {
    let { one, other } = this;
    for (let i = 0; i < word.length; i++) {
      const code = word.charCodeAt(i);
      one = Math.imul(one ^ code, 0x01000193);
      other = Math.imul(other ^ code, 0x85ebca6b) ^ other >>> 15;
    }
    this.one = one;
    this.other = other;
    this.number(word.length); // so that no two words are read as two others
  }

  number(value: number): void {
    const upper = Math.floor(value / 0x1_0000_0000);
    this.one = Math.imul(Math.imul(this.one ^ value, 0x01000193) ^ upper, 0x01000193);
    this.other = Math.imul(this.other ^ value, 0xc2b2ae35) + upper ^ this.other >>> 13;
  }

  end(): void {
    this.high = this.high + mixed(this.one) >>> 0;
    this.low = this.low + mixed(this.other ^ this.one) >>> 0;
  }

  text(): string {
    return `${hex(this.high)}${hex(this.low)}`;
  }
}

/** Every bit of it depends on every bit of the hash: sums of hashes that are alike must not be. */
function mixed(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ h >>> 16, 0x85ebca6b);
  h = Math.imul(h ^ h >>> 13, 0xc2b2ae35);
  return (h ^ h >>> 16) >>> 0;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
