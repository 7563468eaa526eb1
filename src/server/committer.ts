/**
 * The loop around the commit queue: one commit on the disk at a time, reads in their place between
 * them. A store that answers at once costs no promise. Section 7 of the architecture.
 */

import type { Event } from "../broker/event.ts";
import { observe } from "../service/histogram.ts";
import type { Measures } from "../service/measures.ts";
import type { Persist } from "../session/effect.ts";
import type { Entry, Turn } from "../store/commit_queue.ts";
import { CommitQueue } from "../store/commit_queue.ts";
import { troubleOf } from "../store/store_error.ts";
import type { Soon, Store } from "../store/store.ts";
import type { Write } from "../session/write.ts";

/** Milliseconds between two tries to write to a store that had no room. */
const TRY_AGAIN = 1000;

export class Committer {
  readonly #store: Store;
  readonly #queue = new CommitQueue();
  readonly #feed: (event: Event) => void;
  /** A commit or a read that came back later than at once: the turn that fed it ends here. */
  readonly #later: () => void;
  readonly #fail: (error: unknown) => void;
  readonly #measures: Pick<Measures, "commit" | "commitSize"> | undefined;
  #passed: Persist[] = [];
  #busy = false;
  /** The store had no room the last time. */
  #full = false;

  constructor(
    store: Store,
    feed: (event: Event) => void,
    later: () => void,
    fail: (error: unknown) => void,
    measures?: Pick<Measures, "commit" | "commitSize">,
  ) {
    this.#store = store;
    this.#feed = feed;
    this.#later = later;
    this.#fail = fail;
    this.#measures = measures;
  }

  /** Nothing waits and nothing is on its way to the disk. */
  get idle(): boolean {
    return !this.#busy && this.#queue.size + this.#passed.length === 0;
  }

  /** Takes an entry; one that may pass does not wait for the store. */
  add(entry: Entry): void {
    if (entry.type === "persist" && this.#queue.passes(entry)) this.#passed.push(entry);
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
  #await(turn: Turn, event: Promise<Event>): void {
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
  #measure(turn: Turn, from: number): void {
    if (turn.type !== "commit" || this.#measures === undefined) return;
    observe(this.#measures.commit, (performance.now() - from) / 1000);
    observe(this.#measures.commitSize, turn.persists.length);
  }

  /** What may be done again is; all else ends the process. */
  #failed(turn: Turn, error: unknown): void {
    if (troubleOf(error) === "noRoom") this.#tryAgain(turn, error);
    else this.#fail(error);
  }

  /** Nothing of it was kept and nothing after it is tried, so it may be done again, until there is room. */
  #tryAgain(turn: Turn, error: unknown): void {
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

  #settle(turn: Turn, event: Event): void {
    if (turn.type === "commit") this.#queue.settle(turn.persists);
    this.#feed(event);
  }

  /** Does one turn; the event that tells of it. */
  #do(turn: Turn): Soon<Event> {
    switch (turn.type) {
      case "commit": {
        const { persists } = turn;
        const writes = allWrites(persists);
        const done = writes.length === 0 ? undefined : this.#store.commit(writes);
        return map(done, () => ({ type: "settled", persists }));
      }
      case "load": {
        const { connection, clientId, most } = turn;
        return map(
          this.#store.load(clientId, most),
          (stored) => ({ type: "loaded", connection, clientId, stored }),
        );
      }
      case "read": {
        const { clientId, from, most } = turn;
        return map(
          this.#store.read(clientId, from, most),
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

function allWrites(persists: readonly Persist[]): readonly Write[] {
  if (persists.length === 1) return persists[0]!.writes;
  const writes: Write[] = [];
  for (const persist of persists) {
    for (let i = 0; i < persist.writes.length; i++) writes.push(persist.writes[i]!);
  }
  return writes;
}
