/** Stand-ins for what surrounds the runtime: a store, a broker, a clock and links that tests hold in hand. */

import type { Broker } from "../../src/broker/broker.ts";
import type { Event } from "../../src/broker/event.ts";
import type { Effect, Persist } from "../../src/session/effect.ts";
import type { StoredSession, Write } from "../../src/session/write.ts";
import type { Soon, Store } from "../../src/store/store.ts";
import type { Link } from "../../src/transport/transport.ts";
import type { Clock } from "../../src/server/wall_clock.ts";

export const emptySession: StoredSession = { received: [], inflight: [], queued: [] };

/** A write that is told apart by its name. */
export function write(clientId: string): Write {
  return { type: "deleteSession", clientId };
}

/** A persist of one client's write, or of none, after which a PINGRESP goes to a connection. */
export function persist(clientId: string | undefined, to: number): Persist {
  return {
    type: "persist",
    of: clientId ?? "",
    writes: clientId === undefined ? [] : [write(clientId)],
    then: [{ type: "send", to, packet: { type: "pingresp" } }],
  };
}

/** A store that notes its calls; each is answered at once, or when the test says so. */
export class FakeStore implements Store {
  readonly promise = "memory" as const;
  readonly limits: { readonly writes: number };
  readonly calls: string[] = [];
  readonly #later: boolean;
  readonly #open: { resolve: () => void; reject: (error: unknown) => void }[] = [];

  constructor(later: boolean, writes = 100) {
    this.#later = later;
    this.limits = { writes };
  }

  commit(writes: readonly Write[]): Soon<void> {
    const names = writes.map((each) => "clientId" in each ? each.clientId : each.type);
    return this.#answer(`commit ${names.join(" ")}`, undefined);
  }

  load(clientId: string): Soon<StoredSession> {
    return this.#answer(`load ${clientId}`, emptySession);
  }

  read(clientId: string): Soon<readonly never[]> {
    return this.#answer(`read ${clientId}`, []);
  }

  async *index() {}

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Answers the call under way. */
  async answer(): Promise<void> {
    this.#open.shift()!.resolve();
    await settled();
  }

  /** The call under way fails. */
  async fail(error: unknown): Promise<void> {
    this.#open.shift()!.reject(error);
    await settled();
  }

  #answer<T>(call: string, value: T): Soon<T> {
    this.calls.push(call);
    if (!this.#later) return value;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#open.push({ resolve: () => resolve(value), reject });
    return promise;
  }
}

/** A broker that answers events as the test says, and notes them. */
export class FakeBroker {
  readonly events: Event[] = [];
  readonly times: number[] = [];
  deadline: number | undefined;
  readonly #answer: (event: Event) => readonly Effect[];

  constructor(answer: (event: Event) => readonly Effect[]) {
    this.#answer = answer;
  }

  step(event: Event, now: number): readonly Effect[] {
    this.events.push(event);
    this.times.push(now);
    return this.#answer(event);
  }

  nextDeadline(): number | undefined {
    return this.deadline;
  }

  /** As the runtime takes it: a `Broker` has private parts that nobody else can have. */
  get asBroker(): Broker {
    return this as unknown as Broker;
  }
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  time = 0;
  readonly wishes: (number | undefined)[] = [];

  now(): number {
    return this.time;
  }

  wakeAt(when: number | undefined): void {
    this.wishes.push(when);
  }

  stop(): void {}
}

/** A link that takes all writes at once, and reads what the test feeds it. */
export class OpenLink implements Link {
  readonly address = "test:1";
  /** Each write as the bytes that it had. */
  readonly writes: number[][] = [];
  closed = false;
  readonly #chunks: (Uint8Array | null)[] = [];
  #reader: (() => void) | undefined;

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#chunks.length === 0) {
      if (this.closed) throw new Error("closed");
      await new Promise<void>((resolve) => this.#reader = resolve);
    }
    const chunk = this.#chunks.shift()!;
    if (chunk === null) return null;
    const count = Math.min(chunk.length, into.length);
    into.set(chunk.subarray(0, count));
    if (count < chunk.length) this.#chunks.unshift(chunk.subarray(count));
    return count;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.closed) return Promise.reject(new Error("closed"));
    this.writes.push([...bytes]);
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.closed = true;
    this.#reader?.();
  }

  /** The other side sends these bytes; null: it ends the stream. */
  async arrive(bytes: Uint8Array | null): Promise<void> {
    this.#chunks.push(bytes);
    this.#reader?.();
    await settled();
  }
}

/** All that follows from settled promises has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
