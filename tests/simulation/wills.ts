/**
 * When a Will is due, worked out from the broker's facts about connections: MQTT 5.0 section 3.1.2.5
 * told a second time, without a look at what the broker does about it.
 */

import type { Fact } from "../../src/session/fact.ts";
import type { WillRecord } from "./ledger.ts";
import type { World } from "./world.ts";

/** What a fact means for the Wills of its client. */
export function willOnFact(world: World, fact: Fact): void {
  const { now } = world.time;
  switch (fact.type) {
    case "connected": {
      for (const will of waiting(world, fact.clientId)) {
        if (will.dueAt === now) will.uncertain = true; // which of the two came first is nobody's word
        if (will.dueAt > now) change(will, "withheld", now);
        else change(will, "fired", now);
      }
      const will = world.willOf(fact.connection);
      if (will !== undefined) change(will, "armed", now);
      return;
    }
    case "disconnected": {
      const will = world.willOf(fact.connection);
      if (will === undefined || will.state !== "armed") return;
      if (fact.reason === "clientDisconnected") return change(will, "withheld", now);
      will.dueAt = now + delayOf(world, will) * 1000;
      return change(will, "waiting", now);
    }
    case "sessionEnded":
      for (const will of waiting(world, fact.clientId)) {
        will.dueAt = Math.min(will.dueAt, now);
        change(will, "fired", now);
      }
  }
}

/** The process dies: a Will that was in force is due its delay after the restart. */
export function willsOnCrash(world: World): void {
  const { now } = world.time;
  for (const will of world.ledger.wills) {
    if (will.state === "waiting" && will.dueAt <= now) {
      change(will, "fired", Math.max(will.changedAt, will.dueAt));
    }
    // Nothing was durable yet that says so, or not surely: either way is right.
    if (will.changedAt >= world.idleAt && will.state !== "offered") will.uncertain = true;
    if (will.state === "armed" && !will.confirmed) will.uncertain = true;
    if (will.state === "armed" || will.state === "offered") {
      if (will.state === "offered") will.uncertain = true;
      will.dueAt = Infinity; // its delay begins with the restart
      will.state = "waiting";
    }
  }
}

/** The process is back: what was in force when it died is due after its delay. */
export function willsOnBoot(world: World): void {
  const { now } = world.time;
  for (const will of world.ledger.wills) {
    if (will.state !== "waiting" || will.dueAt !== Infinity) continue;
    will.dueAt = now + delayOf(world, will) * 1000;
    change(will, "waiting", now);
  }
}

/** Seconds; no longer than the session, whose end publishes the Will too. */
function delayOf(world: World, { clientId, delay }: WillRecord): number {
  const { profile } = world.clients.find(({ id }) => id === clientId)!;
  return profile.version === 5 ? Math.min(delay, profile.sessionExpiry) : 0;
}

function waiting(world: World, clientId: string): WillRecord[] {
  return world.ledger.wills.filter((will) =>
    will.clientId === clientId && will.state === "waiting"
  );
}

function change(will: WillRecord, state: WillRecord["state"], now: number): void {
  will.state = state;
  will.changedAt = now;
}
