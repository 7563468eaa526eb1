/**
 * Whether a message can be taken whole. A refusal promises its publisher that nobody got the message:
 * it may be published again, with QoS 2 too, so it is not delivered to some and refused for others.
 * MQTT 5.0 sections 3.4.2.1 and 4.9.
 */

import type { QoS } from "../packet/packet.ts";
import type { Limits } from "../policy/limits.ts";
import type { DropReason } from "../session/fact.ts";
import type { Message } from "../session/message.ts";
import { messageSize } from "../session/message.ts";
import { queueLength } from "../session/queue.ts";
import { fullReason } from "../session/queue_bound.ts";
import type { Session } from "../session/session.ts";
import { hasWindow } from "../session/session.ts";
import { withoutOwn } from "./plan.ts";
import { queueBound } from "./queued.ts";
import { retainedFull } from "./retain.ts";
import { someTakesNow } from "./shared.ts";
import type { Client, Tables } from "./tables.ts";
import { sendable } from "./tables.ts";
import { deliveryTo, isWithheld } from "./target.ts";

/** Why the message cannot be taken whole; undefined where it can. */
export function noRoomFor(tables: Tables, message: Message): DropReason | undefined {
  const retained = message.retain ? retainedFull(tables, message) : undefined;
  if (retained !== undefined) return retained;
  if (tables.rules.queuePolicy !== "reject") return undefined;
  const { targets, groups } = tables.tree.match(message.topic);
  const waiting: Waiting = { size: messageSize(message), count: 0, countBy: new Map() };
  for (const each of targets) {
    const target = each.client.clientId === message.publisher ? withoutOwn(each) : each;
    if (target === undefined) continue;
    const qos: QoS = target.qos < message.qos ? target.qos : message.qos;
    if (qos === 0 || goesNow(tables, target.client)) continue;
    if (target.asked && isWithheld(tables, target.client, deliveryTo(message, target, qos))) {
      continue;
    }
    const reason = queueReason(tables, target.client.session, target.client.rules.limits, waiting);
    if (reason !== undefined) return reason;
  }
  for (const group of groups) {
    if (queueLength(group.session.queue) === 0 && someTakesNow(tables, group, message)) {
      continue;
    }
    const reason = queueReason(tables, group.session, tables.rules.limits, waiting);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function goesNow(tables: Tables, client: Client): boolean {
  const { session } = client;
  return sendable(client) && hasWindow(session, tables.rules.limits) &&
    session.resending.length === 0 && queueLength(session.queue) === 0;
}

/** The queues that the message is to wait in, as far as they have been looked at: all take of one room. */
interface Waiting {
  readonly size: number;
  count: number;
  readonly countBy: Map<string, number>;
}

function queueReason(
  tables: Tables,
  session: Session,
  limits: Limits,
  waiting: Waiting,
): DropReason | undefined {
  const { size, count, countBy } = waiting;
  const { user } = session.owner;
  const countOfUser = user === undefined ? 0 : countBy.get(user) ?? 0;
  const bound = queueBound(tables, session);
  waiting.count += 1;
  if (user !== undefined) countBy.set(user, countOfUser + 1);
  return fullReason(session.queue, size, limits, {
    identityMessages: bound.identityMessages - countOfUser,
    identityBytes: bound.identityBytes - countOfUser * size,
    messages: bound.messages - count,
    bytes: bound.bytes - count * size,
  });
}
