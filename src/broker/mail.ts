/**
 * What other nodes have put into the queue of a session that is here: the store has it, and now its row does.
 * Section 8 of the architecture.
 */

import type { ClientId } from "../policy/identity.ts";
import type { AnyWrite } from "../session/cluster_write.ts";
import { sendNow } from "../session/deliver.ts";
import type { Delivery, Order } from "../session/message.ts";
import { messageSize } from "../session/message.ts";
import { dropOldest, enqueueInOrder, headLength } from "../session/queue.ts";
import { fullReason } from "../session/queue_bound.ts";
import { durably } from "../session/step.ts";
import { cameBack } from "./elsewhere.ts";
import { fits, sendDelivery, unfit } from "./outgoing.ts";
import { queueBound } from "./queued.ts";
import { refill } from "./refill.ts";
import { passOrder } from "./route.ts";
import type { Client, Live, Tables } from "./tables.ts";
import { ask, observeDrop, replaceSession, sendable } from "./tables.ts";

/** One message; for a session that has gone on to another node it is no matter: that one has read it. */
export function onMail(
  tables: Tables,
  { clientId, delivery }: { readonly clientId: ClientId; readonly delivery: Delivery },
): void {
  const { order } = delivery.message;
  passOrder(tables, order);
  const { posted, claiming, errands } = tables.cluster!;
  const own = posted.get(clientId);
  if (own !== undefined) {
    cameBack(own, order);
    // As long as it is asked for, what is posted is taken down: `claimed` needs to know.
    const asked = claiming.has(clientId) || errands.has(clientId);
    if (own.size === 0 && !asked) posted.delete(clientId);
  }
  if (tables.ending.has(clientId)) { // it was for a session that has ended, and may lie in the next one's queue
    return ask(tables, durably(clientId, [{ type: "deleteQueued", clientId, order }]));
  }
  const client = tables.clients.get(clientId);
  if (client?.here !== true || client.live === undefined) return;
  if (sendable(client) && sendAtOnce(tables, client, client.live, delivery)) return;
  enqueue(tables, client, delivery);
  refill(tables, client);
}

/** Sends it, or drops what it may not have; false where it has to wait. */
function sendAtOnce(tables: Tables, client: Client, live: Live, delivery: Delivery): boolean {
  const { message } = delivery;
  const sent = sendNow(client.session, delivery, tables.rules.limits, tables.now);
  if (sent === undefined) return false;
  const { clientId } = client;
  const gone: AnyWrite = { type: "deleteQueued", clientId, order: message.order };
  const late = message.expiresAt <= tables.now;
  if (late || !fits(tables, live, delivery)) {
    observeDrop(tables, clientId, message.topic, late ? "expired" : unfit(live, delivery));
    ask(tables, durably(clientId, [gone]));
    return true;
  }
  replaceSession(tables, client, sent.session);
  const effect = sendDelivery(tables, live, delivery, sent.packetId, false);
  ask(tables, durably(clientId, [...sent.writes, gone], effect));
  return true;
}

/** Behind what came before it; the oldest go where there is no room, or it goes itself. */
function enqueue(tables: Tables, client: Client, delivery: Delivery): void {
  const { clientId, rules: { limits } } = client;
  const { message } = delivery;
  const size = messageSize(message);
  const writes: AnyWrite[] = [];
  let { queue } = client.session;
  for (;;) {
    const reason = fullReason(queue, size, limits, queueBound(tables, client.session));
    if (reason === undefined) break;
    const shorter = tables.rules.queuePolicy === "dropOldest" ? dropOldest(queue) : undefined;
    const order = shorter?.order ?? message.order;
    observeDrop(tables, clientId, message.topic, reason);
    writes.push({ type: "deleteQueued", clientId, order });
    if (shorter === undefined) return ask(tables, durably(clientId, writes));
    queue = shorter.queue;
    replaceSession(tables, client, { ...client.session, queue });
  }
  noteAmid(tables, client, message.order);
  const toTail = headLength(queue) >= limits.queueHead;
  queue = enqueueInOrder(queue, delivery, toTail);
  replaceSession(tables, client, { ...client.session, queue });
  ask(tables, durably(clientId, writes));
}

/** A read that is under way may pass it over, though the store has it: other nodes' orders are not in its order. */
export function noteAmid({ cluster }: Tables, { clientId, reading }: Client, order: Order): void {
  if (cluster === undefined || !reading) return;
  const { amid } = cluster;
  const known = amid.get(clientId);
  if (known === undefined) amid.set(clientId, new Set([order]));
  else known.add(order);
}
