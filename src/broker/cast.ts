/**
 * A QoS 0 message to all targets of a plan: one `deliver` a wire shape, no object a subscriber.
 * MQTT 5.0 section 4.3.1.
 */

import { encodePublish } from "../packet/publish_frame.ts";
import type { Message } from "../session/message.ts";
import { owned, publishOf } from "../session/message.ts";
import { deliver } from "../session/deliver.ts";
import { queueLength } from "../session/queue.ts";
import { durably } from "../session/step.ts";
import { isPosted, postTo } from "./elsewhere.ts";
import { noteAmid } from "./mail.ts";
import { fits, sendDelivery, sendNow, unfit } from "./outgoing.ts";
import type { Cast, Plan, Shape, Target } from "./plan.ts";
import { withoutOwn } from "./plan.ts";
import { queueBound } from "./queued.ts";
import type { Client, Tables } from "./tables.ts";
import { ask, observeDrop, replaceSession, sendable } from "./tables.ts";
import { deliveryTo, isWithheld } from "./target.ts";

/**
 * Sends the message, with QoS 0, to all targets of the plan.
 *
 * @param onlyHere not for sessions with queues in the store: another node has seen to these
 */
export function castToAll(tables: Tables, message: Message, plan: Plan, onlyHere = false): void {
  const cast = castFor(tables, plan, message);
  for (let i = 0; i < cast.shapes.length; i++) {
    const shape = cast.shapes[i]!;
    const publish = publishOf(deliveryTo(message, shape, 0), 0, false, tables.now);
    const frame = encodePublish(publish, shape.version);
    tables.out.push({ type: "deliver", to: shape.to, frame });
  }
  for (let i = 0; i < cast.odd.length; i++) {
    const target = cast.odd[i]!;
    if (onlyHere && (!target.client.here || mayQueue(tables, target.client))) continue;
    castToOne(tables, message, target);
  }
}

/** Whether the client gets the same bytes as others of its version. */
export function shareable(client: Client): boolean {
  return sendable(client) && client.live!.connection.maximumPacketSize === Infinity &&
    client.live!.connection.outgoingAliases === 0 && client.live!.connection.mountPoint === "";
}

/**
 * Whether older QoS 0 messages may be in its queue, or on their way from there through the store: this
 * one may not overtake them [MQTT-4.6.0-6].
 */
export function mayQueue(tables: Tables, { session }: Client): boolean {
  return tables.rules.queueQos0 && session.expiryInterval > 0;
}

function castFor(tables: Tables, plan: Plan, message: Message): Cast {
  if (plan.someNoLocal) { // depends on the publisher: not kept
    const rest: Target[] = [];
    for (const target of plan.targets) {
      const own = target.client.clientId === message.publisher;
      const left = own ? withoutOwn(target) : target;
      if (left !== undefined) rest.push(left);
    }
    return makeCast(tables, rest);
  }
  return keptCast(tables, plan);
}

/** Of the plan for all topics that nobody subscribes to, which is one object and never written to. */
const TO_NOBODY: Cast = { liveVersion: 0, shapes: [], odd: [] };

/** The cast of a plan without No Local: the same for all its messages until somebody comes or goes. */
export function keptCast(tables: Tables, plan: Plan): Cast {
  const { cast, targets } = plan;
  if (targets.length === 0) return TO_NOBODY;
  if (cast !== undefined && cast.liveVersion === tables.liveVersion) return cast;
  return plan.cast = makeCast(tables, targets);
}

function makeCast(tables: Tables, targets: readonly Target[]): Cast {
  const { liveVersion } = tables;
  if (targets.length === 1) { // of a topic that is not kept this is made for every message
    const target = targets[0]!;
    if (isElsewhere(tables, target)) return { liveVersion, shapes: NONE, odd: NONE };
    if (isOdd(tables, target)) return { liveVersion, shapes: NONE, odd: targets };
    return { liveVersion, shapes: [shapeOf(target)], odd: NONE };
  }
  const shapes = new Map<string, Shape>();
  const odd: Target[] = [];
  for (const target of targets) {
    if (isElsewhere(tables, target)) continue;
    if (isOdd(tables, target)) {
      odd.push(target);
      continue;
    }
    const shape = shapeOf(target);
    const key = `${shape.version} ${shape.retainAsPublished} ${shape.identifiers}`;
    const known = shapes.get(key);
    if (known === undefined) shapes.set(key, shape);
    else known.to.push(shape.to[0]!);
  }
  return { liveVersion, shapes: [...shapes.values()], odd };
}

const NONE: readonly never[] = [];

/** The message comes to it by its node. */
function isElsewhere(tables: Tables, { client }: Target): boolean {
  return !client.here && !mayQueue(tables, client);
}

function isOdd(tables: Tables, { client, asked }: Target): boolean {
  return asked || !shareable(client) || mayQueue(tables, client);
}

/** The shape of one target, who is connected. */
function shapeOf({ client, retainAsPublished, identifiers }: Target): Shape {
  const { id, connection } = client.live!;
  const version = connection.version === 5 ? 5 : 4;
  const shown = version === 5 ? identifiers : undefined;
  return { version, retainAsPublished, identifiers: shown, to: [id] };
}

/** A client that is away, congested, has a size limit, takes Topic Aliases or may not have all of them. */
export function castToOne(tables: Tables, message: Message, target: Target): void {
  const { client } = target;
  const delivery = deliveryTo(message, target, 0);
  if (target.asked && isWithheld(tables, client, delivery)) return;
  const queues = mayQueue(tables, client);
  if (!client.here && !queues) return; // it comes by its node, if it has one
  if (queues && isPosted(tables, client)) { // and by no node: who has it may change at any time
    const kept = { ...delivery, message: owned(message) };
    return ask(tables, durably(client.clientId, [postTo(tables, client, kept)]));
  }
  if (sendable(client) && !(queues && queueLength(client.session.queue) > 0)) {
    if (fits(tables, client.live!, delivery)) {
      if (!queues) sendNow(tables, client.live!, delivery);
      else {
        const kept = { ...delivery, message: owned(message) }; // it may have to wait
        const sent = sendDelivery(tables, client.live!, kept, 0, false);
        ask(tables, durably(client.clientId, [], sent));
      }
    } else {
      observeDrop(tables, client.clientId, message.topic, unfit(client.live!, delivery));
    }
  } else if (client.live?.congested) {
    observeDrop(tables, client.clientId, message.topic, "congested");
  } else if (queues) {
    const kept = { ...delivery, message: owned(message) };
    const delivered = deliver(client.session, kept, {
      now: tables.now,
      rules: client.rules,
      ready: false,
      absent: client.live === undefined,
      bound: queueBound(tables, client.session),
    });
    replaceSession(tables, client, delivered.session);
    if (delivered.dropped !== undefined) {
      const { dropped, droppedCount } = delivered;
      observeDrop(tables, client.clientId, message.topic, dropped, droppedCount);
    }
    noteAmid(tables, client, message.order);
    if (delivered.writes.length > 0) ask(tables, durably(client.clientId, delivered.writes));
  } else {
    observeDrop(tables, client.clientId, message.topic, "absentQoS0");
  }
}
