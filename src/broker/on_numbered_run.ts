/**
 * Publications with QoS 1 or 2 that are alike, in one step: what is asked of the first holds for all, each session
 * is folded once, and their acknowledgements and copies leave together. MQTT 5.0 sections 3.3.4, 4.3 and 4.9.
 *
 * It knows the case in which everybody either takes all of them at once, with nothing to be stored, or is away and
 * has room for all of them in its queue; it takes every other packet by packet.
 */

import type { NumberedRun } from "../packet/numbered_run.ts";
import { keptRun } from "../packet/numbered_run.ts";
import type { Publish } from "../packet/packet.ts";
import type { DeliveryRun } from "../session/delivery_run.ts";
import { deliveriesOf } from "../session/delivery_run.ts";
import type { Effect } from "../session/effect.ts";
import type { Delivery } from "../session/message.ts";
import { messageOf, SMALLEST_MESSAGE } from "../session/message.ts";
import * as ids from "../session/packet_id_map.ts";
import type { Session } from "../session/session.ts";
import { isStored } from "../session/session.ts";
import { NOTHING } from "../session/step.ts";
import { enqueueRun } from "../session/queue.ts";
import { fullReason } from "../session/queue_bound.ts";
import type { RunWrite } from "../session/run_write.ts";
import type { Deal } from "./deal.ts";
import { dealOutNumbered, numberedDeal } from "./deal.ts";
import { isPosted } from "./elsewhere.ts";
import type { Target } from "./plan.ts";
import { holdBack, overfull } from "./pressure.ts";
import { queueBound } from "./queued.ts";
import { oneByOne, passesWhole, planForAll } from "./run.ts";
import { sendAll, takesAll } from "./send_run.ts";
import type { Client, Live, Tables } from "./tables.ts";
import { ask, replaceSession } from "./tables.ts";

/** The most that a run puts into queues: what is written for it is one persist. */
const MOST_QUEUED = 512;

/** A run from a connection, after which the connection may be gone, or be held back. */
export function onNumberedRun(tables: Tables, live: Live, first: Publish, run: NumberedRun): void {
  const takers = takersOfAll(tables, live, first, run);
  const received = takers === undefined ? undefined : receivedWith(live, first, run, tables.now);
  if (takers === undefined || received === undefined) return oneByOne(tables, live, run);
  const client = live.client!;
  live.lastHeard = tables.now;
  const before = tables.pending;
  if (received !== client.session.received) {
    replaceSession(tables, client, { ...client.session, received });
  }
  const { packetIds } = run;
  const packet = first.qos === 1 ? "puback" : "pubrec";
  const then: Effect[] = [{ type: "acknowledge", to: live.id, packet, packetIds }];
  const kept = keptRun(run); // until it is durable, and acknowledged
  const { targets, deal } = takers;
  const all = deliveryRunOf(tables, live, first, kept, deal?.group.key);
  let deliveries: readonly Delivery[] | undefined; // for who is here
  let writes: RunWrite[] | undefined;
  if (deal !== undefined) dealOutNumbered(tables, deal, deliveriesOf(all), kept, then);
  for (let i = 0; i < targets.length; i++) {
    const taker = targets[i]!.client;
    if (taker.live === undefined) queueAll(tables, taker, all, writes ??= []);
    else then.push(sendAll(tables, taker, deliveries ??= deliveriesOf(all), kept));
  }
  ask(tables, { type: "persist", of: client.clientId, writes: writes ?? NOTHING, then });
  if (tables.pending > before && overfull(tables)) holdBack(tables, live);
}

/** Who gets all of them as they are, now or later, or has them dealt out; undefined where anything wants a look at each. */
function takersOfAll(
  tables: Tables,
  live: Live,
  first: Publish,
  run: NumberedRun,
): { readonly targets: readonly Target[]; readonly deal: Deal | undefined } | undefined {
  if (tables.storeFull) return undefined; // each is to be refused, or held back
  const plan = passesWhole(live, first) ? planForAll(tables, first) : undefined;
  if (plan === undefined) return undefined;
  const { targets, groups } = plan;
  const { version } = live.connection;
  const { length } = run.packetIds;
  const size = length * (SMALLEST_MESSAGE + first.topic.length) + run.payload;
  if (groups.length > 0) {
    if (targets.length > 0) return undefined;
    const deal = numberedDeal(tables, plan, first, version, length, size);
    return deal && { targets, deal };
  }
  if (targets.length === 0) return undefined;
  for (let i = 0; i < targets.length; i++) {
    const { client, asked, qos, identifiers } = targets[i]!;
    if (asked || qos < first.qos || identifiers !== undefined) return undefined;
    const taken = client.live === undefined
      ? queuesAll(tables, client, run, size, targets.length)
      : takesAll(tables, client, version, length, size);
    if (!taken) return undefined;
  }
  return { targets, deal: undefined };
}

/** Whether the queue of a session whose client is away has room for all, whatever the other `takers` queue too. */
function queuesAll(
  tables: Tables,
  client: Client,
  { packetIds: { length } }: NumberedRun,
  size: number,
  takers: number,
): boolean {
  const { session, rules: { limits }, reading } = client;
  if (!isStored(session) || isPosted(tables, client) || reading) return false;
  if (length * takers > MOST_QUEUED) return false;
  const bound = queueBound(tables, session);
  return fullReason(session.queue, size * takers, limits, bound, length * takers) === undefined;
}

/** What the publisher is known to have sent with QoS 2, after the run; undefined where `onPublish` has to look. */
function receivedWith(
  { client, connection, unacknowledged }: Live,
  { qos }: Publish,
  { packetIds }: NumberedRun,
  now: number,
): Session["received"] | undefined {
  const { session } = client!;
  const { received } = session;
  const open = ids.size(received) + packetIds.length;
  const { version, announced: { receiveMaximum } } = connection;
  if (version === 5 && open + unacknowledged > receiveMaximum) return undefined; // [MQTT-3.3.4-7]
  if (qos === 1) return ids.size(received) === 0 ? received : undefined;
  if (isStored(session)) return undefined;
  const next = ids.setAll(received, packetIds, packetIds.map(() => now));
  return ids.size(next) === open ? next : undefined; // one is sent again
}

/** The same for all subscribers: nothing in it is of one alone. `group`: the shared subscription that they came by. */
function deliveryRunOf(
  tables: Tables,
  { connection: { clientId, version } }: Live,
  first: Publish,
  { bytes, packetIdsAt, payload }: NumberedRun,
  group: string | undefined,
): DeliveryRun {
  const message = messageOf({ ...first, payload: NO_PAYLOAD }, 0, clientId, tables.now);
  const like: Delivery = {
    message,
    qos: message.qos,
    retain: false,
    subscriptionIdentifiers: undefined,
    group,
  };
  const { nextOrder: firstOrder, orderStep } = tables;
  tables.nextOrder += packetIdsAt.length * orderStep;
  return { bytes, packetIdsAt, payload, like, version, firstOrder, orderStep };
}

const NO_PAYLOAD = new Uint8Array();

/** All of them in the queue of one subscriber, for the store to keep. */
function queueAll(tables: Tables, client: Client, run: DeliveryRun, writes: RunWrite[]): void {
  const { session, clientId } = client;
  writes.push({ type: "putQueuedRun", clientId, run });
  replaceSession(tables, client, { ...session, queue: enqueueRun(session.queue, run) });
}
