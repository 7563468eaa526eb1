/**
 * Group commit without a timer: while one commit is on the disk, everything that arrives forms the
 * next batch. Deterministic and without I/O; `server/committer.ts` is the loop around it.
 * Section 7 of the architecture.
 */

import type { ConnectionId } from "../policy/identity.ts";
import type { Effect, Persist } from "../session/effect.ts";
import { countOf } from "../session/run_write.ts";

/** What travels in the queue: reads see every earlier write and none later. */
export type Entry = Persist | Effect & { readonly type: "load" | "read" | "claim" };

/** What is to be done next: one commit, or one read. */
export type Turn =
  | { readonly type: "commit"; readonly persists: readonly Persist[] }
  | Effect & { readonly type: "load" | "read" | "claim" };

export class CommitQueue {
  #entries: Entry[] = [];
  /** First entry that is still to be done: taken ones are cut off in one go. */
  #first = 0;
  /** How many entries that wait, or are being committed, have something for a connection. */
  readonly #involved = new Map<ConnectionId, number>();

  /** The same of those that are durable and still held back. */
  readonly #held = new Map<ConnectionId, number>();
  /** Persists that end a session, which are held back: what its client is told next waits for them. */
  readonly #ending = new Set<Persist>();

  /** Entries that wait. */
  get size(): number {
    return this.#entries.length - this.#first;
  }

  /**
   * Whether it may pass without waiting: it writes nothing, and nothing that waits is for the same
   * connections, so it overtakes nobody.
   */
  passes(persist: Persist): boolean {
    if (persist.writes.length > 0) return false;
    if (this.#involved.size === 0) return true;
    for (const effect of persist.then) {
      const to = addressee(effect);
      if (to !== undefined && this.#involved.has(to)) return false;
    }
    return true;
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    if (entry.type === "persist") count(this.#involved, entry, 1);
  }

  /** The next commit, of at least one persist and then no more than `writes` writes; or the next read. */
  take(writes: number): Turn | undefined {
    const first = this.#entries[this.#first];
    if (first === undefined) return undefined;
    if (first.type !== "persist") {
      this.#advance(this.#first + 1);
      return first;
    }
    let sum = 0;
    let end = this.#first;
    for (; end < this.#entries.length; end++) {
      const entry = this.#entries[end]!;
      if (entry.type !== "persist") break;
      sum += countOf(entry.writes);
      if (sum > writes && end > this.#first) break;
    }
    const persists = this.#entries.slice(this.#first, end) as Persist[];
    this.#advance(end);
    return { type: "commit", persists };
  }

  /** A commit is durable: what was for its connections no longer holds others back. */
  settle(persists: readonly Persist[]): void {
    for (const persist of persists) count(this.#involved, persist, -1);
  }

  /** It is durable and waits for other nodes: what is for the same connections waits behind it. */
  hold(persist: Persist): void {
    count(this.#held, persist, 1);
    if (persist.writes.some(({ type }) => type === "deleteSession")) this.#ending.add(persist);
  }

  /** Whether it is for a connection that something held is for, or of a client whose session's end is. */
  isHeld({ of, then }: Persist): boolean {
    if (this.#ending.size > 0 && then.length > 0) {
      for (const ending of this.#ending) if (ending.of === of) return true;
    }
    if (this.#held.size === 0) return false;
    for (const effect of then) {
      const to = addressee(effect);
      if (to !== undefined && this.#held.has(to)) return true;
    }
    return false;
  }

  /** They are not held any more, and settled. */
  letGo(persists: readonly Persist[]): void {
    for (const persist of persists) {
      count(this.#held, persist, -1);
      this.#ending.delete(persist);
    }
    this.settle(persists);
  }

  #advance(first: number): void {
    this.#first = first;
    if (first === this.#entries.length) {
      this.#entries = [];
      this.#first = 0;
    } else if (first > 1024 && first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(first);
      this.#first = 0;
    }
  }
}

/** Counts, by connection, the persists that have something for it. */
function count(involved: Map<ConnectionId, number>, { then }: Persist, by: 1 | -1): void {
  for (const effect of then) {
    const to = addressee(effect);
    if (to === undefined) continue;
    const left = (involved.get(to) ?? 0) + by;
    if (left === 0) involved.delete(to);
    else involved.set(to, left);
  }
}

function addressee(effect: Effect): ConnectionId | undefined {
  // In a persist a `deliver` is for one client: QoS 0 that must stay behind what was queued before it.
  if (effect.type === "deliver") return effect.to[0];
  switch (effect.type) {
    case "send":
    case "deliverAs":
    case "deliverNumbered":
    case "publishAll":
    case "acknowledge":
      return effect.to;
    default:
      return undefined;
  }
}
