/**
 * What is seen of a broker as OpenMetrics 1.0 text, for Prometheus. Pure. No label names a client: the number of
 * series does not depend on what clients do, as labels hold words of closed lists only.
 */

import type { QoS } from "../packet/packet.ts";
import { PacketType } from "../packet/fixed_header.ts";
import type { AlarmName } from "./alarms.ts";
import { alarmNames } from "./alarms.ts";
import { OpenMetrics } from "./open_metrics.ts";
import type { ClusterSeen, Seen } from "./seen.ts";
import { SAMPLED } from "./measures.ts";
import { packetsOf, publications } from "./traffic.ts";

const QOS: readonly QoS[] = [0, 1, 2];

/** The whole answer to a scrape. */
export function metricsText(seen: Seen, active: ReadonlyMap<AlarmName, unknown>): string {
  const text = new OpenMetrics("dunlin_");
  traffic(text, seen);
  reasons(text, seen);
  latencies(text, seen);
  sizes(text, seen);
  if (seen.cluster !== undefined) cluster(text, seen.cluster);
  text.gauge("alarm", "Whether an alarm is active.");
  for (const name of alarmNames) text.sample({ name }, active.has(name) ? 1 : 0);
  return text.end();
}

function traffic(text: OpenMetrics, { measures: { traffic } }: Seen): void {
  const directions = [["received", traffic.received], ["sent", traffic.sent]] as const;
  text.counter("messages", "PUBLISH packets by direction and QoS, repeated ones included.");
  for (const [direction, flow] of directions) {
    for (const qos of QOS) text.sample({ direction, qos }, publications(flow, qos));
  }
  text.counter("message_payload_bytes", "Payload in PUBLISH packets.", "bytes");
  for (const [direction, flow] of directions) {
    for (const qos of QOS) text.sample({ direction, qos }, flow.payload[qos]!);
  }
  text.counter("packets", "Control packets by direction and type.");
  for (const [direction, flow] of directions) {
    for (const type of Object.keys(PacketType) as (keyof typeof PacketType)[]) {
      text.sample({ direction, type }, packetsOf(flow, type));
    }
  }
  text.counter("link_bytes", "Bytes read from links and written to them, without TLS.", "bytes");
  for (const [direction, flow] of directions) text.sample({ direction }, flow.bytes);
  text.counter("links", "Links that began to be served.");
  text.sample({}, traffic.links);
}

function reasons(text: OpenMetrics, { statistics, measures }: Seen): void {
  text.counter("connections", "Clients that were let in.");
  text.sample({}, statistics.connections);
  text.counter("disconnects", "Ends of connections, let in or not, by reason.");
  byReason(text, statistics.disconnects);
  text.counter("turned_away", "Links closed before they spoke MQTT, by reason.");
  byReason(text, measures.turnedAway);
  text.counter("drops", "Messages that did not reach a subscriber, or were not taken, by reason.");
  byReason(text, statistics.drops);
  text.counter("refusals", "What clients were refused, by the Reason Code of MQTT.");
  for (const [action, of] of statistics.refusals) {
    for (const [reason, count] of of) text.sample({ action, reason }, count);
  }
  text.counter("rate_limits", "How often messages came faster than a limit allows, by limit.");
  for (const [limit, count] of Object.entries(statistics.rateLimits)) text.sample({ limit }, count);
  text.counter("sessions_ended", "Ends of sessions, by reason.");
  byReason(text, statistics.sessionEnds);
  text.counter("subscribed", "Subscriptions that clients made or replaced.");
  text.sample({}, statistics.subscribed);
  text.counter("unsubscribed", "Subscriptions that clients ended.");
  text.sample({}, statistics.unsubscribed);
  text.counter("client_events_dropped", "Client events above clientEventsPerSecond.");
  text.sample({}, statistics.clientEventsDropped);
}

function byReason(text: OpenMetrics, counts: Readonly<Record<string, number>>): void {
  for (const [reason, count] of Object.entries(counts)) text.sample({ reason }, count);
}

function latencies(text: OpenMetrics, { measures }: Seen): void {
  text.histogram(
    "route_latency_seconds",
    `From a PUBLISH that was read to the end of its turn, of one turn in ${SAMPLED}.`,
    "seconds",
    measures.route,
  );
  text.histogram(
    "commit_latency_seconds",
    "From the beginning of a commit of the store to its end.",
    "seconds",
    measures.commit,
  );
  text.histogram(
    "commit_messages",
    "Messages, acknowledgements and subscriptions in one commit.",
    "",
    measures.commitSize,
  );
  text.histogram(
    "event_loop_delay_seconds",
    "How late a timer was called.",
    "seconds",
    measures.eventLoopDelay,
  );
}

function cluster(text: OpenMetrics, seen: ClusterSeen): void {
  text.gauge("cluster_nodes", "Nodes that are there, this one included.");
  text.sample({}, seen.nodes.length);
  text.gauge("cluster_reachable", "Whether the store that nodes share can be reached.");
  text.sample({}, seen.unreachable === undefined ? 1 : 0);
  text.gauge("cluster_log_lag_seconds", "How far behind the log of the cluster it is.", "seconds");
  text.sample({}, seen.lag / 1000);
  text.gauge("cluster_inbox_entries", "What other nodes have sent and is not taken in.");
  text.sample({}, seen.inbox);
  text.counter("cluster_casts_dropped", "Messages with QoS 0 that did not get to another node.");
  text.sample({}, seen.castsLost);
  text.counter("cluster_posts_dropped", "Messages without room in queues that no node has.");
  text.sample({}, seen.postsDropped);
  text.counter("cluster_notes_skipped", "Records of other nodes that this version does not know.");
  text.sample({}, seen.notesSkipped);
  text.counter("cluster_away", "How often the store that nodes share could not be reached.");
  text.sample({}, seen.timesAway);
  text.info("cluster_node", "This node.", { node: seen.node, name: seen.name });
}

function sizes(text: OpenMetrics, seen: Seen): void {
  const { about, statistics, tables, memory } = seen;
  const unwritten = seen.unwritten();
  const connected = tables.connections.size;
  text.gauge("connections_open", "Network Connections.");
  text.sample({}, connected);
  text.gauge("sessions", "Sessions by whether their client is connected.");
  let present = 0;
  for (const { client } of tables.connections.values()) if (client !== undefined) present += 1;
  text.sample({ state: "connected" }, present);
  text.sample({ state: "absent" }, Math.max(0, tables.clients.size - present));
  text.gauge("subscriptions", "Subscriptions, each filter of a shared one once.");
  text.sample({}, tables.tree.size);
  text.gauge("queued_messages", "Messages in the queues of all sessions.");
  text.sample({}, tables.queuedMessages);
  text.gauge("queued_bytes", "Bytes of messages in the queues of all sessions.", "bytes");
  text.sample({}, tables.queuedBytes);
  text.gauge("retained_messages", "Retained messages.");
  text.sample({}, tables.retained.size);
  text.gauge("retained_bytes", "Bytes of retained messages.", "bytes");
  text.sample({}, tables.retainedBytes);
  text.gauge("delayed_messages", "Messages that wait for their time.");
  text.sample({}, tables.delayed.size);
  text.gauge("pending_writes", "What waits for the store.");
  text.sample({}, tables.pending);
  text.gauge(
    "publishers_held_back",
    "Connections that are not read until the store has caught up.",
  );
  text.sample({}, tables.heldBack.size);
  text.gauge("outbox_packets", "Packets that wait to be written to links, about.");
  text.sample({}, unwritten.packets);
  text.gauge("outbox_bytes", "Bytes that wait to be written to links.", "bytes");
  text.sample({}, unwritten.bytes);
  text.gauge("store_full", "Whether the store has no room.");
  text.sample({}, statistics.storeFull ? 1 : 0);
  text.gauge("memory_bytes", "Memory of the process.", "bytes");
  text.sample({ kind: "resident" }, memory.resident);
  text.sample({ kind: "heap_used" }, memory.heapUsed);
  text.sample({ kind: "heap_total" }, memory.heapTotal);
  text.sample({ kind: "external" }, memory.external);
  text.gauge("uptime_seconds", "Since the start.", "seconds");
  text.sample({}, about.uptime);
  text.info("build", "The program, and what its acknowledgements promise.", {
    version: about.version,
    promise: about.promise,
  });
}
