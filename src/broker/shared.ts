/**
 * Shared subscriptions. A message goes to one member, round robin among those that are here and have
 * quota; when there is none, it waits in the group's own queue and not in a member's, so it is never
 * stuck with one that is away. MQTT 5.0 section 4.8.2.
 */

import type { QoS } from "../packet/packet.ts";
import { BROKER } from "../policy/identity.ts";
import type { AnyWrite } from "../session/cluster_write.ts";
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
import { mapKey } from "../topic/map_key.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import { mayReceive } from "./access.ts";
import type { FannedOut } from "./fanned_out.ts";
import { kept, pushed } from "./fanned_out.ts";
import { fits, sendDelivery, sendNow, unfit } from "./outgoing.ts";
import { queueBound } from "./queued.ts";
import { readOn } from "./refill.ts";
import {
  holdAgain,
  inFlight,
  isHeld,
  keepForOthers,
  keepStored,
  letGoInFlight,
  queued,
} from "./shared_stored.ts";
import { isConnected, moveOn, nodeFor, shareWith } from "./shared_elsewhere.ts";
import type { Client, Group, Member, Tables } from "./tables.ts";
import { ask, NO_GROUPS, NOWHERE_ELSE, observeDrop, replaceSession, sendable } from "./tables.ts";

/** Makes the client a member, or changes the options that it is one with. */
export function join(tables: Tables, client: Client, subscription: Subscription): void {
  const key = groupKey(subscription.full);
  let group = groupBy(tables, key);
  group ??= addGroup(tables, key, subscription.filter);
  const member = group.members.find((other) => other.client === client);
  if (member === undefined) {
    group.members.push({ client, subscription });
    holdAgain(tables, group, client);
  } else {
    member.subscription = subscription;
  }
  if (client.groups === NO_GROUPS) client.groups = new Set();
  (client.groups as Set<Group>).add(group);
  tables.liveVersion += 1;
  keepForOthers(tables, group);
  pump(tables, group);
}

/** A group without members. */
export function addGroup(tables: Tables, key: string, filter: TopicFilter): Group {
  const group: Group = {
    kind: "group",
    key,
    filter,
    members: [],
    elsewhere: NOWHERE_ELSE,
    next: 0,
    turn: 0,
    session: newSession(partOf(tables, key), BROKER, 0),
    reading: false,
  };
  tables.groups.set(mapKey(key), group);
  tables.tree.add(filter, mapKey(key), group);
  return group;
}

/** What this broker's part of a group's queue is stored by: in a cluster each node has one. */
function partOf({ cluster }: Tables, key: string): string {
  return cluster === undefined ? key : `\u0000${cluster.node}${key}`;
}

/** The group whose queue, or this node's part of it, is stored by that name. */
export function groupOf(tables: Tables, clientId: string): Group | undefined {
  const { cluster } = tables;
  return groupBy(
    tables,
    cluster === undefined ? clientId : clientId.slice(1 + cluster.node.length),
  );
}

/** The group of that key. */
export function groupBy({ groups }: Pick<Tables, "groups">, key: string): Group | undefined {
  return groups.get(mapKey(key));
}

/** Ends a membership; the last one takes the queue with it. */
export function leave(tables: Tables, client: Client, subscription: Subscription): void {
  const group = groupBy(tables, groupKey(subscription.full));
  if (group === undefined) return;
  const at = group.members.findIndex((member) => member.client === client);
  if (at === -1) return;
  group.members.splice(at, 1);
  letGoInFlight(tables, group, client);
  tables.liveVersion += 1;
  if (client.groups.size === 1) client.groups = NO_GROUPS;
  else (client.groups as Set<Group>).delete(group);
  if (group.members.length > 0 || group.elsewhere.size > 0) return pump(tables, group);
  endGroup(tables, group);
}

/** Nobody is in it any more, here or elsewhere. */
export function endGroup(tables: Tables, group: Group): void {
  const { key, session: { clientId, queue } } = group;
  tables.groups.delete(mapKey(key));
  tables.tree.remove(group.filter, mapKey(key));
  const waiting = queueLength(queue);
  if (waiting > 0) observeDrop(tables, key, group.filter, "nobodyInGroup", waiting);
  const stored = isStored(group.session);
  replaceSession(tables, group, newSession(clientId, BROKER, 0));
  if (stored) ask(tables, durably(clientId, [{ type: "deleteSession", clientId }]));
}

/** What a group is found by: `$share/{ShareName}/{filter}` behind U+0000. */
export function groupKey(full: TopicFilter): string {
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

/** A message for the group: to a member now, or into the queue; or to another node that has members. */
export function shareOut(
  tables: Tables,
  group: Group,
  message: Message,
  result: FannedOut,
): void {
  const node = group.elsewhere.size === 0 ? undefined : nodeFor(tables, group);
  if (node === undefined) shareAmong(tables, group, message, result);
  else shareWith(tables, group, node, message, result);
}

/** Another node has chosen this one; where the members have gone meanwhile, it goes on to where some are. */
export function shareOutHere(
  tables: Tables,
  full: TopicFilter,
  message: Message,
  result: FannedOut,
): void {
  const group = groupBy(tables, groupKey(full));
  if (group === undefined) {
    return observeDrop(tables, groupKey(full), message.topic, "nobodyInGroup");
  }
  const passesOn = message.qos > 0 && group.elsewhere.size > 0 && !group.members.some(isConnected);
  if (passesOn) shareWith(tables, group, nodeFor(tables, group)!, message, result);
  else shareAmong(tables, group, message, result);
}

/** To a member that is here, or into this broker's part of the queue. */
function shareAmong(tables: Tables, group: Group, message: Message, result: FannedOut): void {
  if (message.qos === 0) {
    const member = nextMember(group, (each) => suits(tables, group, each, message));
    if (member !== undefined) {
      return sendNow(tables, member.client.live!, deliveryFor(group, member, message));
    }
    if (!suitsSome(tables, group, message)) return observeUnsuited(tables, group, message);
    return observeDrop(tables, group.key, message.topic, "nobodyInGroup");
  }
  if (queueLength(group.session.queue) === 0) {
    const member = nextMember(
      group,
      (each) => takesNow(tables, each) && suits(tables, group, each, message),
    );
    if (member !== undefined) {
      const writes: AnyWrite[] = [];
      const then: Effect[] = [];
      const held = qosFor(member, message) === 1 && isHeld(tables, group, member.client);
      if (held) {
        const { clientId } = group.session;
        writes.push({
          type: "putQueued",
          clientId,
          delivery: queued(group, kept(result, message)),
        });
      }
      send(tables, group, member, message, writes, then);
      return put(result, writes, then);
    }
  }
  if (!suitsSome(tables, group, message)) return observeUnsuited(tables, group, message);
  enqueue(tables, group, message, result);
  // What waits before it does not suit those that are here, and they acknowledge nothing that would call for more.
  if (someTakesNow(tables, group, message)) {
    const writes: AnyWrite[] = [];
    const then: Effect[] = [];
    takeAll(tables, group, writes, then);
    put(result, writes, then);
  }
}

function put(result: FannedOut, writes: readonly AnyWrite[], then: readonly Effect[]): void {
  for (const write of writes) result.writes = pushed(result.writes, write);
  for (const effect of then) result.then = pushed(result.then, effect);
}

/** Whether any member, here or away, may have the message and takes it. */
function suitsSome(tables: Tables, group: Group, message: Message): boolean {
  return group.members.some((member) => suits(tables, group, member, message));
}

/**
 * Whether the member may have the message, and takes a packet of that size: one that does not leaves it to the
 * others [MQTT-3.1.2-25]. Of one that is away it is not known.
 */
function suits(tables: Tables, group: Group, member: Member, message: Message): boolean {
  if (!mayHave(tables, member, message)) return false;
  const { live } = member.client;
  // Connected elsewhere it has that node's part, once the node has told so.
  if (live === undefined) return member.client.at === undefined || group.elsewhere.size === 0;
  const { maximumPacketSize, mountPoint } = live.connection;
  return maximumPacketSize === Infinity && mountPoint === "" ||
    fits(tables, live, deliveryFor(group, member, message));
}

/** Tells why a message is dropped that suits no member. */
function observeUnsuited(tables: Tables, group: Group, message: Message): void {
  const member = group.members.find((each) =>
    each.client.live !== undefined && mayHave(tables, each, message)
  );
  if (member === undefined) {
    const some = group.members.some((each) => mayHave(tables, each, message));
    return observeDrop(tables, group.key, message.topic, some ? "nobodyInGroup" : "notPermitted");
  }
  const why = unfit(member.client.live!, deliveryFor(group, member, message));
  observeDrop(tables, member.client.clientId, message.topic, why);
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
  keepStored(tables, group);
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

/** Fills the quotas of all members that are here from the group's queue. */
export function pump(tables: Tables, group: Group): void {
  const writes: AnyWrite[] = [];
  const then: Effect[] = [];
  takeAll(tables, group, writes, then);
  if (group.elsewhere.size > 0 && !group.members.some(isConnected)) moveOn(tables, group, writes);
  if (writes.length + then.length > 0) {
    ask(tables, durably(group.session.clientId, writes, ...then));
  }
  readOn(tables, group);
}

/** Moves messages from the group's queue to all members that are here. */
function takeAll(tables: Tables, group: Group, writes: AnyWrite[], then: Effect[]): void {
  for (const { client } of group.members) {
    if (sendable(client)) takeShared(tables, group, client, writes, then);
  }
}

/**
 * Moves messages from the group's queue to one member, as its quota allows. What it may not have, or does not
 * take, it leaves to the others; what suits none any more goes.
 */
export function takeShared(
  tables: Tables,
  group: Group,
  client: Client,
  writes: AnyWrite[],
  then: Effect[],
): void {
  const member = group.members.find((other) => other.client === client);
  while (member !== undefined && takesNow(tables, member)) {
    const { queue } = group.session;
    const first = fifo.peek(queue.head);
    if (first === undefined) break;
    const suited = suits(tables, group, member, first.message);
    const gone = !suited && !suitsSome(tables, group, first.message);
    const taken = suited || gone
      ? { delivery: first, queue: shiftHead(queue) }
      : takeOut(queue, ({ message }) => suits(tables, group, member, message));
    if (taken === undefined) break;
    const { message } = taken.delivery;
    const expired = message.expiresAt <= tables.now;
    const held = !gone && !expired && qosFor(member, message) === 1 &&
      isHeld(tables, group, client);
    replaceSession(tables, group, { ...group.session, queue: taken.queue });
    if (isStored(group.session) && !held) {
      const { clientId } = group.session;
      writes.push({ type: "deleteQueued", clientId, order: message.order });
    }
    if (gone) {
      observeUnsuited(tables, group, message);
    } else if (expired) {
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
  writes: AnyWrite[],
  then: Effect[],
): void {
  const live = client.live!;
  const delivery = deliveryFor(group, { client, subscription }, message);
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

/** What the member gets it with [MQTT-4.8.2-3]. */
function qosFor(
  { subscription: { options } }: Pick<Member, "subscription">,
  { qos }: Message,
): QoS {
  return options.qos < qos ? options.qos : qos;
}

function deliveryFor(group: Group, { subscription }: Member, message: Message): Delivery {
  const { options } = subscription;
  const identifier = options.subscriptionIdentifier;
  return {
    message,
    qos: qosFor({ subscription }, message),
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
    sendable(member.client) && takesNow(tables, member) && suits(tables, group, member, message)
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
    const back = inFlight(client, group);
    if (back.length === 0) continue;
    keepStored(tables, group);
    const deliveries = back.map(([, entry]) => queued(group, entry.delivery!.message));
    const writes: Write[] = [];
    let { inflight } = client.session;
    const { clientId } = client;
    for (const [packetId] of back) inflight = ids.remove(inflight, packetId);
    if (isStored(client.session)) {
      for (const [packetId] of back) writes.push({ type: "deleteInflight", clientId, packetId });
    }
    if (isStored(group.session)) {
      for (const delivery of deliveries) {
        writes.push({ type: "putQueued", clientId: group.session.clientId, delivery });
      }
    }
    replaceSession(tables, client, { ...client.session, inflight });
    const queue = putBack(group.session.queue, deliveries);
    replaceSession(tables, group, { ...group.session, queue });
    if (writes.length > 0) ask(tables, durably(clientId, writes));
    pump(tables, group);
  }
}
