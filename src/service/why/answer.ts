/**
 * What becomes of a message for one client if it is published now, and why: by its own subscriptions, by each
 * shared one that it is a member of, and all together. MQTT 5.0 sections 3.3.4, 4.8.2 and 4.9.
 *
 * A reading of what the rehearsal showed; the broker's own functions decide.
 */

import { delayedIsFull } from "../../broker/delayed.ts";
import type { Client, Group, Tables } from "../../broker/tables.ts";
import { finalTopic } from "../../connection/permitted.ts";
import type { QoS } from "../../packet/packet.ts";
import { isControl } from "../../policy/control_topic.ts";
import { permits } from "../../policy/permits.ts";
import type { Message } from "../../session/message.ts";
import { queueLength } from "../../session/queue.ts";
import { hasWindow } from "../../session/session.ts";
import type { Subscription } from "../../session/subscription_map.ts";
import { allSubscriptions } from "../../session/subscription_map.ts";
import { mapKey } from "../../topic/map_key.ts";
import { matches } from "../../topic/matches.ts";
import type { Fate } from "./fate.ts";
import { best, drop, fate } from "./fate.ts";
import { taken } from "./publisher.ts";
import type { Question } from "./question.ts";
import { messageIn } from "./question.ts";
import type { Act, Rehearsal } from "./rehearsal.ts";
import { rehearse } from "./rehearsal.ts";

/** One way to the client. */
export interface Path extends Fate {
  /** The Topic Filters that match, `$share/…` included. */
  readonly filters: readonly string[];
  /** With which it would come, and its RETAIN flag. */
  readonly qos: QoS;
  readonly retain: boolean;
}

export interface Answer extends Fate {
  readonly paths: readonly Path[];
  /** What else is worth knowing. */
  readonly notes: readonly string[];
}

/**
 * The answer.
 *
 * @param publisher the row of the question's publisher; undefined: the broker itself
 * @param most subscribers that are looked at
 */
export function answer(
  tables: Readonly<Tables>,
  question: Question,
  publisher: Client | undefined,
  most: number,
): Answer {
  const words = publisher === undefined ? [] : published(tables, question, publisher);
  if (!Array.isArray(words)) return { ...words as Fate, paths: [], notes: [] };
  const found = onceTaken(tables, question, publisher, most);
  return { ...found, notes: [...words, ...found.notes] };
}

/** The answer once its publisher has got it into the broker. */
export function onceTaken(
  tables: Readonly<Tables>,
  question: Question,
  publisher: Client | undefined,
  most: number,
): Answer {
  const notes: string[] = [];
  const message = messageIn(tables, question, question.topic);
  const topic = finalTopic(question.topic);
  if (topic !== question.topic && delayedIsFull(tables, message)) {
    return { ...drop("delayedFull"), paths: [], notes };
  }
  if (isControl(topic)) return { ...fate("missed", "serviceTopic"), paths: [], notes };
  const client = tables.clients.get(question.clientId);
  if (client === undefined) return { ...fate("missed", "noSession"), paths: [], notes };
  const final = messageIn(tables, question, topic);
  const rehearsal = rehearse(tables, final, question.clientId, most);
  const paths = pathsOf(tables, client, final, rehearsal);
  if (rehearsal.leftOut > 0) {
    notes.push(
      `${rehearsal.leftOut} other subscribers were not looked at, only their queues count`,
    );
  }
  addNotes(notes, question, paths);
  const found = best(paths) ?? noPath(client);
  const { outcome, reason, words } = found;
  if (topic !== question.topic && outcome !== "missed") {
    const more = `then, if things are as now: ${reason}: ${words}`;
    return { ...fate("waits", "delayed", more), paths, notes };
  }
  const onStore = tables.storeFull && outcome === "sent" && question.qos > 0 &&
    (rehearsal.writes || question.retain || question.qos === 2 && publisher?.session.stored);
  if (onStore) return { ...fate("waits", "storeFull"), paths, notes };
  return { outcome, reason, words, paths, notes };
}

/** Why the publisher does not get it into the broker; or notes on that it does. */
export function published(
  tables: Readonly<Tables>,
  question: Question,
  publisher: Client,
): Fate | readonly string[] {
  const word = taken(tables, publisher, messageIn(tables, question, question.topic));
  if (typeof word !== "string") return word;
  if (publisher.live?.heldBack) {
    return [word, "its publisher is not read now: as much waits for the store as may"];
  }
  if ((publisher.live?.meter?.owes ?? 0) > 0) {
    return [word, "its publisher is not read now: it is above a rate"];
  }
  return [word];
}

function noPath({ session }: Client): Fate {
  const { size } = session.subscriptions;
  return fate("missed", "noMatchingFilter", size === 0 ? "it has none" : `of ${size}`);
}

function pathsOf(
  tables: Readonly<Tables>,
  client: Client,
  message: Message,
  rehearsal: Rehearsal,
): readonly Path[] {
  const matching = allSubscriptions(client.session.subscriptions)
    .filter(({ filter }) => matches(filter, message.topic));
  const paths: Path[] = [];
  const own = matching.filter(({ shareName }) => shareName === undefined);
  if (own.length > 0) paths.push(direct(tables, client, message, own, rehearsal.direct));
  for (const subscription of matching) {
    if (subscription.shareName === undefined) continue;
    const key = `\u0000${subscription.full}`;
    const group = tables.groups.get(mapKey(key));
    const act = rehearsal.groups.get(key);
    if (group === undefined || act === undefined) continue;
    const shape = shapeOf(message, [subscription]);
    paths.push({ ...shared(tables, client, message, shape, group, act), ...shape });
  }
  return paths;
}

/** How it would come by these subscriptions. */
function shapeOf(message: Message, subscriptions: readonly Subscription[]) {
  const granted = Math.max(...subscriptions.map(({ options }) => options.qos)) as QoS;
  return {
    filters: subscriptions.map(({ full }) => full),
    qos: granted < message.qos ? granted : message.qos,
    retain: message.retain && subscriptions.some(({ options }) => options.retainAsPublished),
  };
}

function direct(
  tables: Readonly<Tables>,
  client: Client,
  message: Message,
  matching: readonly Subscription[],
  act: Act,
): Path {
  const foreign = message.publisher !== client.clientId;
  const counting = foreign ? matching : matching.filter(({ options }) => !options.noLocal);
  const shape = shapeOf(message, counting.length === 0 ? matching : counting);
  const { live, clientId } = client;
  if (live !== undefined && act.sentTo.has(live.id)) return { ...fate("sent", "sent"), ...shape };
  const dropped = act.drops.find(({ key }) => key === clientId);
  if (act.queuedAt.has(clientId)) return { ...waiting(client, tables, dropped), ...shape };
  if (dropped !== undefined) return { ...drop(dropped.reason, state(client, tables)), ...shape };
  if (counting.length === 0) return { ...fate("missed", "noLocal"), ...shape };
  const { topic } = message;
  const may = permits(
    tables.rules,
    client.session.owner,
    "receive",
    topic,
    shape.qos,
    shape.retain,
  );
  if (!client.here && may.permitted) return { ...drop("absentQoS0"), ...shape };
  return { ...withheld(tables, client, message, shape), ...shape };
}

type Shape = ReturnType<typeof shapeOf>;

/** The rule that keeps it from the client. */
function withheld(
  { rules }: Readonly<Tables>,
  { session: { owner } }: Client,
  { topic }: Message,
  { qos, retain }: Shape,
): Fate {
  return drop("notPermitted", permits(rules, owner, "receive", topic, qos, retain).rule);
}

/** Why it waits in the queue of its session. */
function waiting(
  client: Client,
  tables: Readonly<Tables>,
  dropped: Act["drops"][number] | undefined,
): Fate {
  const { live, session } = client;
  const more = dropped === undefined
    ? state(client, tables)
    : `${dropped.reason}: in its favour ${dropped.count} older are dropped`;
  if (live === undefined) return fate("waits", "clientAbsent", more);
  if (!live.ready) return fate("waits", "notGreeted", more);
  if (live.congested) return fate("waits", "clientCongested", more);
  const waits = session.resending.length > 0 || queueLength(session.queue) > 0;
  return waits && hasWindow(session, tables.rules.limits)
    ? fate("waits", "behindOthers", more)
    : fate("waits", "quotaUsed", more);
}

/** Figures that explain it. */
function state(
  { here, live, session, rules }: Client,
  { rules: { queuePolicy } }: Readonly<Tables>,
) {
  const { queuedMessagesPerSession } = rules.limits;
  const waiting = here ? `${queueLength(session.queue)} of` : "only the store knows how many of";
  const queue = `${waiting} ${queuedMessagesPerSession} wait in its queue, ` +
    `queuePolicy is ${queuePolicy}`;
  if (live === undefined) return queue;
  const { maximumPacketSize, window } = live.connection;
  const quota = `${session.sendQuota} of ${window} more may be unacknowledged`;
  const size = maximumPacketSize === Infinity
    ? ""
    : `, its Maximum Packet Size is ${maximumPacketSize}`;
  return `${queue}, ${quota}${size}`;
}

function shared(
  tables: Readonly<Tables>,
  client: Client,
  message: Message,
  shape: Shape,
  group: Group,
  act: Act,
): Fate {
  if (act.passedTo !== undefined) {
    return fate("missed", "otherMember", `it is the turn of a member on the node ${act.passedTo}`);
  }
  const names = group.members.slice(0, 10).map(({ client }) => client.clientId).join(", ");
  const members = `of ${group.members.length} members: ${names}`;
  if (client.live !== undefined && act.sentTo.has(client.live.id)) {
    return fate("sent", "sent", `it is its turn, ${members}`);
  }
  const other = group.members.find(({ client: { live } }) =>
    live !== undefined && act.sentTo.has(live.id)
  );
  if (other !== undefined) {
    const may = permits(
      tables.rules,
      client.session.owner,
      "receive",
      message.topic,
      shape.qos,
      shape.retain,
    );
    if (!may.permitted) return drop("notPermitted", may.rule);
    return fate("missed", "otherMember", `${other.client.clientId}, ${members}`);
  }
  const dropped = act.drops[0];
  if (dropped !== undefined && dropped.key !== group.key && dropped.key !== client.clientId) {
    const more = `${dropped.key}, for which it is dropped: ${dropped.reason}; ${members}`;
    return fate("missed", "otherMember", more);
  }
  if (act.queuedAt.has(group.session.clientId)) {
    const queue = `${queueLength(group.session.queue)} wait there`;
    const more = dropped === undefined
      ? queue
      : `${dropped.reason}: in its favour ${dropped.count} older are dropped`;
    return fate("waits", "groupWaits", `${more}, ${members}`);
  }
  return drop(dropped?.reason ?? "nobodyInGroup", members);
}

function addNotes(notes: string[], question: Question, paths: readonly Path[]): void {
  for (const { filters, outcome, qos, retain } of paths) {
    const by = filters.map((filter) => JSON.stringify(filter)).join(", ");
    if (outcome === "missed" || outcome === "dropped") continue;
    if (qos < question.qos) {
      notes.push(`by ${by} it comes with QoS ${qos}, which is what was granted`);
    }
    if (question.retain && !retain) {
      notes.push(`by ${by} it comes with RETAIN 0, for want of Retain As Published`);
    }
  }
  const { messageExpiryInterval } = question;
  if (messageExpiryInterval !== undefined && paths.some(({ outcome }) => outcome === "waits")) {
    notes.push(`if it waits longer than ${messageExpiryInterval} s it is dropped: expired`);
  }
}
