/**
 * A virtual network: one `Link` for the broker and its far end for a client. Bytes are cut at random,
 * come late but in order, and may stop coming without a word. A buffer of limited size lies between
 * the two, as a kernel has one, so a client that does not read makes the broker's writes wait.
 */

import type { Link } from "../../src/transport/transport.ts";
import type { VirtualTime } from "./clock.ts";
import type { Checker } from "./ledger.ts";
import type { Random } from "./random.ts";

/** What the network is like; drawn once a run. */
export interface Weather {
  /** Milliseconds that bytes are under way at most. */
  readonly delay: number;
  /** Bytes that a direction holds which its reader has not taken. */
  readonly buffer: number;
  /** Bytes that come in one piece at most. */
  readonly piece: number;
}

/** What the far end hears. */
export interface Ear {
  onBytes(bytes: Uint8Array): void;
  /** The broker closed the link, or the network broke it. */
  onClosed(): void;
}

export interface Surroundings {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly weather: () => Weather;
  /** Every piece of bytes that arrives somewhere, for the trace. */
  readonly trace: (id: number, direction: "in" | "out", bytes: Uint8Array) => void;
  readonly violation: (checker: Checker, text: string) => void;
}

interface Waiting {
  readonly into: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: Error) => void;
}

/** A link and both of its ends. */
export class Wire implements Link {
  readonly address: string;
  readonly #world: Surroundings;
  readonly id: number;
  #ear: Ear | undefined;
  // towards the broker
  #inbound: Uint8Array[] = [];
  #reader: Waiting | undefined;
  #endOfInput = false;
  #arrival = 0;
  // towards the client
  #outbound: Uint8Array[] = [];
  #held = 0;
  #writer: { readonly bytes: Uint8Array; readonly done: Waiting } | undefined;
  #stalled = false;
  #departure = 0;
  #consuming = false;
  /** The broker has closed its end. */
  closed = false;
  /** The broker has done with it, and closes it when all is written. */
  left = false;
  /** Broken: both ends find out. */
  #broken = false;
  /** The broker's process has gone: its promises stay open for ever. */
  #dead = false;
  /** Nothing arrives any more, and nobody is told. */
  halfOpen = false;
  /** The broker's process stands still: what comes waits in front of it. */
  #frozen = false;
  /** The broker has been declared dead by others, or the session has ended: whatever comes still. */
  orphan = false;
  #gone = false;

  constructor(world: Surroundings, id: number, ear: Ear) {
    this.#world = world;
    this.id = id;
    this.#ear = ear;
    this.address = `sim:${id}`;
  }

  /** The client reads nothing, or nothing comes to it. */
  get stalled(): boolean {
    return this.#stalled || this.halfOpen;
  }

  // ---- the broker's end

  read(into: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      if (this.#reader !== undefined) {
        this.#world.violation("broken", "two reads of one link at once");
      }
      this.#reader = { into, resolve, reject };
      // An event of its own, so that time stands still until all that has come is read.
      this.#world.time.after(0, () => this.#serveReader());
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.closed) {
      this.#world.violation("afterClose", `link ${this.id}: written to after close`);
    }
    if (this.#writer !== undefined) {
      this.#world.violation("broken", "two writes to one link at once");
    }
    return new Promise((resolve, reject) => {
      const done = { into: bytes, resolve: resolve as Waiting["resolve"], reject };
      this.#writer = { bytes, done };
      // The bytes are taken later: an outbox must leave them alone while a write is under way.
      this.#world.time.after(this.#world.random.chance(0.5) ? 0 : 1, () => this.#serveWriter());
    });
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.#dead) return;
    const error = new Error("closed by the broker");
    this.#reader?.reject(error);
    this.#reader = undefined;
    this.#writer?.done.reject(error);
    this.#writer = undefined;
    this.#later(() => this.#tellGone());
  }

  // ---- the client's end

  /** Sends bytes to the broker. */
  send(bytes: Uint8Array): void {
    const { time, random, weather } = this.#world;
    const copy = bytes.slice();
    this.#arrival = Math.max(this.#arrival, time.now + random.between(0, weather().delay));
    time.after(this.#arrival - time.now, () => {
      if (this.halfOpen || this.#broken || this.#dead || this.closed) return;
      this.#world.trace(this.id, "in", copy);
      this.#inbound.push(copy);
      this.#serveReader();
    });
  }

  /** Closes in good order: the broker reads what was sent, and then the end. */
  finish(): void {
    this.#ear = undefined;
    const { time } = this.#world;
    this.#arrival = Math.max(this.#arrival, time.now);
    time.after(this.#arrival - time.now, () => {
      if (this.halfOpen) return;
      this.#endOfInput = true;
      this.#serveReader();
      this.#stalled = false;
      this.#discard();
    });
  }

  /** Breaks the link: what is under way is lost. */
  reset(): void {
    this.#ear = undefined;
    if (this.halfOpen) return;
    this.#broken = true;
    if (this.#frozen) return;
    const error = new Error("reset by peer");
    this.#reader?.reject(error);
    this.#reader = undefined;
    this.#writer?.done.reject(error);
    this.#writer = undefined;
  }

  /** The broker's process has died: the client finds out, the broker never. */
  die(): void {
    this.#dead = true;
    const ear = this.#ear;
    this.#ear = undefined;
    if (!this.halfOpen && !this.#gone) ear?.onClosed();
  }

  /** The broker's process stands still, or goes on. */
  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    if (frozen) return;
    this.#serveReader();
    this.#serveWriter();
  }

  /** The client reads no more, for a time. */
  stall(stalled: boolean): void {
    this.#stalled = stalled;
    if (!stalled) this.#consume();
  }

  // ---- between

  #serveReader(): void {
    const reader = this.#reader;
    if (reader === undefined || this.#dead || this.#frozen) return;
    if (this.#broken || this.closed) {
      this.#reader = undefined;
      return reader.reject(new Error("the link is broken"));
    }
    const first = this.#inbound[0];
    if (first === undefined) {
      if (!this.#endOfInput) return;
      this.#reader = undefined;
      return reader.resolve(null);
    }
    const { random, weather } = this.#world;
    const most = Math.min(first.length, reader.into.length, weather().piece);
    const count = random.chance(0.5) ? most : random.between(1, most);
    reader.into.set(first.subarray(0, count));
    if (count === first.length) this.#inbound.shift();
    else this.#inbound[0] = first.subarray(count);
    this.#reader = undefined;
    reader.resolve(count);
  }

  #serveWriter(): void {
    const writer = this.#writer;
    if (writer === undefined || this.#dead || this.#frozen || this.closed) return;
    if (this.#broken) {
      this.#writer = undefined;
      return writer.done.reject(new Error("the link is broken"));
    }
    const { random, weather } = this.#world;
    const room = weather().buffer - this.#held;
    if (room <= 0) return; // goes on when the client has read
    const most = Math.min(room, writer.bytes.length);
    const count = random.chance(0.7) ? most : random.between(1, most);
    const taken = writer.bytes.slice(0, count);
    this.#held += count;
    this.#writer = undefined;
    this.#later(() => {
      if (this.halfOpen || this.#broken) return;
      this.#outbound.push(taken);
      this.#consume();
    });
    writer.done.resolve(count);
  }

  /** In the order of its calls, after a delay. */
  #later(call: () => void): void {
    const { time, random, weather } = this.#world;
    this.#departure = Math.max(this.#departure, time.now + random.between(0, weather().delay));
    time.after(this.#departure - time.now, call);
  }

  /** The client takes a piece now and the rest soon. */
  #consume(): void {
    if (this.#stalled || this.#consuming || this.halfOpen || this.#broken) return;
    const first = this.#outbound[0];
    if (first === undefined) {
      if (this.#gone) this.#hangUp();
      return;
    }
    const { random, weather, time } = this.#world;
    const count = Math.min(first.length, random.between(1, weather().piece));
    const bytes = first.slice(0, count);
    if (count === first.length) this.#outbound.shift();
    else this.#outbound[0] = first.subarray(count);
    this.#held -= count;
    if (!this.#dead) {
      this.#world.trace(this.id, "out", bytes);
      this.#ear?.onBytes(bytes);
    }
    this.#consuming = true;
    time.after(0, () => {
      this.#consuming = false;
      this.#serveWriter();
      this.#consume();
    });
  }

  /** A client that has closed takes what comes and throws it away. */
  #discard(): void {
    this.#outbound = [];
    this.#held = 0;
    this.#serveWriter();
  }

  #tellGone(): void {
    this.#gone = true;
    this.#consume();
  }

  #hangUp(): void {
    const ear = this.#ear;
    this.#ear = undefined;
    if (!this.halfOpen && !this.#broken && !this.#dead) ear?.onClosed();
  }
}
