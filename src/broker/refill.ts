/**
 * Keeps a connected client supplied: from what has to be sent again, from retained messages that its
 * subscriptions asked for, from its queue, from the shared queues that it is a member of; and keeps the
 * head of its queue supplied from the store. MQTT 5.0 section 4.9.
 */

import { durably } from "../session/step.ts";
import type { Effect } from "../session/effect.ts";
import * as fifo from "../session/fifo.ts";
import { headLength, tailLength, tailStart } from "../session/queue.ts";
import { replenish } from "../session/replenish.ts";
import { hasWindow } from "../session/session.ts";
import type { Write } from "../session/write.ts";
import { mayReceive } from "./access.ts";
import { fits, sendAllOutbound } from "./outgoing.ts";
import { streamRetained, streamsHalf } from "./retained_stream.ts";
import { sendQueuedRuns } from "./send_run.ts";
import { takeShared } from "./shared.ts";
import type { Client, Group, Live, Tables } from "./tables.ts";
import { ask, observeDrop, replaceSession, sendable } from "./tables.ts";

/** Sends as much as the client and its quota take. */
export function refill(tables: Tables, client: Client): void {
  tables.runnable.delete(client);
  if (!sendable(client)) return; // its turn comes when it is back, or drained
  const live = client.live!;
  // Half of the window for retained messages, so that neither they nor the queue wait for the other.
  if (client.streams.length > 0) {
    streamRetained(tables, client, streamsHalf(client));
  }
  const { resending, queue } = client.session;
  if (resending.length > 0 || headLength(queue) > 0) {
    sendQueuedRuns(tables, client);
    if (hasWindow(client.session, tables.rules.limits)) fillWindow(tables, client, live);
  }
  if (client.groups.size > 0) {
    const writes: Write[] = [];
    const then: Effect[] = [];
    for (const group of client.groups) takeShared(tables, group, client, writes, then);
    if (writes.length + then.length > 0) ask(tables, durably(client.clientId, writes, ...then));
  }
  if (client.streams.length > 0) streamRetained(tables, client, client.session.sendQuota);
  if (live.qos0Room <= 0 && fifo.size(client.session.queue.head) > 0) tables.runnable.add(client);
  readOn(tables, client);
}

/** What has to be sent again, then the queue. */
function fillWindow(tables: Tables, client: Client, live: Live): void {
  const done = replenish(
    client.session,
    tables.now,
    (delivery) => fits(tables, live, delivery),
    tables.rules.limits.sendWindowBytes,
    live.qos0Room,
    ({ message, qos, retain }) => mayReceive(tables, client, message.topic, qos, retain),
  );
  live.qos0Room -= done.qos0Bytes;
  if (done.session === client.session) return;
  replaceSession(tables, client, done.session);
  for (const [{ message }, reason] of done.dropped) {
    observeDrop(tables, client.clientId, message.topic, reason);
  }
  const then = sendAllOutbound(tables, live, done.outbound);
  ask(tables, durably(client.clientId, done.writes, ...then));
}

/** Asks the store for the next part of a queue, when its head runs low and there is a tail. */
export function readOn(tables: Tables, row: Client | Group): void {
  const { queue } = row.session;
  const present = row.kind === "client"
    ? row.live?.ready === true
    : row.elsewhere.size > 0 || row.members.some(isHere);
  if (row.reading || !present || tailLength(queue) === 0) return;
  const { queueHead } = tables.rules.limits;
  const inHead = headLength(queue);
  if (inHead > queueHead / 2) return;
  row.reading = true;
  tables.out.push({
    type: "read",
    clientId: row.session.clientId,
    from: tailStart(queue)!,
    most: queueHead - inHead,
  });
}

function isHere(member: Group["members"][number]): boolean {
  return sendable(member.client);
}
