/**
 * Sessions, subscriptions and messages as they stand in replies. Times are milliseconds since 1970; what
 * never comes is null. Pure.
 */

import type { Client } from "../../broker/tables.ts";
import { NEVER_EXPIRES } from "../../policy/identity.ts";
import type { Message } from "../../session/message.ts";
import { messageSize } from "../../session/message.ts";
import * as ids from "../../session/packet_id_map.ts";
import { queueLength } from "../../session/queue.ts";
import type { Subscription } from "../../session/subscription_map.ts";
import { originOf } from "../../session/subscription_map.ts";

const VERSIONS = { 3: "3.1", 4: "3.1.1", 5: "5.0" } as const;

/** A session in a line. */
export function sessionRow({ clientId, session, live, due }: Client) {
  const expiry = session.expiryInterval;
  return {
    clientId,
    user: session.owner.user ?? null,
    connected: live !== undefined,
    address: live?.connection.peer.address ?? null,
    listener: live?.connection.peer.listener ?? null,
    version: live === undefined ? null : VERSIONS[live.connection.version],
    subscriptions: session.subscriptions.size,
    queued: queueLength(session.queue),
    queuedBytes: session.queue.bytes,
    inflight: ids.size(session.inflight),
    expiryInterval: expiry === NEVER_EXPIRES ? null : expiry,
    expiresAt: timeOf(due.session?.when),
  };
}

/** All that is known of a session. */
export function sessionDetails(client: Client) {
  const { session, live, will } = client;
  const { roles } = session.owner;
  return {
    ...sessionRow(client),
    roles,
    stored: session.stored,
    provisioned: session.subscriptions.awaited,
    received: ids.size(session.received),
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
