/**
 * A node of the model: what a driver does, on a state in memory (state.ts) and a way to it that is slow and
 * fails (channel.ts). It implements the two interfaces of a driver, so that the contract and the simulation can
 * run on it.
 */

import type { Cluster, ClusterListener, NodeStatus } from "../../src/cluster/cluster.ts";
import type { ClientId, ConnectionId, NodeId } from "../../src/policy/identity.ts";
import type { AnyWrite } from "../../src/session/cluster_write.ts";
import type { Delivery, Message, Order } from "../../src/session/message.ts";
import { owned } from "../../src/session/message.ts";
import type { StoredSession } from "../../src/session/write.ts";
import type { BatchLimits, IndexRecord, SharedStore, Spreading } from "../../src/store/store.ts";
import type { TopicFilter } from "../../src/topic/topic_filter.ts";
import type { Nature } from "./channel.ts";
import { Channel, RETRY } from "./channel.ts";
import { Feeding } from "./feeding.ts";
import type { SharedState } from "./state.ts";

interface Batch {
  readonly number: number;
  readonly writes: readonly AnyWrite[];
  readonly resolve: (spreading: Spreading | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** A commit that others have still to take in, up to that place of the log. */
interface Awaited {
  readonly position: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Claiming {
  readonly connection: ConnectionId;
  readonly clientId: ClientId;
  readonly most: number;
  readonly ifFree: boolean;
  done: boolean;
  asking: boolean;
}

/** Whom casts go to: Pub/Sub, which forgets what nobody hears. */
export type Ears = Map<
  NodeId,
  (from: NodeId, message: Message, group: TopicFilter | undefined) => void
>;

/** What nodes of one cluster have in common. */
export interface Common {
  readonly state: SharedState;
  readonly nature: Nature;
  readonly ears: Ears;
  /** What one commit may hold. */
  readonly writes: () => number;
}

export class ModelNode implements SharedStore, Cluster {
  readonly promise = "fsynced";
  readonly limits: BatchLimits;
  readonly node: NodeId;
  readonly slot: number;
  readonly channel: Channel;
  readonly #state: SharedState;
  readonly #ears: Ears;
  readonly #feeding: Feeding;
  #listener: ClusterListener | undefined;
  #position: number;
  #first: readonly NodeId[] = [];
  #batches: Batch[] = [];
  #busy = false;
  #lastBatch = 0;
  /** Commits that others have still to take in. */
  #awaited: Awaited[] = [];
  #checking = false;
  #toCheck = false;
  #claims: Claiming[] = [];
  /** By node, when the last cast to it arrives: they stay in order. */
  readonly #castAt = new Map<NodeId, number>();
  #aliveUntil = 0;
  /** What waits until it lives for certain. */
  readonly #uncertain: (() => void)[] = [];
  #ended: string | undefined;
  #leaving: (() => void) | undefined;
  /** Told that it is dead, where nobody listens yet. */
  onFenced: () => void = () => {};

  /** Joins as a node of that name; it holds its lease from now on. */
  static join(common: Common, name: string, version = "1"): Promise<ModelNode> {
    return new Promise((resolve) => {
      const way = new Channel(common.nature, () => {}, () => {});
      way.call(
        () => {
          const { state, nature } = common;
          const joined = state.join(name, version, nature.time.now);
          return { ...joined, position: state.position, nodes: state.living() };
        },
        (joined) => resolve(new ModelNode(common, joined)),
      );
    });
  }

  private constructor(
    { state, nature, ears, writes }: Common,
    { node, slot, position, nodes }: {
      readonly node: NodeId;
      readonly slot: number;
      readonly position: number;
      readonly nodes: readonly NodeId[];
    },
  ) {
    this.node = node;
    this.slot = slot;
    this.limits = { writes: writes() };
    this.#state = state;
    this.#ears = ears;
    this.#position = position;
    this.#first = nodes;
    this.channel = new Channel(
      nature,
      () => this.#fence(),
      (reachable) => this.#listener?.reachable(reachable, "simulated"),
    );
    this.#feeding = new Feeding(state, node, this.channel);
    this.#feeding.onRelease = (clientId) => this.#askAgain(clientId);
    this.#feeding.onSignal = () => this.#check();
    this.#beat();
  }

  // ---- the store

  get inDoubt(): boolean {
    return this.channel.nature.time.now >= this.#aliveUntil;
  }

  commit(writes: readonly AnyWrite[]): Promise<Spreading | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(new Error(this.#ended));
      const number = ++this.#lastBatch;
      this.#batches.push({ number, writes, resolve, reject });
      this.#next();
    });
  }

  /** One batch after the other; each again until it is answered. */
  #next(): void {
    const batch = this.#batches[0];
    if (this.#busy || batch === undefined) return;
    this.#busy = true;
    const { number, writes } = batch;
    this.channel.call(() => this.#state.commit(this.node, number, writes), (done) => {
      const { position, inbox } = done;
      const resolve = (spreading?: Spreading) => this.#whenCertain(() => batch.resolve(spreading));
      this.#busy = false;
      this.#batches.shift();
      this.#next();
      if (position === 0) {
        if (inbox === 0) return resolve();
        return this.#feeding.inTurn(0, inbox, () => resolve());
      }
      const everywhere = new Promise<void>((resolve, reject) => {
        this.#awaited.push({ position, resolve, reject });
      });
      everywhere.catch(() => {}); // whoever wants to know is told
      this.#feeding.inTurn(0, inbox, () => resolve({ everywhere }));
      this.#check();
    });
  }

  /** At once where this node lives for certain, else when a beat has told so, or never. */
  #whenCertain(then: () => void): void {
    if (this.inDoubt) this.#uncertain.push(then);
    else then();
  }

  /** Ends the commits that all have taken in. */
  #check(): void {
    this.#toCheck = this.#awaited.length > 0;
    if (this.#checking || !this.#toCheck) return;
    this.#checking = true;
    this.#toCheck = false;
    const asked = this.#awaited;
    this.channel.call(
      () => asked.filter(({ position }) => this.#state.allApplied(position)),
      (done) => {
        this.#checking = false;
        this.#awaited = this.#awaited.filter((batch) => !done.includes(batch));
        for (const { resolve } of done) resolve();
        if (this.#toCheck) this.#check();
      },
    );
  }

  load(clientId: ClientId, most: number): Promise<StoredSession> {
    return this.#ask(() => this.#state.records.load(clientId, most));
  }

  read(clientId: ClientId, from: Order, most: number): Promise<readonly Delivery[]> {
    return this.#ask(() => this.#state.records.read(clientId, from, most));
  }

  async *index(): AsyncGenerator<IndexRecord> {
    const { position, nodes, records } = await this.#ask(() => this.#state.index());
    this.#position = position;
    this.#first = nodes;
    yield* records;
  }

  close(): Promise<void> {
    this.#end("closed");
    this.channel.gone = true;
    return Promise.resolve();
  }

  #ask<T>(ask: () => T): Promise<T> {
    return new Promise((resolve) => this.channel.call(ask, resolve));
  }

  // ---- the cluster

  begin(listener: ClusterListener): Promise<void> {
    this.#listener = listener;
    this.#ears.set(this.node, (from, message, group) => {
      this.channel.run(() => this.#feeding.heardCast(from, message, group));
    });
    return new Promise((resolve) => {
      this.#feeding.begin(this.#position, this.#first, listener, resolve);
    });
  }

  /** Renews the lease, thrice in its time. */
  #beat(): void {
    const { time } = this.channel.nature;
    const from = time.now;
    this.channel.call(() => this.#state.beat(this.node, time.now), (beaten) => {
      this.#aliveUntil = from + this.#state.lease;
      if (!this.inDoubt) { for (const then of this.#uncertain.splice(0)) then(); }
      this.#feeding.toBury(beaten);
      this.channel.after(Math.floor(this.#state.lease / 3), () => this.#beat());
    });
  }

  claim(connection: ConnectionId, clientId: ClientId, most: number, ifFree: boolean): void {
    const claim = { connection, clientId, most, ifFree, done: false, asking: false };
    this.#claims.push(claim);
    const { claiming } = this.#feeding;
    claiming.set(clientId, (claiming.get(clientId) ?? 0) + 1);
    this.channel.after(this.#state.lease + 2_000, () => {
      this.#notClaimed(claim, "not within the time");
    });
    this.#claim(claim);
  }

  #claim(claim: Claiming): void {
    if (claim.asking) return;
    // One after the other: what the last one has read is the latest.
    if (this.#claims.find((each) => each.clientId === claim.clientId) !== claim) return;
    claim.asking = true;
    const { connection, clientId, most, ifFree } = claim;
    const ask = () => claim.done ? undefined : this.#state.claim(this.node, clientId, most, ifFree);
    this.channel.call(ask, (answer) => {
      claim.asking = false;
      if (claim.done || answer === undefined) return;
      if (answer === "owned") {
        if (ifFree) return this.#notClaimed(claim, "another node has it");
        this.channel.after(RETRY, () => claim.done || this.#claim(claim));
        return;
      }
      claim.done = true;
      this.#feeding.inTurn(answer.log, answer.inbox, () => {
        const { highest, grave } = answer;
        const inherited = this.#feeding.isInherited(answer, clientId);
        const { will: _, ...others } = answer.stored;
        const stored = inherited ? answer.stored : others;
        this.#listener!.feed({ type: "claimed", connection, clientId, stored, highest });
        this.#over(claim);
        if (inherited) this.#feeding.adopted(grave!, clientId);
        else this.#feeding.unclaimed(clientId);
        this.#feeding.wasRead(clientId, answer.inbox);
        this.#askAgain(clientId);
      });
    });
  }

  #notClaimed(claim: Claiming, detail: string): void {
    if (claim.done) return;
    claim.done = true;
    const { connection, clientId } = claim;
    this.#listener!.feed({ type: "notClaimed", connection, clientId, detail });
    this.#over(claim);
    this.#feeding.unclaimed(clientId);
    this.#feeding.wasRead(clientId, 0);
    this.#listener!.endTurn();
    this.#askAgain(clientId);
  }

  /** It has been answered. */
  #over(claim: Claiming): void {
    this.#claims = this.#claims.filter((each) => each !== claim);
    const { claiming } = this.#feeding;
    const count = claiming.get(claim.clientId)! - 1;
    if (count === 0) claiming.delete(claim.clientId);
    else claiming.set(claim.clientId, count);
  }

  /** Somebody has let go of it. */
  #askAgain(clientId: ClientId): void {
    for (const claim of [...this.#claims]) {
      if (claim.clientId === clientId && !claim.done) this.#claim(claim);
    }
  }

  cast(nodes: readonly NodeId[], message: Message, group: TopicFilter | undefined): void {
    if (this.inDoubt) return;
    const { time, latency, castLost } = this.channel.nature;
    const kept = owned(message); // its payload is a part of what was just read
    for (const node of nodes) {
      if (!this.channel.isOpen || castLost()) continue;
      const at = Math.max(this.#castAt.get(node) ?? 0, time.now + 2 * latency());
      this.#castAt.set(node, at);
      time.after(at - time.now, () => this.#ears.get(node)?.(this.node, kept, group));
    }
  }

  instruct(to: NodeId | "others", text: string): Promise<void> {
    return new Promise((resolve) => {
      let done = false; // what is asked for twice is asked once
      this.channel.call(() => {
        if (done) return undefined;
        done = true;
        return this.#state.instruct(this.node, to, text);
      }, () => resolve());
    });
  }

  status(): Promise<readonly NodeStatus[]> {
    return this.#ask(() => this.#state.status(this.channel.nature.time.now));
  }

  leave(): Promise<void> {
    return new Promise((resolve) => {
      const left = () => {
        this.#end("it has left");
        this.channel.gone = true;
        this.#ears.delete(this.node);
        resolve();
      };
      this.#leaving = left; // who is buried before it hears that it has left has left, too
      this.channel.call(() => this.#state.leave(this.node), left);
    });
  }

  #fence(): void {
    if (this.#ended !== undefined) return;
    if (this.#leaving !== undefined) return this.#leaving();
    const detail = `${this.node} is dead: its lease has ended`;
    this.channel.gone = true;
    this.#ears.delete(this.node);
    if (this.#listener === undefined) this.onFenced();
    else this.#listener.fenced(detail);
    this.#end(detail);
  }

  #end(why: string): void {
    this.#ended ??= why;
    const open = [...this.#batches, ...this.#awaited];
    this.#batches = [];
    this.#awaited = [];
    for (const { reject } of open) reject(new Error(why));
  }

  /** The process is no more. */
  kill(): void {
    this.channel.gone = true;
    this.#ears.delete(this.node);
  }

  /** Whether a claim waits. */
  get idle(): boolean {
    return this.#claims.length === 0;
  }
}
