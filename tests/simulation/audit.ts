/**
 * The fold of all committed writes is what the broker has in memory: checked while nothing waits for
 * the store, at any point of a run, by building a second broker from the disk alone.
 */

import assert from "node:assert/strict";
import { Broker } from "../../src/broker/broker.ts";
import { inFlight } from "../../src/broker/shared_stored.ts";
import type { Client, Group, Tables } from "../../src/broker/tables.ts";
import * as ids from "../../src/session/packet_id_map.ts";
import { queueLength, queueOrders } from "../../src/session/queue.ts";
import type { Message } from "../../src/session/message.ts";
import { messageSize } from "../../src/session/message.ts";
import { isStored } from "../../src/session/session.ts";
import { allSubscriptions } from "../../src/session/subscription_map.ts";
import type { World } from "./world.ts";

/** Reports every difference between the disk and the tables. */
export async function foldEqualsMemory(world: World): Promise<void> {
  const recovered = new Broker(world.options.rules);
  for await (const record of world.disk.index()) {
    recovered.step({ type: "indexed", record }, world.time.now);
  }
  compare(world, "tables of a broker built from the disk", () => {
    assert.deepEqual(durablePart(recovered.snapshot()), durablePart(world.tables));
  });
  for (const client of world.tables.clients.values()) {
    const { session } = client;
    if (session.expiryInterval === 0 || client.live?.ready !== true) continue;
    const stored = world.disk.load(client.clientId, Infinity);
    compare(world, `what is inflight for ${client.clientId}`, () => {
      const kept = stored.inflight.map(([id, { awaiting }]) => `${id} ${awaiting}`).sort();
      const live = ids.entries(session.inflight).map(([id, { awaiting }]) => `${id} ${awaiting}`);
      assert.deepEqual(kept, live.sort());
      assert.deepEqual(
        [...stored.received].sort(),
        ids.entries(session.received).map(([id]) => id).sort(),
      );
    });
  }
  for (const row of [...world.tables.clients.values(), ...world.tables.groups.values()]) {
    const { session } = row;
    if (session.expiryInterval === 0) continue;
    const stored = world.disk.load(session.clientId, Infinity);
    compare(world, `the queue of ${JSON.stringify(session.clientId)}`, () => {
      assert.deepEqual(
        ordersOf(row),
        stored.queued.map(({ message }) => message.order),
      );
    });
  }
}

/** What the store has to have in the queue, in order: head and tail, and what a group has in flight. */
export function ordersOf(row: Client | Group): readonly number[] {
  return [
    ...queueOrders(row.session.queue),
    ...heldFor(row).map(({ order }) => order),
  ].sort((a, b) => a - b);
}

/** What members of a group have in flight whose sessions are not stored: its queue keeps it. */
function heldFor(row: Client | Group): Message[] {
  if (row.kind === "client") return [];
  const passing = row.members.filter(({ client }) => !isStored(client.session));
  return passing.flatMap(({ client }) =>
    inFlight(client, row).map(([, { delivery }]) => delivery!.message)
  );
}

function durablePart(tables: Readonly<Tables>) {
  const sessions: Record<string, unknown> = {};
  for (const row of [...tables.clients.values(), ...tables.groups.values()]) {
    const { session } = row;
    if (session.expiryInterval === 0) continue;
    const held = heldFor(row);
    sessions[session.clientId] = {
      expiryInterval: session.expiryInterval,
      queued: queueLength(session.queue) + held.length,
      bytes: session.queue.bytes + held.reduce((sum, message) => sum + messageSize(message), 0),
      subscriptions: allSubscriptions(session.subscriptions)
        .map(({ full, options, origin, unseen }) => JSON.stringify([full, options, origin, unseen]))
        .sort(),
      unsubscribed: [...session.subscriptions.unsubscribed].sort(),
      awaited: session.subscriptions.awaited,
    };
  }
  const wills: Record<string, unknown> = {};
  for (const { clientId, will } of tables.clients.values()) {
    if (will !== undefined) wills[clientId] = [will.publishAt, text(will.packet.payload)];
  }
  const retained: Record<string, unknown> = {};
  for (const topics of [["a", "b", "s", "w"]]) {
    for (const first of topics) {
      for (const message of tables.retained.matching(`${first}/#`)) {
        retained[message.topic] = [message.order, text(message.payload), message.expiresAt];
      }
    }
  }
  return {
    sessions,
    wills,
    retained,
    retainedBytes: tables.retainedBytes,
    delayed: [...tables.delayed.keys()].sort((a, b) => a - b),
    groups: [...tables.groups.values()].filter(({ session }) => session.expiryInterval > 0)
      .map(({ key }) => key).sort(),
  };
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, 12));
}

function compare(world: World, what: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    world.violation("fold", `disk and memory differ: ${what}: ${(error as Error).message}`);
  }
}
