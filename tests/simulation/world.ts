/**
 * The world of one run: the real broker, runtime, committer, outbox and codec on virtual time, a
 * virtual network and a disk that outlives crashes. It does what it is told and writes down what the
 * broker says; it judges nothing but what is wrong at any time.
 */

import type { Authenticator } from "../../src/authentication/authenticator.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { Tables } from "../../src/broker/tables.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { Runtime } from "../../src/server/runtime.ts";
import { outboxLimitsOf, serveLink } from "../../src/server/serve_link.ts";
import type { Clock } from "../../src/server/wall_clock.ts";
import type { Fact } from "../../src/session/fact.ts";
import type { IndexRecord } from "../../src/session/write.ts";
import { MemoryStore } from "../../src/store/memory_store.ts";
import { compileAutoSubscribe } from "../../src/policy/auto_subscribe.ts";
import { withAutoSubscribe } from "../../src/policy/rules.ts";
import { ByHand } from "./by_hand.ts";
import { Client } from "./client.ts";
import type { Profile } from "./client.ts";
import { VirtualTime } from "./clock.ts";
import { owedIsKept } from "./durable.ts";
import { troubleOf } from "../../src/store/store_error.ts";
import type { FaultyStore } from "./faulty_store.ts";
import { faultyStore, soundDisk } from "./faulty_store.ts";
import { Ledger, NONE } from "./ledger.ts";
import type { Checker, WillRecord } from "./ledger.ts";
import type { Weather } from "./network.ts";
import { Wire } from "./network.ts";
import { Random } from "./random.ts";
import { RULE_SETS } from "./rule_sets.ts";
import { willOnFact, willsOnBoot, willsOnCrash } from "./wills.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly rules: Rules;
  /** By their place in RULE_SETS. */
  readonly ruleSet: number;
  readonly weather: Weather;
  /** Milliseconds of a commit at most. */
  readonly latency: number;
  /** Share of the store's calls that fail once. */
  readonly hiccups: number;
  readonly profiles: readonly Profile[];
  /** Checkers that are not listened to; none unless it says so. */
  readonly muted?: ReadonlySet<Checker>;
}

/** Every other client logs in by the same name; the rest are anonymous. */
const someShareAName: Authenticator = {
  verify: ({ clientId }) => {
    const user = /[02468]$/.test(clientId) ? "ann" : undefined;
    return { type: "accepted", identity: { user, roles: [] } };
  },
};

/** How the network is when nothing is wrong with it. */
const FAIR: Weather = { delay: 2, buffer: 65_536, piece: 4_096 };

export class World {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly ledger: Ledger;
  readonly disk = new MemoryStore();
  readonly diskFaults = soundDisk();
  /** Of the disk alone: what it draws shifts nothing else. */
  readonly #diskRandom: Random;
  /** Milliseconds until the process starts again after a store that broke. */
  downFor = 0;
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
  /** How often the disk became full, or full no more, or another broker came. */
  storeChanges = 0;
  /** When the broker last knew of a full disk. */
  #fullAt = 0;
  readonly byHand: ByHand;
  readonly #wires = new Set<Wire>();
  readonly #willOf = new Map<number, WillRecord>();

  constructor(options: WorldOptions) {
    this.options = options;
    this.random = new Random(options.seed);
    this.#diskRandom = new Random(options.seed ^ 0x5eed);
    this.ledger = new Ledger(options.muted ?? NONE);
    this.byHand = new ByHand(this, options.ruleSet);
    this.diskFaults.hiccups = options.hiccups;
    const { limits } = options.rules;
    this.clients = options.profiles.map((profile, at) =>
      new Client(`c${at}`, profile, {
        time: this.time,
        random: this.random,
        ledger: this.ledger,
        dial: (ear, will) => this.#dial(ear, will),
        violation: (checker, text) => this.violation(checker, text),
        receiveMaximum: limits.receiveMaximum,
        retries: limits.retryInterval > 0,
        disk: this.disk,
        fullSince: (instant) => this.tables.storeFull || this.#fullAt >= instant,
        owed: (publication) => owedIsKept(this, publication),
      })
    );
  }

  get tables(): Readonly<Tables> {
    return this.broker.snapshot();
  }

  violation(checker: Checker, text: string): void {
    this.ledger.violation(checker, `at ${this.time.now - 1_000_000} ms: ${text}`);
  }

  note(text: string): void {
    if (this.log.length < 2_000) this.log.push(`${this.time.now - 1_000_000} ms ${text}`);
  }

  /** Builds the process anew on what the disk has, as `src/server/start.ts` does. */
  async boot(): Promise<void> {
    const { latency } = this.options;
    const store = faultyStore(this.disk, {
      time: this.time,
      random: this.#diskRandom,
      faults: this.diskFaults,
      latency: () => this.calm ? Math.min(latency, 1) : latency,
      violation: (text) => this.violation("durable", text),
    });
    const records: IndexRecord[] = [];
    for await (const record of store.index()) records.push(record);
    const broker = new Broker(this.#rules()); // those that hold now, when it has been read
    this.byHand.attend(broker);
    const clock = this.time.clock(() => {
      runtime.feed({ type: "tick" });
      runtime.endTurn();
      this.#looked();
    });
    const runtime: Runtime = new Runtime({
      broker,
      store,
      clock,
      authenticator: someShareAName,
      observe: (fact) => {
        if (this.runtime === runtime || this.runtime === undefined) this.#observe(fact);
      },
      outboxDropped: () => {},
      broken: (error, event) =>
        this.violation(
          "broken",
          `broken by ${event.type}: ${error instanceof Error ? error.stack : String(error)}`,
        ),
      fail: (error) => this.#storeBroke(runtime, error),
    });
    this.broker = broker;
    this.#store = store;
    this.#clock = clock;
    for (const record of records) runtime.feed({ type: "indexed", record });
    runtime.feed({ type: "recovered" });
    runtime.endTurn();
    this.runtime = runtime;
    this.ledger.up(this.time.now);
    willsOnBoot(this);
    this.#looked();
  }

  #rules(): Rules {
    const { rules } = RULE_SETS[this.byHand.set]!;
    return withAutoSubscribe(this.options.rules, compileAutoSubscribe(rules));
  }

  /** Other rules of auto-subscribe, from now on or from the next start on. */
  changeRules(set: number): void {
    this.byHand.change(set);
    const { runtime } = this;
    if (runtime === undefined) return;
    runtime.feed({ type: "rules", rules: this.#rules() });
    runtime.endTurn();
    this.#looked();
  }

  /** The process dies: what was not on the disk is lost, links break. */
  crash(): void {
    if (this.runtime === undefined) return;
    this.note("crash");
    this.#looked(); // what is on the disk by now it does not forget
    if (this.tables.storeFull) this.#fullAt = this.time.now;
    this.ledger.crashes += 1;
    this.ledger.down(this.idleAt);
    this.storeChanges += 1;
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

  /** Starts the process after a time, whatever happens meanwhile. */
  bootAfter(milliseconds: number): void {
    this.time.after(milliseconds, () => {
      this.boot().catch((error) => this.violation("broken", `no start: ${String(error?.stack)}`));
    });
  }

  /** As `dunlin run` does: it ends, after whatever comes before that, and somebody starts it again. */
  #storeBroke(runtime: Runtime, error: unknown): void {
    if (troubleOf(error) !== "unknown") {
      return this.violation("broken", `failed: ${error instanceof Error ? error.stack : error}`);
    }
    this.note("the store broke");
    this.time.after(this.#diskRandom.between(0, 5), () => {
      if (this.runtime !== runtime) return;
      this.crash();
      this.bootAfter(this.downFor);
    });
  }

  /** The disk takes everything again, and the network nothing wrong any more. */
  calmDown(): void {
    this.calm = true;
    this.diskFaults.fullUntil = 0;
    this.diskFaults.hiccups = 0;
    this.diskFaults.breaks = undefined;
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
        violation: (checker, text) => this.violation(checker, text),
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
      .catch((error) => this.violation("broken", `serveLink rejected: ${String(error?.stack)}`));
    return wire;
  }

  #observe(fact: Fact): void {
    this.#looked();
    willOnFact(this, fact);
    switch (fact.type) {
      case "store":
        this.note(`broker: the store is ${fact.full ? "full" : "full no more"}`);
        this.#fullAt = this.time.now;
        this.storeChanges += 1;
        return;
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
        if (fact.action === "unsubscribe" && fact.detail.startsWith("pinned by")) return;
        if (this.tables.storeFull && fact.reasonCode === Reason.quotaExceeded) return;
        this.violation("protocol", `refused: ${JSON.stringify(fact)}`);
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
            this.violation("expiry", `the session of ${client.id} has expired too soon`);
          }
          // A CONNECT with Clean Start may come late, by a link that was given up: what is on its way by another
          // one speaks of the session that has ended.
          client.expiresNotBefore = -Infinity;
          if (client.wire !== undefined) client.wire.orphan = true;
        }
        this.note(`broker: session of ${fact.clientId} ended, ${fact.why}`);
    }
  }

  #begun(clientId: string, address: string): void {
    const client = this.clients.find(({ id }) => id === clientId);
    for (const wire of this.#wires) {
      if (wire.address !== address) continue;
      wire.orphan = false;
      client?.sessionBegun(wire);
    }
  }

  #looked(): void {
    // Between the effects of a step the store may not have heard yet of what is asked of it.
    if (this.runtime?.idle !== true || this.tables.pending > 0) return;
    this.idleAt = this.time.now;
    this.byHand.looked();
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
