/**
 * When what is due: Will Delay, Session Expiry, Keep Alive and the like, as one binary heap.
 * MQTT 5.0 sections 3.1.2.10, 3.1.2.11.2 and 3.1.3.2.2 name the times; this only keeps them.
 *
 * A mutable island: the broker owns it and nobody else changes it. Whoever adds a deadline holds its entry,
 * which knows its place in the heap: no table of names, and one that is moved or removed leaves nothing
 * behind. It does not look at a clock.
 */

/** A deadline in the heap. */
export interface Entry<Value> {
  readonly value: Value;
  /** Milliseconds on the clock of the broker. */
  when: number;
  /** Counts up: of two deadlines at the same time, the one set first is due first. */
  turn: number;
  /** Where in the heap it lies; -1 once it has been taken out. */
  place: number;
}

export class Deadlines<Value> {
  /** The children of place `n` are at `2n + 1` and `2n + 2` and not earlier than it. */
  private readonly heap: Entry<Value>[] = [];
  private turns = 0;

  /** Adds a deadline, in milliseconds. */
  add(value: Value, when: number): Entry<Value> {
    const entry = { value, when, turn: this.turns++, place: this.heap.length };
    this.heap.push(entry);
    this.rise(entry);
    return entry;
  }

  /** Gives an entry that is in the heap another time. */
  move(entry: Entry<Value>, when: number): void {
    entry.when = when;
    entry.turn = this.turns++;
    this.rise(entry);
    this.sink(entry);
  }

  /** Takes an entry out; false when it was out already. */
  remove(entry: Entry<Value>): boolean {
    const { place } = entry;
    if (place < 0) return false;
    entry.place = -1;
    const last = this.heap.pop()!;
    if (last !== entry) {
      this.put(last, place);
      this.rise(last);
      this.sink(last);
    }
    return true;
  }

  /** The earliest deadline, in milliseconds, or undefined when there is none. */
  next(): number | undefined {
    return this.heap[0]?.when;
  }

  /** Takes out and returns the value of the earliest deadline if that is `now` or before. */
  due(now: number): Value | undefined {
    const first = this.heap[0];
    if (first === undefined || first.when > now) return undefined;
    this.remove(first);
    return first.value;
  }

  /** How many there are. */
  get size(): number {
    return this.heap.length;
  }

  private rise(entry: Entry<Value>): void {
    while (entry.place > 0) {
      const parent = this.heap[(entry.place - 1) >> 1]!;
      if (!isEarlier(entry, parent)) return;
      this.swap(parent, entry);
    }
  }

  private sink(entry: Entry<Value>): void {
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
  private swap(parent: Entry<Value>, child: Entry<Value>): void {
    const above = parent.place;
    this.put(parent, child.place);
    this.put(child, above);
  }

  private put(entry: Entry<Value>, place: number): void {
    this.heap[place] = entry;
    entry.place = place;
  }
}

function isEarlier<Value>(one: Entry<Value>, other: Entry<Value>): boolean {
  return one.when < other.when || (one.when === other.when && one.turn < other.turn);
}
