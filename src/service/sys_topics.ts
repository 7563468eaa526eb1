/**
 * Statistics as `$SYS/broker/…` messages. Names, units and meanings are those of Mosquitto 2.0 and 2.1 where it
 * has them, so that boards and exporters made for it read them; what it has not stands below `queue`, `drops`,
 * `disconnects`, `refusals`, `store/…` and `alarms`. Pure: what to publish is a difference of two calls.
 */

import type { OwnMessage } from "../broker/publish_own.ts";
import type { Tables } from "../broker/tables.ts";
import type { Loads } from "./loads.ts";
import { loadTopics } from "./loads.ts";
import type { ClusterSeen, Seen } from "./seen.ts";
import { allDrops, allRefusals } from "./statistics.ts";
import { allPackets, packetsOf, payloadBytes } from "./traffic.ts";

/** Every topic with its text, by topic. */
export function sysTopics(seen: Seen, loads: Loads): ReadonlyMap<string, string> {
  const named: (readonly [string, string | number])[] = [
    ...ofMosquitto(seen),
    ...loadTopics(loads),
    ...ownTopics(seen),
    ...clusterTopics(seen.cluster),
  ];
  return new Map(named.map(([name, value]) => [`$SYS/broker/${name}`, `${value}`]));
}

function ofMosquitto(seen: Seen): readonly (readonly [string, string | number])[] {
  const { about, statistics, tables, memory } = seen;
  const unwritten = seen.unwritten();
  const { received, sent, links } = seen.measures.traffic;
  const { clients } = tables;
  const connected = tables.connections.size;
  const away = Math.max(0, clients.size - connected);
  const kept = tables.queuedMessages + tables.retained.size;
  return [
    ["version", `dunlin version ${about.version}`],
    ["uptime", `${about.uptime} seconds`],
    ["clients/total", Math.max(clients.size, connected)],
    ["clients/maximum", statistics.clientsMaximum],
    ["clients/connected", connected],
    ["clients/active", connected],
    ["clients/disconnected", away],
    ["clients/inactive", away],
    ["clients/expired", statistics.sessionEnds.expired],
    ["subscriptions/count", tables.tree.size - tables.groups.size],
    ["shared_subscriptions/count", sharedSubscriptions(tables)],
    ["retained messages/count", tables.retained.size],
    ["messages/received", allPackets(received)],
    ["messages/sent", allPackets(sent)],
    ["messages/stored", kept],
    ["store/messages/count", kept],
    ["store/messages/bytes", tables.queuedBytes + tables.retainedBytes],
    ["bytes/received", received.bytes],
    ["bytes/sent", sent.bytes],
    ["publish/messages/dropped", allDrops(statistics)],
    ["publish/messages/received", packetsOf(received, "publish")],
    ["publish/messages/sent", packetsOf(sent, "publish")],
    ["publish/bytes/received", payloadBytes(received)],
    ["publish/bytes/sent", payloadBytes(sent)],
    ["heap/current", memory.heapUsed],
    ["heap/maximum", statistics.heapMaximum],
    ["packet/out/count", unwritten.packets],
    ["packet/out/bytes", unwritten.bytes],
    ["connections/socket/count", links],
  ];
}

/** Every member counts. */
function sharedSubscriptions({ groups }: Readonly<Tables>): number {
  let count = 0;
  for (const { members } of groups.values()) count += members.length;
  return count;
}

function ownTopics(
  { about, statistics, tables, measures }: Seen,
): readonly (readonly [string, string | number])[] {
  const topics: [string, string | number][] = [
    ["queue/messages/count", tables.queuedMessages],
    ["queue/messages/bytes", tables.queuedBytes],
    ["store/promise", about.promise],
    ["store/full", `${statistics.storeFull}`],
    ["refusals", allRefusals(statistics)],
    ["events/dropped", statistics.clientEventsDropped],
    ...below("drops", statistics.drops),
    ...below("disconnects", statistics.disconnects),
    ...below("turnedAway", measures.turnedAway),
    ...below("sessions/ended", statistics.sessionEnds),
    ...below("rateLimits", statistics.rateLimits),
  ];
  for (const [action, of] of statistics.refusals) {
    topics.push(...below(`refusals/${action}`, Object.fromEntries(of)));
  }
  if (statistics.storeDamage !== undefined) {
    const { type: _, ...damage } = statistics.storeDamage;
    topics.push(["store/damage", JSON.stringify(damage)]);
  }
  return topics;
}

/** The retained messages of each node about itself stay there: a client reads those of its own. */
function clusterTopics(
  cluster: ClusterSeen | undefined,
): readonly (readonly [string, string | number])[] {
  if (cluster === undefined) return [];
  const { node, name, nodes, unreachable, position, lag, inbox } = cluster;
  const topics: [string, string | number][] = [
    ["node", node],
    ["name", name],
    ["nodes", JSON.stringify(nodes)],
    ["nodes/count", nodes.length],
    ["reachable", `${unreachable === undefined}`],
    ["log/position", position],
    ["log/lag", lag],
    ["inbox/count", inbox],
    ["posts/dropped", cluster.postsDropped],
    ["casts/dropped", cluster.castsLost],
    ["notes/skipped", cluster.notesSkipped],
    ["away", cluster.timesAway],
    ["checksum", cluster.checksum],
  ];
  return topics.map(([topic, value]) => [`cluster/${topic}`, value]);
}

function below(name: string, counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).map(([word, count]) => [`${name}/${word}`, count]);
}

/** The messages that say what has changed since the last time; all of them the first time. */
export function changedTopics(
  before: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): readonly OwnMessage[] {
  const messages: OwnMessage[] = [];
  for (const [topic, text] of now) {
    if (before.get(topic) !== text) messages.push({ topic, payload: UTF8.encode(text) });
  }
  return messages;
}

const UTF8 = new TextEncoder();
