/**
 * The world of one run of a cluster: three seats for nodes, the state that they share, clients that go from one to
 * the other, all on virtual time. It does what it is told and writes down what the brokers say; it judges nothing
 * but what is wrong at any time.
 */

import type { Rules } from "../../src/policy/rules.ts";
import type { Fact } from "../../src/session/fact.ts";
import type { MemoryStore } from "../../src/store/memory_store.ts";
import { Client } from "../simulation/client.ts";
import type { Profile } from "../simulation/client.ts";
import { VirtualTime } from "../simulation/clock.ts";
import { owedIsKept } from "../simulation/durable.ts";
import { Ledger, NONE } from "../simulation/ledger.ts";
import type { Checker, WillRecord } from "../simulation/ledger.ts";
import type { Weather } from "../simulation/network.ts";
import { Wire } from "../simulation/network.ts";
import { Random } from "../simulation/random.ts";
import type { Nature } from "./channel.ts";
import type { Ears } from "./model.ts";
import type { Room } from "./seat.ts";
import { Seat } from "./seat.ts";
import { SharedState } from "./state.ts";
import { Wills } from "./wills.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly rules: Rules;
  readonly localFirst: boolean;
  readonly weather: Weather;
  /** Milliseconds of one way to the shared state at most. */
  readonly latency: number;
  /** Share of the answers of the shared state that get lost. */
  readonly lost: number;
  /** Milliseconds that the clock of each node is ahead. */
  readonly skews: readonly number[];
  readonly profiles: readonly Profile[];
  /** Checkers that are not listened to; none unless it says so. */
  readonly muted?: ReadonlySet<Checker>;
}

/** Milliseconds. */
export const LEASE = 5_000;

/** Two clocks are no further apart, in milliseconds. */
export const SKEW = 2_000;

/** How the network is when nothing is wrong with it. */
const FAIR: Weather = { delay: 2, buffer: 65_536, piece: 4_096 };

export class World {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly ledger: Ledger;
  readonly options: WorldOptions;
  readonly state = new SharedState(LEASE);
  readonly seats: readonly Seat[];
  readonly clients: Client[];
  /** By client id, the place in `seats` that it calls next. */
  readonly goesTo = new Map<string, number>();
  readonly wills: Wills;
  readonly skew = SKEW;
  /** Sessions that a node may have though it has given up to ask for them: the answer got lost. */
  readonly unsure = new Set<string>();
  readonly log: string[] = [];
  readonly counts = {
    crashes: 0,
    retired: 0,
    deaths: 0,
    pauses: 0,
    cuts: 0,
    outages: 0,
    moves: 0,
    managed: 0,
  };
  /** Hash of every byte that arrived anywhere, and when. */
  hash = 0x811c9dc5;
  calm = false;
  /** The shared state can be reached by nobody. */
  down = false;
  /** When something was wrong with a node or the way to the state the last time. */
  disturbedAt = -Infinity;
  /** What the model draws shifts nothing else. */
  readonly #modelRandom: Random;
  #lastLink = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.random = new Random(options.seed);
    this.#modelRandom = new Random(options.seed ^ 0x5eed);
    this.ledger = new Ledger(options.muted ?? NONE);
    this.wills = new Wills(this);
    const { latency, lost, rules } = options;
    const nature: Nature = {
      time: this.time,
      latency: () => this.#modelRandom.between(0, this.calm ? Math.min(latency, 2) : latency),
      lost: () => !this.calm && lost > 0 && this.#modelRandom.chance(lost),
      castLost: () => !this.calm && lost > 0 && this.#modelRandom.chance(lost),
      isDown: () => this.down,
    };
    const ears: Ears = new Map();
    const room: Room = {
      time: this.time,
      random: this.random,
      rules,
      localFirst: options.localFirst,
      common: { state: this.state, nature, ears, writes: () => this.#modelRandom.between(1, 40) },
      note: (text) => this.note(text),
      violation: (checker, text) => this.violation(checker, text),
      observe: (seat, fact) => this.#observe(seat, fact),
      fenced: (seat) => this.#fenced(seat),
      unsure: (clientId) => this.unsure.add(clientId),
    };
    this.seats = options.skews.map((skew, at) => new Seat(`n${at}`, skew, room));
    this.state.onChange = (text) => this.note(`  (${text})`);
    this.state.onDeath = (node) => this.#died(node);
    this.state.onDrop = (clientId) => this.#dropped(clientId, 1);
    this.clients = options.profiles.map((profile, at) => {
      this.goesTo.set(`c${at}`, at % this.seats.length);
      return new Client(`c${at}`, profile, {
        time: this.time,
        random: this.random,
        ledger: this.ledger,
        dial: (ear, will, client) => this.#dial(ear, will, client),
        violation: (checker, text) => this.violation(checker, text),
        receiveMaximum: rules.limits.receiveMaximum,
        retries: rules.limits.retryInterval > 0,
        disk: this.disk,
        skew: SKEW / 1_000,
        // A claim takes a lease and two seconds until it is given up.
        fullSince: (instant) => this.#isDisturbed || this.disturbedAt >= instant - LEASE - 3_000,
        owed: (publication) => owedIsKept(this, publication),
      });
    });
  }

  get disk(): MemoryStore {
    return this.state.records;
  }

  violation(checker: Checker, text: string): void {
    this.ledger.violation(checker, `at ${this.time.now - 1_000_000} ms: ${text}`);
    this.note(`VIOLATION [${checker}] ${text.slice(0, 200)}`);
  }

  note(text: string): void {
    if (this.log.length < 6_000) this.log.push(`${this.time.now - 1_000_000} ms ${text}`);
  }

  disturbed(): void {
    this.disturbedAt = this.time.now;
  }

  get #isDisturbed(): boolean {
    return this.down ||
      this.seats.some(({ isUp, paused, node }) => !isUp || paused || node!.channel.cut);
  }

  /** Starts a node whatever happens meanwhile. */
  start(seat: Seat): void {
    seat.start().catch((error) => this.violation("broken", `no start: ${String(error?.stack)}`));
  }

  crash(seat: Seat): void {
    if (seat.node === undefined) return;
    this.note(`${seat.node.node} crashes`);
    this.disturbed();
    this.ledger.crashes += 1;
    this.counts.crashes += 1;
    for (const client of this.#clientsAt(seat)) this.#mayEnd(client);
    this.wills.lost(seat);
    seat.crash();
  }

  /** Ends a node in good order: it says good-bye to its clients, lets go of all that it has, and leaves. */
  retire(seat: Seat, then: () => void): void {
    const { node, runtime } = seat;
    this.note(`${node!.node} is to end`);
    this.disturbed();
    seat.open = false;
    runtime!.feed({ type: "shutdown" });
    runtime!.endTurn();
    const look = (): void => {
      if (seat.node !== node) return; // it has died meanwhile
      if (!runtime!.idle || seat.tables.pending > 0) return void this.time.after(20, look);
      seat.looked();
      node!.leave().then(() => {
        if (seat.node !== node) return;
        this.note(`${node!.node} has left`);
        seat.crash();
        then();
      });
    };
    look();
  }

  #fenced(seat: Seat): void {
    this.note(`${seat.node!.node} finds out that it is dead`);
    this.disturbed();
    seat.crash();
    this.time.after(50, () => this.start(seat));
  }

  /** Others have declared a node dead. */
  #died(node: string): void {
    this.note(`${node} is declared dead`);
    this.disturbed();
    this.counts.deaths += 1;
    this.ledger.crashes += 1; // for the checkers it is one
    const { sessions } = this.state.graves.get(node)!;
    for (const client of this.clients) if (sessions.has(client.id)) this.#mayEnd(client);
    const seat = this.seats.find((each) => each.node?.node === node);
    if (seat === undefined) return; // its process has gone before
    this.wills.lost(seat);
    seat.orphaned();
  }

  /** Its session may be counted as absent from now on. */
  #mayEnd(client: Client): void {
    const earliest = this.time.now + client.profile.sessionExpiry * 1_000 - SKEW - 1;
    client.expiresNotBefore = Math.min(client.expiresNotBefore, earliest);
  }

  /** Whose sessions are the node's, whether they know that their link has ended or not. */
  #clientsAt(seat: Seat): Client[] {
    const { wires, broker } = seat;
    const rows = broker?.snapshot().clients;
    return this.clients.filter(({ id, wire }) =>
      wire !== undefined && wires.has(wire) || rows?.get(id)?.here === true
    );
  }

  seatOf(client: Client): Seat | undefined {
    const { wire } = client;
    return wire === undefined ? undefined : this.seats.find(({ wires }) => wires.has(wire));
  }

  #dial(ear: ConstructorParameters<typeof Wire>[2], will: WillRecord | undefined, client: Client) {
    const seat = this.seats[this.goesTo.get(client.id)!]!;
    if (!seat.isUp) return undefined;
    const wire = new Wire(
      {
        time: this.time,
        random: this.random,
        weather: () => this.calm ? FAIR : this.options.weather,
        trace: (id, direction, bytes) => this.#trace(id, direction, bytes),
        violation: (checker, text) => this.violation(checker, text),
      },
      ++this.#lastLink,
      ear,
    );
    this.note(`${client.id} dials ${seat.name}, link ${wire.id}`);
    client.deleted = false;
    if (will !== undefined) this.wills.offered(wire.id, will, seat);
    seat.serve(wire);
    return wire;
  }

  #dropped(clientId: string, count: number): void {
    // Of a group, each node has its own part.
    const group = clientId.lastIndexOf("\u0000");
    this.ledger.drop(group === -1 ? clientId : clientId.slice(group), count);
  }

  #observe(seat: Seat, fact: Fact): void {
    seat.looked();
    if (seat.isStale) return; // what it says is nobody's business any more
    this.wills.onFact(seat, fact);
    switch (fact.type) {
      case "dropped":
        this.note(`${seat.name}: dropped ${fact.count} of ${fact.clientId}: ${fact.reason}`);
        return this.#dropped(fact.clientId, fact.count);
      case "disconnected": {
        this.note(`${seat.name}: ${fact.clientId} gone, ${fact.reason} ${fact.detail}`);
        for (const wire of seat.wires) if (wire.address === fact.peer.address) wire.left = true;
        const client = this.clients.find(({ id }) => id === fact.clientId);
        if (client === undefined || client.expiresNotBefore !== Infinity) return;
        return this.#mayEnd(client);
      }
      case "connected": {
        const { clientId, sessionPresent } = fact;
        this.note(`${seat.name}: ${clientId} connected, session present ${sessionPresent}`);
        if (!sessionPresent) this.#begun(clientId, fact.peer.address);
        return;
      }
      case "refused":
        this.violation("protocol", `refused: ${JSON.stringify(fact)}`);
        return;
      case "sessionEnded":
        this.ledger.ended.add(fact.clientId);
        for (const record of this.ledger.subscriptionsOf(fact.clientId)) {
          record.endSentAt = -Infinity;
        }
        for (const client of this.clients) {
          if (client.id !== fact.clientId) continue;
          if (fact.why === "expired" && this.time.now < client.expiresNotBefore) {
            this.violation("expiry", `the session of ${client.id} has expired too soon`);
          }
          client.expiresNotBefore = -Infinity;
          if (fact.why === "deleted") client.deleted = true;
        }
        this.note(`${seat.name}: session of ${fact.clientId} ended, ${fact.why}`);
    }
  }

  #begun(clientId: string, address: string): void {
    const client = this.clients.find(({ id }) => id === clientId);
    for (const { wires } of this.seats) {
      for (const wire of wires) if (wire.address === address) client?.sessionBegun(wire);
    }
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
