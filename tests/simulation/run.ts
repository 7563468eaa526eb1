/**
 * One run from its first action to the last checker: what happens, then a phase without faults in
 * which everybody comes back and must get all that it is owed, then a restart that changes nothing, then
 * the end of all sessions.
 */

import { foldEqualsMemory } from "./audit.ts";
import * as check from "./checkers.ts";
import { open, watch, watcherFor } from "./opening.ts";
import { perform } from "./perform.ts";
import type { Checker } from "./ledger.ts";
import { NONE } from "./ledger.ts";
import type { Scenario } from "./scenario.ts";
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
  const world = new World({
    ...scenario,
    profiles: [...scenario.profiles, watcherFor(2_000_000)],
    muted,
  });
  const watcher = world.clients[world.clients.length - 1]!;
  const restore = world.time.install();
  const enough = () => !toTheEnd && world.ledger.violations.length > 0;
  try {
    await world.boot();
    await watch(world, watcher);
    await open(world, watcher, (action) => perform(world, action));
    for (const action of scenario.actions) {
      await perform(world, action);
      if (!watcher.online) watcher.connect(false, undefined);
      check.totalsAreSums(world);
      if (enough()) return outcome(world, scenario);
    }
    await settleDown(world, enough);
    if (enough()) return outcome(world, scenario);
    check.whatWasSentHasCome(world);
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
