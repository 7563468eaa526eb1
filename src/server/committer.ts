/**
 * The loop around the commit queue: one commit on the disk at a time, reads in their place between
 * them. A store that answers at once costs no promise. Section 7 of the architecture.
 */

import type { Event } from "../broker/event.ts";
import { observe } from "../service/histogram.ts";
import type { Measures } from "../service/measures.ts";
import { waitsForAll } from "../session/cluster_write.ts";
import type { Effect, Persist } from "../session/effect.ts";
import type { PersistedWrite } from "../session/run_write.ts";
import type { Entry, Turn } from "../store/commit_queue.ts";
import { CommitQueue } from "../store/commit_queue.ts";
import { singly } from "../store/singly.ts";
import { troubleOf } from "../store/store_error.ts";
import type { RunStore, SharedStore, Soon, Store } from "../store/store.ts";

/** Milliseconds between two tries to write to a store that had no room. */
const TRY_AGAIN = 1000;

/** What the store answers. */
type Answered = Exclude<Turn, { readonly type: "claim" }>;

export class Committer {
  /** Where it is shared by nobody, the broker asks for no write that only a shared one knows. */
  readonly #store: SharedStore;
  readonly #runs: RunStore;
  readonly #queue = new CommitQueue();
  readonly #feed: (event: Event) => void;
  /** A commit or a read that came back later than at once: the turn that fed it ends here. */
  readonly #later: () => void;
  readonly #fail: (error: unknown) => void;
  readonly #measures: Pick<Measures, "commit" | "commitSize"> | undefined;
  readonly #claim: ((claim: Effect & { readonly type: "claim" }) => void) | undefined;
  #passed: Persist[] = [];
  #busy = false;
  /** The store had no room the last time. */
  #full = false;
  /** Of the commit that has just become durable: when every node has it. */
  #everywhere: Promise<void> | undefined;
  /** Held persists settle in the order in which they became durable. */
  #spreading: Promise<void> = Promise.resolve();
  #held = 0;

  constructor(
    store: Store,
    feed: (event: Event) => void,
    later: () => void,
    fail: (error: unknown) => void,
    measures?: Pick<Measures, "commit" | "commitSize">,
    claim?: (claim: Effect & { readonly type: "claim" }) => void,
  ) {
    this.#store = store;
    this.#runs = store.runs ?? singly(store);
    this.#feed = feed;
    this.#later = later;
    this.#fail = fail;
    this.#measures = measures;
    this.#claim = claim;
  }

  /** Nothing waits and nothing is on its way to the disk. */
  get idle(): boolean {
    return !this.#busy && this.#queue.size + this.#passed.length + this.#held === 0;
  }

  /** Takes an entry; one that may pass does not wait for the store, unless that has to say whether this node lives. */
  add(entry: Entry): void {
    if (
      entry.type === "persist" && this.#queue.passes(entry) && this.#store.inDoubt !== true
    ) this.#passed.push(entry);
    else this.#queue.add(entry);
  }

  /** Settles what has passed, all of it in one event. */
  letPass(): void {
    while (this.#passed.length > 0) {
      const persists = this.#passed;
      this.#passed = [];
      this.#feed({ type: "settled", persists });
    }
  }

  /** Commits and reads as long as the store answers at once; the rest follows by itself. */
  flush(): void {
    for (;;) {
      this.letPass();
      if (this.#busy) return;
      const turn = this.#queue.take(this.#store.limits.writes);
      if (turn === undefined) return;
      if (turn.type === "claim") { // it is asked for in its place, and answered when it is
        this.#claim?.(turn);
        continue;
      }
      let event: Soon<Event>;
      try {
        event = this.#do(turn);
      } catch (error) { // as if it had been rejected: nothing may follow what was not kept
        this.#busy = true;
        return this.#failed(turn, error);
      }
      if (!(event instanceof Promise)) {
        this.#settle(turn, event);
        continue;
      }
      this.#busy = true;
      this.#await(turn, event);
    }
  }

  /** The end of a turn that the store does not answer at once. */
  #await(turn: Answered, event: Promise<Event>): void {
    const from = performance.now();
    event.then((done) => {
      this.#busy = false;
      this.#measure(turn, from);
      if (this.#full) this.#feed({ type: "store", full: this.#full = false, detail: "" });
      this.#settle(turn, done);
      this.#later();
    }, (error) => this.#failed(turn, error)).catch(this.#fail);
  }

  /** Commits are measured, reads are not. */
  #measure(turn: Answered, from: number): void {
    if (turn.type !== "commit" || this.#measures === undefined) return;
    observe(this.#measures.commit, (performance.now() - from) / 1000);
    observe(this.#measures.commitSize, turn.persists.length);
  }

  /** What may be done again is; all else ends the process. */
  #failed(turn: Answered, error: unknown): void {
    if (troubleOf(error) === "noRoom") this.#tryAgain(turn, error);
    else this.#fail(error);
  }

  /** Nothing of it was kept and nothing after it is tried, so it may be done again, until there is room. */
  #tryAgain(turn: Answered, error: unknown): void {
    if (!this.#full) {
      this.#full = true;
      this.#feed({ type: "store", full: true, detail: String(error) });
      this.#later();
    }
    setTimeout(() => {
      try {
        this.#await(turn, Promise.resolve(this.#do(turn)));
      } catch (again) {
        this.#failed(turn, again);
      }
    }, TRY_AGAIN);
  }

  #settle(turn: Answered, event: Event): void {
    if (turn.type !== "commit") return this.#feed(event);
    const everywhere = this.#everywhere;
    this.#everywhere = undefined;
    if (everywhere === undefined && this.#held === 0) {
      this.#queue.settle(turn.persists);
      return this.#feed(event);
    }
    const persists: Persist[] = [];
    const held: Persist[] = [];
    for (const persist of turn.persists) {
      const waits = everywhere !== undefined && persist.writes.some(waitsForAll);
      if (!waits && !this.#queue.isHeld(persist)) persists.push(persist);
      else {
        held.push(persist);
        this.#queue.hold(persist);
      }
    }
    if (held.length > 0) this.#hold(held, everywhere);
    if (persists.length === 0) return;
    this.#queue.settle(persists);
    this.#feed({ type: "settled", persists });
  }

  /** What speaks of subscriptions and retained messages waits until other nodes know them; the rest does not. */
  #hold(persists: readonly Persist[], everywhere: Promise<void> | undefined): void {
    this.#held += persists.length;
    this.#spreading = this.#spreading.then(() => everywhere).then(() => {
      this.#held -= persists.length;
      this.#queue.letGo(persists);
      this.#feed({ type: "settled", persists });
      this.#later();
    });
    this.#spreading.catch(this.#fail);
  }

  /** Does one turn; the event that tells of it. */
  #do(turn: Answered): Soon<Event> {
    switch (turn.type) {
      case "commit": {
        const { persists } = turn;
        const writes = allWrites(persists);
        const isAsked = writes.length > 0 || this.#store.inDoubt === true;
        const done = isAsked ? this.#runs.commit(writes) : undefined;
        return map(done, (spreading) => {
          this.#everywhere = spreading?.everywhere;
          return { type: "settled", persists };
        });
      }
      case "load": {
        const { connection, clientId, most } = turn;
        return map(
          this.#runs.load(clientId, most),
          (stored) => ({ type: "loaded", connection, clientId, stored }),
        );
      }
      case "read": {
        const { clientId, from, most } = turn;
        return map(
          this.#runs.read(clientId, from, most),
          (queued) => ({ type: "read", clientId, from, queued }),
        );
      }
    }
  }
}

/** Applies `then` at once to what is there at once. */
function map<T>(soon: Soon<T>, then: (value: T) => Event): Soon<Event> {
  return soon instanceof Promise ? soon.then(then) : then(soon);
}

function allWrites(persists: readonly Persist[]): readonly PersistedWrite[] {
  if (persists.length === 1) return persists[0]!.writes;
  const writes: PersistedWrite[] = [];
  for (const persist of persists) {
    for (let i = 0; i < persist.writes.length; i++) writes.push(persist.writes[i]!);
  }
  return writes;
}
