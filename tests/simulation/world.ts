/**
 * The world of one run: the real broker, runtime, committer, outbox and codec on virtual time, a
 * virtual network and a disk that outlives crashes. It does what it is told and writes down what the
 * broker says; it judges nothing but what is wrong at any time.
 */

import { anonymousOnly } from "../../src/authentication/authenticator.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { Tables } from "../../src/broker/tables.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { Runtime } from "../../src/server/runtime.ts";
import { outboxLimitsOf, serveLink } from "../../src/server/serve_link.ts";
import type { Clock } from "../../src/server/wall_clock.ts";
import type { Fact } from "../../src/session/fact.ts";
import { MemoryStore } from "../../src/store/memory_store.ts";
import { Client } from "./client.ts";
import type { Profile } from "./client.ts";
import { VirtualTime } from "./clock.ts";
import type { FaultyStore } from "./faulty_store.ts";
import { faultyStore } from "./faulty_store.ts";
import { Ledger } from "./ledger.ts";
import type { WillRecord } from "./ledger.ts";
import type { Weather } from "./network.ts";
import { Wire } from "./network.ts";
import { Random } from "./random.ts";
import { willOnFact, willsOnBoot, willsOnCrash } from "./wills.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly rules: Rules;
  readonly weather: Weather;
  /** Milliseconds of a commit at most. */
  readonly latency: number;
  readonly profiles: readonly Profile[];
}

/** How the network is when nothing is wrong with it. */
const FAIR: Weather = { delay: 2, buffer: 65_536, piece: 4_096 };

export class World {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly ledger = new Ledger();
  readonly disk = new MemoryStore();
  readonly clients: Client[];
  readonly options: WorldOptions;
  /** Undefined while the process is down. */
  runtime: Runtime | undefined;
  broker!: Broker;
  /** Hash of every byte that arrived anywhere, and when. */
  hash = 0x811c9dc5;
  calm = false;
  /** When nothing waited for the store the last time that was looked at. */
  idleAt = 0;
  readonly log: string[] = [];
  #store!: FaultyStore;
  #clock!: Clock;
  #lastLink = 0;
  readonly #wires = new Set<Wire>();
  readonly #willOf = new Map<number, WillRecord>();

  constructor(options: WorldOptions) {
    this.options = options;
    this.random = new Random(options.seed);
    const { limits } = options.rules;
    this.clients = options.profiles.map((profile, at) =>
      new Client(`c${at}`, profile, {
        time: this.time,
        random: this.random,
        ledger: this.ledger,
        dial: (ear, will) => this.#dial(ear, will),
        violation: (text) => this.violation(text),
        receiveMaximum: limits.receiveMaximum,
        retries: limits.retryInterval > 0,
      })
    );
  }

  get tables(): Readonly<Tables> {
    return this.broker.snapshot();
  }

  violation(text: string): void {
    this.ledger.violations.push(`at ${this.time.now - 1_000_000} ms: ${text}`);
  }

  note(text: string): void {
    if (this.log.length < 2_000) this.log.push(`${this.time.now - 1_000_000} ms ${text}`);
  }

  /** Builds the process anew on what the disk has, as `src/server/start.ts` does. */
  async boot(): Promise<void> {
    const { rules, latency } = this.options;
    const broker = new Broker(rules);
    const store = faultyStore(
      this.disk,
      this.time,
      this.random,
      () => this.calm ? Math.min(latency, 1) : latency,
      () => {},
    );
    const clock = this.time.clock(() => {
      runtime.feed({ type: "tick" });
      runtime.endTurn();
      this.#looked();
    });
    const runtime: Runtime = new Runtime({
      broker,
      store,
      clock,
      authenticator: anonymousOnly,
      observe: (fact) => {
        if (this.runtime === runtime || this.runtime === undefined) this.#observe(fact);
      },
      outboxDropped: () => {},
      broken: (error, event) =>
        this.violation(
          `broken by ${event.type}: ${error instanceof Error ? error.stack : String(error)}`,
        ),
      fail: (error) => this.violation(`failed: ${String(error)}`),
    });
    this.broker = broker;
    this.#store = store;
    this.#clock = clock;
    for await (const record of store.index()) runtime.feed({ type: "indexed", record });
    runtime.feed({ type: "recovered" });
    runtime.endTurn();
    this.runtime = runtime;
    willsOnBoot(this);
    this.#looked();
  }

  /** The process dies: what was not on the disk is lost, links break. */
  crash(): void {
    if (this.runtime === undefined) return;
    this.note("crash");
    this.ledger.crashes += 1;
    willsOnCrash(this);
    for (const client of this.clients) {
      const earliest = this.time.now + client.profile.sessionExpiry * 1000;
      client.expiresNotBefore = Math.min(client.expiresNotBefore, earliest);
    }
    this.runtime = undefined;
    this.#clock.stop();
    this.#store.die();
    const wires = [...this.#wires];
    this.#wires.clear();
    this.#willOf.clear();
    for (const wire of wires) wire.die();
  }

  /** Links that the broker has not closed. */
  get openLinks(): number {
    return [...this.#wires].filter((wire) => !wire.closed).length;
  }

  /** The Will of the connection that has this number. */
  willOf(connection: number): WillRecord | undefined {
    return this.#willOf.get(connection);
  }

  #dial(ear: ConstructorParameters<typeof Wire>[2], will: WillRecord | undefined) {
    const { runtime } = this;
    if (runtime === undefined) return undefined;
    const id = ++this.#lastLink;
    const wire = new Wire(
      {
        time: this.time,
        random: this.random,
        weather: () => this.calm ? FAIR : this.options.weather,
        trace: (id, direction, bytes) => this.#trace(id, direction, bytes),
        violation: (text) => this.violation(text),
      },
      id,
      ear,
    );
    this.#wires.add(wire);
    if (will !== undefined) this.#willOf.set(id, will);
    const entropy = () => Uint8Array.from({ length: 16 }, () => this.random.between(0, 255));
    const peer = { address: wire.address, listener: "sim", anonymousAllowed: true };
    const { limits } = this.options.rules;
    const serving = { runtime, limits, outboxLimits: outboxLimitsOf(limits), entropy };
    serveLink(serving, wire, id, peer)
      .then(() => this.#wires.delete(wire))
      .catch((error) => this.violation(`serveLink rejected: ${String(error?.stack)}`));
    return wire;
  }

  #observe(fact: Fact): void {
    this.#looked();
    willOnFact(this, fact);
    switch (fact.type) {
      case "dropped":
        this.ledger.drop(fact.clientId, fact.count);
        return;
      case "disconnected": {
        this.note(`broker: ${fact.clientId} disconnected, ${fact.reason} ${fact.detail}`);
        const client = this.clients.find((each) => each.id === fact.clientId);
        // Another end than that of the connection whose CONNACK came says nothing that is sure.
        if (client === undefined || client.expiresNotBefore !== Infinity) return;
        client.expiresNotBefore = this.time.now + client.profile.sessionExpiry * 1000;
        return;
      }
      case "connected": {
        this.note(`broker: ${fact.clientId} connected, session present ${fact.sessionPresent}`);
        if (!fact.sessionPresent) this.#begun(fact.clientId, fact.peer.address);
        return;
      }
      case "refused":
        this.violation(`refused: ${JSON.stringify(fact)}`);
        return;
      case "sessionEnded":
        // Its client may learn of it late, or never where a CONNACK was lost: nothing is owed any more.
        this.ledger.ended.add(fact.clientId);
        for (const record of this.ledger.subscriptionsOf(fact.clientId)) {
          record.endSentAt = -Infinity;
        }
        for (const client of this.clients) {
          if (client.id !== fact.clientId) continue;
          if (fact.why === "expired" && this.time.now < client.expiresNotBefore) {
            this.violation(`the session of ${client.id} has expired too soon`);
          }
          // A CONNECT with Clean Start may come late, by a link that was given up.
          client.expiresNotBefore = -Infinity;
        }
        this.note(`broker: session of ${fact.clientId} ended, ${fact.why}`);
    }
  }

  #begun(clientId: string, address: string): void {
    const client = this.clients.find(({ id }) => id === clientId);
    for (const wire of this.#wires) if (wire.address === address) client?.sessionBegun(wire);
  }

  #looked(): void {
    if (this.runtime?.idle === true) this.idleAt = this.time.now;
  }

  #trace(id: number, direction: "in" | "out", bytes: Uint8Array): void {
    let h = this.hash;
    h = Math.imul(h ^ id, 0x01000193);
    h = Math.imul(h ^ (direction === "in" ? 1 : 2), 0x01000193);
    h = Math.imul(h ^ this.time.now, 0x01000193);
    for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
    this.hash = h >>> 0;
  }
}
