/**
 * Statistics as `$SYS/broker/…` messages. Names and units are those of Mosquitto where it has them, so that
 * boards and exporters made for it read them; the rest is below `$SYS/broker/store`, `…/drops` and
 * `…/disconnects`. Pure: what to publish is a difference of two calls.
 */

import type { OwnMessage } from "../broker/publish_own.ts";
import type { Tables } from "../broker/tables.ts";
import type { Statistics } from "./statistics.ts";

/** What no count tells. */
export interface About {
  readonly version: string;
  /** What an acknowledgement promises: `memory` survives nothing, `fsynced` a power cut. */
  readonly promise: string;
  /** Whole seconds since the start. */
  readonly uptime: number;
}

/** Every topic with its text, by topic. */
export function sysTopics(
  about: About,
  statistics: Readonly<Statistics>,
  tables: Readonly<Tables>,
): ReadonlyMap<string, string> {
  const { clients } = tables;
  const connected = tables.connections.size;
  const topics = new Map<string, string | number>([
    ["version", `dunlin version ${about.version}`],
    ["uptime", `${about.uptime} seconds`],
    ["clients/connected", connected],
    ["clients/disconnected", Math.max(0, clients.size - connected)],
    ["clients/total", Math.max(clients.size, connected)],
    ["clients/expired", statistics.sessionsEnded],
    ["subscriptions/count", tables.tree.size],
    ["retained messages/count", tables.retained.size],
    ["store/messages/count", tables.queuedMessages],
    ["store/messages/bytes", tables.queuedBytes],
    ["store/promise", about.promise],
    ["store/full", `${statistics.storeFull}`],
    ["refusals", statistics.refusals],
    ["drops/outboxFull", statistics.outboxDrops],
  ]);
  for (const [reason, count] of Object.entries(statistics.drops)) {
    topics.set(`drops/${reason}`, count);
  }
  for (const [reason, count] of Object.entries(statistics.disconnects)) {
    topics.set(`disconnects/${reason}`, count);
  }
  if (statistics.storeDamage !== undefined) {
    const { type: _, ...damage } = statistics.storeDamage;
    topics.set("store/damage", JSON.stringify(damage));
  }
  return new Map([...topics].map(([name, value]) => [`$SYS/broker/${name}`, `${value}`]));
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
