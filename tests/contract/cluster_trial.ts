/**
 * A cluster on trial: nodes that write down what they are told, and ways to wait for it that need no sleep.
 */

import assert from "node:assert/strict";
import type { ClusterEvent } from "../../src/broker/cluster_event.ts";
import type { Cluster, ClusterListener } from "../../src/cluster/cluster.ts";
import type { AnyWrite } from "../../src/session/cluster_write.ts";
import type { IndexRecord } from "../../src/session/write.ts";
import type { SharedStore } from "../../src/store/store.ts";
import { indexOf } from "./store_trial.ts";
import { deepFreeze } from "./store_values.ts";

/** A node as a driver makes it, and what can be done to it from outside. */
export interface Peer {
  readonly driver: SharedStore & Cluster;
  /** Its process dies: nothing of it is done any more, and nobody is told. */
  kill(): Promise<void>;
  /** Nothing gets from it to the shared state or back, until `mend`. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** Of its next batch the answer gets lost, after the batch was done. */
  loseAnswer(): Promise<void>;
}

/** What a driver gives the contract: a new, empty cluster. */
export interface OpenedCluster {
  /** Milliseconds of a lease; short, as several are waited for. */
  readonly lease: number;
  join(name: string): Promise<Peer>;
  /** Has what is under way go on for a little while. */
  pause(): Promise<void>;
  close(): Promise<void>;
}

export type EventOf<Type extends ClusterEvent["type"]> = ClusterEvent & { readonly type: Type };

/** A node that writes down what it is told. */
export class Member implements ClusterListener {
  readonly peer: Peer;
  readonly driver: SharedStore & Cluster;
  readonly records: readonly IndexRecord[];
  readonly events: ClusterEvent[] = [];
  readonly settings: (readonly [name: string, value: string | undefined])[] = [];
  readonly instructions: string[] = [];
  readonly reached: boolean[] = [];
  fencedBy: string | undefined;
  /** It was fed something since its last turn ended. */
  inTurn = false;

  constructor(peer: Peer, records: readonly IndexRecord[]) {
    this.peer = peer;
    this.driver = peer.driver;
    this.records = records;
  }

  get node(): string {
    return this.driver.node;
  }

  feed(event: ClusterEvent): void {
    this.inTurn = true;
    this.events.push(event);
  }

  endTurn(): void {
    this.inTurn = false;
    if (this.fencedBy !== undefined) assert.fail("told something after it was fenced");
  }

  reachable(reachable: boolean): void {
    this.reached.push(reachable);
  }

  setting(name: string, value: string | undefined): void {
    this.settings.push([name, value]);
  }

  instruction(text: string): void {
    this.instructions.push(text);
  }

  fenced(detail: string): void {
    this.fencedBy = detail;
  }

  /** What it was told of one type, in order. */
  all<Type extends ClusterEvent["type"]>(type: Type): EventOf<Type>[] {
    return this.events.filter((event) => event.type === type) as EventOf<Type>[];
  }

  /** The writes that it was told of. */
  replicated(): AnyWrite[] {
    return this.all("replicated").flatMap(({ writes }) => writes);
  }

  /** Done when all nodes have been told of it that have to be. */
  async commit(...writes: AnyWrite[]): Promise<void> {
    deepFreeze(writes);
    const spreading = await this.driver.commit(writes);
    if (spreading !== undefined) await spreading.everywhere;
  }
}

/** Milliseconds after which what is waited for will not come any more. */
const PATIENCE = 10_000;

export class ClusterTrial {
  readonly #cluster: OpenedCluster;
  readonly members: Member[] = [];
  #barriers = 0;
  #connections = 0;

  constructor(cluster: OpenedCluster) {
    this.#cluster = cluster;
  }

  get lease(): number {
    return this.#cluster.lease;
  }

  async join(name: string): Promise<Member> {
    const peer = await this.#cluster.join(name);
    const member = new Member(peer, await indexOf(peer.driver));
    await peer.driver.begin(member);
    this.members.push(member);
    return member;
  }

  /** Three nodes that know of each other. */
  async three(): Promise<[Member, Member, Member]> {
    const a = await this.join("a");
    const b = await this.join("b");
    const c = await this.join("c");
    await this.until(
      "all know of all",
      () => [a, b, c].every((each) => each.all("nodes").at(-1)?.nodes.length === 3),
    );
    return [a, b, c];
  }

  pause(): Promise<void> {
    return this.#cluster.pause();
  }

  /** Waits for it; fails with these words where it does not come. */
  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const from = performance.now();
    while (!await condition()) {
      if (performance.now() - from > PATIENCE) assert.fail(`it never came that ${what}`);
      await this.pause();
    }
  }

  /** All that became durable before is told by the end of it: log and inboxes are read in order. */
  async settle(...members: Member[]): Promise<void> {
    const all = members.length === 0 ? this.members : members;
    const name = `barrier/${++this.#barriers}`;
    for (const member of all) {
      await member.commit({ type: "putSetting", name: `${name}/${member.node}`, value: "" });
      await member.driver.instruct("others", `${name}/${member.node}`);
    }
    for (const member of all) {
      for (const { node } of all) {
        if (node === member.node) continue;
        const barrier = `${name}/${node}`;
        await this.until(
          `${member.node} has heard ${barrier}`,
          () =>
            member.settings.some(([name]) => name === barrier) &&
            member.instructions.includes(barrier) && !member.inTurn,
        );
      }
    }
  }

  /** Claims a session and waits for what comes of it. */
  async claim(
    member: Member,
    clientId: string,
    { most = 10, ifFree = false } = {},
  ): Promise<EventOf<"claimed" | "notClaimed">> {
    const asked = this.ask(member, clientId, { most, ifFree });
    await this.until(
      `${clientId} is claimed by ${member.node}, or not`,
      () => asked() !== undefined,
    );
    return asked()!;
  }

  /** Claims a session; what it returns tells what came of it, as soon as that is known. */
  ask(
    member: Member,
    clientId: string,
    { most = 10, ifFree = false } = {},
  ): () => EventOf<"claimed" | "notClaimed"> | undefined {
    const connection = ++this.#connections;
    member.driver.claim(connection, clientId, most, ifFree);
    return () =>
      [...member.all("claimed"), ...member.all("notClaimed")]
        .find((event) => event.connection === connection);
  }

  /** Waits for whoever buries that node. */
  async burierOf(dead: string, among: readonly Member[]): Promise<Member> {
    const buries = (member: Member) => member.all("buried").some(({ node }) => node === dead);
    await this.until(`${dead} is buried`, () => among.some(buries));
    return among.find(buries)!;
  }

  async close(): Promise<void> {
    for (const { driver } of this.members) await driver.close();
    await this.#cluster.close();
  }
}
