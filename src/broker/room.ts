/**
 * Whether a message can be taken whole. A refusal promises its publisher that nobody got the message:
 * it may be published again, with QoS 2 too, so it is not delivered to some and refused for others.
 * MQTT 5.0 sections 3.4.2.1 and 4.9.
 */

import type { QoS } from "../packet/packet.ts";
import { isFull } from "../session/deliver.ts";
import type { DropReason } from "../session/fact.ts";
import type { Message } from "../session/message.ts";
import { messageSize } from "../session/message.ts";
import { queueLength } from "../session/queue.ts";
import type { Session } from "../session/session.ts";
import { hasWindow } from "../session/session.ts";
import { withoutOwn } from "./plan.ts";
import { retainRoom } from "./retain.ts";
import { someTakesNow } from "./shared.ts";
import type { Client, Tables } from "./tables.ts";
import { queueRoom, sendable } from "./tables.ts";

/** Why the message cannot be taken whole; undefined where it can. */
export function noRoomFor(tables: Tables, message: Message): DropReason | undefined {
  if (message.retain && !retainRoom(tables, message)) return "retainedFull";
  if (tables.rules.queuePolicy !== "reject") return undefined;
  const { targets, groups } = tables.tree.match(message.topic);
  for (const each of targets) {
    const target = each.client.clientId === message.publisher ? withoutOwn(each) : each;
    if (target === undefined) continue;
    const qos: QoS = target.qos < message.qos ? target.qos : message.qos;
    if (qos === 0 || goesNow(tables, target.client)) continue;
    const reason = queueReason(tables, target.client.session, message);
    if (reason !== undefined) return reason;
  }
  for (const group of groups) {
    if (queueLength(group.session.queue) === 0 && someTakesNow(tables, group)) continue;
    const reason = queueReason(tables, group.session, message);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function goesNow(tables: Tables, client: Client): boolean {
  const { session } = client;
  return sendable(client) && hasWindow(session, tables.rules.limits) &&
    session.resending.length === 0 && queueLength(session.queue) === 0;
}

function queueReason(
  tables: Tables,
  { queue }: Session,
  message: Message,
): DropReason | undefined {
  if (!queueRoom(tables)) return "brokerQueueFull";
  return isFull(queue, messageSize(message), tables.rules.limits) ? "queueFull" : undefined;
}
