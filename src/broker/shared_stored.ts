/**
 * What the store keeps of a shared queue, so that the group has it though the broker goes down: what waits, and
 * with QoS 1 what is in flight to a member whose session is not stored, until its PUBACK. What is in flight to the
 * others is in their sessions, and so is all with QoS 2. MQTT 5.0 section 4.8.2.
 */

import type { PacketId } from "../packet/packet.ts";
import { NEVER_EXPIRES } from "../policy/identity.ts";
import type { AnyWrite } from "../session/cluster_write.ts";
import * as fifo from "../session/fifo.ts";
import type { Delivery, Message } from "../session/message.ts";
import * as ids from "../session/packet_id_map.ts";
import { queueLength } from "../session/queue.ts";
import type { Inflight } from "../session/session.ts";
import { inflightUnder, isStored } from "../session/session.ts";
import { durably } from "../session/step.ts";
import { mapKey } from "../topic/map_key.ts";
import type { Client, Group, Tables } from "./tables.ts";
import { ask } from "./tables.ts";

/** In the queue a message keeps its own QoS: which member gets it is not known yet. */
export function queued(group: Group, message: Message): Delivery {
  return {
    message,
    qos: message.qos,
    retain: false,
    subscriptionIdentifiers: undefined,
    group: group.key,
  };
}

/** Makes the queue stored when the group outlives this broker: a session of it is stored, or other nodes have members. */
export function keepStored(tables: Tables, group: Group): void {
  if (isStored(group.session)) return;
  if (group.elsewhere.size === 0 && !group.members.some(isOfStored)) return;
  group.session = { ...group.session, expiryInterval: NEVER_EXPIRES, stored: true };
  const { clientId, owner, expiryInterval, queue } = group.session;
  const writes: AnyWrite[] = [
    { type: "putSession", clientId, owner, expiryInterval, expiresAt: Infinity },
  ];
  for (const delivery of fifo.toArray(queue.head)) {
    writes.push({ type: "putQueued", clientId, delivery });
  }
  for (const { client } of group.members) writes.push(...heldWrites(group, client));
  ask(tables, durably(clientId, writes));
}

/** What puts into the stored queue all that it is to keep for this client. */
function heldWrites(group: Group, client: Client): AnyWrite[] {
  if (isStored(client.session)) return [];
  return inFlight(client, group).map(([, { delivery }]) => ({
    type: "putQueued",
    clientId: group.session.clientId,
    delivery: queued(group, delivery!.message),
  }));
}

function isOfStored({ client }: Group["members"][number]): boolean {
  return isStored(client.session);
}

/** The same when others come; in a cluster, where each node has a part, only when there is something in this one. */
export function keepForOthers(tables: Tables, group: Group): void {
  const some = tables.cluster === undefined || queueLength(group.session.queue) > 0 ||
    group.members.some(({ client }) => inFlight(client, group).length > 0);
  if (some) keepStored(tables, group);
}

/** What the member has been sent with QoS 1 for the group and has not acknowledged, in the order of sending. */
export function inFlight(client: Client, group: Group): (readonly [PacketId, Inflight])[] {
  return ids.entries(client.session.inflight)
    .map(([packetId, flight]) => [packetId, inflightUnder(packetId, flight)] as const)
    .filter(([, { awaiting, delivery }]) => awaiting === "puback" && delivery?.group === group.key)
    .sort(([, a], [, b]) => a.sequence - b.sequence);
}

/**
 * Whether the queue of the group in the store keeps what this client is sent with QoS 1 until its PUBACK.
 * Alone, a queue that is to be stored is so since the member has come that it is stored for.
 */
export function isHeld(tables: Tables, group: Group, client: Client): boolean {
  if (isStored(client.session)) return false;
  if (tables.cluster !== undefined) keepStored(tables, group);
  return isStored(group.session);
}

/** The client is a member once more: what is still in flight to it from before, `giveBack` counts as the group's again. */
export function holdAgain(tables: Tables, group: Group, client: Client): void {
  if (!isStored(group.session)) return;
  const writes = heldWrites(group, client);
  if (writes.length > 0) ask(tables, durably(client.clientId, writes));
}

/** What the client acknowledges with PUBACK leaves the queues that kept it until now. */
export function letGoAcknowledged(
  tables: Tables,
  client: Client,
  packetIds: readonly PacketId[],
): void {
  if (isStored(client.session)) return;
  const writes: AnyWrite[] = [];
  for (let i = 0; i < packetIds.length; i++) {
    const flight = ids.get(client.session.inflight, packetIds[i]!);
    const entry = flight && inflightUnder(packetIds[i]!, flight);
    const key = entry?.awaiting === "puback" ? entry.delivery?.group : undefined;
    const group = key === undefined ? undefined : tables.groups.get(mapKey(key));
    if (group === undefined || !isStored(group.session) || !client.groups.has(group)) continue;
    const { order } = entry!.delivery!.message;
    writes.push({ type: "deleteQueued", clientId: group.session.clientId, order });
  }
  if (writes.length > 0) ask(tables, durably(client.clientId, writes));
}

/** The client is no member any more: what is in flight to it is its own [MQTT-3.10.4-3]. */
export function letGoInFlight(tables: Tables, group: Group, client: Client): void {
  const { clientId } = group.session;
  if (!isStored(group.session) || isStored(client.session)) return;
  const writes = inFlight(client, group).map(([, { delivery }]): AnyWrite => ({
    type: "deleteQueued",
    clientId,
    order: delivery!.message.order,
  }));
  if (writes.length > 0) ask(tables, durably(client.clientId, writes));
}
