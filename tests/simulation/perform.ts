/**
 * Does one action of a scenario to the world. An action that makes no sense now is none.
 */

import { foldEqualsMemory } from "./audit.ts";
import type { Client } from "./client.ts";
import { expectFlow } from "./flow.ts";
import type { WillRecord } from "./ledger.ts";
import { FILTERS, TOPICS } from "./scenario.ts";
import type { Action } from "./scenario.ts";
import type { World } from "./world.ts";

/** After every action a little time passes, so that actions come to overlap but not to pile up. */
const AFTER = 3;

/** Milliseconds that a probe is waited for. */
const PROBED = 11_000;

export async function perform(world: World, action: Action): Promise<void> {
  const client = "client" in action
    ? world.clients[action.client % (world.clients.length - 1)]!
    : world.clients[0]!;
  world.note(JSON.stringify(action));
  const needs = action.kind === "publish" || action.kind === "subscribe";
  if (needs && !client.online && world.random.chance(0.8)) {
    client.connect(false, undefined);
    await world.time.run(20, () => client.connected);
  }
  switch (action.kind) {
    case "connect":
      if (!client.online) client.connect(action.clean, willFor(world, client, action.will));
      break;
    case "takeover":
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
    case "crash":
      if (world.runtime === undefined) break; // it is down already, and starts by itself
      world.crash();
      await world.time.run(action.down);
      await world.boot();
      break;
    case "diskFull": {
      const { diskFaults, time } = world;
      diskFaults.fullUntil = Math.max(diskFaults.fullUntil, time.now + action.milliseconds);
      if (action.probe) await probe(world, client);
      break;
    }
    case "diskBreaks":
      world.diskFaults.breaks = action.kept ? "kept" : "lost";
      world.downFor = action.down;
      break;
    case "audit":
      if (world.ledger.isMuted("fold")) break;
      await world.time.run(10_000, () => world.runtime?.idle === true);
      if (world.runtime?.idle === true) await foldEqualsMemory(world);
      break;
    case "rules":
      world.changeRules(action.set);
      break;
    case "wait":
      await world.time.run(action.milliseconds);
  }
  await world.time.run(world.random.between(0, AFTER));
}

/** The broker finds out that its disk is full, and then everybody who is here publishes with QoS 0. */
async function probe(world: World, client: Client): Promise<void> {
  const message = {
    topic: 1,
    retain: false,
    clears: false,
    expiry: 0,
    delay: 0,
    size: 10,
    count: 1,
  };
  publish(world, client, { kind: "publish", client: 0, qos: 1, ...message });
  await world.time.run(200);
  for (const each of world.clients) {
    if (each.connected) publish(world, each, { kind: "publish", client: 0, qos: 0, ...message });
  }
  await world.time.run(PROBED);
}

/** The Will of a connection that is about to be asked for. */
export function willFor(
  world: Pick<World, "ledger" | "time">,
  client: Client,
  will: (Action & { kind: "connect" })["will"],
): WillRecord | undefined {
  if (will === null) return undefined;
  const record: WillRecord = {
    publication: world.ledger.publication({
      publisher: client.id,
      topic: `w/${client.id}`,
      qos: will.qos,
      retain: will.retain,
      clears: false,
      will: true,
      delay: 0,
      expiry: Infinity,
      size: 20,
    }),
    clientId: client.id,
    delay: client.profile.version === 5 ? will.delay : 0,
    state: "offered",
    confirmed: false,
    dueAt: Infinity,
    changedAt: world.time.now,
    uncertain: false,
  };
  world.ledger.wills.push(record);
  return record;
}

function publish(world: World, client: Client, action: Action & { kind: "publish" }): void {
  for (let i = 0; i < action.count; i++) {
    const publication = world.ledger.publication({
      publisher: client.id,
      topic: TOPICS[action.topic]!,
      qos: action.qos,
      retain: action.retain,
      clears: action.retain && action.clears,
      will: false,
      delay: action.delay,
      expiry: client.profile.version === 5 && action.expiry > 0 ? action.expiry : Infinity,
      size: action.size,
    });
    client.publish(publication);
    if (action.qos === 0) expectFlow(world, publication, client);
  }
}

/** Has a client subscribe. */
export function subscribe(client: Client, action: Action & { kind: "subscribe" }): void {
  const fulls = new Set<string>();
  const five = client.profile.version === 5;
  const wanted = action.filters.flatMap((each) => {
    const full = FILTERS[each.filter]!;
    if (fulls.has(full)) return [];
    fulls.add(full);
    const shared = full.startsWith("$share/");
    const identifier = action.filters[0]!.identifier;
    return [{
      full,
      filter: shared ? full.slice("$share/g/".length) : full,
      shared,
      options: {
        qos: each.qos,
        noLocal: five && !shared && each.noLocal,
        retainAsPublished: five && each.retainAsPublished,
        retainHandling: five ? each.retainHandling : 0 as const,
        subscriptionIdentifier: five && identifier > 0 ? identifier : undefined,
      },
      confirmedAt: Infinity,
      endSentAt: Infinity,
      endConfirmedAt: Infinity,
    }];
  });
  client.subscribe(wanted);
}
