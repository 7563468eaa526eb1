/**
 * Shared subscriptions. A message goes to one member, round robin among those that are here and have
 * quota; when there is none, it waits in the group's own queue and not in a member's, so it is never
 * stuck with one that is away. MQTT 5.0 section 4.8.2.
 */

import type { QoS } from "../packet/packet.ts";
import { BROKER, NEVER_EXPIRES } from "../policy/identity.ts";
import { deliver } from "../session/deliver.ts";
import type { Effect } from "../session/effect.ts";
import * as fifo from "../session/fifo.ts";
import type { Delivery, Message } from "../session/message.ts";
import * as ids from "../session/packet_id_map.ts";
import { putBack, queueLength, shiftHead, takeOut } from "../session/queue.ts";
import { ALONE } from "../session/queue_bound.ts";
import { hasWindow, isStored, newSession } from "../session/session.ts";
import { durably } from "../session/step.ts";
import type { Subscription } from "../session/subscription_map.ts";
import type { Write } from "../session/write.ts";
import { mayReceive } from "./access.ts";
import type { FannedOut } from "./fanned_out.ts";
import { kept, pushed } from "./fanned_out.ts";
import { fits, sendDelivery, sendNow, unfit } from "./outgoing.ts";
import { queueBound } from "./queued.ts";
import { readOn } from "./refill.ts";
import type { Client, Group, Member, Tables } from "./tables.ts";
import { ask, observeDrop, replaceSession, sendable } from "./tables.ts";

/** Makes the client a member, or changes the options that it is one with. */
export function join(tables: Tables, client: Client, subscription: Subscription): void {
  const key = groupKey(subscription);
  let group = tables.groups.get(key);
  if (group === undefined) {
    group = {
      kind: "group",
      key,
      filter: subscription.filter,
      members: [],
      next: 0,
      session: newSession(key, BROKER, 0),
      reading: false,
    };
    tables.groups.set(key, group);
    tables.tree.add(subscription.filter, key, group);
  }
  const member = group.members.find((other) => other.client === client);
  if (member === undefined) group.members.push({ client, subscription });
  else member.subscription = subscription;
  client.groups = new Set(client.groups).add(group);
  if (isStored(client.session) && !isStored(group.session)) store(tables, group);
  pump(tables, group);
}

/** A member whose session is stored makes the group's queue stored, with what is in it already. */
function store(tables: Tables, group: Group): void {
  group.session = { ...group.session, expiryInterval: NEVER_EXPIRES, stored: true };
  const { clientId, owner, expiryInterval, queue } = group.session;
  ask(
    tables,
    durably(clientId, [
      { type: "putSession", clientId, owner, expiryInterval, expiresAt: Infinity },
      ...fifo.toArray(queue.head).map((delivery): Write => ({
        type: "putQueued",
        clientId,
        delivery,
      })),
    ]),
  );
}

/** Ends a membership; the last one takes the queue with it. */
export function leave(tables: Tables, client: Client, subscription: Subscription): void {
  const key = groupKey(subscription);
  const group = tables.groups.get(key);
  if (group === undefined) return;
  const at = group.members.findIndex((member) => member.client === client);
  if (at === -1) return;
  group.members.splice(at, 1);
  client.groups = new Set([...client.groups].filter((other) => other !== group));
  if (group.members.length > 0) return pump(tables, group);
  tables.groups.delete(key);
  tables.tree.remove(group.filter, key);
  const waiting = queueLength(group.session.queue);
  if (waiting > 0) observeDrop(tables, key, group.filter, "nobodyInGroup", waiting);
  const stored = isStored(group.session);
  replaceSession(tables, group, newSession(key, BROKER, 0));
  if (stored) ask(tables, durably(key, [{ type: "deleteSession", clientId: key }]));
}

function groupKey({ full }: Subscription): string {
  return `\u0000${full}`;
}

/** Whether a record of the store belongs to a group: no client id begins with U+0000. */
export function isGroupKey(key: string): boolean {
  return key.charCodeAt(0) === 0;
}

/** What a group's topics are matched against: its key is U+0000 and `$share/{ShareName}/{filter}`. */
export function groupFilter(key: string): string {
  return key.slice(key.indexOf("/", "\u0000$share/".length) + 1);
}

/** A message for the group: to a member now, or into the queue. */
export function shareOut(
  tables: Tables,
  group: Group,
  message: Message,
  result: FannedOut,
): void {
  if (message.qos === 0) {
    const member = nextMember(group, (each) => mayHave(tables, each, message));
    if (member === undefined) {
      const why = someMay(tables, group, message) ? "nobodyInGroup" : "notPermitted";
      return observeDrop(tables, group.key, message.topic, why);
    }
    const delivery = deliveryFor(group, member, message);
    if (!fits(tables, member.client.live!, delivery)) {
      return observeDrop(
        tables,
        member.client.clientId,
        message.topic,
        unfit(member.client.live!, delivery),
      );
    }
    return sendNow(tables, member.client.live!, delivery);
  }
  if (queueLength(group.session.queue) === 0) {
    const member = nextMember(
      group,
      (each) => takesNow(tables, each) && mayHave(tables, each, message),
    );
    if (member !== undefined) {
      const writes: Write[] = [];
      const then: Effect[] = [];
      send(tables, group, member, message, writes, then);
      for (const write of writes) result.writes = pushed(result.writes, write);
      for (const effect of then) result.then = pushed(result.then, effect);
      return;
    }
  }
  if (!someMay(tables, group, message)) {
    return observeDrop(tables, group.key, message.topic, "notPermitted");
  }
  enqueue(tables, group, message, result);
}

/** Whether any member, here or away, may have the message. */
function someMay(tables: Tables, { members }: Group, message: Message): boolean {
  return members.some((member) => mayHave(tables, member, message));
}

/** Whether the member may have it as its subscription would give it. */
function mayHave(
  tables: Tables,
  { client, subscription: { options } }: Member,
  { topic, qos, retain }: Message,
): boolean {
  const granted = options.qos < qos ? options.qos : qos;
  return mayReceive(tables, client, topic, granted, options.retainAsPublished && retain);
}

function enqueue(tables: Tables, group: Group, message: Message, result: FannedOut): void {
  const delivered = deliver(group.session, queued(group, kept(result, message)), {
    now: tables.now,
    rules: tables.rules,
    ready: false,
    absent: !group.members.some((member) => sendable(member.client)),
    bound: queueBound(tables, group.session),
  });
  replaceSession(tables, group, delivered.session);
  for (const write of delivered.writes) result.writes = pushed(result.writes, write);
  if (delivered.dropped !== undefined) {
    const { dropped, droppedCount } = delivered;
    observeDrop(tables, group.key, message.topic, dropped, droppedCount);
  }
}

/** In the queue a message keeps its own QoS: which member gets it is not known yet. */
function queued(group: Group, message: Message): Delivery {
  return {
    message,
    qos: message.qos,
    retain: false,
    subscriptionIdentifiers: undefined,
    group: group.key,
  };
}

/** Fills the quotas of all members that are here from the group's queue. */
export function pump(tables: Tables, group: Group): void {
  const writes: Write[] = [];
  const then: Effect[] = [];
  for (const { client } of group.members) {
    if (sendable(client)) takeShared(tables, group, client, writes, then);
  }
  if (writes.length + then.length > 0) ask(tables, durably(group.key, writes, ...then));
  readOn(tables, group);
}

/**
 * Moves messages from the group's queue to one member, as its quota allows. What it may not have it
 * leaves to the others; what none may have any more goes.
 */
export function takeShared(
  tables: Tables,
  group: Group,
  client: Client,
  writes: Write[],
  then: Effect[],
): void {
  const member = group.members.find((other) => other.client === client);
  while (member !== undefined && takesNow(tables, member)) {
    const { queue } = group.session;
    const first = fifo.peek(queue.head);
    if (first === undefined) break;
    const allowed = mayHave(tables, member, first.message);
    const gone = !allowed && !someMay(tables, group, first.message);
    const taken = allowed || gone
      ? { delivery: first, queue: shiftHead(queue) }
      : takeOut(queue, ({ message }) => mayHave(tables, member, message));
    if (taken === undefined) break;
    const { message } = taken.delivery;
    replaceSession(tables, group, { ...group.session, queue: taken.queue });
    if (isStored(group.session)) {
      writes.push({ type: "deleteQueued", clientId: group.key, order: message.order });
    }
    if (gone) {
      observeDrop(tables, group.key, message.topic, "notPermitted");
    } else if (message.expiresAt <= tables.now) {
      observeDrop(tables, group.key, message.topic, "expired");
    } else {
      send(tables, group, member, message, writes, then);
    }
  }
  readOn(tables, group);
}

function send(
  tables: Tables,
  group: Group,
  { client, subscription }: Member,
  message: Message,
  writes: Write[],
  then: Effect[],
): void {
  const live = client.live!;
  const delivery = deliveryFor(group, { client, subscription }, message);
  if (!fits(tables, live, delivery)) {
    return observeDrop(tables, client.clientId, message.topic, unfit(live, delivery));
  }
  if (delivery.qos === 0) return sendNow(tables, live, delivery);
  const delivered = deliver(client.session, delivery, {
    now: tables.now,
    rules: tables.rules,
    ready: true,
    absent: false,
    bound: ALONE,
  });
  replaceSession(tables, client, delivered.session);
  writes.push(...delivered.writes);
  then.push(sendDelivery(tables, live, delivery, delivered.packetId, false));
}

function deliveryFor(group: Group, { subscription }: Member, message: Message): Delivery {
  const { options } = subscription;
  const identifier = options.subscriptionIdentifier;
  const qos: QoS = options.qos < message.qos ? options.qos : message.qos; // [MQTT-4.8.2-3]
  return {
    message,
    qos,
    retain: options.retainAsPublished && message.retain,
    subscriptionIdentifiers: identifier === undefined ? undefined : [identifier],
    group: group.key,
  };
}

/** Round robin: the next member that is here and passes. */
function nextMember(group: Group, passes: (member: Member) => boolean): Member | undefined {
  const { members } = group;
  for (let i = 0; i < members.length; i++) {
    const at = (group.next + i) % members.length;
    const member = members[at]!;
    if (!sendable(member.client) || !passes(member)) continue;
    group.next = (at + 1) % members.length;
    return member;
  }
  return undefined;
}

/** Whether a member that is here could be sent the message now. */
export function someTakesNow(tables: Tables, group: Group, message: Message): boolean {
  return group.members.some((member) =>
    sendable(member.client) && takesNow(tables, member) && mayHave(tables, member, message)
  );
}

/** Has quota, and nothing of its own that the message would overtake. */
function takesNow({ rules }: Tables, { client, subscription }: Member): boolean {
  if (subscription.options.qos === 0) return true;
  const { session } = client;
  return hasWindow(session, rules.limits) && session.resending.length === 0 &&
    queueLength(session.queue) === 0;
}

/**
 * A member leaves: its unacknowledged QoS 1 messages go back to the group, in front. QoS 2 stays with
 * the session, which alone knows whether the client has it [MQTT-4.8.2-4] [MQTT-4.8.2-5].
 */
export function giveBack(tables: Tables, client: Client): void {
  if (client.groups.size === 0) return;
  for (const group of client.groups) {
    const back = ids.entries(client.session.inflight)
      .filter(([, { awaiting, delivery }]) =>
        awaiting === "puback" && delivery?.group === group.key
      )
      .sort(([, a], [, b]) => a.sequence - b.sequence);
    if (back.length === 0) continue;
    const writes: Write[] = [];
    let { inflight } = client.session;
    const { clientId } = client;
    for (const [packetId] of back) {
      inflight = ids.remove(inflight, packetId);
      if (isStored(client.session)) {
        writes.push({ type: "deleteInflight", clientId, packetId });
      }
    }
    const deliveries = back.map(([, entry]) => queued(group, entry.delivery!.message));
    if (isStored(group.session)) {
      for (const delivery of deliveries) {
        writes.push({ type: "putQueued", clientId: group.key, delivery });
      }
    }
    replaceSession(tables, client, { ...client.session, inflight });
    const queue = putBack(group.session.queue, deliveries);
    replaceSession(tables, group, { ...group.session, queue });
    if (writes.length > 0) ask(tables, durably(clientId, writes));
    pump(tables, group);
  }
}
