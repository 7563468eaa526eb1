/**
 * A message to all that it matches. MQTT 5.0 sections 3.3.4 and 4.3.
 *
 * QoS 1 and 2 change each subscriber's session; what they write and send is collected into the one
 * persist of the message. What goes out with QoS 0 needs no store and leaves at once.
 */

import type { QoS } from "../packet/packet.ts";
import { deliver, sendNow } from "../session/deliver.ts";
import type { AnyWrite } from "../session/cluster_write.ts";
import type { Effect } from "../session/effect.ts";
import type { Message } from "../session/message.ts";
import { castToAll, castToOne, mayQueue, shareable } from "./cast.ts";
import { isPosted, postTo, tellNodes } from "./elsewhere.ts";
import type { FannedOut } from "./fanned_out.ts";
import { kept, nothingYet, pushed } from "./fanned_out.ts";
import type { Frames } from "./frames.ts";
import { frameOf } from "./frames.ts";
import { noteAmid } from "./mail.ts";
import { fits, sendDelivery, unfit } from "./outgoing.ts";
import type { Target } from "./plan.ts";
import { withoutOwn } from "./plan.ts";
import { queueBound } from "./queued.ts";
import { readOn } from "./refill.ts";
import { isStored } from "../session/session.ts";
import { shareOut } from "./shared.ts";
import type { Tables } from "./tables.ts";
import { observeDrop, replaceSession, sendable } from "./tables.ts";
import { deliveryTo, isWithheld } from "./target.ts";

/** Sends, queues or drops the message for each that it matches. */
export function fanOut(tables: Tables, message: Message): FannedOut {
  const plan = tables.tree.match(message.topic);
  const { targets, groups, nodes } = plan;
  const matched = targets.length > 0 || groups.length > 0 || nodes.length > 0;
  const result = nothingYet(matched);
  if (message.qos === 0) {
    castToAll(tables, message, plan);
  } else {
    const frames: Frames | undefined = targets.length > 1 ? [] : undefined; // of one, nothing is shared
    for (let i = 0; i < targets.length; i++) {
      const target = targets[i]!.client.clientId === message.publisher
        ? withoutOwn(targets[i]!)
        : targets[i]!;
      if (target !== undefined) toTarget(tables, message, target, result, frames);
    }
  }
  for (let i = 0; i < groups.length; i++) shareOut(tables, groups[i]!, message, result);
  if (nodes.length > 0) tellNodes(tables, message, plan, result);
  return result;
}

/**
 * Another node's message, for those that are connected here: who has a queue in the store gets it from there.
 *
 * @param cast only for those that get it with QoS 0, as a node that is fenced and does not know may send it
 */
export function fanOutHere(tables: Tables, message: Message, cast = false): FannedOut {
  const plan = tables.tree.match(message.topic);
  const { targets } = plan;
  const result = nothingYet(targets.length > 0);
  if (message.qos === 0) {
    castToAll(tables, message, plan, true);
    return result;
  }
  const frames: Frames | undefined = targets.length > 1 ? [] : undefined;
  for (const each of targets) {
    const target = each.client.clientId === message.publisher ? withoutOwn(each) : each;
    if (target === undefined || target.client.live === undefined) continue;
    const { client, qos } = target;
    if (qos > 0 ? cast || isStored(client.session) : mayQueue(tables, client)) continue;
    toTarget(tables, message, target, result, frames);
  }
  return result;
}

function toTarget(
  tables: Tables,
  message: Message,
  target: Target,
  result: FannedOut,
  frames: Frames | undefined,
): void {
  const qos: QoS = target.qos < message.qos ? target.qos : message.qos;
  if (qos === 0) return castToOne(tables, message, target);
  const { client } = target;
  const delivery = deliveryTo(message, target, qos);
  if (target.asked && isWithheld(tables, client, delivery)) return;
  if (isPosted(tables, client)) {
    const waiting = { ...delivery, message: kept(result, message) };
    result.writes = pushed<AnyWrite>(result.writes, postTo(tables, client, waiting));
    return;
  }
  const ready = sendable(client);
  if (ready && !fits(tables, client.live!, delivery)) {
    return observeDrop(tables, client.clientId, message.topic, unfit(client.live!, delivery));
  }
  const { session } = client;
  const sent = ready ? sendNow(session, delivery, tables.rules.limits, tables.now) : undefined;
  const waiting = sent === undefined ? { ...delivery, message: kept(result, message) } : delivery;
  const delivered = sent ?? deliver(session, waiting, {
    now: tables.now,
    rules: client.rules,
    ready: false,
    absent: client.live === undefined,
    bound: queueBound(tables, session),
  });
  replaceSession(tables, client, delivered.session);
  for (let i = 0; i < delivered.writes.length; i++) {
    result.writes = pushed(result.writes, delivered.writes[i]!);
  }
  if (delivered.packetId !== 0) {
    const live = client.live!;
    const { packetId } = delivered;
    const effect: Effect = frames !== undefined && shareable(client)
      ? {
        type: "deliverAs",
        to: live.id,
        frame: frameOf(frames, delivery, live.connection.version === 5 ? 5 : 4, tables.now),
        packetId,
      }
      : sendDelivery(tables, live, delivery, packetId, false);
    result.then = pushed(result.then, effect);
    return;
  }
  if (delivered.dropped !== undefined) {
    const { dropped, droppedCount } = delivered;
    observeDrop(tables, client.clientId, message.topic, dropped, droppedCount);
  }
  readOn(tables, client);
  noteAmid(tables, client, message.order); // last: what is read from here on is read before this is written
}
