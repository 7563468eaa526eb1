/**
 * Messages to other nodes: into the queues of sessions that are not here, to nodes whose clients want them,
 * and from other nodes to clients that are here. Section 8 of the architecture.
 */

import type { AnyWrite, ClusterWrite } from "../session/cluster_write.ts";
import type { Delivery, Message, Order } from "../session/message.ts";
import { durably } from "../session/step.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import type { ClusterEvent } from "./cluster_event.ts";
import { fanOutHere } from "./fan_out.ts";
import type { FannedOut } from "./fanned_out.ts";
import { kept, nothingYet, pushed } from "./fanned_out.ts";
import type { Plan } from "./plan.ts";
import { takeOrder } from "./route.ts";
import { shareOutHere } from "./shared.ts";
import type { Client, Tables } from "./tables.ts";
import { ask } from "./tables.ts";

/** Whether a message for the session goes into its queue in the store, as it is not here or has only just come. */
export function isPosted({ cluster }: Tables, { here, clientId }: Client): boolean {
  return !here || cluster !== undefined && cluster.posted.size > 0 && cluster.posted.has(clientId);
}

/** What puts a delivery at the end of the queue of such a session. */
export function postTo(
  tables: Tables,
  { clientId, rules }: Client,
  delivery: Delivery,
): ClusterWrite {
  const { queuedMessagesPerSession: messages, queuedBytesPerSession: bytes } = rules.limits;
  tables.cluster!.posted.get(clientId)?.add(delivery.message.order);
  const dropOldest = tables.rules.queuePolicy === "dropOldest";
  return { type: "post", clientId, delivery, bound: { messages, bytes, dropOldest } };
}

/** One of those that were posted has come back: what was before it has too, or there was no room for it. */
export function cameBack(posted: Set<Order>, order: Order): void {
  if (!posted.has(order)) return;
  for (const earlier of posted) {
    posted.delete(earlier);
    if (earlier === order) return;
  }
}

/** The message to the nodes of a plan: durably where a client there has no other hope to get it. */
export function tellNodes(
  tables: Tables,
  message: Message,
  { nodes, unstoredAt }: Plan,
  result: FannedOut,
): void {
  if (message.qos === 0) return castTo(tables, nodes, message);
  for (let i = 0; i < unstoredAt.length; i++) {
    const write = {
      type: "forward",
      node: unstoredAt[i]!,
      message: kept(result, message),
    } as const;
    result.writes = pushed(result.writes, write);
  }
  if (unstoredAt.length === nodes.length) return;
  castTo(tables, nodes.filter((node) => !unstoredAt.includes(node)), message);
}

function castTo(tables: Tables, nodes: Plan["nodes"], message: Message): void {
  tables.out.push({ type: "cast", nodes, message, group: undefined });
}

/** Another node's message has come. */
export function onForwarded(
  tables: Tables,
  { message, group, cast }: ClusterEvent & { readonly type: "forwarded" },
): void {
  const arrived = { ...message, order: takeOrder(tables) };
  const result = group === undefined ? fanOutHere(tables, arrived, cast) : nothingYet(true);
  if (group !== undefined) shareOutHere(tables, group, arrived, result);
  const { writes, then } = result;
  ask(tables, durably(message.publisher, writes, ...then));
}

/** Another node has chosen this one for a message of a shared subscription; it is dealt with once. */
export function onShared(
  tables: Tables,
  { group, message, taken }: {
    readonly group: TopicFilter;
    readonly message: Message;
    readonly taken: AnyWrite;
  },
): void {
  const result = nothingYet(true);
  shareOutHere(tables, group, { ...message, order: takeOrder(tables) }, result);
  ask(tables, durably(message.publisher, [taken, ...result.writes], ...result.then));
}
