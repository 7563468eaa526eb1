/**
 * While the disk is full, QoS 0 flows: what is published to somebody who is there, and for whom nothing
 * waits, comes within a time that no store has a part in. Section 7 of the architecture.
 */

import { certain } from "./checkers.ts";
import type { Client } from "./client.ts";
import type { Publication } from "./ledger.ts";
import type { Live } from "../../src/broker/tables.ts";
import { queueLength } from "../../src/session/queue.ts";
import type { World } from "./world.ts";

/** Milliseconds; longer than any message is under way in weather that is no worse than `FAST`. */
const SOON = 10_000;

/** Milliseconds of delay of a network that is looked at. */
const FAST = 50;

/** A QoS 0 message has just been sent: it has to come to all for whom nothing stands in its way. */
export function expectFlow(world: World, publication: Publication, publisher: Client): void {
  const { delay, retain, expiry } = publication;
  if (!world.tables.storeFull || world.options.weather.delay > FAST) return;
  if (delay > 0 || retain || expiry !== Infinity || publication.sent === 0) return;
  const from = liveOf(world, publisher);
  if (from === undefined || from.meter !== undefined) return; // a rate may keep it
  for (const client of world.clients) {
    if (isOpen(world, client, publication)) expectAt(world, publication, client, publisher, from);
  }
}

function expectAt(
  world: World,
  publication: Publication,
  client: Client,
  publisher: Client,
  from: Live,
): void {
  const { ledger } = world;
  const { wire } = client;
  const { wire: source } = publisher;
  const changes = world.storeChanges;
  const dropped = ledger.dropped.get(client.id);
  world.time.after(SOON, () => {
    // The disk was full all the time, both links are as they were, and nothing was dropped.
    if (world.storeChanges !== changes || !world.tables.storeFull) return;
    if (client.wire !== wire || wire!.stalled || wire!.closed) return;
    if (publisher.wire !== source || source!.closed || from.heldBack) return;
    if (liveOf(world, client)?.congested !== false) return;
    if (ledger.dropped.get(client.id) !== dropped) return;
    const got = ledger.receiptsOf(client.id).some((each) => each.publication === publication);
    if (!got) world.violation("flow", `${client.id} has not got #${publication.id}, QoS 0`);
  });
}

/** Nothing stands between the broker and the client, and nothing that waits comes before it. */
function isOpen(world: World, client: Client, publication: Publication): boolean {
  const { wire, profile } = client;
  const live = liveOf(world, client);
  if (live === undefined || !client.settled || wire!.stalled || live.congested) return false;
  if (profile.maximumPacketSize !== Infinity) return false;
  if (world.options.rules.queueQos0 && profile.sessionExpiry > 0) return false; // it may have to wait
  const { session, streams } = live.client!;
  if (queueLength(session.queue) > 0 || session.resending.length > 0) return false;
  if (streams.length > 0) return false;
  return certain(world.ledger, client, { ...publication, acknowledgedAt: world.time.now })
    .some(({ shared, endSentAt }) => !shared && endSentAt === Infinity);
}

/** The broker's row of a client's link, as long as it is let in and is read. */
function liveOf(world: World, { wire }: Client): Live | undefined {
  if (wire === undefined || wire.closed || world.runtime === undefined) return undefined;
  const live = world.tables.connections.get(wire.id);
  return live?.ready && !live.heldBack ? live : undefined;
}
