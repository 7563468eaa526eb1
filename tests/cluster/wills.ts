/**
 * When a Will is due, worked out from what the brokers say of connections: MQTT 5.0 section 3.1.2.5 told a second
 * time, for a cluster. Where it depends on how long a fault took, both outcomes are right: it is uncertain. That
 * it is published no more than once is certain always.
 */

import type { Fact } from "../../src/session/fact.ts";
import type { WillRecord } from "../simulation/ledger.ts";
import type { Seat } from "./seat.ts";
import type { World } from "./world.ts";
import { SKEW } from "./world.ts";

/** Milliseconds from when a delay has ended to when some node has acted on it, if nothing is wrong. */
const LATE = 15_000;

export class Wills {
  readonly #world: World;
  /** By the number of the link. */
  readonly #offers = new Map<number, { readonly will: WillRecord; readonly seat: Seat }>();

  constructor(world: World) {
    this.#world = world;
  }

  offered(link: number, will: WillRecord, seat: Seat): void {
    this.#offers.set(link, { will, seat });
  }

  /** What a living node says. */
  onFact(_seat: Seat, fact: Fact): void {
    const { now } = this.#world.time;
    switch (fact.type) {
      case "connected": {
        for (const will of this.#waiting(fact.clientId)) {
          if (now < will.dueAt - SKEW) this.#change(will, "withheld");
          else {
            if (now < will.dueAt + LATE || this.#world.disturbedAt > will.dueAt - SKEW) {
              will.uncertain = true;
            }
            this.#change(will, "fired");
          }
        }
        const offer = this.#offers.get(fact.connection);
        if (offer !== undefined) this.#change(offer.will, "armed");
        return;
      }
      case "disconnected": {
        const will = this.#offers.get(fact.connection)?.will;
        if (will === undefined || will.state !== "armed") return;
        if (fact.reason === "clientDisconnected") return this.#change(will, "withheld");
        return this.#due(will);
      }
      case "sessionEnded":
        for (const will of this.#waiting(fact.clientId)) {
          will.dueAt = Math.min(will.dueAt, now);
          this.#change(will, "fired");
        }
    }
  }

  /** A node is no more, or dead for the others: its Wills are due their delay from now on, or later. */
  lost(seat: Seat): void {
    for (const [link, { will, seat: at }] of this.#offers) {
      if (at !== seat) continue;
      this.#offers.delete(link);
      // Nothing was durable yet that says so, or not surely: either way is right.
      if (will.changedAt >= seat.idleAt && will.state !== "offered") will.uncertain = true;
      if (will.state === "armed" && !will.confirmed) will.uncertain = true;
      if (will.state === "offered") will.uncertain = true;
      if (will.state === "offered" || will.state === "armed") this.#due(will);
    }
  }

  #due(will: WillRecord): void {
    const { now } = this.#world.time;
    const delay = this.#delayOf(will);
    will.dueAt = now + delay * 1_000;
    this.#change(will, delay === 0 ? "fired" : "waiting");
  }

  /** Seconds; no longer than the session, whose end publishes the Will too. */
  #delayOf({ clientId, delay }: WillRecord): number {
    const { profile } = this.#world.clients.find(({ id }) => id === clientId)!;
    return profile.version === 5 ? Math.min(delay, profile.sessionExpiry) : 0;
  }

  #waiting(clientId: string): WillRecord[] {
    return this.#world.ledger.wills.filter((will) =>
      will.clientId === clientId && will.state === "waiting"
    );
  }

  #change(will: WillRecord, state: WillRecord["state"]): void {
    will.state = state;
    will.changedAt = this.#world.time.now;
  }
}
