/**
 * A place where a node of the simulated cluster runs, one run after the other: the real broker, runtime and
 * codec, a model of the driver, a clock that is ahead or behind, and the links to it.
 */

import type { Authenticator } from "../../src/authentication/authenticator.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { Event } from "../../src/broker/event.ts";
import type { Tables } from "../../src/broker/tables.ts";
import type { ClusterListener } from "../../src/cluster/cluster.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { Runtime } from "../../src/server/runtime.ts";
import { outboxLimitsOf, serveLink } from "../../src/server/serve_link.ts";
import type { Clock } from "../../src/server/wall_clock.ts";
import type { AnyWrite } from "../../src/session/cluster_write.ts";
import type { Fact } from "../../src/session/fact.ts";
import type { VirtualTime } from "../simulation/clock.ts";
import type { Checker } from "../simulation/ledger.ts";
import type { Wire } from "../simulation/network.ts";
import type { Random } from "../simulation/random.ts";
import type { Common } from "./model.ts";
import { ModelNode } from "./model.ts";

/** What a seat needs of its world. */
export interface Room {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly rules: Rules;
  readonly localFirst: boolean;
  readonly common: Common;
  readonly note: (text: string) => void;
  readonly violation: (checker: Checker, text: string) => void;
  readonly observe: (seat: Seat, fact: Fact) => void;
  /** It has given up to ask for that session. */
  readonly unsure: (clientId: string) => void;
  /** Its node has found out that it is dead. */
  readonly fenced: (seat: Seat) => void;
}

/** Every other client logs in by the same name; the rest are anonymous. */
const someShareAName: Authenticator = {
  verify: ({ clientId }) => {
    const user = /[02468]$/.test(clientId) ? "ann" : undefined;
    return { type: "accepted", identity: { user, roles: [] } };
  },
};

export class Seat {
  readonly name: string;
  /** Milliseconds that its clock is ahead. */
  readonly skew: number;
  readonly #room: Room;
  /** All undefined while it is down or starts. */
  node: ModelNode | undefined;
  broker: Broker | undefined;
  runtime: Runtime | undefined;
  /** It takes clients in. */
  open = false;
  readonly wires = new Set<Wire>();
  /** When nothing waited for the store the last time that was looked at. */
  idleAt = 0;
  #clock: (Clock & { stop(): void }) | undefined;
  /** Counts its runs. */
  #run = 0;
  /** The joining node, before it is one. */
  #starting = false;

  constructor(name: string, skew: number, room: Room) {
    this.name = name;
    this.skew = skew;
    this.#room = room;
  }

  get tables(): Readonly<Tables> {
    return this.broker!.snapshot();
  }

  get isUp(): boolean {
    return this.open && this.runtime !== undefined;
  }

  get paused(): boolean {
    return this.node?.channel.paused === true;
  }

  /** It is dead for the others, whether it knows or not. */
  get isStale(): boolean {
    return this.node !== undefined && !this.#room.common.state.isAlive(this.node.node);
  }

  /** Joins, reads everything, and serves when it has heard all that others rely on. */
  async start(): Promise<void> {
    if (this.node !== undefined || this.#starting) return;
    const run = ++this.#run;
    this.#starting = true;
    const { common, rules, localFirst, note, violation } = this.#room;
    const node = await ModelNode.join(common, this.name);
    if (run !== this.#run) return node.kill();
    this.#starting = false;
    this.node = node;
    node.onFenced = () => {
      if (run === this.#run) this.#room.fenced(this);
    };
    note(`${node.node} has joined, slot ${node.slot}`);
    const records = [];
    for await (const record of node.index()) records.push(record);
    if (run !== this.#run) return;
    const broker = new Broker(rules, { node: node.node, slot: node.slot, localFirst });
    const clock = this.#clockOf(node, () => {
      runtime.feed({ type: "tick" });
      runtime.endTurn();
      this.looked();
    });
    const runtime: Runtime = new Runtime({
      broker,
      store: node,
      cluster: node,
      clock,
      authenticator: someShareAName,
      observe: (fact) => {
        if (run === this.#run) this.#room.observe(this, fact);
      },
      outboxDropped: () => {},
      broken: (error, event) =>
        violation(
          "broken",
          `${this.name} broken by ${event.type}: ${
            error instanceof Error ? error.stack : String(error)
          }`,
        ),
      fail: (error) => {
        if (run !== this.#run || this.isStale) return;
        violation("broken", `${this.name} failed: ${String((error as Error)?.stack)}`);
      },
    });
    this.broker = broker;
    this.runtime = runtime;
    this.#clock = clock;
    for (const record of records) runtime.feed({ type: "indexed", record });
    runtime.feed({ type: "recovered" });
    runtime.endTurn();
    await node.begin(this.#listener(runtime, run));
    if (run !== this.#run) return;
    this.open = true;
    note(`${node.node} is open`);
    this.looked();
  }

  #listener(runtime: Runtime, run: number): ClusterListener {
    return {
      feed: (event) => {
        if (run !== this.#run) return;
        this.#room.note(`  ${this.name} <- ${brief(event)}`);
        if (event.type === "notClaimed") this.#room.unsure(event.clientId);
        runtime.feed(event);
      },
      endTurn: () => {
        if (run !== this.#run) return;
        runtime.endTurn();
        this.looked();
      },
      reachable: () => {},
      setting: () => {},
      instruction: () => {},
      fenced: () => {
        if (run === this.#run) this.#room.fenced(this);
      },
    };
  }

  #clockOf(node: ModelNode, wake: () => void): Clock {
    const { time } = this.#room;
    let wish: number | undefined;
    let stopped = false;
    return {
      now: () => time.now + this.skew,
      wakeAt: (when) => {
        time.cancel(wish);
        wish = undefined;
        if (when === undefined || when === Infinity || stopped) return;
        wish = node.channel.after(when - this.skew - time.now, () => {
          wish = undefined;
          if (!stopped) wake();
        });
      },
      stop: () => {
        stopped = true;
        time.cancel(wish);
      },
    };
  }

  /** Serves a link, as soon as its process does anything. */
  serve(wire: Wire): void {
    const { node, runtime } = this;
    const { random, rules, violation } = this.#room;
    if (node === undefined || runtime === undefined) return;
    this.wires.add(wire);
    if (this.paused) wire.freeze(true);
    if (this.isStale) wire.orphan = true;
    const { limits } = rules;
    const entropy = () => Uint8Array.from({ length: 16 }, () => random.between(0, 255));
    const peer = { address: wire.address, listener: "sim", anonymousAllowed: true };
    const serving = { runtime, limits, outboxLimits: outboxLimitsOf(limits), entropy };
    node.channel.run(() => {
      serveLink(serving, wire, wire.id, peer)
        .then(() => this.wires.delete(wire))
        .catch((error) => violation("broken", `serveLink rejected: ${String(error?.stack)}`));
    });
  }

  /** What an administrator asks of its node. */
  manage(event: Event): void {
    this.runtime!.feed(event);
    this.runtime!.endTurn();
    this.looked();
  }

  /** The process dies. */
  crash(): void {
    this.#run += 1;
    this.#starting = false;
    this.#clock?.stop();
    this.node?.kill();
    this.node = undefined;
    this.broker = undefined;
    this.runtime = undefined;
    this.#clock = undefined;
    this.open = false;
    const wires = [...this.wires];
    this.wires.clear();
    for (const wire of wires) wire.die();
  }

  /** The process stands still. */
  pause(): void {
    this.node?.channel.pause();
    for (const wire of this.wires) wire.freeze(true);
  }

  resume(): void {
    const { node } = this;
    if (node === undefined || !node.channel.paused) return;
    node.channel.resume();
    for (const wire of this.wires) wire.freeze(false);
  }

  /** Others have declared it dead. */
  orphaned(): void {
    for (const wire of this.wires) wire.orphan = true;
  }

  /** Between the effects of a step the store may not have heard yet of what is asked of it. */
  looked(): void {
    if (this.runtime?.idle === true && this.tables.pending === 0) this.idleAt = this.#room.time.now;
  }
}

/** An event in a few words. */
function brief(event: Parameters<ClusterListener["feed"]>[0]): string {
  switch (event.type) {
    case "nodes":
      return `nodes ${event.nodes.join(" ")}`;
    case "buried":
      return `buried ${event.node}`;
    case "forwarded":
    case "shared":
      return `${event.type} ${event.message.order} ${event.message.topic} ${event.group ?? ""}`;
    case "mail":
      return `mail ${event.clientId} ${event.delivery.message.order}`;
    case "claimed":
    case "adopted": {
      const { will, orders, inflight } = event.stored;
      return `${event.type} ${event.clientId} orders ${orders} inflight ${
        inflight.map(([id, { awaiting, delivery }]) =>
          `${id}:${delivery?.message.order}${awaiting}`
        )
      }${will === undefined ? "" : " with its Will"}`;
    }
    case "replicated":
      return `of ${event.from}: ${event.writes.map(inShort).join(", ")}`;
    default:
      return `${event.type} ${event.clientId}`;
  }
}

function inShort(write: AnyWrite): string {
  switch (write.type) {
    case "putSession":
      return `putSession ${write.clientId} until ${write.expiresAt - 1_000_000}`;
    case "putSubscription":
      return `putSubscription ${write.clientId} ${write.subscription.full}`;
    case "deleteSubscription":
      return `deleteSubscription ${write.clientId} ${write.filter}`;
    case "putRetained":
    case "putDelayed":
      return `${write.type} ${write.message.topic} ${write.message.order}`;
    case "announce":
      return `announce ${write.full} ${write.interest}`;
    case "putWill":
      return `putWill ${write.will.clientId} at ${write.will.publishAt - 1_000_000}`;
    default:
      return `${write.type} ${"clientId" in write ? write.clientId : ""}`;
  }
}
