/**
 * The desk at which the tests of the broker sit: the real broker, runtime, committer, outbox and codec
 * over links in memory, on a clock that stands still until it is told. Its store can be held, so that
 * what waits for the disk can be looked at; `restart` is a crash and a start on what was durable.
 */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import type { Authenticator } from "../../src/authentication/authenticator.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { Event } from "../../src/broker/event.ts";
import type { Tables } from "../../src/broker/tables.ts";
import type { Connect, ProtocolVersion } from "../../src/packet/packet.ts";
import type { Limits } from "../../src/policy/limits.ts";
import { defaultLimits } from "../../src/policy/limits.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import type { Control } from "../../src/server/control.ts";
import { Runtime } from "../../src/server/runtime.ts";
import { outboxLimitsOf, serveLink } from "../../src/server/serve_link.ts";
import type { CloseReason, Fact } from "../../src/session/fact.ts";
import type { RunWrite } from "../../src/session/run_write.ts";
import type { Write } from "../../src/session/write.ts";
import { MemoryStore } from "../../src/store/memory_store.ts";
import type { Cluster, ClusterListener } from "../../src/cluster/cluster.ts";
import type { SharedStore, Store } from "../../src/store/store.ts";
import type { MemoryLink } from "./caller.ts";
import { Caller } from "./caller.ts";
import { connectPacket } from "./packets.ts";

/** Ticks without time passing that are taken for a broker that spins. */
const TICKS_AT_ONE_TIME = 2_000;

/** After all that waits for promises only; a timer of 0 ms would wait for its millisecond. */
function soon(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => resolve()));
}

export interface DeskOptions extends Partial<Omit<Rules, "limits">> {
  readonly limits?: Partial<Limits>;
  readonly authenticator?: Authenticator;
  /** What it joins, at each start: see tests/service/cluster_desk.ts. */
  readonly cluster?: () => Promise<SharedStore & Cluster>;
  /** Services of the broker, made anew at each start: see tests/service/control_desk.ts. */
  readonly control?: (desk: Desk, rules: Rules) => Control;
}

/** Lets everybody in as the user whose name is given, and as anonymous without one. */
const byUserName: Authenticator = {
  verify: ({ username }) => ({ type: "accepted", identity: { user: username, roles: [] } }),
};

export class Desk {
  now = 1_000_000;
  /** What the broker told of. */
  readonly facts: Fact[] = [];
  readonly disk = new MemoryStore();
  readonly rules: Rules;
  /** QoS 0 frames that outboxes did not take. */
  outboxDropped = 0;
  ticks = 0;
  broker!: Broker;
  runtime!: Runtime;
  control: Control | undefined;
  /** Of a cluster; undefined where it is none. */
  node: (SharedStore & Cluster) | undefined;
  /** What other nodes send. */
  onInstruction: (text: string) => void = () => {};
  readonly #join: DeskOptions["cluster"];
  readonly #authenticator: Authenticator;
  readonly #makeControl: DeskOptions["control"];
  #wakeAt: number | undefined;
  #held: (() => void)[] | undefined;
  #alive = { yes: true };
  readonly #links = new Set<MemoryLink>();
  #lastId = 0;

  private constructor({ limits, authenticator, control, cluster, ...rules }: DeskOptions) {
    this.#makeControl = control;
    this.#join = cluster;
    this.rules = {
      ...defaultRules,
      ...rules,
      limits: { ...defaultLimits, shutdownTimeout: 0, ...limits },
    };
    this.#authenticator = authenticator ?? byUserName;
  }

  /** Opens a desk, does the work at it and clears it. */
  static async with(options: DeskOptions, work: (desk: Desk) => Promise<void>): Promise<void> {
    const desk = await Desk.open(options);
    await work(desk);
    await desk.clear();
  }

  /** A desk that whoever opens it clears. */
  static async open(options: DeskOptions): Promise<Desk> {
    const desk = new Desk(options);
    await desk.#start();
    return desk;
  }

  /** Ends all links, and what waits for the store. */
  async clear(): Promise<void> {
    for (const link of this.#links) link.close();
    this.hold(false);
    await this.turn();
  }

  /** A link without a word on it. */
  async dial(version: ProtocolVersion = 5): Promise<Caller> {
    const id = ++this.#lastId;
    const caller = new Caller(`desk:${id}`, version, () => this.turn());
    await this.#serve(id, caller.link);
    return caller;
  }

  /** The same for a far end that is not a caller; it is given the address that the link has. */
  async serve(linkTo: (address: string) => MemoryLink): Promise<void> {
    const id = ++this.#lastId;
    await this.#serve(id, linkTo(`desk:${id}`));
  }

  async #serve(id: number, link: MemoryLink): Promise<void> {
    this.#links.add(link);
    const { limits } = this.rules;
    const serving = {
      runtime: this.runtime,
      limits,
      outboxLimits: outboxLimitsOf(limits),
      entropy: () => Uint8Array.from({ length: 16 }, (_, at) => id * 31 + at * 7),
    };
    const peer = { address: link.address, listener: "desk", anonymousAllowed: true };
    serveLink(serving, link, id, peer);
    await this.turn();
  }

  /** A link with a CONNECT on it; CONNACK is the first of its packets, unless the store is held. */
  async connect(clientId: string, rest: Partial<Connect> = {}): Promise<Caller> {
    const packet = connectPacket(clientId, rest);
    const caller = await this.dial(packet.protocolVersion);
    await caller.send(packet);
    if (caller.packets.length > 0) caller.take();
    return caller;
  }

  /** A client whose session outlives its connection: 5.0 with an expiry, 3.x with Clean Session 0. */
  keep(
    clientId: string,
    version: ProtocolVersion = 5,
    rest: Partial<Connect> = {},
  ): Promise<Caller> {
    return this.connect(clientId, {
      protocolVersion: version,
      cleanStart: false,
      properties: version === 5 ? { sessionExpiryInterval: 3600 } : undefined,
      ...rest,
    });
  }

  /** An event that no link brings. */
  async feed(event: Event): Promise<void> {
    this.runtime.feed(event);
    this.runtime.endTurn();
    await this.turn();
  }

  /** Waits until nothing happens any more at this time. */
  async turn(): Promise<void> {
    for (let i = 0; i < TICKS_AT_ONE_TIME; i++) {
      await soon();
      await soon(); // where an outbox has waited to see what its link takes
      if (this.#wakeAt === undefined || this.#wakeAt > this.now) return;
      this.#tick();
    }
    assert.fail("the broker spins: it wants to be woken again and again at the same time");
  }

  /** Time passes, and the broker is woken whenever it has asked for it. */
  async pass(seconds: number): Promise<void> {
    const until = this.now + seconds * 1000;
    await this.turn();
    while (this.#wakeAt !== undefined && this.#wakeAt <= until) {
      this.now = this.#wakeAt;
      await this.turn();
    }
    this.now = until;
    await new Promise((resolve) => setTimeout(resolve, 0)); // what an outbox lingers is real time
  }

  /** From now on nothing becomes durable; or all that waited does. */
  hold(held: boolean): void {
    const waiting = this.#held;
    this.#held = held ? waiting ?? [] : undefined;
    if (!held) { for (const go of waiting ?? []) go(); }
  }

  /** Lets the store go on until nothing waits. */
  async letGo(): Promise<void> {
    this.hold(false);
    await this.turn();
  }

  /** The process dies and starts again; what was not durable is lost. */
  async restart(secondsDown = 0): Promise<void> {
    this.#alive.yes = false;
    this.#held = undefined;
    this.#wakeAt = undefined;
    for (const link of this.#links) link.close();
    this.#links.clear();
    await soon();
    this.now += secondsDown * 1000;
    await this.#start();
  }

  get tables(): Readonly<Tables> {
    return this.broker.snapshot();
  }

  /** When the broker wants to be woken next, in seconds from now. */
  get nextIn(): number | undefined {
    return this.#wakeAt === undefined ? undefined : (this.#wakeAt - this.now) / 1000;
  }

  /** Messages dropped so far, by reason. */
  get drops(): Readonly<Record<string, number>> {
    const drops: Record<string, number> = {};
    for (const fact of this.facts) {
      if (fact.type !== "dropped") continue;
      drops[fact.reason] = (drops[fact.reason] ?? 0) + fact.count;
    }
    return drops;
  }

  /** Why the connection of the client ended the last time. */
  endOf(clientId: string): CloseReason | undefined {
    const fact = this.facts.findLast((each) =>
      each.type === "disconnected" && each.clientId === clientId
    );
    return fact?.type === "disconnected" ? fact.reason : undefined;
  }

  async #start(): Promise<void> {
    const alive = this.#alive = { yes: true };
    const cluster = this.node = await this.#join?.();
    const broker = this.broker = new Broker(
      this.rules,
      cluster && { node: cluster.node, slot: cluster.slot, localFirst: false },
    );
    const control = this.control = this.#makeControl?.(this, this.rules);
    const runtime: Runtime = new Runtime({
      broker,
      store: cluster ?? this.#store(alive),
      cluster,
      clock: {
        now: () => this.now,
        wakeAt: (when) => {
          if (alive.yes) this.#wakeAt = when;
        },
        stop() {},
      },
      authenticator: this.#authenticator,
      services: control,
      observe: (fact) => {
        if (alive.yes) this.facts.push(fact);
      },
      outboxDropped: (frames) => this.outboxDropped += frames,
      broken: (error) => {
        throw error;
      },
      fail: (error) => {
        throw error;
      },
    });
    this.runtime = runtime;
    const settings = new Map<string, string>();
    for await (const record of (cluster ?? this.disk).index()) {
      if (record.type === "setting") settings.set(record.name, record.value);
      else runtime.feed({ type: "indexed", record });
    }
    control?.begin(settings);
    runtime.feed({ type: "recovered" });
    runtime.endTurn();
    await cluster?.begin(this.#listener(runtime));
    await this.turn();
  }

  #listener(runtime: Runtime): ClusterListener {
    return {
      feed: (event) => runtime.feed(event),
      endTurn: () => {
        this.control?.settle();
        runtime.endTurn();
      },
      reachable() {},
      setting: (name, value) => this.control?.noteSetting(name, value),
      instruction: (text) => this.onInstruction(text),
      fenced: (detail) => assert.fail(detail),
    };
  }

  #tick(): void {
    this.ticks += 1;
    this.runtime.feed({ type: "tick" });
    this.runtime.endTurn();
  }

  /** The disk, which answers late while it is held and never a process that has died. */
  #store(alive: { readonly yes: boolean }): Store {
    const { disk } = this;
    const later = <T>(answer: () => T): T | Promise<T> => {
      const held = this.#held;
      if (held === undefined) return answer();
      return new Promise((resolve) => held.push(() => alive.yes && resolve(answer())));
    };
    return {
      promise: "memory",
      limits: disk.limits,
      commit: (writes) => {
        if (alive.yes) return later(() => disk.commit(writes));
      },
      runs: {
        commit: (writes: readonly (Write | RunWrite)[]) => {
          if (alive.yes) return later(() => disk.runs.commit(writes));
        },
        load: (clientId, most) => later(() => disk.runs.load(clientId, most)),
        read: (clientId, from, most) => later(() => disk.runs.read(clientId, from, most)),
      },
      load: (clientId, most) => later(() => disk.load(clientId, most)),
      read: (clientId, from, most) => later(() => disk.read(clientId, from, most)),
      index: () => disk.index(),
      close: () => disk.close(),
    };
  }
}
