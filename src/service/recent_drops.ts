/**
 * The last drops of messages, as a fold over facts: what `why` looks back on. A row for each client, topic and
 * reason, so that one client that misses thousands does not push out all others.
 *
 * A mutable island; time and its limit are arguments. Where nothing is dropped it costs nothing.
 */

import type { ClientId, Instant } from "../policy/identity.ts";
import type { Fact } from "../session/fact.ts";
import type { DropReason } from "../session/reason_words.ts";
import type { TopicName } from "../topic/topic_name.ts";

/** UTF-16 units of a topic that is kept: clients choose them, and one may have 65,535. */
const LONGEST_TOPIC = 2_048;

/** Messages that one client did not get, for one reason. */
export interface RecentDrop {
  /** A shared subscription is called as in the log: U+0000 and its whole filter. */
  readonly clientId: ClientId;
  /** Empty where it is not known, where there were several, and where it is very long. */
  readonly topic: TopicName;
  readonly reason: DropReason;
  count: number;
  readonly first: Instant;
  last: Instant;
}

export class RecentDrops {
  /** The one that was dropped last stands last. */
  readonly #rows = new Map<string, RecentDrop>();
  #last: RecentDrop | undefined;

  get size(): number {
    return this.#rows.size;
  }

  /** Takes a fact in; those that are no drops are nothing to it. At most so many rows are kept. */
  note(fact: Fact, now: Instant, most: number): void {
    if (fact.type === "dropped") {
      const topic = fact.topic.length > LONGEST_TOPIC ? "" : fact.topic;
      this.#add(fact.clientId, topic, fact.reason, fact.count, now, most);
    } else if (fact.type === "sessionEnded" && fact.messagesDropped > 0) {
      this.#add(fact.clientId, "", "sessionEnded", fact.messagesDropped, now, most);
    }
  }

  #add(
    clientId: ClientId,
    topic: TopicName,
    reason: DropReason,
    count: number,
    now: Instant,
    most: number,
  ): void {
    const last = this.#last;
    if (last?.clientId === clientId && last.topic === topic && last.reason === reason) {
      last.count += count;
      last.last = now;
      return;
    }
    const key = `${reason} ${clientId.length} ${clientId}${topic}`;
    const known = this.#rows.get(key);
    const row = known ?? { clientId, topic, reason, count: 0, first: now, last: now };
    row.count += count;
    row.last = now;
    if (known !== undefined) this.#rows.delete(key);
    this.#rows.set(key, row);
    this.#last = row;
    for (const oldest of this.#rows.keys()) {
      if (this.#rows.size <= most) break;
      this.#rows.delete(oldest);
    }
    if (this.#rows.size === 0) this.#last = undefined;
  }

  /**
   * The drops of a client and of shared subscriptions, the latest first.
   *
   * @param keys client identifiers, and keys of shared subscriptions
   */
  of(keys: ReadonlySet<string>, most: number): readonly RecentDrop[] {
    const found: RecentDrop[] = [];
    for (const row of this.#rows.values()) if (keys.has(row.clientId)) found.push(row);
    return found.slice(-most).reverse();
  }
}
