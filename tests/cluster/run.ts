/**
 * One run of the cluster from its first action to the last checker: what happens, then a phase without faults in
 * which everybody comes back and must get all that it is owed, then a crash of one node amid peace, then the end of
 * all sessions. The checkers are those of one broker, held against all nodes together.
 *
 * What order means where a publisher moves: its session is one node's at a time, and the next one has it when the
 * one before has committed all that it took, or is dead, and what it had not committed is nowhere. So what was
 * acknowledged before a move comes first, whoever gets it; what was not and is sent again comes in the order in
 * which it was sent again; nothing that was sent before the move comes for the first time behind what was sent
 * after it. With QoS 0 this holds as far as casts of two nodes do not overtake each other: here they never take
 * longer than a claim. With a publisher that stays, it holds always.
 */

import * as check from "../simulation/checkers.ts";
import type { Checker } from "../simulation/ledger.ts";
import { NONE } from "../simulation/ledger.ts";
import { open, watch, watcherFor } from "../simulation/opening.ts";
import { clusterIsOne } from "./audit.ts";
import { calm, perform } from "./perform.ts";
import type { Scenario } from "./scenario.ts";
import { SKEW, World } from "./world.ts";

export interface Outcome {
  readonly hash: number;
  readonly actions: number;
  readonly messages: number;
  readonly received: number;
  readonly drops: number;
  readonly wills: number;
  readonly counts: World["counts"];
  readonly violations: readonly string[];
  readonly found: ReadonlySet<Checker>;
  readonly log: readonly string[];
}

/** Longer than any delay, any Keep Alive and any drain time. */
const PATIENCE = 400_000;
/** Longer than any session. */
const FOR_EVER = 2_200_000;
/** Milliseconds until what is due is done, by whoever is to do it. */
const LATE = 15_000;

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
    profiles: [...scenario.profiles, watcherFor(2_000)],
    muted,
  });
  const watcher = world.clients[world.clients.length - 1]!;
  const restore = world.time.install();
  const enough = () => !toTheEnd && world.ledger.violations.length > 0;
  try {
    for (const seat of world.seats) world.start(seat);
    await world.time.run(60_000, () => world.seats.every(({ isUp }) => isUp));
    await watch(world, watcher);
    await open(world, watcher, (action) => perform(world, action));
    for (const action of scenario.actions) {
      await perform(world, action);
      if (!watcher.online) watcher.connect(false, undefined);
      for (const seat of world.seats) if (seat.isUp) check.totalsAreSums(process(world, seat));
      if (enough()) return outcome(world, scenario);
    }
    await settleDown(world, enough);
    if (enough()) return outcome(world, scenario);
    await world.time.run(LATE);
    await calm(world); // something may expire just now
    check.whatWasSentHasCome(world);
    for (const will of world.ledger.wills) will.dueAt -= SKEW;
    check.willsWereKept(world, watcher);
    for (const seat of world.seats) check.retainedIsLast(process(world, seat));
    if (!muted.has("fold")) clusterIsOne(world);
    if (enough()) return outcome(world, scenario);
    await replaceOne(world, enough);
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

/** The world as one of its nodes has it. */
function process(world: World, seat: World["seats"][number]): check.Scene & check.Process {
  const { clients, ledger, time } = world;
  return {
    clients,
    ledger,
    time,
    skew: SKEW,
    runtime: seat.runtime,
    tables: seat.tables,
    violation: (checker, text) => world.violation(checker, `${seat.name}: ${text}`),
  };
}

/** Faults off, everybody here; ends when nothing is owed, or it is a violation. */
async function settleDown(world: World, enough: () => boolean): Promise<void> {
  // From now on claims are quicker: what was cast before is not to come behind them.
  if (!world.calm) await world.time.run(2 * world.options.latency);
  world.note("faults off");
  world.calm = true;
  world.down = false;
  world.disturbed();
  for (const seat of world.seats) {
    if (seat.node !== undefined) seat.node.channel.cut = false;
    seat.resume();
    world.start(seat);
  }
  for (const client of world.clients) client.wire?.stall(false);
  let owing: string[] = [];
  for (let waited = 0; waited < PATIENCE; waited += 1_000) {
    for (const client of world.clients) {
      if (!client.online) client.connect(false, undefined);
    }
    await world.time.run(1_000);
    if (enough()) return;
    owing = owed(world);
    if (owing.length === 0) return;
  }
  world.violation("idle", `not idle after ${PATIENCE} ms: ${owing.join("; ")}`);
}

/** All that somebody still owes. */
function owed(world: World): string[] {
  const { state } = world;
  const owing = world.clients.filter((client) => !client.settled).map((each) => each.describe());
  for (const seat of world.seats) {
    const say = (text: string) => owing.push(`${seat.name}: ${text}`);
    if (!seat.isUp) {
      say("is not up");
      continue;
    }
    const { node } = seat.node!;
    for (const text of check.tablesAreQuiet(process(world, seat))) say(text);
    if (!seat.node!.idle) say("claims");
    if (seat.isStale) say("is dead for the others");
    else {
      const inbox = state.inboxes.get(node)!.map(({ type }) => type);
      if (inbox.length > 0) say(`inbox ${inbox}`);
      if (state.nodes.get(node)!.applied !== state.position) say("behind the log");
    }
    const { claiming, errands } = seat.tables.cluster!;
    if (claiming.size > 0) say(`claiming ${[...claiming.keys()]}`);
    if (errands.size > 0) say(`errands ${[...errands.keys()]}`);
  }
  if (state.nodes.size !== world.seats.length) owing.push(`nodes ${state.living()}`);
  if (state.graves.size > 0) owing.push(`graves ${[...state.graves.keys()]}`);
  return owing;
}

/** A crash when nothing is owed: what comes back is what was there. */
async function replaceOne(world: World, enough: () => boolean): Promise<void> {
  const seat = world.seats[world.random.between(0, world.seats.length - 1)]!;
  world.crash(seat);
  await settleDown(world, enough);
  if (enough()) return;
  check.noMoreThanSent(world);
  check.onlyWhatWasAsked(world);
  for (const each of world.seats) check.retainedIsLast(process(world, each));
  clusterIsOne(world);
}

async function sayGoodbye(world: World): Promise<void> {
  world.note("good-bye");
  for (const client of world.clients) client.disconnect(0);
  await world.time.run(FOR_EVER);
  nothingIsLeft(world);
}

/** Everybody has gone for good and all sessions have expired: nothing is left. */
function nothingIsLeft(world: World): void {
  const { state } = world;
  const { sessions, wills, delayed } = state.records.dump();
  const left: Record<string, number> = {
    storedSessions: sessions.length,
    storedWills: wills.length,
    storedDelayed: delayed.length,
    strays: state.records.strays,
    claims: [...state.claims.keys()].filter((clientId) => !world.unsure.has(clientId)).length,
    graves: state.graves.size,
    log: state.logLength,
  };
  for (const seat of world.seats) {
    const { tables, name, node, runtime, wires } = seat;
    const of = (what: string, count: number) => left[`${what} at ${name}`] = count;
    of("connections", tables.connections.size);
    of("clients", tables.clients.size);
    of("groups", tables.groups.size);
    of("deadlines", tables.deadlines.size);
    of("delayed", tables.delayed.size);
    of("queued messages", tables.queuedMessages);
    of("queued bytes", tables.queuedBytes);
    of("queues by user", tables.queuedBy.size);
    of("connected by user", tables.connectedBy.size);
    of("bytes delayed", tables.delayedBytes);
    of("sessions that end", tables.ending.size);
    of("pending", tables.pending);
    of("links", [...wires].filter((wire) => !wire.closed).length);
    of("wires", runtime!.size);
    of("filters wanted", tables.cluster!.wanted.size);
    of("sessions that are asked for", tables.cluster!.claiming.size);
    of("sessions that are posted to", tables.cluster!.posted.size);
    of("own retained messages under way", tables.cluster!.retaining.size);
    of("errands", tables.cluster!.errands.size);
    of("sessions that are to be let go of", tables.cluster!.owed.size);
    of("routes", [...tables.cluster!.routes.values()].reduce((sum, { size }) => sum + size, 0));
    of("in the inbox", state.inboxes.get(node!.node)!.length);
  }
  for (const [what, count] of Object.entries(left)) {
    if (count !== 0) world.violation("left", `${count} ${what} left when all have gone`);
  }
}

function outcome(world: World, scenario: Scenario): Outcome {
  const { ledger, counts } = world;
  return {
    hash: world.hash,
    actions: scenario.actions.length,
    messages: ledger.publications.length,
    received: world.clients.reduce((sum, { received }) => sum + received, 0),
    drops: [...ledger.dropped.values()].reduce((sum, count) => sum + count, 0),
    wills: ledger.wills.length,
    counts,
    violations: ledger.violations,
    found: ledger.found,
    log: world.log,
  };
}
