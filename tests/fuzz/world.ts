/**
 * What inputs of the fuzzer go into: the real serveLink, splitter, decoder, broker, runtime and outbox over links
 * and a store in memory, on a clock that only moves when it is told. Every packet that leaves is read again.
 */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { anonymousOnly, withMethods } from "../../src/authentication/authenticator.ts";
import { scramKeys } from "../../src/authentication/scram_keys.ts";
import { bytesOf } from "../../src/authentication/scram_message.ts";
import { scramSha256 } from "../../src/authentication/scram_sha_256.ts";
import { standIns } from "../../src/authentication/scram_stand_in.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { Runtime } from "../../src/server/runtime.ts";
import type { Serving } from "../../src/server/serve_link.ts";
import { outboxLimitsOf, serveLink } from "../../src/server/serve_link.ts";
import type { Fact } from "../../src/session/fact.ts";
import { MemoryStore } from "../../src/store/memory_store.ts";
import { SCRAM } from "./corpus.ts";
import { FuzzLink } from "./fuzz_link.ts";

const PEER = { address: "127.0.0.1:1", listener: "fuzz", anonymousAllowed: true };
/** Connections that are open at once, so that what one sends reaches others. */
const OPEN = 6;
/** Milliseconds after which every session, Will and delayed message has ended. */
const FOR_EVER = 100 * 24 * 3_600_000;
/** Times round the event loop for one input, whose pieces are read one by one. */
const ROUNDS = 200;
/** Ticks in that time: more is a broker that spins. */
const TICKS = 20_000;

/** Sets of rules under which a broker takes inputs: as delivered, with all on offer, with tight limits. */
export const RULES: Readonly<Record<string, Rules>> = {
  plain: defaultRules,
  generous: {
    ...defaultRules,
    responseInformation: "answers",
    validatePayloadFormat: true,
    queueQos0: true,
    takeover: "any",
  },
  tight: {
    ...defaultRules,
    sharedSubscriptions: false,
    queuePolicy: "reject",
    limits: {
      ...defaultRules.limits,
      maximumPacketSize: 300,
      receiveMaximum: 2,
      sendWindow: 1,
      topicAliasMaximum: 2,
      subscriptionsPerSession: 2,
      filtersPerSubscribe: 3,
      topicLevels: 3,
      queuedMessagesPerSession: 2,
      retainedMessages: 1,
      delayedMessages: 1,
      maximumSessions: 3,
      maximumKeepAlive: 30,
    },
  },
};

export class World {
  readonly #broker: Broker;
  readonly #runtime: Runtime;
  readonly #serving: Serving;
  readonly #open: FuzzLink[] = [];
  #now = 1_000_000;
  #lastId = 0;
  /** The first thing that went wrong. */
  #wrong: unknown;
  /** Clients that were let in. */
  connected = 0;
  /** Connections that ended in bytes that are no packet. */
  malformed = 0;
  /** Packets that have left. */
  sent = 0;

  /** @param rules a key of RULES */
  constructor(rules: string) {
    const given = RULES[rules] ?? defaultRules;
    const limits = { ...given.limits, shutdownTimeout: 0 };
    this.#broker = new Broker({ ...given, limits });
    const wrong = (error: unknown) => this.#wrong ??= error;
    this.#runtime = new Runtime({
      broker: this.#broker,
      store: new MemoryStore(),
      clock: { now: () => this.#now, wakeAt() {}, stop() {} },
      authenticator: withMethods(anonymousOnly, [method]),
      observe: (fact) => this.#count(fact),
      outboxDropped() {},
      broken: wrong,
      fail: wrong,
    });
    this.#serving = {
      runtime: this.#runtime,
      limits,
      outboxLimits: outboxLimitsOf(limits),
      entropy: () => Uint8Array.from({ length: 16 }, (_, at) => this.#lastId * 31 + at * 7),
    };
    this.#runtime.feed({ type: "recovered" });
    this.#runtime.endTurn();
  }

  /**
   * One connection: these bytes, in pieces of at most so many. It stays open until some others have come. Throws
   * what the broker throws, and where it sends what is no packet or neither reads on nor ends.
   */
  async takes(bytes: Uint8Array, most: number): Promise<void> {
    const id = ++this.#lastId;
    const link = new FuzzLink(`fuzz:${id}`, bytes, most);
    this.#open.push(link);
    serveLink(this.#serving, link, id, PEER).catch((error) => this.#wrong ??= error);
    await this.#until(() => link.idle);
    if (this.#open.length > OPEN) await this.#closes(this.#open.shift()!);
    this.#passes(977);
    this.#throws();
  }

  /** Waits until that holds, for what needs nothing but promises. */
  async #until(holds: () => boolean): Promise<void> {
    for (let i = 0; i < ROUNDS; i++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.#wrong !== undefined || holds()) return;
    }
    throw new Error("a connection neither is read on nor ends");
  }

  #throws(): void {
    if (this.#wrong !== undefined) throw this.#wrong;
  }

  #count(fact: Fact): void {
    if (fact.type === "connected") this.connected += 1;
    if (fact.type === "disconnected" && fact.reason === "malformedPacket") this.malformed += 1;
  }

  /** All connections end and all time passes. Throws where the broker still holds something of them. */
  async ends(): Promise<void> {
    for (const each of this.#open.splice(0)) await this.#closes(each);
    const until = this.#now + FOR_EVER;
    for (let i = 0;; i++) {
      const next = this.#broker.nextDeadline();
      if (next === undefined || next > until) break;
      if (i === TICKS) throw new Error("the broker wants to be woken again and again");
      this.#passes(Math.max(0, next - this.#now));
    }
    this.#throws();
    const tables = this.#broker.snapshot();
    const left = {
      connections: tables.connections.size,
      clients: tables.clients.size,
      groups: tables.groups.size,
      filters: tables.tree.size,
      delayed: tables.delayed.size,
      delayedBytes: tables.delayedBytes,
      runnable: tables.runnable.size,
      heldBack: tables.heldBack.size,
      queuedMessages: tables.queuedMessages,
      queuedBytes: tables.queuedBytes,
      queuedBy: tables.queuedBy.size,
      ending: tables.ending.size,
      pending: tables.pending,
      pendingBytes: tables.pendingBytes,
      // A retained message may last longer than all that is told here.
      deadlines: tables.deadlines.size - tables.retainedDue.size,
      wires: this.#runtime.size,
    };
    assert.ok(tables.retainedDue.size <= tables.retained.size, "more expire than are retained");
    const held = Object.entries(left).filter(([, count]) => count !== 0);
    if (held.length > 0) throw new Error(`the broker still holds ${JSON.stringify(held)}`);
  }

  async #closes(link: FuzzLink): Promise<void> {
    link.end();
    await this.#until(() => link.closed);
    this.sent += link.packets;
    if (link.wrong !== undefined) throw link.wrong;
  }

  #passes(milliseconds: number): void {
    this.#now += milliseconds;
    this.#runtime.feed({ type: "tick" });
    this.#runtime.endTurn();
  }
}

/** SCRAM-SHA-256 with the one user of the corpus, and a nonce that makes what was recorded right. */
const method = (() => {
  const salt = bytesOf(SCRAM.salt)!;
  const iterations = 4_096;
  const user = { user: "user", salt, iterations, roles: [] };
  return scramSha256({
    users: new Map([["user", { ...user, ...scramKeys(SCRAM.password, salt, iterations) }]]),
    standIn: standIns(salt, { iterations, saltLength: salt.length }),
    nonce: () => SCRAM.nonce,
  });
})();
