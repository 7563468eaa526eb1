/**
 * Sessions, subscriptions and messages as they stand in replies. Times are milliseconds since 1970; what
 * never comes is null. Pure.
 */

import type { Client } from "../../broker/tables.ts";
import type { NodeId } from "../../policy/identity.ts";
import { NEVER_EXPIRES } from "../../policy/identity.ts";
import type { Message } from "../../session/message.ts";
import { messageSize } from "../../session/message.ts";
import * as ids from "../../session/packet_id_map.ts";
import { queueLength } from "../../session/queue.ts";
import type { Subscription } from "../../session/subscription_map.ts";
import { originOf } from "../../session/subscription_map.ts";
import type { At } from "./command.ts";

const VERSIONS = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;

/** What a row of a session needs to know of the cluster. */
export type Around = Pick<At, "answered" | "view">;

/**
 * Whether its client is connected; undefined where the node that has it says so itself. Who has it and says
 * nothing had it connected as far as is known: a session is let go of when its client leaves.
 */
export function isConnected(
  { here, at, live }: Client,
  { answered, view: { broker: { cluster } } }: Around,
): boolean | undefined {
  if (here) return live !== undefined;
  if (at === undefined || cluster?.nodes.includes(at) !== true) return false;
  return answered?.has(at) === true ? undefined : true;
}

/** In a cluster: the node that has the session; null: none. */
export function nodeOf(
  { here, at }: Client,
  { view: { broker: { cluster } } }: Around,
): { readonly node?: NodeId | null } {
  return cluster === undefined ? {} : { node: here ? cluster.node : at ?? null };
}

/** A session in a line; what is only known where it is, is null elsewhere. */
export function sessionRow(client: Client, around: Around) {
  const { clientId, here, session, live, due } = client;
  const expiry = session.expiryInterval;
  return {
    clientId,
    user: session.owner.user ?? null,
    connected: isConnected(client, around) ?? true,
    ...nodeOf(client, around),
    address: live?.connection.peer.address ?? null,
    listener: live?.connection.peer.listener ?? null,
    version: live === undefined ? null : VERSIONS[live.connection.version],
    subscriptions: session.subscriptions.size,
    queued: here ? queueLength(session.queue) : null,
    queuedBytes: here ? session.queue.bytes : null,
    inflight: here ? ids.size(session.inflight) : null,
    expiryInterval: expiry === NEVER_EXPIRES ? null : expiry,
    expiresAt: timeOf(due.session?.when),
  };
}

/** All that is known of a session. */
export function sessionDetails(client: Client, around: Around) {
  const { here, session, live, will } = client;
  const { roles } = session.owner;
  return {
    ...sessionRow(client, around),
    roles,
    stored: session.stored,
    provisioned: session.subscriptions.awaited,
    received: here ? ids.size(session.received) : null,
    connection: live === undefined ? null : {
      keepAlive: live.connection.keepAlive,
      lastHeard: live.lastHeard,
      congested: live.congested,
      sendQuota: session.sendQuota,
      unacknowledged: live.unacknowledged,
      mountPoint: live.connection.mountPoint,
      certificate: live.connection.peer.certificate?.subject ?? null,
    },
    will: will === undefined ? null : {
      topic: will.packet.topic,
      qos: will.packet.qos,
      retain: will.packet.retain,
      bytes: will.packet.payload.length,
      publishAt: timeOf(will.publishAt),
    },
  };
}

/** A subscription, of a client wherever it is. */
export function subscriptionRowOf(client: Client, subscription: Subscription, around: Around) {
  return { ...subscriptionRow(client.clientId, subscription), ...nodeOf(client, around) };
}

/** A subscription; `origin` is `client`, or the name of the rule of auto-subscribe that made it. */
export function subscriptionRow(clientId: string, subscription: Subscription) {
  const { full, options } = subscription;
  return {
    clientId,
    filter: full,
    qos: options.qos,
    noLocal: options.noLocal,
    retainAsPublished: options.retainAsPublished,
    retainHandling: options.retainHandling,
    subscriptionIdentifier: options.subscriptionIdentifier ?? null,
    origin: originOf(subscription),
  };
}

/** A message without its payload. */
export function messageRow(message: Message) {
  const { topic, qos, retain, payload, publisher, expiresAt } = message;
  return {
    topic,
    qos,
    retain,
    bytes: payload.length,
    size: messageSize(message),
    publisher,
    expiresAt: timeOf(expiresAt),
  };
}

/** A time for JSON. */
export function timeOf(instant: number | undefined): number | null {
  return instant === undefined || instant === Infinity ? null : Math.round(instant);
}
