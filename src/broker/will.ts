/**
 * Wills: kept while the client is connected, published in its stead when it goes without a good-bye.
 * MQTT 5.0 sections 3.1.2.5 and 3.1.3.2.
 */

import type { Connection } from "../connection/connection.ts";
import { newConnection } from "../connection/connection.ts";
import { withinLimits } from "../connection/within_limits.ts";
import { payloadFormat, permitted } from "../connection/permitted.ts";
import { isRefusal } from "../connection/guard.ts";
import type { Publish } from "../packet/packet.ts";
import { Reason } from "../packet/reason_code.ts";
import { announcedBy } from "../policy/announced.ts";
import { isControl, ONLY_NOW } from "../policy/control_topic.ts";
import { messageOf } from "../session/message.ts";
import { durably } from "../session/step.ts";
import type { PendingWill, Write } from "../session/write.ts";
import { route, takeOrder } from "./route.ts";
import { cancel, schedule } from "./schedule.ts";
import type { Client, Tables } from "./tables.ts";
import { ask } from "./tables.ts";

/** Keeps the Will of a connection that has just been let in, in the place of an earlier one. */
export function keepWill(client: Client, connection: Connection): readonly Write[] {
  const { will } = connection;
  if (will === undefined) return dropWill(client);
  const waited = client.will !== undefined && client.will.publishAt !== Infinity;
  const gone = waited ? dropWill(client) : []; // other nodes know of that one, and of its end by this
  client.will = {
    clientId: client.clientId,
    owner: connection.identity,
    packet: { ...will, payload: will.payload.slice() },
    publishAt: Infinity,
  };
  return [...gone, { type: "putWill", will: client.will }];
}

/** Takes the Will away unpublished [MQTT-3.1.2-10] [MQTT-3.1.3-9]. */
export function dropWill(client: Client): readonly Write[] {
  if (client.will === undefined) return [];
  client.will = undefined;
  return [{ type: "deleteWill", clientId: client.clientId }];
}

/**
 * The connection has ended without a good-bye: the Will is published now, or after its delay or with
 * the end of the session, whichever comes first [MQTT-3.1.2-8] [MQTT-3.1.3-9].
 */
export function fireWill(tables: Tables, client: Client): void {
  const { will } = client;
  if (will === undefined) return;
  const delay = willDelay(tables, client, will);
  if (delay === 0) return publishWill(tables, client);
  client.will = { ...will, publishAt: tables.now + delay * 1000 };
  schedule(tables, { type: "will", client }, client.will.publishAt);
  ask(tables, durably(client.clientId, [{ type: "putWill", will: client.will }]));
}

/** Seconds from the end of the connection to the Will. */
export function willDelay(
  { rules: { limits } }: Tables,
  { session: { expiryInterval } }: Client,
  { packet: { willDelayInterval } }: PendingWill,
): number {
  return Math.min(willDelayInterval, expiryInterval, limits.willDelayMaximum);
}

/** Publishes the Will, under the same rules as a PUBLISH of the client. */
export function publishWill(tables: Tables, client: Client): void {
  const { will } = client;
  if (will === undefined) return;
  cancel(tables, { type: "will", client });
  const writes = dropWill(client);
  const publish = asPublish(will);
  const refusal = refusedBy(tables, will, publish);
  if (refusal !== undefined) {
    tables.out.push({
      type: "observe",
      fact: {
        type: "refused",
        clientId: will.clientId,
        action: "publish",
        topic: publish.topic,
        reasonCode: refusal.reason,
        detail: `its Will: ${refusal.detail}`,
      },
    });
    return ask(tables, durably(will.clientId, writes));
  }
  const message = messageOf(publish, takeOrder(tables), will.clientId, tables.now);
  route(tables, message, will.clientId, undefined, writes);
}

function asPublish({ packet }: PendingWill): Publish {
  return {
    type: "publish",
    topic: packet.topic,
    payload: packet.payload,
    qos: packet.qos,
    retain: packet.retain,
    dup: false,
    packetId: 0,
    properties: packet.properties,
  };
}

/** A guard judges a connection; of the one that has gone, who it was is all that counts. */
function refusedBy(tables: Tables, will: PendingWill, packet: Publish) {
  const nowhere = { address: "", listener: "", anonymousAllowed: false };
  const connection = {
    ...newConnection(0, nowhere, announcedBy(tables.rules)),
    identity: will.owner,
  };
  if (isControl(packet.topic)) return { reason: Reason.notAuthorized, detail: ONLY_NOW.rule };
  for (const guard of [withinLimits, permitted, payloadFormat]) {
    const result = guard({ connection, packet }, tables.rules);
    if (isRefusal(result)) return result;
  }
  return undefined;
}
