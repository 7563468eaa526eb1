/**
 * The clients of a run: who they are, and what they do of their own accord. Publishers, stored and passing
 * subscribers, members of shared groups, clients with Wills and those who watch for them.
 */

import type { QoS } from "../../src/packet/packet.ts";
import type { Character, Surroundings } from "./actor.ts";
import { Actor } from "./actor.ts";

/** Of 200 clients. */
const SHARES = {
  publishers: 70,
  stored: 60,
  passing: 16,
  fickle: 8,
  members: 16,
  mixed: 8,
  wills: 18,
  watchers: 4,
} as const;

/** Milliseconds between two turns. */
export const TURN = 50;

export class Crowd {
  readonly actors: readonly Actor[];
  readonly #publishers: readonly Actor[];
  readonly #fickle: readonly Actor[];
  readonly #wills: readonly Actor[];
  readonly #in: Surroundings;
  /** Subjects, each with its publishers and subscribers. */
  readonly #subjects: number;
  #publishing = false;
  #acting = false;
  #due = 0;

  /** @param rate messages a second, of all publishers together */
  constructor(size: number, readonly rate: number, surroundings: Surroundings) {
    this.#in = surroundings;
    const of = (share: number) => Math.max(2, Math.round(share * size / 200));
    this.#subjects = Math.max(2, Math.round(of(SHARES.publishers) / 5));
    const make = (
      name: string,
      share: number,
      character: (at: number) => Omit<Character, "id" | "receiveMaximum">,
    ) =>
      Array.from({ length: of(share) }, (_, at) => {
        const receiveMaximum = surroundings.random.between(3, 40);
        return new Actor({ id: `${name}${at}`, receiveMaximum, ...character(at) }, surroundings);
      });
    const subject = (at: number) => at % this.#subjects;
    this.#publishers = make("pub", SHARES.publishers, () => ({
      persistent: true,
      subscriptions: [],
    }));
    const stored = make("sub", SHARES.stored, (at) => ({
      persistent: true,
      subscriptions: at % 6 === 5
        ? [{ full: `t/${subject(at)}/+/+`, qos: 1 }, { full: "r/#", qos: 1 }]
        : [{ full: `t/${subject(at)}/#`, qos: 2 }],
    }));
    const passing = make("passing", SHARES.passing, (at) => ({
      persistent: false,
      subscriptions: [{ full: `t/${subject(at)}/#`, qos: at % 3 === 0 ? 1 : 2 }],
    }));
    this.#fickle = make("fickle", SHARES.fickle, () => ({ persistent: true, subscriptions: [] }));
    const members = make("member", SHARES.members, (at) => ({
      persistent: true,
      subscriptions: [{ full: `$share/g${at % GROUPS}/s/${at % GROUPS}/#`, qos: 2 }],
    }));
    const mixed = make("mixed", SHARES.mixed, (at) => ({
      persistent: at % 4 < 3, // so the first group has no passing members, the second has some
      subscriptions: [{ full: `$share/h${at % 2}/q/${at % 2}/#`, qos: 1 }],
    }));
    this.#wills = make("will", SHARES.wills, (at) => ({
      persistent: at % 3 === 0,
      subscriptions: [],
      will: { topic: `w/${at}`, qos: 2, delay: at % 3 === 0 ? 2 : 0 },
    }));
    const watchers = make("watcher", SHARES.watchers, () => ({
      persistent: true,
      subscriptions: [{ full: "w/#", qos: 2 }],
    }));
    this.actors = [
      ...this.#publishers,
      ...stored,
      ...passing,
      ...this.#fickle,
      ...members,
      ...mixed,
      ...this.#wills,
      ...watchers,
    ];
  }

  get willActors(): readonly Actor[] {
    return this.#wills;
  }

  /** All are connected and have their subscriptions. */
  get settled(): boolean {
    return this.actors.every((actor) => actor.connected && actor.subscribed);
  }

  /** All that was published has its answer. */
  get answered(): boolean {
    return this.actors.every((actor) => actor.answered);
  }

  /** From now on there is traffic, and clients that come and go. */
  begin(): void {
    this.#publishing = this.#acting = true;
  }

  /** Nobody publishes, goes or subscribes any more. */
  end(): void {
    this.#publishing = this.#acting = false;
  }

  /** To be called every TURN milliseconds. */
  turn(): void {
    for (const actor of this.actors) actor.tick();
    if (this.#acting) this.#act();
    if (this.#publishing) this.#publish();
  }

  /** Ends the links of about that share of all clients; tells of how many. */
  reset(share: number): number {
    return this.#some(share, (actor) => actor.drop());
  }

  /** The same, and none of them comes back within that many milliseconds. */
  away(share: number, time: number): number {
    return this.#some(share, (actor) => actor.drop(time));
  }

  #some(share: number, act: (actor: Actor) => void): number {
    const chosen = this.actors.filter(() => this.#in.random.chance(share));
    chosen.forEach(act);
    return chosen.length;
  }

  #publish(): void {
    for (this.#due += this.rate * TURN / 1000; this.#due >= 1; this.#due--) {
      const actor = this.#one(this.#publishers);
      const at = this.#publishers.indexOf(actor);
      const [topic, qos, retain] = this.#what(at, actor.id);
      if (!actor.publish(topic, qos, retain)) this.#in.ledger.count("messages held back");
    }
  }

  #what(at: number, id: string): [topic: string, qos: QoS, retain: boolean] {
    const { random } = this.#in;
    const subject = at % this.#subjects;
    const dice = random.next();
    if (dice < 0.10) return [`t/${subject}/${id}/0`, 0, false];
    if (dice < 0.35) return [`t/${subject}/${id}/1`, 1, false];
    if (dice < 0.65) return [`t/${subject}/${id}/2`, 2, false];
    if (dice < 0.85) return [`s/${at % GROUPS}/${id}`, 2, false];
    if (dice < 0.93) return [`q/${at % 2}/${id}`, 1, false];
    return [`r/${id}`, at % 2 === 0 ? 1 : 2, true];
  }

  #act(): void {
    const { random } = this.#in;
    const each = TURN / 1000; // chances are told a second
    for (const actor of this.actors) {
      if (!actor.connected) continue;
      const dice = random.next() / each;
      if (dice < 0.01) actor.drop();
      else if (dice < 0.02) actor.moveOver();
    }
    for (const actor of this.#wills) {
      if (!actor.connected) continue;
      const dice = random.next() / each;
      if (dice < 0.08) actor.drop();
      else if (dice < 0.14) actor.leave(0);
      else if (dice < 0.17) actor.leave(4);
      else if (dice < 0.21) actor.moveOver();
    }
    for (const actor of this.#fickle) {
      if (!actor.connected || !random.chance(0.3 * each)) continue;
      const filter = `t/${random.between(0, this.#subjects - 1)}/#`;
      if (random.chance(0.5)) actor.subscribe(filter, random.chance(0.5) ? 1 : 2);
      else actor.unsubscribeOne(random);
    }
  }

  #one(actors: readonly Actor[]): Actor {
    return actors[this.#in.random.between(0, actors.length - 1)]!;
  }
}

/** Shared groups of which each message is to come to one member once. */
const GROUPS = 4;
