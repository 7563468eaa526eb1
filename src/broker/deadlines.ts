/**
 * When what is due: Will Delay, Session Expiry, Keep Alive and the like, as one binary heap.
 * MQTT 5.0 sections 3.1.2.10, 3.1.2.11.2 and 3.1.3.2.2 name the times; this only keeps them.
 *
 * A mutable island: the broker owns it and nobody else changes it. Every entry knows its place in
 * the heap, so one that is moved or deleted leaves nothing behind. It does not look at a clock.
 */

interface Entry<Key> {
  readonly key: Key;
  /** Milliseconds on the clock of the broker. */
  when: number;
  /** Counts up: of two deadlines at the same time, the one set first is due first. */
  turn: number;
  /** Where in the heap it lies. */
  place: number;
}

/** One deadline for each key. Keys are told apart as those of a Map; none may be undefined. */
export class Deadlines<Key> {
  private readonly entries = new Map<Key, Entry<Key>>();
  /** The children of place `n` are at `2n + 1` and `2n + 2` and not earlier than it. */
  private readonly heap: Entry<Key>[] = [];
  private turns = 0;

  /** Sets the deadline of a key, in milliseconds, in place of an earlier one. */
  set(key: Key, when: number): void {
    let entry = this.entries.get(key);
    if (entry === undefined) {
      entry = { key, when, turn: this.turns++, place: this.heap.length };
      this.entries.set(key, entry);
      this.heap.push(entry);
      this.rise(entry);
      return;
    }
    entry.when = when;
    entry.turn = this.turns++;
    this.rise(entry);
    this.sink(entry);
  }

  /** Takes away the deadline of a key; false when it had none. */
  delete(key: Key): boolean {
    const entry = this.entries.get(key);
    if (entry === undefined) return false;
    this.entries.delete(key);
    const last = this.heap.pop()!;
    if (last !== entry) {
      this.put(last, entry.place);
      this.rise(last);
      this.sink(last);
    }
    return true;
  }

  /** The earliest deadline, in milliseconds, or undefined when there is none. */
  next(): number | undefined {
    return this.heap[0]?.when;
  }

  /** Takes away and returns the key of the earliest deadline if that is `now` or before. */
  due(now: number): Key | undefined {
    const first = this.heap[0];
    if (first === undefined || first.when > now) return undefined;
    this.delete(first.key);
    return first.key;
  }

  /** How many keys have a deadline. */
  get size(): number {
    return this.heap.length;
  }

  private rise(entry: Entry<Key>): void {
    while (entry.place > 0) {
      const parent = this.heap[(entry.place - 1) >> 1]!;
      if (!isEarlier(entry, parent)) return;
      this.swap(parent, entry);
    }
  }

  private sink(entry: Entry<Key>): void {
    for (;;) {
      const left = this.heap[2 * entry.place + 1];
      if (left === undefined) return;
      const right = this.heap[2 * entry.place + 2];
      const child = right !== undefined && isEarlier(right, left) ? right : left;
      if (!isEarlier(child, entry)) return;
      this.swap(entry, child);
    }
  }

  /** Lets `child` and `parent` change places. */
  private swap(parent: Entry<Key>, child: Entry<Key>): void {
    const above = parent.place;
    this.put(parent, child.place);
    this.put(child, above);
  }

  private put(entry: Entry<Key>, place: number): void {
    this.heap[place] = entry;
    entry.place = place;
  }
}

function isEarlier<Key>(one: Entry<Key>, other: Entry<Key>): boolean {
  return one.when < other.when || (one.when === other.when && one.turn < other.turn);
}
