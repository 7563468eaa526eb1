/**
 * While nothing is under way: every node has the same in its tables, which is what the shared state has, and a
 * session is the node's that the state says and no other's.
 */

import assert from "node:assert/strict";
import { checksumOf } from "../../src/broker/checksum.ts";
import { isPosted } from "../../src/broker/elsewhere.ts";
import type { Tables } from "../../src/broker/tables.ts";
import * as ids from "../../src/session/packet_id_map.ts";
import { tailOrders } from "../../src/session/queue.ts";
import { isStored } from "../../src/session/session.ts";
import { allSubscriptions } from "../../src/session/subscription_map.ts";
import type { DumpedSession } from "../../src/store/memory_store.ts";
import { ordersOf } from "../simulation/audit.ts";
import type { Seat } from "./seat.ts";
import type { World } from "./world.ts";

/** Reports every difference between the nodes, and between them and the shared state. */
export function clusterIsOne(world: World): void {
  const { state, seats } = world;
  const { sessions, retained, wills } = state.records.dump();
  const living = state.living();
  for (const seat of seats) {
    const { tables, name, node } = seat;
    compare(world, `${name}: who is there`, tables.cluster!.nodes, living);
    compare(world, `${name}: sessions`, sessionsOf(tables), sessionsIn(sessions));
    compare(
      world,
      `${name}: retained`,
      [...tables.retained.matching("#")].map(({ topic, order }) => `${topic} ${order}`).sort(),
      retained.map(({ topic, order }) => `${topic} ${order}`).sort(),
    );
    compare(
      world,
      `${name}: Wills that wait`,
      [...tables.clients.values()].flatMap(({ will }) =>
        will === undefined || will.publishAt === Infinity
          ? []
          : [`${will.clientId} ${will.publishAt}`]
      ).sort(),
      wills.filter(({ publishAt }) => publishAt !== Infinity)
        .map(({ clientId, publishAt }) => `${clientId} ${publishAt}`).sort(),
    );
    compare(
      world,
      `${name}: what it wants`,
      wantedBy(tables),
      routesOf(state.routes.get(node!.node)!),
    );
    for (const other of living) {
      if (other === node!.node) continue;
      compare(
        world,
        `${name}: what ${other} wants`,
        routesOf(tables.cluster!.routes.get(other) ?? new Map()),
        routesOf(state.routes.get(other)!),
      );
    }
    for (const known of tables.cluster!.routes.keys()) {
      if (!living.includes(known)) {
        world.violation("fold", `${name} has routes of ${known}, a dead node`);
      }
    }
    ownSessions(world, seat);
  }
  const sums = seats.map(({ tables }) => checksumOf(tables));
  compare(world, "the checksums", new Set(sums).size, 1);
  for (const [clientId, owner] of state.claims) {
    const seat = seats.find(({ node }) => node!.node === owner);
    const row = seat?.tables.clients.get(clientId);
    if (row?.here === true || world.unsure.has(clientId)) continue;
    world.violation("fold", `${clientId} is ${owner}'s, which does not know of it`);
  }
}

/** What is this node's alone: it is what the state has. */
function ownSessions(world: World, { tables, name, node }: Seat): void {
  const { state } = world;
  for (const client of tables.clients.values()) {
    const { clientId, session, here, live } = client;
    if (!here) continue;
    if (state.claims.get(clientId) !== node!.node) {
      world.violation(
        "fold",
        `${name} has ${clientId}, the state says ${state.claims.get(clientId)}`,
      );
    }
    if (!isStored(session)) { // the state has nothing of it, and takes nothing for it
      compare(world, `${name}: posts to ${clientId}`, isPosted(tables, client), false);
      continue;
    }
    const stored = state.records.load(clientId, Infinity);
    compare(
      world,
      `${name}: the queue of ${clientId}`,
      ordersOf(client),
      stored.queued.map(({ message }) => message.order),
    );
    const tail = tailOrders(session.queue);
    compare(
      world,
      `${name}: what ${clientId} has still to read`,
      tail,
      tail.toSorted((a, b) => a - b),
    );
    if (live?.ready !== true) continue;
    compare(
      world,
      `${name}: inflight of ${clientId}`,
      ids.entries(session.inflight).map(([id, { awaiting }]) => `${id} ${awaiting}`).sort(),
      stored.inflight.map(([id, { awaiting }]) => `${id} ${awaiting}`).sort(),
    );
    compare(
      world,
      `${name}: received of ${clientId}`,
      ids.entries(session.received).map(([id]) => id).sort(),
      [...stored.received].sort(),
    );
  }
  for (const group of tables.groups.values()) {
    const { key, session } = group;
    const { queued } = state.records.load(session.clientId, Infinity);
    compare(
      world,
      `${name}: the queue of ${JSON.stringify(key)}`,
      isStored(session) ? ordersOf(group) : [],
      queued.map(({ message }) => message.order),
    );
  }
}

function sessionsOf(tables: Readonly<Tables>): string[] {
  return [...tables.clients.values()].filter(({ session }) => isStored(session)).map((
    { clientId, session: { owner, expiryInterval, subscriptions } },
  ) => told(clientId, owner.user, expiryInterval, allSubscriptions(subscriptions))).sort();
}

function sessionsIn(sessions: readonly DumpedSession[]): string[] {
  return sessions.filter(({ clientId }) => !clientId.startsWith("\u0000")).map((
    { clientId, owner, expiryInterval, subscriptions },
  ) => told(clientId, owner.user, expiryInterval, subscriptions)).sort();
}

function told(
  clientId: string,
  user: string | undefined,
  expiry: number,
  subscriptions: DumpedSession["subscriptions"],
): string {
  const all = subscriptions.map(({ full, options }) => JSON.stringify([full, options])).sort();
  return `${clientId} ${user} ${expiry} ${all}`;
}

function wantedBy({ cluster }: Readonly<Tables>): string[] {
  return [...cluster!.wanted].filter(([, { announced }]) => announced > 0)
    .map(([full, { announced }]) => `${full} ${announced}`).sort();
}

function routesOf(routes: ReadonlyMap<string, number>): string[] {
  return [...routes].map(([full, interest]) => `${full} ${interest}`).sort();
}

function compare(world: World, what: string, has: unknown, expected: unknown): void {
  try {
    assert.deepEqual(has, expected);
  } catch {
    world.violation(
      "fold",
      `${what}: has ${JSON.stringify(has)}, the state has ${JSON.stringify(expected)}`,
    );
  }
}
