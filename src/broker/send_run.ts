/**
 * A run of publications with QoS 1 or 2, or a part of it, to one client that is here: whether it takes all at once,
 * and what sends them, when they come or when they have waited in its queue. MQTT 5.0 sections 4.3 and 4.9.
 */

import type { NumberedRun } from "../packet/numbered_run.ts";
import type { PacketId, ProtocolVersion } from "../packet/packet.ts";
import type { DeliveryRun } from "../session/delivery_run.ts";
import type { Effect } from "../session/effect.ts";
import { inflightOf } from "../session/deliver.ts";
import type { Delivery } from "../session/message.ts";
import { messageSize } from "../session/message.ts";
import * as ids from "../session/packet_id_map.ts";
import { queueLength } from "../session/queue.ts";
import type { Inflight } from "../session/session.ts";
import type { RunWrite } from "../session/run_write.ts";
import { sendFirstRun } from "../session/send_first_run.ts";
import { isStored } from "../session/session.ts";
import { durably } from "../session/step.ts";
import { mayReceive } from "./access.ts";
import { shareable } from "./cast.ts";
import type { Client, Tables } from "./tables.ts";
import { ask, replaceSession } from "./tables.ts";

/**
 * Whether a client that is here takes so many messages, of `size` together as `messageSize` counts, at once and as
 * a publisher of that version sent them.
 */
export function takesAll(
  { rules: { limits } }: Tables,
  client: Client,
  version: ProtocolVersion,
  length: number,
  size: number,
): boolean {
  if (!shareable(client) || (client.live!.connection.version === 5) !== (version === 5)) {
    return false;
  }
  const { session } = client;
  if (isStored(session) || session.resending.length > 0 || queueLength(session.queue) > 0) {
    return false;
  }
  if (session.sendQuota < length || session.sentBytes + size > limits.sendWindowBytes) return false;
  const { inflight, nextPacketId } = session;
  if (nextPacketId + length - 1 > ids.LARGEST) return false;
  return !ids.hasAny(inflight, nextPacketId, length);
}

/**
 * Sends the runs at the head of its queue as they lie there, as far as its window allows: to write each message out
 * again, and to say of each to the store where it goes, had been most of what draining a queue cost. What cannot go
 * so is left to `replenish`.
 */
export function sendQueuedRuns(tables: Tables, client: Client): void {
  const { clientId } = client;
  const writes: RunWrite[] = [];
  const then: Effect[] = [];
  for (;;) {
    const [first] = client.session.queue.runs;
    if (first === undefined || !goesAsItIs(tables, client, first)) break;
    const sent = sendFirstRun(client.session, tables.now, tables.rules.limits.sendWindowBytes);
    if (sent === undefined) break;
    replaceSession(tables, client, sent.session);
    const { run, firstPacketId: packetId } = sent.inflight;
    writes.push({ type: "sendQueuedRun", clientId, inflight: sent.inflight });
    then.push({ type: "deliverNumbered", to: client.live!.id, run, packetId });
  }
  if (then.length > 0) ask(tables, durably(clientId, writes, ...then));
}

/** Whether the client takes the bytes as its publisher sent them: what is asked of one holds for all. */
function goesAsItIs(tables: Tables, client: Client, { like, version }: DeliveryRun): boolean {
  return shareable(client) && (client.live!.connection.version === 5) === (version === 5) &&
    mayReceive(tables, client, like.message.topic, like.qos, like.retain);
}

/** All of them inflight to one subscriber, under Packet Identifiers that follow each other. */
export function sendAll(
  tables: Tables,
  client: Client,
  deliveries: readonly Delivery[],
  run: NumberedRun,
): Effect {
  const { session } = client;
  const { nextPacketId, nextSequence } = session;
  const packetIds = new Array<PacketId>(deliveries.length);
  const sent = new Array<Inflight>(deliveries.length);
  let size = 0;
  for (let i = 0; i < deliveries.length; i++) {
    const delivery = deliveries[i]!;
    packetIds[i] = nextPacketId + i;
    sent[i] = inflightOf(delivery, nextSequence + i, tables.now);
    size += messageSize(delivery.message);
  }
  replaceSession(tables, client, {
    ...session,
    inflight: ids.setAll(session.inflight, packetIds, sent),
    nextPacketId: ids.following(nextPacketId + deliveries.length - 1),
    nextSequence: nextSequence + deliveries.length,
    sendQuota: session.sendQuota - deliveries.length,
    sentBytes: session.sentBytes + size,
  });
  return { type: "deliverNumbered", to: client.live!.id, run, packetId: nextPacketId };
}
