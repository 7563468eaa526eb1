/**
 * Does one action of a scenario to the world of a cluster. An action that makes no sense now is none.
 */

import type { Event } from "../../src/broker/event.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import { FILTERS, TOPICS } from "../simulation/scenario.ts";
import { subscribe, willFor } from "../simulation/perform.ts";
import type { Client } from "../simulation/client.ts";
import { clusterIsOne } from "./audit.ts";
import type { Action } from "./scenario.ts";
import type { Seat } from "./seat.ts";
import type { World } from "./world.ts";

/** After every action a little time passes, so that actions come to overlap but not to pile up. */
const AFTER = 3;

export async function perform(world: World, action: Action): Promise<void> {
  const client = "client" in action
    ? world.clients[action.client % (world.clients.length - 1)]!
    : world.clients[0]!;
  world.note(inWords(action));
  const needs = action.kind === "publish" || action.kind === "subscribe";
  if (needs && !client.online && world.random.chance(0.8)) {
    client.connect(false, undefined);
    await world.time.run(20 + 10 * world.options.latency, () => client.connected);
  }
  const { time, counts } = world;
  switch (action.kind) {
    case "connect":
      if (client.online) break;
      world.goesTo.set(client.id, action.seat);
      client.connect(action.clean, willFor(world, client, action.will));
      break;
    case "takeover":
      client.connect(action.clean, willFor(world, client, action.will));
      break;
    case "move":
      counts.moves += 1;
      world.goesTo.set(client.id, action.seat);
      client.connect(action.clean, willFor(world, client, action.will));
      break;
    case "disconnect":
      world.ledger.faults += action.how === "reset" || action.how === "finish" ? 1 : 0;
      if (action.how === "clean") client.disconnect(0);
      else if (action.how === "will") client.disconnect(client.profile.version === 5 ? 4 : 0);
      else client.drop(action.how);
      break;
    case "publish":
      publish(world, client, action);
      break;
    case "tour":
      await tour(world, client, action);
      break;
    case "share":
      await share(world, client, action);
      break;
    case "subscribe":
      subscribe(client, action);
      break;
    case "unsubscribe":
      client.unsubscribe([FILTERS[action.filter]!]);
      break;
    case "stall":
      world.ledger.faults += 1;
      client.wire?.stall(true);
      break;
    case "resume":
      client.wire?.stall(false);
      break;
    case "halfOpen":
      if (client.wire === undefined) break;
      world.ledger.faults += 1;
      client.wire.halfOpen = true;
      client.drop("reset");
      break;
    case "crash": {
      const seat = world.seats[action.seat]!;
      if (seat.node === undefined) break; // it starts by itself
      world.crash(seat);
      time.after(action.down, () => world.start(seat));
      break;
    }
    case "retire": {
      const seat = world.seats[action.seat]!;
      if (!seat.isUp || seat.paused || seat.isStale) break; // nobody hears that it is to end
      counts.retired += 1;
      world.retire(seat, () => time.after(action.down, () => world.start(seat)));
      break;
    }
    case "pause": {
      const seat = world.seats[action.seat]!;
      const { node } = seat;
      if (!seat.isUp || seat.paused) break;
      counts.pauses += 1;
      world.disturbed();
      seat.pause();
      time.after(action.milliseconds, () => {
        if (seat.node !== node) return;
        world.disturbed();
        seat.resume();
      });
      break;
    }
    case "cut": {
      const { node } = world.seats[action.seat]!;
      if (node === undefined || node.channel.cut) break;
      counts.cuts += 1;
      world.disturbed();
      node.channel.cut = true;
      time.after(action.milliseconds, () => {
        world.disturbed();
        node.channel.cut = false;
      });
      break;
    }
    case "outage":
      if (world.down) break;
      counts.outages += 1;
      world.disturbed();
      world.down = true;
      time.after(action.milliseconds, () => {
        world.disturbed();
        world.down = false;
      });
      break;
    case "manage": {
      const seat = world.seats[action.seat]!;
      if (!seat.isUp || seat.paused) break;
      counts.managed += 1;
      seat.manage(managed(action.what, client.id));
      break;
    }
    case "audit":
      if (await calm(world)) clusterIsOne(world);
      break;
    case "wait":
      await time.run(action.milliseconds);
  }
  await time.run(world.random.between(0, AFTER));
}

function managed(what: (Action & { kind: "manage" })["what"], clientId: string): Event {
  switch (what) {
    case "fetch":
      return { type: "fetch", clientId, ticket: 1 };
    case "kick":
      return { type: "kick", clientId, reason: Reason.administrativeAction };
    default:
      return { type: what, clientId };
  }
}

/** An action in short: what says nothing is left out. */
function inWords(action: Action): string {
  if (action.kind !== "subscribe") {
    const said = Object.entries(action).filter(([, value]) =>
      value !== false && value !== 0 || typeof value === "object"
    );
    return said.map(([key, value]) =>
      key === "kind" ? `> ${value}` : `${key} ${JSON.stringify(value)}`
    )
      .join(" ");
  }
  const filters = action.filters.map(({ filter, qos }) => `${FILTERS[filter]} q${qos}`);
  return `> subscribe client ${action.client} ${filters.join(", ")}`;
}

/** Waits until nothing is under way to or from the shared state; false where something stays. */
export async function calm(world: World): Promise<boolean> {
  const { time, seats } = world;
  const is = () => !world.down && seats.every((seat) => isCalm(world, seat));
  await time.run(3_000, is);
  return is();
}

function isCalm({ state }: World, seat: Seat): boolean {
  const { node, runtime } = seat;
  if (!seat.isUp || seat.paused || node!.channel.cut || !node!.idle || !runtime!.idle) return false;
  const { pending, cluster } = seat.tables;
  if (pending > 0 || state.graves.size > 0 || cluster!.errands.size > 0) return false;
  return state.nodes.get(node!.node)?.applied === state.position &&
    state.inboxes.get(node!.node)!.length === 0;
}

/** Milliseconds that a client stays on a node at most. */
const STAY = 3_000;

async function tour(
  world: World,
  client: Client,
  { absent, topic, qos, count }: Action & { readonly kind: "tour" },
): Promise<void> {
  const other = world.clients[absent % (world.clients.length - 1)]!;
  if (other !== client) other.drop("finish");
  const message = { retain: false, clears: false, expiry: 0, delay: 0, size: 10 };
  const from = world.goesTo.get(client.id)!;
  for (let stop = 1; stop <= world.seats.length; stop++) {
    publish(world, client, { kind: "publish", client: 0, topic, qos, count, ...message });
    await world.time.run(STAY, () => client.settled);
    world.goesTo.set(client.id, (from + stop) % world.seats.length);
    client.connect(false, undefined);
    await world.time.run(STAY, () => client.connected);
  }
}

/** A group that all are members of with QoS 2, so that nothing excuses what it does not get. */
const GROUP = { full: "$share/t/t/1", filter: "t/1", shared: true } as const;

async function share(
  world: World,
  client: Client,
  { qos, count, stalled, milliseconds, seat, end, back, down }: Action & {
    readonly kind: "share";
  },
): Promise<void> {
  const { time, ledger } = world;
  const members = world.clients.slice(0, -1).filter((each) => each !== client);
  for (const [at, member] of members.entries()) {
    if (!member.online) member.connect(false, undefined);
    await time.run(STAY, () => member.connected);
    const [confirmedAt, endSentAt, endConfirmedAt] = [Infinity, Infinity, Infinity];
    const options = {
      qos: 2,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
      subscriptionIdentifier: undefined,
    } as const;
    member.subscribe([{ ...GROUP, options, confirmedAt, endSentAt, endConfirmedAt }]);
    await time.run(STAY, () => member.settled);
    if (at >= stalled) continue;
    ledger.faults += 1;
    member.wire?.stall(true);
  }
  if (!client.online) client.connect(false, undefined);
  await time.run(STAY, () => client.connected);
  for (let i = 0; i < count; i++) {
    client.publish(ledger.publication({
      publisher: client.id,
      topic: GROUP.filter,
      qos,
      retain: false,
      clears: false,
      will: false,
      delay: 0,
      expiry: Infinity,
      size: 300,
    }));
  }
  await time.run(milliseconds);
  if (end === "pause") await perform(world, { kind: "pause", seat, milliseconds: down });
  else if (end !== "none") await perform(world, { kind: end, seat, down });
  if (back === "none") return;
  for (const member of members) {
    if (world.goesTo.get(member.id) !== seat) continue;
    world.goesTo.set(member.id, (seat + 1) % world.seats.length);
    member.connect(back === "clean", undefined);
  }
}

function publish(world: World, client: Client, action: Action & { kind: "publish" }): void {
  for (let i = 0; i < action.count; i++) {
    client.publish(world.ledger.publication({
      publisher: client.id,
      topic: TOPICS[action.topic]!,
      qos: action.qos,
      retain: action.retain,
      clears: action.retain && action.clears,
      will: false,
      delay: action.delay,
      expiry: client.profile.version === 5 && action.expiry > 0 ? action.expiry : Infinity,
      size: action.size,
    }));
  }
}
