/**
 * What management asks of the broker about sessions, queues and retained messages. Each is durable like what
 * a client asks for; nothing here asks who may: that has been decided.
 */

import type { PublishProperties, QoS, SubscriptionRequest } from "../packet/packet.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import { Reason, reasonName } from "../packet/reason_code.ts";
import { announcedBy } from "../policy/announced.ts";
import type { ClientId, ConnectionId } from "../policy/identity.ts";
import type { Demand } from "../session/effect.ts";
import { messageOf } from "../session/message.ts";
import { onSubscribe } from "../session/on_subscribe.ts";
import { onUnsubscribe } from "../session/on_unsubscribe.ts";
import { EMPTY_QUEUE, queueLength, queueOrders } from "../session/queue.ts";
import type { Given, Step } from "../session/step.ts";
import { durably } from "../session/step.ts";
import type { Session } from "../session/session.ts";
import { isStored } from "../session/session.ts";
import type { Write } from "../session/write.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import type { TopicName } from "../topic/topic_name.ts";
import { fetchFor } from "./errands.ts";
import { closeForGood, closeLive } from "./close.ts";
import { endSession } from "./end_session.ts";
import { refill } from "./refill.ts";
import { clearRetained } from "./retain.ts";
import { route, takeOrder } from "./route.ts";
import { enter, index, unindex } from "./subscribe.ts";
import type { Client, Tables } from "./tables.ts";
import { ask, observeDrop, replaceSession } from "./tables.ts";

export type ManagementEvent =
  /** Its client, if it is connected, is sent off first. */
  | { readonly type: "deleteSession"; readonly clientId: ClientId }
  /** What waits is dropped; what is in flight stays. */
  | { readonly type: "purgeQueue"; readonly clientId: ClientId }
  /** The effect `fetched` tells what the queue holds, when the session is here: once, whatever becomes of it. */
  | { readonly type: "fetch"; readonly clientId: ClientId; readonly ticket: number }
  | { readonly type: "clearRetained"; readonly topics: readonly TopicName[] }
  /** As if the client had asked for it, but for SUBACK and UNSUBACK. */
  | {
    readonly type: "subscribeFor";
    readonly clientId: ClientId;
    readonly subscriptions: readonly SubscriptionRequest[];
  }
  | {
    readonly type: "unsubscribeFor";
    readonly clientId: ClientId;
    readonly filters: readonly TopicFilter[];
  }
  /** A message of an administrator's. */
  | { readonly type: "publishFor"; readonly publish: Published }
  /** Clients are to go to another server, where there is one: section 4.11. */
  | {
    readonly type: "sendOff";
    readonly connections: readonly ConnectionId[];
    readonly reason: ReasonCode;
    readonly serverReference: string | undefined;
  };

/** A message as an administrator publishes it. */
export interface Published {
  readonly topic: TopicName;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: PublishProperties | undefined;
}

/** Does it. What is about a session that has gone by now does nothing. */
export function manage(tables: Tables, event: ManagementEvent): void {
  switch (event.type) {
    case "deleteSession":
      return onClient(tables, event, deleteSession);
    case "purgeQueue":
      return onClient(tables, event, purgeQueue);
    case "fetch":
      if (!tables.clients.has(event.clientId)) return notFetched(tables, event, "it has ended");
      return onClient(tables, event, (tables, { session: { queue } }) => {
        const { ticket } = event;
        const messages = queueLength(queue);
        const { bytes } = queue;
        tables.out.push({ type: "fetched", ticket, messages, bytes, problem: undefined });
      });
    case "clearRetained": {
      const writes: Write[] = [];
      for (const topic of event.topics) writes.push(...clearRetained(tables, topic));
      return ask(tables, durably("", writes));
    }
    case "subscribeFor":
      return onClient(tables, event, (tables, client) => {
        const { subscriptions } = event;
        const packet = {
          type: "subscribe",
          packetId: 0,
          subscriptions,
          userProperties: undefined,
        } as const;
        apply(tables, client, onSubscribe(client.session, packet, givenFor(tables, client)));
      });
    case "unsubscribeFor":
      return onClient(tables, event, (tables, client) => {
        const packet = {
          type: "unsubscribe",
          packetId: 0,
          filters: event.filters,
          userProperties: undefined,
        } as const;
        apply(tables, client, onUnsubscribe(client.session, packet, givenFor(tables, client)));
      });
    case "publishFor": {
      const { publish } = event;
      const packet = { type: "publish", dup: false, packetId: 0, ...publish } as const;
      return route(tables, messageOf(packet, takeOrder(tables), "", tables.now), "", undefined, []);
    }
    case "sendOff":
      for (const id of event.connections) {
        const live = tables.connections.get(id);
        if (live === undefined) continue;
        const { reason, serverReference } = event;
        closeLive(tables, live, "drained", reason, reasonName(reason), undefined, serverReference);
      }
  }
}

/** Whoever waits for the session is told that it does not come. */
export function notFetched(
  tables: Tables,
  { ticket }: { readonly ticket: number },
  problem: string,
): void {
  tables.out.push({ type: "fetched", ticket, messages: undefined, bytes: undefined, problem });
}

/** In a cluster a session that is not here is fetched first. */
function onClient(
  tables: Tables,
  event: ManagementEvent & { readonly clientId: ClientId },
  then: (tables: Tables, client: Client) => void,
): void {
  const client = tables.clients.get(event.clientId);
  if (client === undefined) return;
  if (client.here) then(tables, client);
  else fetchFor(tables, event.clientId, event, false);
}

function deleteSession(tables: Tables, client: Client): void {
  if (client.live !== undefined) {
    const reason = Reason.administrativeAction;
    closeForGood(tables, client.live, "kicked", reason, "its session is deleted");
  }
  if (tables.clients.get(client.clientId) === client) endSession(tables, client, "deleted");
}

function purgeQueue(tables: Tables, client: Client): void {
  const { clientId, session } = client;
  const { queue } = session;
  const count = queueLength(queue);
  if (count === 0) return;
  const orders = queueOrders(queue);
  replaceSession(tables, client, { ...session, queue: EMPTY_QUEUE });
  observeDrop(tables, clientId, "", "purged", count);
  if (!isStored(session)) return;
  ask(
    tables,
    durably(clientId, orders.map((order): Write => ({ type: "deleteQueued", clientId, order }))),
  );
}

/** What a transition may look at where it is no packet that brought it about. */
export function givenFor(tables: Readonly<Tables>, client: Client): Given {
  const { live, rules } = client;
  return {
    now: tables.now,
    rules,
    announced: live?.connection.announced ?? announcedBy(rules),
    identity: client.session.owner,
    connection: live?.id ?? 0,
    version: 5, // so that a refusal is a Reason Code
    order: tables.nextOrder,
    unacknowledged: 0,
  };
}

/** What a SUBSCRIBE or UNSUBSCRIBE asks for, without its acknowledgement. */
function apply(tables: Tables, client: Client, { state, effects }: Step<Session, Demand>): void {
  const { clientId, streams } = client;
  if (state !== client.session) replaceSession(tables, client, state);
  for (const demand of effects) {
    if (demand.type === "subscribe") {
      ask(tables, durably(clientId, demand.writes));
      index(tables, client, demand.granted);
    } else if (demand.type === "unsubscribe") {
      ask(tables, durably(clientId, demand.writes));
      unindex(tables, client, demand.removed);
      for (const subscription of demand.restored) enter(tables, client, subscription);
    } else if (demand.type === "observe") tables.out.push(demand);
  }
  if (client.live !== undefined) refill(tables, client);
  else client.streams = streams; // retained messages are for who is here
}
