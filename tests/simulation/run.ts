/**
 * One run from its first action to the last checker: what happens, then a phase without faults in
 * which everybody comes back and must get all that it is owed, then a restart that changes nothing, then
 * the end of all sessions.
 */

import { foldEqualsMemory } from "./audit.ts";
import * as check from "./checkers.ts";
import type { Client, Profile } from "./client.ts";
import { perform } from "./perform.ts";
import type { QoS } from "../../src/packet/packet.ts";
import type { Checker } from "./ledger.ts";
import { NONE } from "./ledger.ts";
import type { Scenario } from "./scenario.ts";
import { FILTERS, POPULAR } from "./scenario.ts";
import { World } from "./world.ts";

export interface Outcome {
  readonly hash: number;
  readonly actions: number;
  readonly messages: number;
  readonly received: number;
  readonly crashes: number;
  readonly faults: number;
  readonly drops: number;
  /** Refusals for want of room. */
  readonly refusals: number;
  /** Calls of the store that failed. */
  readonly storeFaults: number;
  readonly violations: readonly string[];
  /** The checkers that have found them. */
  readonly found: ReadonlySet<Checker>;
  readonly log: readonly string[];
}

/** Sees every Will: there from the start, never gone for good, in a hurry to acknowledge. */
const WATCHER: Profile = {
  version: 5,
  sessionExpiry: 2_000_000,
  receiveMaximum: 65_535,
  keepAlive: 0,
  ackDelay: 0,
  aliases: 0,
  usesAliases: false,
  maximumPacketSize: Infinity,
};

/** Longer than any delay, any Keep Alive and any drain time. */
const PATIENCE = 400_000;
/** Longer than any session. */
const FOR_EVER = 3_000_000_000;

export interface RunOptions {
  /** Checkers that are not listened to. */
  readonly muted?: ReadonlySet<Checker>;
  /** Goes on after something was found, so that every checker has its say. */
  readonly toTheEnd?: boolean;
}

/** Runs a scenario. Does not throw for what it finds, but tells it. */
export async function run(scenario: Scenario, options: RunOptions = {}): Promise<Outcome> {
  const { muted = NONE, toTheEnd = false } = options;
  const world = new World({ ...scenario, profiles: [...scenario.profiles, WATCHER], muted });
  const watcher = world.clients[world.clients.length - 1]!;
  const restore = world.time.install();
  const enough = () => !toTheEnd && world.ledger.violations.length > 0;
  try {
    await world.boot();
    await watch(world, watcher);
    await open(world, watcher);
    for (const action of scenario.actions) {
      await perform(world, action);
      if (!watcher.online) watcher.connect(false, undefined);
      check.totalsAreSums(world);
      if (enough()) return outcome(world, scenario);
    }
    await settleDown(world, enough);
    if (enough()) return outcome(world, scenario);
    check.acknowledgedIsDelivered(world);
    check.sharedIsDelivered(world);
    check.noMoreThanSent(world);
    check.inOrder(world);
    check.onlyWhatWasAsked(world);
    check.refusedReachesNobody(world);
    check.retainedIsLast(world);
    check.willsWereKept(world, watcher);
    check.totalsAreSums(world);
    if (!muted.has("fold")) await foldEqualsMemory(world);
    if (enough()) return outcome(world, scenario);
    await restartOnce(world, enough);
    if (enough()) return outcome(world, scenario);
    await sayGoodbye(world);
    return outcome(world, scenario);
  } catch (error) {
    world.violation("broken", `threw ${error instanceof Error ? error.stack : String(error)}`);
    return outcome(world, scenario);
  } finally {
    restore();
  }
}

async function watch(world: World, watcher: Client): Promise<void> {
  for (let tries = 0; tries < 10 && !watcher.connected; tries++) {
    if (!watcher.online) watcher.connect(false, undefined); // again, where the disk has no room yet
    await world.time.run(60_000, () => watcher.connected || !watcher.online);
    if (!watcher.connected) await world.time.run(1_000);
  }
  watcher.subscribe([{
    full: "w/#",
    filter: "w/#",
    shared: false,
    options: {
      qos: 2,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 2,
      subscriptionIdentifier: undefined,
    },
    confirmedAt: Infinity,
    endSentAt: Infinity,
    endConfirmedAt: Infinity,
  }]);
  await world.time.run(60_000, () => watcher.settled);
}

/** Everybody comes and subscribes to something, so that there is something to go wrong. */
async function open(world: World, watcher: Client): Promise<void> {
  const { random } = world;
  for (const client of world.clients) {
    if (client === watcher) continue;
    client.connect(false, undefined);
    await world.time.run(20_000, () => client.connected);
    const filters = [0, 0].map(() => ({
      filter: random.chance(0.6)
        ? POPULAR[random.between(0, POPULAR.length - 1)]!
        : random.between(0, FILTERS.length - 1),
      qos: random.between(0, 2) as QoS,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0 as const,
      identifier: 0,
    }));
    await perform(world, { kind: "subscribe", client: world.clients.indexOf(client), filters });
  }
}

/** Faults off, everybody here; ends when nothing is owed, or it is a violation. */
async function settleDown(world: World, enough: () => boolean): Promise<void> {
  world.note("faults off");
  world.calmDown();
  for (const client of world.clients) client.wire?.stall(false);
  let quiet = false;
  for (let waited = 0; waited < PATIENCE && !quiet; waited += 1_000) {
    for (const client of world.clients) {
      if (!client.online) client.connect(false, undefined);
    }
    await world.time.run(1_000);
    if (enough()) return;
    quiet = world.clients.every((client) => client.settled) &&
      check.tablesAreQuiet(world).length === 0;
  }
  if (quiet) return;
  const owing = world.clients.filter((client) => !client.settled).map((each) => each.describe());
  world.violation(
    "idle",
    `not idle after ${PATIENCE} ms: ${[...check.tablesAreQuiet(world), ...owing].join("; ")}`,
  );
}

/** A crash when nothing is owed: what comes back is what was there. */
async function restartOnce(world: World, enough: () => boolean): Promise<void> {
  world.crash();
  await world.boot();
  check.retainedIsLast(world);
  await settleDown(world, enough);
  if (enough()) return;
  check.noMoreThanSent(world);
  check.onlyWhatWasAsked(world);
  check.retainedIsLast(world);
}

async function sayGoodbye(world: World): Promise<void> {
  world.note("good-bye");
  for (const client of world.clients) client.disconnect(0);
  await world.time.run(FOR_EVER);
  check.nothingIsLeft(world);
}

function outcome(world: World, scenario: Scenario): Outcome {
  const { ledger } = world;
  return {
    hash: world.hash,
    actions: scenario.actions.length,
    messages: ledger.publications.length,
    received: world.clients.reduce((sum, { received }) => sum + received, 0),
    crashes: ledger.crashes,
    faults: ledger.faults,
    drops: [...ledger.dropped.values()].reduce((sum, count) => sum + count, 0),
    refusals: ledger.refusals,
    storeFaults: world.diskFaults.failed.noRoom + world.diskFaults.failed.unknown,
    violations: ledger.violations,
    found: ledger.found,
    log: world.log,
  };
}
